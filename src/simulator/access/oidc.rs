//! OIDC tokens as a Kubernetes cluster issues them to pods, and their check.
//!
//! A real cluster signs with a private key whose public half STS fetches; here both are the same party, and a keyed
//! hash does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The audience of tokens that STS takes.
pub(super) const AUDIENCE: &str = "sts.aliyuncs.com";
/// Whose tokens these are.
pub(super) const ISSUER: &str = "https://oidc-ack-cn-shanghai.example.com/simulated";
/// The service account that they are issued to.
pub(super) const SUBJECT: &str = "system:serviceaccount:monitoring:appstreaming-exporter";

/// Who issues tokens.
#[derive(Debug)]
pub(super) struct OidcCluster {
    key: [u8; 32],
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenClaims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: Vec<String>,
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectedToken {
    /// Not one of ours.
    Invalid,
    /// Over.
    Expired,
    /// Meant for somebody else.
    Audience,
}

impl OidcCluster {
    pub(super) fn new() -> Self {
        Self { key: rand::random() }
    }

    /// A token that lives for so many seconds; negative for one that is over.
    pub(super) fn token(&self, audience: &str, seconds: i64, now: Timestamp) -> String {
        let claims = TokenClaims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            aud: vec![audience.to_owned()],
            iat: now.as_second(),
            exp: now.as_second().saturating_add(seconds),
        };
        // Numbers and texts: nothing that JSON can't hold.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#), BASE64.encode(claims));
        let signature = BASE64.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// What a good token says.
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
    fn only_a_current_token_of_this_cluster_for_sts_is_good() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let cluster = OidcCluster::new();
        let good = cluster.token(AUDIENCE, 600, now);
        assert_eq!(cluster.check(&good, now).unwrap().sub, SUBJECT);
        assert_eq!(cluster.check(&cluster.token(AUDIENCE, -1, now), now), Err(RejectedToken::Expired));
        assert_eq!(cluster.check(&cluster.token("other", 600, now), now), Err(RejectedToken::Audience));
        assert_eq!(OidcCluster::new().check(&good, now), Err(RejectedToken::Invalid));
        for bad in ["", "a.b.c", &good[1..], &good.replace('.', "")] {
            assert_eq!(cluster.check(bad, now), Err(RejectedToken::Invalid), "{bad}");
        }
    }
}
