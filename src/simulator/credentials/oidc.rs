//! OIDC tokens as a Kubernetes cluster issues them to pods, and their check.
//!
//! A real cluster signs with a private key, and STS fetches the public key. Here one process issues
//! and checks, so a keyed hash (HS256) is sufficient.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The audience that STS requires.
pub(super) const AUDIENCE: &str = "sts.aliyuncs.com";
/// The issuer of the tokens.
pub(super) const ISSUER: &str = "https://oidc-ack-cn-shanghai.example.com/simulated";
/// The service account that the tokens are issued to.
pub(super) const SUBJECT: &str = "system:serviceaccount:monitoring:appstreaming-exporter";

/// A cluster that issues tokens, with its signing key.
#[derive(Debug)]
pub(super) struct OidcCluster {
    key: [u8; 32],
}

/// The claims of a token. The field names are those of JWT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenClaims {
    /// Issuer.
    pub(super) iss: String,
    /// Subject: the service account.
    pub(super) sub: String,
    /// Audiences.
    pub(super) aud: Vec<String>,
    /// When the token was issued, in seconds since 1970.
    pub(super) iat: i64,
    /// When the token expires, in seconds since 1970.
    pub(super) exp: i64,
}

/// Why a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectedToken {
    /// The token was not issued by this cluster.
    Invalid,
    /// The token has expired.
    Expired,
    /// The token is for another audience.
    Audience,
}

impl OidcCluster {
    /// A cluster with a random key.
    pub(super) fn new() -> Self {
        Self { key: rand::random() }
    }

    /// A token that expires after `seconds`; a negative number gives an expired token.
    pub(super) fn token(&self, audience: &str, seconds: i64, now: Timestamp) -> String {
        let claims = TokenClaims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            aud: vec![audience.to_owned()],
            iat: now.as_second(),
            exp: now.as_second().saturating_add(seconds),
        };
        // The claims are numbers and texts: their serialization cannot fail.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#), BASE64.encode(claims));
        let signature = BASE64.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// The claims of a valid token.
    ///
    /// # Errors
    /// If the token was not issued by this cluster, has expired, or is for another audience.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<TokenClaims, RejectedToken> {
        let (signed, signature) = token.rsplit_once('.').ok_or(RejectedToken::Invalid)?;
        let signature = BASE64.decode(signature).map_err(|_| RejectedToken::Invalid)?;
        self.mac(signed).verify_slice(&signature).map_err(|_| RejectedToken::Invalid)?;
        let (_, claims) = signed.split_once('.').ok_or(RejectedToken::Invalid)?;
        let claims = BASE64.decode(claims).map_err(|_| RejectedToken::Invalid)?;
        let claims: TokenClaims = serde_json::from_slice(&claims).map_err(|_| RejectedToken::Invalid)?;
        if claims.exp <= now.as_second() {
            return Err(RejectedToken::Expired);
        }
        if !claims.aud.iter().any(|audience| audience == AUDIENCE) {
            return Err(RejectedToken::Audience);
        }
        Ok(claims)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_current_token_of_this_cluster_for_sts_is_accepted() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let cluster = OidcCluster::new();
        let valid = cluster.token(AUDIENCE, 600, now);
        assert_eq!(cluster.check(&valid, now).unwrap().sub, SUBJECT);
        assert_eq!(cluster.check(&cluster.token(AUDIENCE, -1, now), now), Err(RejectedToken::Expired));
        assert_eq!(cluster.check(&cluster.token("other", 600, now), now), Err(RejectedToken::Audience));
        assert_eq!(OidcCluster::new().check(&valid, now), Err(RejectedToken::Invalid));
        for invalid in ["", "a.b.c", &valid[1..], &valid.replace('.', "")] {
            assert_eq!(cluster.check(invalid, now), Err(RejectedToken::Invalid), "{invalid}");
        }
    }
}
