//! `POST /_control`: changes at run time. A request is checked before any of its changes is made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use super::credentials::{EcsInstance, RamRole, lifetime_problem};
use super::faults::FaultRule;
use super::fleet::{FleetView, SimulatedGroup, instance_id};
use super::limiter::RequestLimiter;
use super::options::{KnownKey, is_valid_rate, is_valid_speed};
use super::state::CloudState;

/// The most groups that one request adds: more would block the fleet for seconds.
const MAX_ADDED_GROUPS: usize = 10_000;
/// The longest jump, 60 days: every group is simulated through it.
const MAX_JUMP_SECONDS: f64 = 60.0 * 86_400.0;

/// The requested changes, in the order in which they are made. The field names are the keys of the
/// JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ControlRequest {
    reset_stats: bool,
    credentials: Option<Vec<KnownKey>>,
    latency_ms: Option<u64>,
    requests_per_second: Option<f64>,
    faults: Option<Vec<FaultRule>>,
    add_fault: Option<FaultRule>,
    speed: Option<f64>,
    frozen: Option<bool>,
    jump_seconds: Option<f64>,
    delete_groups: Vec<String>,
    add_groups: usize,
    set_instance: Option<SetInstance>,
    set_group: Option<SetGroup>,
    roles: Option<Vec<RamRole>>,
    instance: Option<EcsInstance>,
    /// 0: as long as the request for credentials asks for.
    token_lifetime_seconds: Option<f64>,
    /// Whether all temporary credentials expire now.
    expire_tokens: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetInstance {
    instance_id: String,
    /// `null`: the instance is simulated again.
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetGroup {
    group_id: String,
    /// `null`: the group shows its own status again.
    #[serde(default, deserialize_with = "given")]
    status: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    resource_status: Option<Option<String>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    expires_in_seconds: Option<i64>,
}

/// The result of a control request.
#[derive(Debug, Serialize)]
pub(super) struct ControlResponse {
    now: f64,
    groups: usize,
    added: Vec<String>,
}

impl ControlRequest {
    /// Makes the changes.
    ///
    /// # Errors
    /// Why the request is invalid; nothing is changed then.
    pub(super) fn apply(self, state: &CloudState, real: Timestamp) -> Result<ControlResponse, String> {
        self.check(state, real)?;
        self.apply_settings(state, real);
        self.apply_time(state, real);
        let now = state.now(real);
        let added = self.apply_groups(state, now)?;
        let fleet = state.fleet.read();
        let fleet = fleet.at(now);
        fleet.advance();
        Ok(ControlResponse { now: now.as_duration().as_secs_f64(), groups: fleet.len(), added })
    }

    /// Checks the whole request before a change is made.
    fn check(&self, state: &CloudState, real: Timestamp) -> Result<(), String> {
        if let Some(problem) =
            self.faults.iter().flatten().chain(&self.add_fault).find_map(FaultRule::problem)
        {
            return Err(problem);
        }
        if let Some(speed) = self.speed.filter(|speed| !is_valid_speed(*speed)) {
            return Err(format!("speed is {speed}: it must be from 0 to 100000"));
        }
        if let Some(rate) = self.requests_per_second.filter(|rate| !is_valid_rate(*rate)) {
            return Err(format!("requests_per_second is {rate}: it must be 0 or more"));
        }
        if let Some(jump) = self.jump_seconds.filter(|jump| !(0.0..=MAX_JUMP_SECONDS).contains(jump)) {
            return Err(format!("jump_seconds is {jump}: it must be from 0 to {MAX_JUMP_SECONDS}"));
        }
        if let Some(Err(problem)) = self.token_lifetime_seconds.map(token_lifetime) {
            return Err(problem);
        }
        if self.add_groups > MAX_ADDED_GROUPS {
            return Err(format!("add_groups is {}: at most {MAX_ADDED_GROUPS} at once", self.add_groups));
        }
        if let Some(seconds) = self.set_group.as_ref().and_then(|set| set.expires_in_seconds)
            && seconds.unsigned_abs() > 10 * 366 * 86_400
        {
            return Err(format!("expires_in_seconds is {seconds}: at most ten years"));
        }
        let fleet = state.fleet.read();
        let named = self.delete_groups.iter().chain(self.set_group.iter().map(|set| &set.group_id));
        if let Some(unknown) = named.into_iter().find(|id| !fleet.contains(id)) {
            return Err(format!("there is no group {unknown}"));
        }
        if let Some(set) = &self.set_instance
            && !fleet
                .at(state.now(real))
                .change_any(|group| instance_serial(group, &set.instance_id).is_some())
        {
            return Err(format!("there is no instance {}", set.instance_id));
        }
        Ok(())
    }

    fn apply_settings(&self, state: &CloudState, real: Timestamp) {
        if self.reset_stats {
            state.statistics.lock().reset();
        }
        if let Some(credentials) = &self.credentials {
            state.issuer.lock().set_keys(credentials.clone());
        }
        if let Some(latency) = self.latency_ms {
            *state.latency.lock() = Duration::from_millis(latency);
        }
        if let Some(rate) = self.requests_per_second {
            *state.limiter.lock() = RequestLimiter::new(rate, real);
        }
        self.apply_issuer(state, real);
        if let Some(rules) = &self.faults {
            state.faults.lock().replace(rules.clone());
        }
        if let Some(rule) = &self.add_fault {
            state.faults.lock().add(rule.clone());
        }
    }

    fn apply_issuer(&self, state: &CloudState, real: Timestamp) {
        let mut issuer = state.issuer.lock();
        if self.expire_tokens {
            issuer.expire_tokens(real);
        }
        let options = &mut issuer.options;
        if let Some(Ok(lifetime)) = self.token_lifetime_seconds.map(token_lifetime) {
            options.token_lifetime = lifetime;
        }
        if let Some(roles) = &self.roles {
            options.roles.clone_from(roles);
        }
        if let Some(instance) = &self.instance {
            options.instance = instance.clone();
        }
    }

    fn apply_time(&self, state: &CloudState, real: Timestamp) {
        let mut clock = state.clock.lock();
        if let Some(speed) = self.speed {
            clock.set_speed(real, speed);
        }
        if let Some(frozen) = self.frozen {
            clock.set_frozen(real, frozen);
        }
        if let Some(jump) = self.jump_seconds {
            clock.jump(real, SignedDuration::from_secs_f64(jump));
        }
    }

    fn apply_groups(&self, state: &CloudState, now: Timestamp) -> Result<Vec<String>, String> {
        let mut added = Vec::with_capacity(self.add_groups);
        if self.add_groups > 0 || !self.delete_groups.is_empty() {
            let mut fleet = state.fleet.write();
            fleet.delete_groups(&self.delete_groups);
            for _ in 0..self.add_groups {
                added.push(fleet.add_group(now).to_string());
            }
        }
        let fleet = state.fleet.read();
        let fleet = fleet.at(now);
        if let Some(set) = &self.set_instance
            && !set.apply(&fleet)
        {
            return Err(format!("instance {} was deleted while its status was being set", set.instance_id));
        }
        if let Some(set) = &self.set_group {
            fleet.change(&set.group_id, |group| set.apply(group));
        }
        Ok(added)
    }
}

impl SetInstance {
    fn apply(&self, fleet: &FleetView<'_>) -> bool {
        fleet.change_any(|group| {
            let Some(serial) = instance_serial(group, &self.instance_id) else { return false };
            match &self.status {
                Some(status) => group.overrides.instances.insert(serial, status.clone()),
                None => group.overrides.instances.remove(&serial),
            };
            true
        })
    }
}

impl SetGroup {
    fn apply(&self, group: &mut SimulatedGroup) {
        if let Some(status) = &self.status {
            group.overrides.status.clone_from(status);
        }
        if let Some(resource_status) = &self.resource_status {
            group.overrides.resource_status.clone_from(resource_status);
        }
        if let Some(name) = &self.name {
            group.settings.name.clone_from(name);
        }
        if let Some(seconds) = self.expires_in_seconds {
            group.expires = Some(group.now() + seconds);
        }
    }
}

/// A lifetime in seconds; `None` for 0.
fn token_lifetime(seconds: f64) -> Result<Option<Duration>, String> {
    if seconds == 0.0 {
        return Ok(None);
    }
    let lifetime = Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("token_lifetime_seconds is {seconds}: it must be 0 or more"))?;
    lifetime_problem(lifetime).map_or(Ok(Some(lifetime)), Err)
}

fn instance_serial(group: &SimulatedGroup, id: &str) -> Option<u64> {
    let serials = group.instances.iter().map(|instance| instance.serial);
    serials.into_iter().find(|serial| instance_id(group.settings.key, *serial) == id)
}

/// Distinguishes `null` from a missing key.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
