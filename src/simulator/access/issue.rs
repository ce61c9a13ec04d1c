//! Temporary credentials: issued here, accepted by the API until they end.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{IssuerOptions, oidc};
use crate::simulator::{
    KnownKey,
    state::{CloudState, lock},
};

/// Ended credentials are known for so long, to be told that they ended and not that they never were.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(15);
/// The most keys that are known at once.
const MOST_KEYS: usize = 20_000;
/// The most metadata tokens that are good at once.
const MOST_TOKENS: usize = 10_000;

/// What the services that issue credentials share.
#[derive(Debug)]
pub(in super::super) struct Issuer {
    pub(in super::super) access: IssuerOptions,
    pub(super) cluster: oidc::OidcCluster,
    metadata_tokens: Vec<(String, Timestamp)>,
}

impl Issuer {
    pub(in super::super) fn new(access: IssuerOptions) -> Self {
        Self { access, cluster: oidc::OidcCluster::new(), metadata_tokens: Vec::new() }
    }

    /// A new metadata token.
    pub(super) fn metadata_token(&mut self, life: Duration, now: Timestamp) -> String {
        let token = format!("{:064x}", rand::random::<u128>());
        self.metadata_tokens.retain(|(_, ends)| *ends > now);
        if self.metadata_tokens.len() >= MOST_TOKENS {
            self.metadata_tokens.remove(0);
        }
        self.metadata_tokens.push((token.clone(), ends(now, life)));
        token
    }

    /// Whether a metadata token is a good one.
    pub(super) fn knows_metadata_token(&self, token: &str, now: Timestamp) -> bool {
        self.metadata_tokens.iter().any(|(known, ends)| known == token && *ends > now)
    }
}

/// Temporary credentials as they are answered.
pub(super) struct TemporaryCredentials {
    id: String,
    secret: String,
    token: String,
    expires: Timestamp,
}

impl TemporaryCredentials {
    /// The four fields that every answer has.
    pub(super) fn fields(&self) -> Value {
        json!({
            "AccessKeyId": self.id,
            "AccessKeySecret": self.secret,
            "SecurityToken": self.token,
            "Expiration": written(self.expires),
        })
    }
}

impl CloudState {
    /// Issues credentials for `identity` that live as long as asked for, or as options say.
    pub(super) fn issue(&self, identity: &str, asked: Duration, now: Timestamp) -> TemporaryCredentials {
        let life = lock(&self.issuer).access.token_lifetime.unwrap_or(asked);
        let random = || format!("{:032x}", rand::random::<u128>());
        let issued = TemporaryCredentials {
            id: format!("STS.NU{}", &random()[..22]),
            secret: random(),
            token: format!("CAIS{}+{}/{}==", random(), random(), random()),
            expires: ends(now, life),
        };
        let credential = KnownKey {
            security_token: Some(issued.token.clone()),
            token_expires: Some(issued.expires),
            identity: Some(identity.to_owned()),
            ..KnownKey::new(&issued.id, &issued.secret)
        };
        let mut credentials = lock(&self.credentials);
        let forgotten = now.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        let known =
            credentials.iter().filter(|known| known.token_expires.is_none_or(|ends| ends > forgotten));
        *credentials = known.take(MOST_KEYS - 1).cloned().chain([credential]).collect::<Vec<_>>().into();
        issued
    }

    /// Ends everything that was issued so far.
    pub(in super::super) fn expire_tokens(&self, now: Timestamp) {
        let mut credentials = lock(&self.credentials);
        let ended = credentials.iter().map(|known| {
            let temporary = known.security_token.is_some();
            KnownKey { token_expires: temporary.then_some(now).or(known.token_expires), ..known.clone() }
        });
        *credentials = ended.collect::<Vec<_>>().into();
    }

    /// The keys that are known now.
    pub(super) fn known_credentials(&self) -> Arc<[KnownKey]> {
        Arc::clone(&lock(&self.credentials))
    }
}

/// Whole seconds, since that is how ends are written; rounded up, so that short lives aren't shorter still.
fn ends(now: Timestamp, life: Duration) -> Timestamp {
    let exact = now.saturating_add(life).unwrap_or(Timestamp::MAX);
    let up = i64::from(exact.subsec_nanosecond() > 0);
    Timestamp::from_second(exact.as_second().saturating_add(up)).unwrap_or(exact)
}

/// `2026-11-22T09:00:00Z`.
pub(super) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
