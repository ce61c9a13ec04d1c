//! All AccessKeys that the account knows: permanent ones, and temporary ones, which are issued here
//! and accepted until they expire.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::IssuerOptions;
use super::oidc::OidcCluster;
use crate::simulator::options::KnownKey;

/// The time for which expired credentials stay known, so that they are rejected as expired and not
/// as unknown.
const EXPIRED_RETENTION: SignedDuration = SignedDuration::from_mins(15);
/// The most AccessKeys that are known at once. The limit bounds memory and the linear search for a
/// key.
const MAX_KEYS: usize = 20_000;
/// The most metadata tokens that are valid at once. The limit bounds memory.
const MAX_METADATA_TOKENS: usize = 10_000;

/// The AccessKeys, roles and tokens of the simulated account.
#[derive(Debug)]
pub struct Issuer {
    /// Roles, lifetime of credentials, and ECS instance; control requests change them.
    pub options: IssuerOptions,
    /// The cluster whose OIDC tokens STS accepts.
    pub(super) cluster: OidcCluster,
    keys: Arc<[KnownKey]>,
    /// Metadata tokens and when they expire, the oldest first.
    metadata_tokens: Vec<(String, Timestamp)>,
}

/// Issued temporary credentials.
pub(super) struct TemporaryCredentials {
    id: String,
    secret: String,
    token: String,
    expires: Timestamp,
}

impl Issuer {
    /// An issuer that knows these AccessKeys.
    pub fn new(options: IssuerOptions, keys: Vec<KnownKey>) -> Self {
        Self { options, cluster: OidcCluster::new(), keys: keys.into(), metadata_tokens: Vec::new() }
    }

    /// All AccessKeys that are known now.
    pub fn keys(&self) -> Arc<[KnownKey]> {
        Arc::clone(&self.keys)
    }

    /// Replaces all AccessKeys, including the temporary ones.
    pub fn set_keys(&mut self, keys: Vec<KnownKey>) {
        self.keys = keys.into();
    }

    /// Issues temporary credentials to `identity`, an ARN. They are valid for `requested`, unless
    /// the options set a lifetime.
    pub(super) fn issue(
        &mut self,
        identity: &str,
        requested: Duration,
        now: Timestamp,
    ) -> TemporaryCredentials {
        let lifetime = self.options.token_lifetime.unwrap_or(requested);
        let issued = TemporaryCredentials {
            id: format!("STS.NU{}", random_hex::<11>()),
            secret: random_hex::<16>(),
            token: format!("CAIS{}+{}/{}==", random_hex::<16>(), random_hex::<16>(), random_hex::<16>()),
            expires: expiry(now, lifetime),
        };
        let key = KnownKey {
            security_token: Some(issued.token.clone()),
            token_expires: Some(issued.expires),
            identity: Some(identity.to_owned()),
            ..KnownKey::new(&issued.id, &issued.secret)
        };
        let oldest_kept = now.saturating_sub(EXPIRED_RETENTION).unwrap_or(Timestamp::MIN);
        let kept =
            self.keys.iter().filter(|known| known.token_expires.is_none_or(|expires| expires > oldest_kept));
        let mut keys: Vec<KnownKey> = kept.cloned().collect();
        let mut excess = (keys.len() + 1).saturating_sub(MAX_KEYS);
        // Keys that do not expire stay: they are configured, not issued. The others are in the
        // order in which they were issued.
        keys.retain(|known| {
            let is_dropped = excess > 0 && known.token_expires.is_some();
            excess -= usize::from(is_dropped);
            !is_dropped
        });
        keys.push(key);
        self.keys = keys.into();
        issued
    }

    /// Lets all temporary credentials expire now.
    pub fn expire_tokens(&mut self, now: Timestamp) {
        let expired = self.keys.iter().map(|known| {
            let temporary = known.security_token.is_some();
            KnownKey { token_expires: temporary.then_some(now).or(known.token_expires), ..known.clone() }
        });
        self.keys = expired.collect();
    }

    /// Issues a metadata token.
    pub(super) fn issue_metadata_token(&mut self, lifetime: Duration, now: Timestamp) -> String {
        let token = random_hex::<32>();
        self.metadata_tokens.retain(|(_, expires)| *expires > now);
        if self.metadata_tokens.len() >= MAX_METADATA_TOKENS {
            self.metadata_tokens.remove(0);
        }
        self.metadata_tokens.push((token.clone(), expiry(now, lifetime)));
        token
    }

    /// Whether a metadata token was issued here and has not expired.
    pub(super) fn is_valid_metadata_token(&self, token: &str, now: Timestamp) -> bool {
        self.metadata_tokens.iter().any(|(known, expires)| known == token && *expires > now)
    }
}

impl TemporaryCredentials {
    /// The four fields that every service returns.
    pub(super) fn fields(&self) -> Value {
        json!({
            "AccessKeyId": self.id,
            "AccessKeySecret": self.secret,
            "SecurityToken": self.token,
            "Expiration": format_time(self.expires),
        })
    }
}

/// The end of a lifetime in whole seconds, the precision of the services. It is rounded up, so that
/// a lifetime never becomes shorter.
fn expiry(now: Timestamp, lifetime: Duration) -> Timestamp {
    let exact = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    let up = i64::from(exact.subsec_nanosecond() > 0);
    Timestamp::from_second(exact.as_second().saturating_add(up)).unwrap_or(exact)
}

/// A time as the services write it: `2026-11-22T09:00:00Z`.
pub(super) fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn random_hex<const BYTES: usize>() -> String {
    HEXLOWER.encode(&rand::random::<[u8; BYTES]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_the_oldest_issued_key_is_dropped() {
        let now = Timestamp::UNIX_EPOCH;
        let hour = Duration::from_secs(3600);
        let issued = (2..MAX_KEYS).map(|number| KnownKey {
            token_expires: Some(expiry(now, hour)),
            ..KnownKey::new(format!("issued-{number}"), "secret")
        });
        let keys = [KnownKey::new("permanent", "secret")].into_iter().chain(issued).collect();
        let mut issuer = Issuer::new(IssuerOptions::default(), keys);
        let newest = [issuer.issue("arn", hour, now).id, issuer.issue("arn", hour, now).id];

        let keys = issuer.keys();
        let ids: Vec<&str> = keys.iter().map(|key| key.access_key_id.as_str()).collect();
        assert_eq!(ids.len(), MAX_KEYS);
        assert_eq!(ids[..2], ["permanent", "issued-3"]);
        assert_eq!(ids[MAX_KEYS - 2..], newest);
    }
}
