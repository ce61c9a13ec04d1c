//! `POST /_control`: changes at run time, all of a request's or none.

use std::{sync::PoisonError, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    EcsInstance, FaultRule, KnownKey, RamRole,
    access::life_problem,
    cloud::FleetView,
    fleet::{SimulatedGroup, write_instance_id},
    limiter::RequestLimiter,
    options::{valid_rate, valid_speed},
    state::{CloudState, lock},
};

/// The most groups that one request adds.
const MAX_ADDED: usize = 10_000;
/// The farthest jump: 60 days.
const MAX_JUMP: f64 = 60.0 * 86_400.0;

/// What is to change. Changes are made in the order of the fields.
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
    /// 0: as long as is asked for.
    token_lifetime_seconds: Option<f64>,
    /// Everything issued so far is over.
    expire_tokens: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetInstance {
    instance_id: String,
    /// Null lets the instance go on living.
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetGroup {
    group_id: String,
    /// Null lets the group's own status show again.
    #[serde(default, deserialize_with = "given")]
    status: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    resource_status: Option<Option<String>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    expires_in_seconds: Option<i64>,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct ControlResponse {
    now: f64,
    groups: usize,
    added: Vec<String>,
}

impl ControlRequest {
    /// Changes the simulated cloud as asked, or says why not.
    pub(super) fn apply(self, state: &CloudState, real: Timestamp) -> Result<ControlResponse, String> {
        self.check(state, real)?;
        self.apply_settings(state, real);
        self.apply_time(state, real);
        let now = state.now(real);
        let added = self.apply_groups(state, now)?;
        let fleet = state.fleet.read().unwrap_or_else(PoisonError::into_inner);
        let cloud = fleet.at(now);
        cloud.advance();
        Ok(ControlResponse { now: now.as_duration().as_secs_f64(), groups: cloud.len(), added })
    }

    /// Everything that can be wrong, before anything is changed.
    fn check(&self, state: &CloudState, real: Timestamp) -> Result<(), String> {
        if let Some(problem) =
            self.faults.iter().flatten().chain(&self.add_fault).find_map(FaultRule::problem)
        {
            return Err(problem);
        }
        if let Some(speed) = self.speed.filter(|speed| !valid_speed(*speed)) {
            return Err(format!("speed is {speed}: it must be from 0 to 100000"));
        }
        if let Some(rate) = self.requests_per_second.filter(|rate| !valid_rate(*rate)) {
            return Err(format!("requests_per_second is {rate}: it must be 0 or more"));
        }
        if let Some(jump) = self.jump_seconds.filter(|jump| !(0.0..=MAX_JUMP).contains(jump)) {
            return Err(format!("jump_seconds is {jump}: it must be from 0 to {MAX_JUMP}"));
        }
        if let Some(Err(problem)) = self.token_lifetime_seconds.map(token_lifetime) {
            return Err(problem);
        }
        if self.add_groups > MAX_ADDED {
            return Err(format!("add_groups is {}: at most {MAX_ADDED} at once", self.add_groups));
        }
        if let Some(seconds) = self.set_group.as_ref().and_then(|set| set.expires_in_seconds)
            && seconds.unsigned_abs() > 10 * 366 * 86_400
        {
            return Err(format!("expires_in_seconds is {seconds}: at most ten years"));
        }
        let fleet = state.fleet.read().unwrap_or_else(PoisonError::into_inner);
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
            lock(&state.statistics).reset();
        }
        if let Some(credentials) = &self.credentials {
            *lock(&state.credentials) = credentials.as_slice().into();
        }
        if let Some(latency) = self.latency_ms {
            *lock(&state.latency) = Duration::from_millis(latency);
        }
        if let Some(rate) = self.requests_per_second {
            *lock(&state.limiter) = RequestLimiter::new(rate, real);
        }
        self.apply_access(state, real);
        if let Some(rules) = &self.faults {
            lock(&state.faults).replace(rules.clone());
        }
        if let Some(rule) = &self.add_fault {
            lock(&state.faults).add(rule.clone());
        }
    }

    fn apply_access(&self, state: &CloudState, real: Timestamp) {
        if self.expire_tokens {
            state.expire_tokens(real);
        }
        let access = &mut lock(&state.issuer).access;
        if let Some(Ok(life)) = self.token_lifetime_seconds.map(token_lifetime) {
            access.token_lifetime = life;
        }
        if let Some(roles) = &self.roles {
            access.roles.clone_from(roles);
        }
        if let Some(instance) = &self.instance {
            access.instance = instance.clone();
        }
    }

    fn apply_time(&self, state: &CloudState, real: Timestamp) {
        let mut clock = lock(&state.clock);
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
            let mut fleet = state.fleet.write().unwrap_or_else(PoisonError::into_inner);
            fleet.delete_groups(&self.delete_groups);
            for _ in 0..self.add_groups {
                added.push(fleet.add_group(now).to_string());
            }
        }
        let fleet = state.fleet.read().unwrap_or_else(PoisonError::into_inner);
        let cloud = fleet.at(now);
        if let Some(set) = &self.set_instance
            && !set.apply(&cloud)
        {
            return Err(format!("instance {} went away while its status was being set", set.instance_id));
        }
        if let Some(set) = &self.set_group {
            cloud.change(&set.group_id, |group| set.apply(group));
        }
        Ok(added)
    }
}

impl SetInstance {
    fn apply(&self, cloud: &FleetView<'_>) -> bool {
        cloud.change_any(|group| {
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

/// 0 stands for no lifetime of its own.
fn token_lifetime(seconds: f64) -> Result<Option<Duration>, String> {
    if seconds == 0.0 {
        return Ok(None);
    }
    let life = Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("token_lifetime_seconds is {seconds}: it must be 0 or more"))?;
    life_problem(life).map_or(Ok(Some(life)), Err)
}

fn instance_serial(group: &SimulatedGroup, id: &str) -> Option<u64> {
    let mut candidate = Vec::with_capacity(20);
    group.instances.iter().map(|instance| instance.serial).find(|serial| {
        candidate.clear();
        write_instance_id(&mut candidate, group.settings.key, *serial);
        candidate == id.as_bytes()
    })
}

/// Tells null from a key that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
