//! The options of the simulated cloud.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::credentials::IssuerOptions;
use super::faults::FaultRule;
use super::fleet::ScheduleCounts;
use super::scenarios::{Scenario, ScenarioChange};

/// The id of the AccessKey that the default [`SimulatorOptions::credentials`] contain.
pub const ACCESS_KEY_ID: &str = "simulated-access-key-id";

/// The secret of [`ACCESS_KEY_ID`]. It is public and protects no real account.
pub const ACCESS_KEY_SECRET: &str = "simulated-access-key-secret";

/// The most simulated seconds per real second. The model cannot keep up with more.
pub(super) const MAX_SPEED: f64 = 100_000.0;

/// Size, speed and behaviour of the simulated cloud. Equal options that set `start` give equal
/// fleets.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// Delivery groups at the start, of eight kinds in turn.
    pub groups: usize,
    /// Instances of every group at the start. While time passes, scaling changes the number.
    pub instances_per_group: usize,
    /// Persistent sessions of every group whose users are authorised by session; other groups have
    /// none.
    pub persistent_per_group: usize,
    /// The seed of all random choices.
    pub seed: u64,
    /// Which nodes count towards the number that a schedule demands.
    pub schedule_counts: ScheduleCounts,
    /// Simulated seconds per real second, 0 to 100,000; at 0 simulated time does not pass.
    pub speed: f64,
    /// Simulated time at the start; `None`: the real time.
    pub start: Option<Timestamp>,
    /// The delay of every response of the API and of the services that issue credentials.
    pub latency: Duration,
    /// The limit of API requests per second, beyond which `Throttling.User` is returned; 0: no
    /// limit.
    pub requests_per_second: f64,
    /// Faults that are active from the start.
    pub faults: Vec<FaultRule>,
    /// The AccessKeys that are known.
    pub credentials: Vec<KnownKey>,
    /// The scenario that the cloud starts in; `None`: the seed determines the fleet, and nothing is
    /// wrong with the API.
    pub scenario: Option<&'static Scenario>,
    /// Roles and temporary credentials.
    pub issuer: IssuerOptions,
}

/// An AccessKey that the simulated cloud knows, permanent or temporary.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownKey {
    /// AccessKey id.
    pub access_key_id: String,
    /// AccessKey secret.
    pub access_key_secret: String,
    /// The security token that requests must carry, for a temporary AccessKey.
    #[serde(default)]
    pub security_token: Option<String>,
    /// When the security token expires.
    #[serde(default)]
    pub token_expires: Option<Timestamp>,
    /// `false`: the AccessKey is disabled.
    #[serde(default = "yes")]
    pub active: bool,
    /// `false`: the AccessKey lacks the permission for every operation.
    #[serde(default = "yes")]
    pub allowed: bool,
    /// The ARN of the owner; `None`: a user of the account.
    #[serde(default)]
    pub identity: Option<String>,
}

impl SimulatorOptions {
    /// Why these options are invalid; `None` if they are valid.
    pub(super) fn problem(&self) -> Option<String> {
        if !is_valid_speed(self.speed) {
            return Some(format!("speed is {}: it must be from 0 to {MAX_SPEED}", self.speed));
        }
        if !is_valid_rate(self.requests_per_second) {
            return Some(format!(
                "requests_per_second is {}: it must be 0 (no limit) or more",
                self.requests_per_second
            ));
        }
        if let Some(scenario) = self.scenario.filter(|scenario| self.groups < scenario.min_groups()) {
            return Some(format!(
                "there are {} groups: scenario {} needs at least {} groups",
                self.groups,
                scenario.name,
                scenario.min_groups()
            ));
        }
        self.faults.iter().find_map(FaultRule::problem).or_else(|| self.issuer.problem())
    }

    /// Applies the part of a scenario that concerns requests and credentials.
    pub(super) fn apply_scenario(&mut self, scenario: &Scenario) {
        match scenario.change {
            ScenarioChange::Nothing | ScenarioChange::Group(..) | ScenarioChange::Storm(_) => {}
            ScenarioChange::Latency(latency) => self.latency = self.latency.max(latency),
            ScenarioChange::Requests(share, code) => self.faults.push(FaultRule::share(share, code)),
            ScenarioChange::InactiveKey => self.credentials.iter_mut().for_each(|key| key.active = false),
            ScenarioChange::Forbidden => self.credentials.iter_mut().for_each(|key| key.allowed = false),
            ScenarioChange::ShortLived(lifetime) => self.issuer.token_lifetime = Some(lifetime),
        }
    }
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            groups: 8,
            instances_per_group: 40,
            persistent_per_group: 30,
            seed: 1,
            schedule_counts: ScheduleCounts::default(),
            speed: 1.0,
            start: None,
            latency: Duration::ZERO,
            requests_per_second: 0.0,
            faults: Vec::new(),
            credentials: vec![KnownKey::new(ACCESS_KEY_ID, ACCESS_KEY_SECRET)],
            scenario: None,
            issuer: IssuerOptions::default(),
        }
    }
}

impl KnownKey {
    /// A permanent, active AccessKey with the permission.
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

    /// The ARN of the owner.
    pub(super) fn identity(&self) -> &str {
        self.identity.as_deref().unwrap_or("acs:ram::1234567890123456:user/exporter")
    }
}

impl fmt::Debug for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownKey")
            .field("active", &self.active)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// Whether the simulated clock can run at this speed.
pub(super) fn is_valid_speed(speed: f64) -> bool {
    (0.0..=MAX_SPEED).contains(&speed)
}

/// Whether this is a valid limit of requests per second; 0 means no limit.
pub(super) fn is_valid_rate(rate: f64) -> bool {
    rate.is_finite() && rate >= 0.0
}

fn yes() -> bool {
    true
}
