//! The serialised form of counters. It contains the names of statuses: the numbers that stand for
//! them depend on the documented statuses, which another version may have more or fewer of.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GroupCounters;
use crate::fleet::duration_histogram::{DurationHistogram, READY_BOUNDS, SESSION_BOUNDS};
use crate::fleet::saved::{self, MAX_COUNT, MAX_NAMES};

/// What counters are written as and read from. How many instances entered each status follows from
/// `transitions`.
#[derive(Serialize, Deserialize)]
struct SavedCounters {
    since: Timestamp,
    /// The names of unknown statuses, in the order in which they occurred.
    unknown: Vec<Box<str>>,
    /// The statuses before and after, and the number of these transitions.
    transitions: Vec<(Box<str>, Box<str>, u64)>,
    #[serde(deserialize_with = "saved::count")]
    sessions_started: u64,
    #[serde(deserialize_with = "saved::count")]
    sessions_ended: u64,
    #[serde(deserialize_with = "saved::count")]
    disconnects: u64,
    #[serde(deserialize_with = "saved::count")]
    reconnects: u64,
    #[serde(deserialize_with = "ready")]
    ready: DurationHistogram,
    #[serde(deserialize_with = "session_durations")]
    session_durations: DurationHistogram,
}

fn ready<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DurationHistogram, D::Error> {
    DurationHistogram::deserialize(READY_BOUNDS, deserializer)
}

fn session_durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DurationHistogram, D::Error> {
    DurationHistogram::deserialize(SESSION_BOUNDS, deserializer)
}

impl Serialize for GroupCounters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SavedCounters {
            since: self.since,
            unknown: self.unknown.clone(),
            transitions: self
                .transitions()
                .map(|(from, to, count)| (from.into(), to.into(), count))
                .collect(),
            sessions_started: self.sessions_started,
            sessions_ended: self.sessions_ended,
            disconnects: self.disconnects,
            reconnects: self.reconnects,
            ready: self.ready.clone(),
            session_durations: self.session_durations.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GroupCounters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedCounters::deserialize(deserializer)?.restore().map_err(serde::de::Error::custom)
    }
}

impl SavedCounters {
    fn restore(self) -> Result<GroupCounters, &'static str> {
        if self.unknown.len() > MAX_NAMES || self.transitions.len() > MAX_NAMES * MAX_NAMES {
            return Err("too many transitions");
        }
        let mut counters = GroupCounters {
            sessions_started: self.sessions_started,
            sessions_ended: self.sessions_ended,
            disconnects: self.disconnects,
            reconnects: self.reconnects,
            ready: self.ready,
            session_durations: self.session_durations,
            ..GroupCounters::new(self.since)
        };
        for status in &self.unknown {
            counters.key(status);
        }
        let mut total = 0_u64;
        for (from, to, count) in &self.transitions {
            total = total.saturating_add(*count);
            if total > MAX_COUNT {
                return Err("a counter is out of range");
            }
            counters.add_transition(from, to, *count);
        }
        Ok(counters)
    }
}
