//! Lost connections of the last minutes, so that pages show a storm of them while it lasts.
//!
//! What is not here: which sessions were disconnected (`group_counters`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::saved;
use super::timestamp::minute;

/// Disconnects within this number of minutes are recent.
pub const DISCONNECT_MINUTES: u32 = 5;
/// Connected sessions are compared with the largest number within this number of minutes, because
/// a storm reduces it.
pub const CONNECTED_MINUTES: u32 = 10;

/// Connected sessions and disconnects of one group, by minute.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "SavedSessions")]
pub struct RecentSessions {
    /// At most [`CONNECTED_MINUTES`] entries, the oldest first.
    minutes: Vec<Minute>,
}

/// What [`RecentSessions`] is read from.
#[derive(Deserialize)]
struct SavedSessions {
    minutes: Vec<Minute>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Minute {
    /// Minutes since 1970.
    minute: u32,
    /// The largest number of connected sessions in a listing.
    #[serde(deserialize_with = "saved::count")]
    connected: u64,
    /// Disconnects between successive listings.
    #[serde(deserialize_with = "saved::count")]
    disconnects: u64,
}

impl RecentSessions {
    /// Records a listing that ended at `at`, with `connected` sessions and `disconnects` since the
    /// previous one.
    pub fn record(&mut self, at: Timestamp, connected: u64, disconnects: u64) {
        let now = minute(at);
        self.minutes.retain(|minute| is_within(minute.minute, now, CONNECTED_MINUTES));
        match self.minutes.last_mut().filter(|last| last.minute == now) {
            Some(last) => {
                last.connected = last.connected.max(connected);
                last.disconnects += disconnects;
            }
            None => self.minutes.push(Minute { minute: now, connected, disconnects }),
        }
    }

    /// Disconnects in the last [`DISCONNECT_MINUTES`] before `now`.
    pub fn disconnects(&self, now: Timestamp) -> u64 {
        self.within(now, DISCONNECT_MINUTES).map(|minute| minute.disconnects).sum()
    }

    /// The largest number of connected sessions in the last [`CONNECTED_MINUTES`] before `now`.
    pub fn connected(&self, now: Timestamp) -> u64 {
        self.within(now, CONNECTED_MINUTES).map(|minute| minute.connected).max().unwrap_or_default()
    }

    fn within(&self, now: Timestamp, minutes: u32) -> impl Iterator<Item = &Minute> {
        let now = minute(now);
        self.minutes.iter().filter(move |entry| is_within(entry.minute, now, minutes))
    }
}

impl TryFrom<SavedSessions> for RecentSessions {
    type Error = &'static str;

    fn try_from(SavedSessions { minutes }: SavedSessions) -> Result<Self, Self::Error> {
        let is_bounded = minutes.len() <= CONNECTED_MINUTES as usize;
        is_bounded.then_some(Self { minutes }).ok_or("too many minutes of sessions")
    }
}

/// Whether `minute` is one of the last `minutes` up to `now`. After a clock was set back, later
/// minutes do not count.
fn is_within(minute: u32, now: u32, minutes: u32) -> bool {
    now.checked_sub(minute).is_some_and(|age| age < minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn disconnects_count_for_5_minutes_and_connected_sessions_for_10() {
        let mut recent = RecentSessions::default();
        recent.record(at(100), 40, 0);
        recent.record(at(101), 30, 10);
        recent.record(at(101), 25, 5);
        assert_eq!((recent.disconnects(at(105)), recent.connected(at(105))), (15, 40));
        assert_eq!((recent.disconnects(at(106)), recent.connected(at(109))), (0, 40));
        assert_eq!(recent.connected(at(110)), 30);
    }

    #[test]
    fn at_most_ten_minutes_are_kept() {
        let mut recent = RecentSessions::default();
        (0..100).for_each(|minute| recent.record(at(minute), 1, 1));
        assert_eq!(recent.minutes.len(), CONNECTED_MINUTES as usize);
        recent.record(at(50), 1, 1);
        assert_eq!(recent.minutes.len(), 1, "the clock was set back");
    }
}
