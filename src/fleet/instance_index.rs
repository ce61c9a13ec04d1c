//! The instances of one group, reduced to the data from which the next poll finds changes.
//!
//! What is not here: counting the changes (`group_counters`), and the choice of the two listings
//! that are compared (`poller`).

mod saved;

use jiff::Timestamp;

use super::hash::HashKey;
use super::statuses::{StatusId, StatusNames};

/// The instances of one listing, as the index of the next poll needs them. Dropped when the poll
/// ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedInstances {
    /// Sorted by id.
    pub(super) entries: Vec<ListedInstance>,
    /// The names of the status ids of `entries`.
    pub(super) names: StatusNames,
    /// The key of the hashes. Listings with different keys cannot be compared.
    pub hash_key: HashKey,
}

/// One instance of a listing, in 40 bytes: those of all groups are kept until the poll ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ListedInstance {
    /// The hash of the instance's id.
    pub(super) id: u64,
    /// The status; a final id in [`ListedInstances`].
    pub(super) status: StatusId,
    /// The bound user.
    pub(super) user: User,
    /// The session's status.
    pub(super) session: Session,
    /// `UsageDuration`.
    pub(super) usage: Usage,
    /// `GmtCreate`.
    pub(super) created: Milliseconds,
    /// `GmtModified`.
    pub(super) modified: Milliseconds,
}

/// A duration of usage in whole seconds, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage(u32);

/// A time in Unix milliseconds, which is the precision of the API, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Milliseconds(i64);

/// Part of the hash of a user's name, which distinguishes successive users of one instance, or no
/// user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User(u32);

/// Whether a user is connected to the session of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    /// No session status, or one that is not documented.
    None,
    /// `CONNECT`.
    Connected,
    /// `DISCONNECT`.
    Disconnected,
}

/// The instances of the last consistent listing of one group, 24 bytes each, sorted by the hash of
/// their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceIndex {
    pub(super) entries: Box<[IndexEntry]>,
    /// The names of the status ids of `entries`.
    pub(super) names: StatusNames,
}

/// One instance in an [`InstanceIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// The hash of the instance's id.
    pub(super) id: u64,
    /// The user in the upper 24 bits, the status in the lower 8.
    user_and_status: u32,
    /// When the instance was first seen in its status, Unix seconds.
    since: u32,
    /// When its session was first seen disconnected, Unix seconds; [`NO_SESSION`] or [`CONNECTED`].
    disconnected_since: u32,
    /// `UsageDuration` in whole seconds, or [`NO_USAGE`]; [`AWAITS_READY`] is a flag.
    usage: u32,
}

/// Instead of a time: the instance has no session status.
const NO_SESSION: u32 = 0;
/// Instead of a time: the session is connected.
const CONNECTED: u32 = u32::MAX;
/// Instead of a usage: the API sends none.
const NO_USAGE: u32 = AWAITS_READY - 1;
/// The exporter saw the instance appear, and it could not serve a session yet.
const AWAITS_READY: u32 = 1 << 31;

impl User {
    /// No user is bound.
    pub(super) const NONE: Self = Self(0);
    /// A user needs 24 bits.
    const BITS: u32 = 24;

    /// The user with this hash of the name.
    pub(super) fn new(hash: u64) -> Self {
        // The upper bits; a user must differ from no user.
        Self(((hash >> (u64::BITS - Self::BITS)) as u32).max(1))
    }

    /// Whether a user is bound.
    pub(super) fn is_bound(self) -> bool {
        self != Self::NONE
    }
}

impl Usage {
    /// A duration in seconds, which is not negative.
    pub(super) fn new(seconds: Option<f64>) -> Self {
        Self(seconds.map_or(NO_USAGE, |seconds| (seconds as u32).min(NO_USAGE - 1)))
    }
}

impl Milliseconds {
    const NONE: Self = Self(i64::MIN);

    pub(super) fn new(time: Option<Timestamp>) -> Self {
        time.map_or(Self::NONE, |time| Self(time.as_millisecond()))
    }

    pub(super) fn time(self) -> Option<Timestamp> {
        // `NONE` is not a valid time.
        Timestamp::from_millisecond(self.0).ok()
    }
}

impl IndexEntry {
    /// The entry of `listed`, which has been in its status since `since`, and whose session has been
    /// disconnected since `disconnected_since` if it is disconnected.
    pub(super) fn new(
        listed: &ListedInstance,
        since: Timestamp,
        disconnected_since: Timestamp,
        awaits_ready: bool,
    ) -> Self {
        Self {
            id: listed.id,
            user_and_status: (listed.user.0 << 8) | (listed.status & 0xFF),
            since: to_seconds(since),
            disconnected_since: match listed.session {
                Session::None => NO_SESSION,
                Session::Connected => CONNECTED,
                Session::Disconnected => to_seconds(disconnected_since).clamp(NO_SESSION + 1, CONNECTED - 1),
            },
            usage: listed.usage.0 | if awaits_ready { AWAITS_READY } else { 0 },
        }
    }

    /// The status.
    pub(super) fn status(&self) -> StatusId {
        self.user_and_status & 0xFF
    }

    /// The bound user.
    pub(super) fn user(&self) -> User {
        User(self.user_and_status >> 8)
    }

    /// The session's status.
    pub(super) fn session(&self) -> Session {
        match self.disconnected_since {
            NO_SESSION => Session::None,
            CONNECTED => Session::Connected,
            _ => Session::Disconnected,
        }
    }

    /// When the instance was first seen in its status.
    pub(super) fn since(&self) -> Timestamp {
        to_timestamp(self.since)
    }

    /// When the session was first seen disconnected; `None` unless it is.
    pub(super) fn disconnected_since(&self) -> Option<Timestamp> {
        (self.session() == Session::Disconnected).then(|| to_timestamp(self.disconnected_since))
    }

    /// `UsageDuration`, seconds.
    pub(super) fn usage(&self) -> Option<f64> {
        let usage = self.usage & !AWAITS_READY;
        (usage != NO_USAGE).then_some(f64::from(usage))
    }

    /// Whether the exporter saw the instance appear, and has not seen it serve or wait for a session
    /// yet.
    pub(super) fn awaits_ready(&self) -> bool {
        self.usage & AWAITS_READY != 0
    }
}

impl InstanceIndex {
    /// The number of instances.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no instance was listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// For each status that has instances, since when the instance that has been longest in it has
    /// been in it; sorted by status.
    pub fn oldest_since(&self) -> Vec<(Box<str>, Timestamp)> {
        let mut oldest = vec![None::<u32>; self.names.len()];
        for entry in &self.entries {
            let oldest = &mut oldest[entry.status() as usize];
            *oldest = Some(oldest.map_or(entry.since, |other| other.min(entry.since)));
        }
        let mut by_name: Vec<(Box<str>, Timestamp)> = (0..)
            .zip(oldest)
            .filter_map(|(id, since)| Some((self.names.name(id).into(), to_timestamp(since?))))
            .collect();
        by_name.sort_unstable();
        by_name
    }

    /// Since when the session that has been disconnected longest has been disconnected.
    pub fn disconnected_oldest(&self) -> Option<Timestamp> {
        self.entries.iter().filter_map(IndexEntry::disconnected_since).min()
    }
}

/// Whole Unix seconds, clamped to the range of `u32`, which ends in 2106.
fn to_seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

fn to_timestamp(seconds: u32) -> Timestamp {
    // Every `u32` is a valid time.
    Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::MAX)
}
