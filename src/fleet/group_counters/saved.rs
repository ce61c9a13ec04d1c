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

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(transitions: &[(&str, &str, u64)]) -> SavedCounters {
        SavedCounters {
            since: Timestamp::UNIX_EPOCH,
            unknown: Vec::new(),
            transitions: transitions
                .iter()
                .map(|(from, to, count)| ((*from).into(), (*to).into(), *count))
                .collect(),
            sessions_started: 0,
            sessions_ended: 0,
            disconnects: 0,
            reconnects: 0,
            ready: DurationHistogram::new(READY_BOUNDS),
            session_durations: DurationHistogram::new(SESSION_BOUNDS),
        }
    }

    #[test]
    fn entries_into_a_status_follow_from_the_transitions() {
        let counters =
            saved(&[("NONE", "IDLE", 3), ("BOUND", "IDLE", 2), ("IDLE", "GONE", 1)]).restore().unwrap();
        let entered: Vec<_> = counters.entered().filter(|(_, count)| *count > 0).collect();
        assert_eq!(entered, [("IDLE", 5)]);
    }

    #[test]
    fn unknown_statuses_are_bounded() {
        let odd: Vec<String> = (0..99).map(|number| format!("ODD_{number:02}")).collect();
        let transitions: Vec<_> = odd.iter().map(|status| ("IDLE", status.as_str(), 1)).collect();
        let counters = saved(&transitions).restore().unwrap();
        assert_eq!(counters.transitions().count(), 17);
        assert_eq!(counters.transitions().map(|(_, _, count)| count).sum::<u64>(), 99);
    }

    #[test]
    fn counters_cannot_overflow() {
        assert!(saved(&[("IDLE", "BOUND", u64::MAX), ("BOUND", "IDLE", 1)]).restore().is_err());
        assert!(saved(&[("IDLE", "BOUND", MAX_COUNT)]).restore().is_ok());
    }
}
