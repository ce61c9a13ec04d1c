//! What the simulated cloud is like, before it starts.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use super::{FaultRule, IssuerOptions, Scenario};

/// The AccessKey id that is known unless [`SimulatorOptions::credentials`] says otherwise.
pub const ACCESS_KEY_ID: &str = "simulated-access-key-id";

/// The secret of [`ACCESS_KEY_ID`]. It protects nothing.
pub const ACCESS_KEY_SECRET: &str = "simulated-access-key-secret";

/// Where `simulate` listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 9878;

/// The most simulated seconds a real one may bring: beyond it the model cannot keep up.
const MAX_SPEED: f64 = 100_000.0;

/// Size, pace and behaviour of the simulated cloud. The same options and `start` give the same fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// Delivery groups at the start, of eight kinds in turn.
    pub groups: usize,
    /// Instances that every group has at the start; a fleet that lives then varies around it.
    pub instances_per_group: usize,
    /// Persistent sessions of every group whose users are authorised by session; others have none.
    pub persistent_per_group: usize,
    /// Chooses among all fleets of this size.
    pub seed: u64,
    /// TestCloud seconds per real second, 0 to 100,000; at 0 the fleet stands still.
    pub speed: f64,
    /// TestCloud time at the start; `None` for the wall clock's.
    pub start: Option<Timestamp>,
    /// Added to every answer of the API.
    pub latency: Duration,
    /// Requests per second beyond which `Throttling.User` is answered; 0 for no limit.
    pub requests_per_second: f64,
    /// FaultRules in force from the start.
    pub faults: Vec<FaultRule>,
    /// Who may call.
    pub credentials: Vec<KnownKey>,
    /// What the fleet looks like at the start, instead of what the seed makes of it.
    pub scenario: Option<&'static Scenario>,
    /// How they come by temporary credentials.
    pub access: IssuerOptions,
}

/// An AccessKey that the simulated cloud knows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownKey {
    /// AccessKey id.
    pub access_key_id: String,
    /// AccessKey secret.
    pub access_key_secret: String,
    /// The token that must come along: a temporary credential.
    #[serde(default)]
    pub security_token: Option<String>,
    /// When the token ceases to be accepted.
    #[serde(default)]
    pub token_expires: Option<Timestamp>,
    /// `false`: the key is known and disabled.
    #[serde(default = "yes")]
    pub active: bool,
    /// `false`: the key is good and lacks the permission.
    #[serde(default = "yes")]
    pub allowed: bool,
    /// The ARN of whom it belongs to; `None` for a user of the account.
    #[serde(default)]
    pub identity: Option<String>,
}

impl SimulatorOptions {
    /// Why these options cannot be simulated, if they cannot.
    pub(super) fn problem(&self) -> Option<String> {
        if !valid_speed(self.speed) {
            return Some(format!("speed is {}: it must be from 0 to {MAX_SPEED}", self.speed));
        }
        if !valid_rate(self.requests_per_second) {
            return Some(format!(
                "requests_per_second is {}: it must be 0 (no limit) or more",
                self.requests_per_second
            ));
        }
        if let Some(scenario) = self.scenario.filter(|scenario| self.groups < scenario.groups()) {
            return Some(format!(
                "there are {} groups: scenario {} needs at least {} groups",
                self.groups,
                scenario.name,
                scenario.groups()
            ));
        }
        self.faults.iter().find_map(FaultRule::problem).or_else(|| self.access.problem())
    }
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            groups: 8,
            instances_per_group: 40,
            persistent_per_group: 30,
            seed: 1,
            speed: 1.0,
            start: None,
            latency: Duration::ZERO,
            requests_per_second: 0.0,
            faults: Vec::new(),
            credentials: vec![KnownKey::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET)],
            scenario: None,
            access: IssuerOptions::default(),
        }
    }
}

impl KnownKey {
    /// A lasting, active key with the permission.
    pub fn new(access_key_id: impl Into<String>, access_key_secret: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            access_key_secret: access_key_secret.into(),
            security_token: None,
            token_expires: None,
            active: true,
            allowed: true,
            identity: None,
        }
    }

    /// The ARN of whom it belongs to.
    pub(super) fn identity(&self) -> &str {
        self.identity.as_deref().unwrap_or("acs:ram::1234567890123456:user/exporter")
    }
}

impl fmt::Debug for KnownKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KnownKey")
            .field("active", &self.active)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// Whether the clock can run at this speed.
pub(super) fn valid_speed(speed: f64) -> bool {
    (0.0..=MAX_SPEED).contains(&speed)
}

/// Whether this can be a number of requests per second, 0 for no limit.
pub(super) fn valid_rate(rate: f64) -> bool {
    rate.is_finite() && rate >= 0.0
}

fn yes() -> bool {
    true
}
