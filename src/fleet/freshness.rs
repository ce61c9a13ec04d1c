//! How often listings are requested, and how old their data may be.
//!
//! What is not here: which listings a poll requests (`poller`), and the problem of old data
//! (`problems`).

use std::time::Duration;

use jiff::SignedDuration;

use super::Group;

/// Intervals after which data is stale: it outlives two failed polls.
const STALE_INTERVALS: i32 = 3;
/// Unless configured, persistent sessions of a group that has none, and is not of the mode in which
/// it can have any, are listed at this number of poll intervals: such a group seldom gets any.
const IDLE_POLLS: i32 = 10;
/// The `AuthMode` of groups that have persistent sessions.
const SESSION_MODE: &str = "Session";

/// How often the persistent sessions of a group are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersistentInterval {
    /// The poll interval.
    pub poll: SignedDuration,
    /// The configured interval of every group; `None` if it depends on the group.
    pub configured: Option<SignedDuration>,
}

/// How old listed data may be before it is no longer served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Data of this age and older is stale.
    pub stale_after: SignedDuration,
    /// How often persistent sessions are listed: data that is seldom listed may be older.
    pub persistent: PersistentInterval,
}

impl PersistentInterval {
    /// The rule for polls at this interval, with the configured interval of persistent sessions.
    pub fn new(poll: Duration, configured: Option<Duration>) -> Self {
        Self { poll: to_signed(poll), configured: configured.map(to_signed) }
    }

    /// The interval of a group with this number of persistent sessions in its last listing.
    ///
    /// Unless an interval is configured, it is the poll interval for groups that have persistent
    /// sessions or whose `AuthMode` is `Session`, and ten times the poll interval for others.
    pub fn of(&self, group: &Group, sessions: u64) -> SignedDuration {
        match self.configured {
            Some(interval) => interval,
            None if sessions > 0 || &*group.auth_mode == SESSION_MODE => self.poll,
            None => self.poll.saturating_mul(IDLE_POLLS),
        }
    }

    /// The share of polls that list the persistent sessions of a group that has this number of them.
    pub fn share_of_polls(&self, group: &Group, sessions: u64) -> f64 {
        self.poll.div_duration_f64(self.of(group, sessions).max(self.poll))
    }

    /// The age at which data of the group's persistent sessions has missed several listings.
    pub(super) fn stale_age(&self, group: &Group, sessions: u64) -> SignedDuration {
        self.of(group, sessions).saturating_mul(STALE_INTERVALS)
    }
}

impl Freshness {
    /// Rules by which data of this age and older is stale.
    pub fn new(stale_after: Duration, persistent: PersistentInterval) -> Self {
        Self { stale_after: to_signed(stale_after), persistent }
    }

    /// The age at which a listing of this number of persistent sessions is stale: `stale_after`, or
    /// three of the group's own intervals if that is longer.
    pub fn persistent_stale_after(&self, group: &Group, sessions: u64) -> SignedDuration {
        self.persistent.stale_age(group, sessions).max(self.stale_after)
    }
}

/// Converts a duration; one beyond the range of [`SignedDuration`] becomes its maximum.
fn to_signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn minutes(rule: PersistentInterval, auth_mode: &str, sessions: u64) -> i64 {
        let group = Group { auth_mode: auth_mode.into(), ..Group::default() };
        rule.of(&group, sessions).as_mins()
    }

    #[test]
    fn groups_that_can_have_persistent_sessions_are_asked_at_every_poll_and_others_at_every_tenth() {
        let rule = PersistentInterval::new(MINUTE, None);
        assert_eq!(minutes(rule, "Session", 0), 1);
        assert_eq!(minutes(rule, "App", 1), 1);
        assert_eq!(minutes(rule, "App", 0), 10);
        assert_eq!(minutes(rule, "", 0), 10);
    }

    #[test]
    fn a_configured_interval_holds_for_every_group() {
        let rule = PersistentInterval::new(MINUTE, Some(MINUTE * 5));
        assert_eq!([minutes(rule, "Session", 9), minutes(rule, "App", 0)], [5, 5]);
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let rule = PersistentInterval::new(Duration::MAX, None);
        assert_eq!(rule.of(&Group::default(), 0), SignedDuration::MAX);
    }
}
