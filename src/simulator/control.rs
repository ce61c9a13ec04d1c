//! `POST /_control`: changes at run time. The whole request is checked before the first change is
//! made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use super::credentials::{EcsInstance, RamRole, lifetime_problem};
use super::faults::FaultRule;
use super::fleet::{FleetView, SimulatedGroup, instance_id};
use super::limiter::RequestLimiter;
use super::options::{KnownKey, MAX_SPEED, is_valid_rate, is_valid_speed};
use super::state::CloudState;

/// The most groups that one request adds: more would block the fleet for seconds.
const MAX_ADDED_GROUPS: usize = 10_000;
/// The longest jump, 60 days. The request waits until every group has been simulated through it.
const MAX_JUMP_SECONDS: f64 = 60.0 * 86_400.0;
/// The farthest expiry of a group, before or after the simulated time: ten years.
const MAX_EXPIRY_SECONDS: u64 = 10 * 366 * 86_400;

/// The requested changes. Settings, credentials and faults are changed first, then the time, then
/// the groups. The field names are the keys of the JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ControlRequest {
    /// Whether the counts of `GET /_stats` are reset.
    reset_stats: bool,
    /// Replaces all AccessKeys, including temporary ones.
    credentials: Option<Vec<KnownKey>>,
    /// The delay of every response, in milliseconds.
    latency_ms: Option<u64>,
    /// The limit of API requests per second; 0: no limit.
    requests_per_second: Option<f64>,
    /// Replaces all fault rules.
    faults: Option<Vec<FaultRule>>,
    /// A fault rule to append.
    add_fault: Option<FaultRule>,
    /// Simulated seconds per real second, 0 to 100,000.
    speed: Option<f64>,
    /// Whether simulated time stands still.
    frozen: Option<bool>,
    /// Simulated seconds to skip, at most 60 days.
    jump_seconds: Option<f64>,
    /// The ids of groups to delete.
    delete_groups: Vec<String>,
    /// The number of groups to add, at most 10,000.
    add_groups: usize,
    set_instance: Option<SetInstance>,
    set_group: Option<SetGroup>,
    /// Replaces all RAM roles.
    roles: Option<Vec<RamRole>>,
    /// Replaces the ECS instance whose metadata service is simulated.
    instance: Option<EcsInstance>,
    /// The lifetime of all temporary credentials, 1 s to 7 days; 0: the lifetime that each request
    /// asks for.
    token_lifetime_seconds: Option<f64>,
    /// Whether all temporary credentials expire now.
    expire_tokens: bool,
}

/// Sets the status of one instance, which stays until another request removes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetInstance {
    instance_id: String,
    /// The status that the API returns; `null`: the instance is simulated again.
    status: Option<String>,
}

/// Changes one group. A key that is missing changes nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetGroup {
    group_id: String,
    /// The status that the API returns; `null`: the simulated status again.
    #[serde(default, deserialize_with = "given")]
    status: Option<Option<String>>,
    /// The resource status that the API returns; `null`: the simulated one again.
    #[serde(default, deserialize_with = "given")]
    resource_status: Option<Option<String>>,
    #[serde(default)]
    name: Option<String>,
    /// When the subscription expires, in simulated seconds from now; negative for the past.
    #[serde(default)]
    expires_in_seconds: Option<i64>,
}

/// The result of a control request. The field names are the keys of the JSON.
#[derive(Debug, Serialize)]
pub(super) struct ControlResponse {
    /// The simulated time after the changes, in seconds since 1970.
    now: f64,
    /// The number of groups after the changes.
    groups: usize,
    /// The ids of the added groups.
    added: Vec<String>,
}

impl ControlRequest {
    /// Makes the changes.
    ///
    /// # Errors
    /// The reason why the request is invalid. Nothing is changed then, unless the instance of
    /// `set_instance` is deleted by the earlier changes of the request.
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
            return Err(format!("speed is {speed}: it must be from 0 to {MAX_SPEED}"));
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
            && seconds.unsigned_abs() > MAX_EXPIRY_SECONDS
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
            let serial = instance_serial(group, &self.instance_id);
            serial.is_some_and(|serial| group.override_status(serial, self.status.clone()))
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

/// The lifetime that `seconds` stands for; `None` for 0.
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

/// Reads a key that is present as `Some`, so that `null` differs from a missing key.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
