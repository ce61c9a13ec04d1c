//! Which roles the simulated account has, and how long what it issues lives.

use std::time::Duration;

use serde::Deserialize;

/// A role that the account's keys and its cluster's tokens may take on.
pub const ROLE: &str = "acs:ram::1234567890123456:role/exporter";
/// A role of another account.
pub const OTHER_ACCOUNTS_ROLE: &str = "acs:ram::6543210987654321:role/reader";
/// A role of another account that asks for [`EXTERNAL_ID`].
pub const GUARDED_ROLE: &str = "acs:ram::6543210987654321:role/guarded";
/// What opens [`GUARDED_ROLE`]. It protects nothing.
pub const EXTERNAL_ID: &str = "simulated-external-id";
/// Who vouches for the tokens of `/oidc/token`.
pub const OIDC_PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/simulated";
/// The role of the instance that the metadata service speaks for.
pub const INSTANCE_ROLE: &str = "exporter-role";

/// Longer than any credentials live.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// How temporary credentials are come by.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuerOptions {
    /// How long credentials and tokens live, whatever was asked for; `None`: as long as was asked for.
    pub token_lifetime: Option<Duration>,
    /// The roles there are.
    pub roles: Vec<RamRole>,
    /// What the metadata service speaks for.
    pub instance: EcsInstance,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RamRole {
    /// `acs:ram::{account}:role/{name}`.
    pub arn: String,
    /// What must come along.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Whether its trust policy names the caller.
    #[serde(default = "yes")]
    pub trusts_callers: bool,
    /// Whether its trust policy names the OIDC provider.
    #[serde(default)]
    pub trusts_oidc: bool,
    /// The longest session, in seconds.
    #[serde(default = "hour")]
    pub max_session_seconds: u64,
}

/// An ECS instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcsInstance {
    /// The role that is attached to it.
    #[serde(default)]
    pub role: Option<String>,
    /// `HttpTokens=required`: nothing without a metadata token.
    #[serde(default)]
    pub v2_only: bool,
    /// A service of old, which knows no metadata tokens.
    #[serde(default)]
    pub v1_only: bool,
}

impl IssuerOptions {
    /// Why this cannot be simulated, if it cannot.
    pub(in super::super) fn problem(&self) -> Option<String> {
        self.token_lifetime.and_then(life_problem)
    }
}

/// Why credentials can't live so long, if they can't.
pub(in super::super) fn life_problem(life: Duration) -> Option<String> {
    let possible = (Duration::from_secs(1)..=LONGEST_LIFE).contains(&life);
    (!possible).then(|| format!("the token lifetime is {life:?}: it must be from 1 s to 7 days"))
}

impl Default for IssuerOptions {
    fn default() -> Self {
        let role = |arn: &str| RamRole {
            arn: arn.to_owned(),
            external_id: None,
            trusts_callers: true,
            trusts_oidc: false,
            max_session_seconds: hour(),
        };
        let guarded = RamRole { external_id: Some(EXTERNAL_ID.to_owned()), ..role(GUARDED_ROLE) };
        Self {
            token_lifetime: None,
            roles: vec![RamRole { trusts_oidc: true, ..role(ROLE) }, role(OTHER_ACCOUNTS_ROLE), guarded],
            instance: EcsInstance { role: Some(INSTANCE_ROLE.to_owned()), v2_only: false, v1_only: false },
        }
    }
}

fn yes() -> bool {
    true
}

fn hour() -> u64 {
    3600
}
