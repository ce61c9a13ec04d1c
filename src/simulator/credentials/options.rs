//! The roles of the simulated account, and how long its temporary credentials are valid.

use std::time::Duration;

use serde::Deserialize;

/// A role that the account's AccessKey and its cluster's tokens may assume.
pub const ROLE: &str = "acs:ram::1234567890123456:role/exporter";
/// A role of another account.
pub const OTHER_ACCOUNTS_ROLE: &str = "acs:ram::6543210987654321:role/reader";
/// A role of another account that requires [`EXTERNAL_ID`].
pub const GUARDED_ROLE: &str = "acs:ram::6543210987654321:role/guarded";
/// The external id of [`GUARDED_ROLE`]. It is public and protects no real account.
pub const EXTERNAL_ID: &str = "simulated-external-id";
/// The OIDC provider that trusts the tokens of `/oidc/token`.
pub const OIDC_PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/simulated";
/// The role that is attached to the simulated ECS instance.
pub const INSTANCE_ROLE: &str = "exporter-role";

/// The longest configurable lifetime of temporary credentials. No service of the real cloud issues
/// longer ones.
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// Options of the services that issue temporary credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuerOptions {
    /// Lifetime of all temporary credentials, 1 s to 7 days; `None`: the lifetime that each request
    /// asks for.
    pub token_lifetime: Option<Duration>,
    /// The roles that exist.
    pub roles: Vec<RamRole>,
    /// The ECS instance whose metadata service is simulated.
    pub instance: EcsInstance,
}

/// A RAM role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RamRole {
    /// `acs:ram::{account}:role/{name}`.
    pub arn: String,
    /// The `ExternalId` that the trust policy requires.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Whether the trust policy allows callers of `AssumeRole`.
    #[serde(default = "yes")]
    pub trusts_callers: bool,
    /// Whether the trust policy allows the OIDC provider.
    #[serde(default)]
    pub trusts_oidc: bool,
    /// The longest session, in seconds.
    #[serde(default = "one_hour")]
    pub max_session_seconds: u64,
}

/// An ECS instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcsInstance {
    /// The name of the role that is attached to the instance; `None` if it has no role.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether requests without a metadata token are rejected, as with `HttpTokens=required`.
    #[serde(default)]
    pub v2_only: bool,
    /// Whether the metadata service is an old one, which does not issue metadata tokens.
    #[serde(default)]
    pub v1_only: bool,
    /// Whether responses with a metadata token do not arrive, as in a container on an instance
    /// whose hop limit is 1.
    #[serde(default)]
    pub loses_tokens: bool,
}

impl IssuerOptions {
    /// Why these options are invalid; `None` if they are valid.
    pub(crate) fn problem(&self) -> Option<String> {
        self.token_lifetime.and_then(lifetime_problem)
    }
}

/// Why a lifetime of credentials is invalid; `None` if it is valid.
pub fn lifetime_problem(lifetime: Duration) -> Option<String> {
    let valid = (Duration::from_secs(1)..=MAX_LIFETIME).contains(&lifetime);
    (!valid).then(|| format!("the token lifetime is {lifetime:?}: it must be from 1 s to 7 days"))
}

impl Default for IssuerOptions {
    fn default() -> Self {
        let role = |arn: &str| RamRole {
            arn: arn.to_owned(),
            external_id: None,
            trusts_callers: true,
            trusts_oidc: false,
            max_session_seconds: one_hour(),
        };
        let guarded = RamRole { external_id: Some(EXTERNAL_ID.to_owned()), ..role(GUARDED_ROLE) };
        Self {
            token_lifetime: None,
            roles: vec![RamRole { trusts_oidc: true, ..role(ROLE) }, role(OTHER_ACCOUNTS_ROLE), guarded],
            instance: EcsInstance { role: Some(INSTANCE_ROLE.to_owned()), ..EcsInstance::default() },
        }
    }
}

fn yes() -> bool {
    true
}

fn one_hour() -> u64 {
    3600
}
