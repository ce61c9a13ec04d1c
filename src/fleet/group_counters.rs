//! What happened in a group, counted by comparing successive listings: status changes, sessions
//! that began or ended, disconnects, and how long starts and sessions took.
//!
//! What is not here: the choice of the two listings (`poller`). Only consistent listings may be
//! compared: an instance that a shifting page missed has neither ended nor started.

mod saved;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::duration_histogram::{DurationHistogram, READY_BOUNDS, SESSION_BOUNDS};
use super::instance_index::{IndexEntry, InstanceIndex, ListedInstance, ListedInstances, Session, User};
use super::statuses::{StatusId, StatusNames};
use super::vocabulary::{ABSENT, INSTANCE_STATUS, MAX_UNKNOWN_VALUES, OTHER};

/// Origin of a transition of an instance that was not listed before.
pub const NONE: &str = "NONE";
/// Destination of a transition of an instance that is no longer listed.
pub const GONE: &str = "GONE";

/// Statuses in which an instance serves a session or can serve one at once.
const READY: [&str; 3] = ["IDLE", "BOUND", "RUNNING"];

/// Counters and histograms of one group; they only grow.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCounters {
    /// When counting began: at the first consistent listing of the group, which is the baseline.
    pub since: Timestamp,
    /// Instances that entered a status, by status.
    entered: BTreeMap<StatusKey, u64>,
    /// Instances that changed their status, by the statuses before and after.
    transitions: BTreeMap<(StatusKey, StatusKey), u64>,
    /// The names of unknown statuses in `entered` and `transitions`.
    unknown: Vec<Box<str>>,
    /// User bindings that began.
    pub sessions_started: u64,
    /// User bindings that ended.
    pub sessions_ended: u64,
    /// Connected sessions that were disconnected, while the same user stayed bound.
    pub disconnects: u64,
    /// Disconnected sessions that were connected again by the same user.
    pub reconnects: u64,
    /// From the creation of an instance to when it could serve a session, seconds.
    pub ready: DurationHistogram,
    /// The last known usage duration of bindings that ended, seconds.
    pub session_durations: DurationHistogram,
}

/// A status as a number that stays the same over all listings of a group.
type StatusKey = u8;

const NONE_KEY: StatusKey = 0;
const GONE_KEY: StatusKey = 1;
const ABSENT_KEY: StatusKey = 2;
const OTHER_KEY: StatusKey = 3;
const FIRST_KNOWN: StatusKey = 4;
const FIRST_UNKNOWN: StatusKey = FIRST_KNOWN + INSTANCE_STATUS.known.len() as StatusKey;

impl Default for GroupCounters {
    fn default() -> Self {
        Self::new(Timestamp::UNIX_EPOCH)
    }
}

impl GroupCounters {
    /// Counters that begin at `since`.
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            entered: BTreeMap::new(),
            transitions: BTreeMap::new(),
            unknown: Vec::new(),
            sessions_started: 0,
            sessions_ended: 0,
            disconnects: 0,
            reconnects: 0,
            ready: DurationHistogram::new(READY_BOUNDS),
            session_durations: DurationHistogram::new(SESSION_BOUNDS),
        }
    }

    /// Whether the group has been listed, so that its counters count from [`since`](Self::since).
    pub fn has_begun(&self) -> bool {
        self.since != Timestamp::UNIX_EPOCH
    }

    /// Instances that entered a status, by status: every known status, even if its count is 0, then
    /// the others that an instance has entered.
    pub fn entered(&self) -> impl Iterator<Item = (&str, u64)> {
        let count = |key: StatusKey| self.entered.get(&key).copied().unwrap_or_default();
        let known = (FIRST_KNOWN..FIRST_UNKNOWN).map(move |key| (self.name(key), count(key)));
        let others = self.entered.iter().filter(|(key, _)| !(FIRST_KNOWN..FIRST_UNKNOWN).contains(*key));
        known.chain(others.map(|(key, count)| (self.name(*key), *count)))
    }

    /// Instances that changed their status, by the names of the statuses before and after; only
    /// pairs that occurred. [`NONE`] and [`GONE`] mark instances that appeared or vanished. At most
    /// [`MAX_UNKNOWN_VALUES`] unknown statuses have their names; further ones are [`OTHER`].
    pub fn transitions(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.transitions.iter().map(|((from, to), count)| (self.name(*from), self.name(*to), *count))
    }

    /// Adds `count` instances that changed their status.
    pub fn add_transition(&mut self, from: &str, to: &str, count: u64) {
        let (from, to) = (self.key(from), self.key(to));
        if from == to {
            return;
        }
        *self.transitions.entry((from, to)).or_default() += count;
        if to != GONE_KEY {
            *self.entered.entry(to).or_default() += count;
        }
    }

    /// Counts what changed between `previous` and the listing that ended at `at`, and returns the
    /// index of that listing.
    ///
    /// A bound user on a new instance is a session that started. A bound user on a vanished
    /// instance is a session that ended. An instance that changed its user is both. A change
    /// between two statuses that are both counted as [`OTHER`] is not detected. `previous_at` is
    /// the time of the previous listing.
    pub fn advance(
        &mut self,
        previous: &InstanceIndex,
        previous_at: Timestamp,
        listed: ListedInstances,
        at: Timestamp,
    ) -> InstanceIndex {
        // A table of statuses before (rows) and after (columns); index 0 stands for "not listed",
        // and status `id` has index `id + 1`.
        let columns = listed.names.len() + 1;
        let mut moves = vec![0_u64; (previous.names.len() + 1) * columns];
        let same_status = SameStatus::new(&previous.names, &listed.names);
        let mut entries = Vec::with_capacity(listed.entries.len());
        for (before, after) in pairs(&previous.entries, &listed.entries) {
            let row = before.map_or(0, |before| before.status() as usize + 1);
            let column = after.map_or(0, |after| after.status as usize + 1);
            moves[row * columns + column] += 1;
            self.count_sessions(before, after);
            let Some(after) = after else { continue };
            let is_ready = READY.contains(&listed.names.name(after.status));
            let awaits = before.is_none_or(IndexEntry::awaits_ready);
            if awaits
                && is_ready
                && let Some(created) = after.created.time()
            {
                let modified = after.modified.time();
                let ready = modified.filter(|modified| (previous_at..at).contains(modified)).unwrap_or(at);
                self.ready.observe(ready.duration_since(created).as_secs_f64());
            }
            let since = before.filter(|before| same_status.is(before.status(), after.status));
            let disconnected = before.filter(|before| before.user() == after.user);
            entries.push(IndexEntry::new(
                after,
                since.map_or(at, IndexEntry::since),
                disconnected.and_then(IndexEntry::disconnected_since).unwrap_or(at),
                awaits && !is_ready,
            ));
        }
        for (cell, count) in moves.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let from = status_name(&previous.names, cell / columns, NONE);
            let to = status_name(&listed.names, cell % columns, GONE);
            self.add_transition(from, to, count);
        }
        InstanceIndex { entries: entries.into(), names: listed.names }
    }

    fn count_sessions(&mut self, before: Option<&IndexEntry>, after: Option<&ListedInstance>) {
        let user_before = before.map_or(User::NONE, IndexEntry::user);
        let user_after = after.map_or(User::NONE, |after| after.user);
        if user_before != user_after {
            self.sessions_started += u64::from(user_after.is_bound());
            if user_before.is_bound() {
                self.sessions_ended += 1;
                if let Some(usage) = before.and_then(IndexEntry::usage) {
                    self.session_durations.observe(usage);
                }
            }
        } else if let (true, Some(before), Some(after)) = (user_after.is_bound(), before, after) {
            match (before.session(), after.session) {
                (Session::Connected, Session::Disconnected) => self.disconnects += 1,
                (Session::Disconnected, Session::Connected) => self.reconnects += 1,
                _ => {}
            }
        }
    }

    /// The key of a status; that of [`OTHER`] for an unknown one that no longer gets its own.
    fn key(&mut self, status: &str) -> StatusKey {
        match status {
            NONE => NONE_KEY,
            GONE => GONE_KEY,
            ABSENT => ABSENT_KEY,
            OTHER => OTHER_KEY,
            _ => match INSTANCE_STATUS.position(status) {
                Some(position) => FIRST_KNOWN + position as StatusKey,
                None => self.unknown_key(status),
            },
        }
    }

    fn unknown_key(&mut self, status: &str) -> StatusKey {
        let position = match self.unknown.iter().position(|known| **known == *status) {
            Some(position) => position,
            None if self.unknown.len() >= MAX_UNKNOWN_VALUES => return OTHER_KEY,
            None => {
                self.unknown.push(status.into());
                self.unknown.len() - 1
            }
        };
        FIRST_UNKNOWN + position as StatusKey
    }

    fn name(&self, key: StatusKey) -> &str {
        match key {
            NONE_KEY => NONE,
            GONE_KEY => GONE,
            ABSENT_KEY => ABSENT,
            OTHER_KEY => OTHER,
            FIRST_KNOWN..FIRST_UNKNOWN => INSTANCE_STATUS.known[usize::from(key - FIRST_KNOWN)],
            FIRST_UNKNOWN.. => &self.unknown[usize::from(key - FIRST_UNKNOWN)],
        }
    }
}

impl InstanceIndex {
    /// The index of a group's first listing, which ended at `at`. For its instances, the time of
    /// their last modification is the best that is known of when they entered their status.
    pub fn baseline(listed: ListedInstances, at: Timestamp) -> Self {
        let entries = listed.entries.iter().map(|instance| {
            let since = instance.modified.time().unwrap_or(at).min(at);
            IndexEntry::new(instance, since, since, false)
        });
        Self { entries: entries.collect(), names: listed.names }
    }
}

/// Which statuses of two listings have the same name.
struct SameStatus {
    /// By the status id of the earlier listing: that of the later one.
    later: Vec<Option<StatusId>>,
}

impl SameStatus {
    fn new(earlier: &StatusNames, later: &StatusNames) -> Self {
        let find = |name: &str| (0..later.len() as StatusId).find(|id| later.name(*id) == name);
        Self { later: (0..earlier.len() as StatusId).map(|id| find(earlier.name(id))).collect() }
    }

    fn is(&self, before: StatusId, after: StatusId) -> bool {
        self.later[before as usize] == Some(after)
    }
}

/// Every instance of either listing, before and after; `None` where it was not listed. Both inputs
/// must be sorted by id.
fn pairs<'a>(
    before: &'a [IndexEntry],
    after: &'a [ListedInstance],
) -> impl Iterator<Item = (Option<&'a IndexEntry>, Option<&'a ListedInstance>)> {
    let mut before = before.iter().peekable();
    let mut after = after.iter().peekable();
    std::iter::from_fn(move || match (before.peek(), after.peek()) {
        (None, None) => None,
        (Some(old), Some(new)) if old.id == new.id => Some((before.next(), after.next())),
        (Some(old), Some(new)) if old.id < new.id => Some((before.next(), None)),
        (Some(_), None) => Some((before.next(), None)),
        (_, Some(_)) => Some((None, after.next())),
    })
}

/// The status of a row or column of the table; `not_listed` for index 0.
fn status_name<'a>(names: &'a StatusNames, index: usize, not_listed: &'static str) -> &'a str {
    match index.checked_sub(1) {
        None => not_listed,
        // Lossless: the index was computed from a `StatusId`.
        Some(id) => names.name(id as StatusId),
    }
}

#[cfg(test)]
mod tests;
