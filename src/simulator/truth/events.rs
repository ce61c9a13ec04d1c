//! The part of the truth that a listing does not show: events, and since when something has been as
//! it is.
//!
//! The field names are the keys of the JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CountsByLabel, instance_statuses};
use crate::simulator::fleet::{Durations, Second, SimulatedGroup, instance_id};

/// What happened in a group since the simulation started.
#[derive(Debug, Serialize)]
pub(super) struct EventsTruth {
    /// Instances that entered each status.
    entered: CountsByLabel,
    disconnects: u64,
    reconnects: u64,
    sessions_started: u64,
    sessions_ended: u64,
    /// From the creation of an instance to its first `IDLE`, `BOUND` or `RUNNING`.
    ready: DurationsTruth,
    /// From the binding of a user to its end.
    bindings: DurationsTruth,
}

#[derive(Debug, Serialize)]
struct DurationsTruth {
    count: u64,
    seconds_sum: u64,
    /// The last 256 durations, the oldest first, if the request asks for details.
    #[serde(skip_serializing_if = "Option::is_none")]
    recent: Option<Vec<DurationTruth>>,
}

#[derive(Debug, Serialize)]
struct DurationTruth {
    /// In seconds since 1970.
    ended: Second,
    seconds: u64,
}

/// One instance, for `GET /_truth?details=true`.
#[derive(Debug, Serialize)]
pub(super) struct InstanceTruth {
    instance_id: String,
    status: String,
    /// When the instance entered the status, in seconds since 1970.
    since: Second,
    session_status: String,
    /// Since when the session is disconnected; `None` unless it is.
    disconnected_since: Option<Second>,
}

impl EventsTruth {
    pub(super) fn of(group: &SimulatedGroup, with_details: bool) -> Self {
        let events = &group.events;
        let mut entered = instance_statuses();
        entered.extend(events.entered.iter().map(|(status, count)| (status.to_string(), *count)));
        Self {
            entered,
            disconnects: events.disconnects,
            reconnects: events.reconnects,
            sessions_started: events.sessions_started,
            sessions_ended: events.sessions_ended,
            ready: DurationsTruth::of(&events.ready, with_details),
            bindings: DurationsTruth::of(&events.bindings, with_details),
        }
    }
}

impl DurationsTruth {
    fn of(durations: &Durations, with_details: bool) -> Self {
        let recent = durations.recent.iter().map(|&(ended, seconds)| DurationTruth { ended, seconds });
        Self {
            count: durations.count,
            seconds_sum: durations.sum,
            recent: with_details.then(|| recent.collect()),
        }
    }
}

impl InstanceTruth {
    pub(super) fn all(group: &SimulatedGroup) -> Vec<Self> {
        let instances = group.instances.iter();
        instances
            .map(|instance| Self {
                instance_id: instance_id(group.settings.key, instance.serial),
                status: group.instance_status(instance).to_uppercase(),
                since: instance.entered,
                session_status: instance.session.as_str().to_uppercase(),
                disconnected_since: instance.disconnected,
            })
            .collect()
    }
}

/// When the instance that has been longest in each status entered it.
pub(super) fn oldest_since(group: &SimulatedGroup) -> BTreeMap<String, Second> {
    let mut oldest = BTreeMap::new();
    for instance in &group.instances {
        let status = group.instance_status(instance).to_uppercase();
        let since = oldest.entry(status).or_insert(instance.entered);
        *since = instance.entered.min(*since);
    }
    oldest
}

/// Since when the session that has been disconnected longest is disconnected.
pub(super) fn oldest_disconnected(group: &SimulatedGroup) -> Option<Second> {
    group.instances.iter().filter_map(|instance| instance.disconnected).min()
}
