//! Keeps the state of every target, and publishes snapshots that are built from these states.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

use super::hash_keys::HashKeys;
use super::listing_times::ListingTimes;
use super::options::ListingOptions;
use super::poll_result::TargetPoll;
use super::saved::{RestoreOutcome, SavedState, SavedTarget};
use super::shard::Shard;
use super::state::TargetState;
use super::target::TargetIdentity;
use crate::fleet::history::{History, MinuteCounts};
use crate::fleet::{Freshness, GroupSnapshot, HashKey, Snapshot};

/// The states of all targets, and the snapshot built from them.
///
/// A snapshot is published when a poll ends. [`SnapshotStore::run_expiry`] also publishes one when
/// data becomes stale, or when a schedule requires a different number of nodes.
#[derive(Debug)]
pub struct SnapshotStore {
    inner: Mutex<Inner>,
    published: watch::Sender<Arc<Snapshot>>,
}

#[derive(Debug)]
struct Inner {
    states: Vec<TargetState>,
    freshness: Freshness,
    time_zone: TimeZone,
    hash_key: HashKey,
    history: History,
    /// The part of the groups that the data is of; `None` if there is none, or if a restored state
    /// did not contain it.
    shard: Option<Shard>,
    /// How far this machine's clock is ahead of the clock by which the data is dated.
    clock_lead: SignedDuration,
}

/// What the polls of one target continue from.
#[derive(Debug)]
pub(super) struct Resumption {
    /// When the last poll started.
    pub(super) last_start: Timestamp,
    /// When its groups were listed.
    pub(super) times: ListingTimes,
}

impl SnapshotStore {
    /// A store for these targets, none of which has been polled. Data that is stale by `freshness` is
    /// not published; `time_zone` is the time zone of schedules. Ids are hashed with `hash_key`,
    /// which is random, until the key of a restored state replaces it.
    pub fn new(
        targets: impl IntoIterator<Item = TargetIdentity>,
        freshness: Freshness,
        time_zone: TimeZone,
        hash_key: HashKey,
    ) -> Self {
        let states = targets.into_iter().map(TargetState::new).collect();
        let (history, clock_lead) = (History::default(), SignedDuration::ZERO);
        let inner = Inner { states, freshness, time_zone, hash_key, history, shard: None, clock_lead };
        let (published, _) = watch::channel(Arc::new(Snapshot::default()));
        let store = Self { inner: Mutex::new(inner), published };
        store.publish(Timestamp::UNIX_EPOCH);
        store
    }

    /// A receiver of published snapshots, starting with the newest. A snapshot that is replaced
    /// before it is received is skipped.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Applies the result of a target's poll (`None` if the poll panicked), and publishes a
    /// snapshot. The result is dropped if the target is no longer in the store.
    pub fn apply(&self, account: &str, target: &str, poll: Option<TargetPoll>, now: Timestamp) {
        let mut inner = self.inner.lock();
        let stale_after = inner.freshness.stale_after;
        let Some(state) = inner.states.iter_mut().find(|state| state.is_of(account, target)) else { return };
        state.apply(poll, now, stale_after);
        inner.shard = Some(state.identity().shard);
        inner.clock_lead = SignedDuration::ZERO;
        self.publish_locked(&mut inner, now);
    }

    /// Records that a poll of the target starts.
    pub(super) fn poll_started(&self, account: &str, target: &str, now: Timestamp) {
        self.change(account, target, |state| state.poll_started(now));
    }

    /// Records that the running poll of the target was aborted: when polling continues, here or in
    /// another process, the target is polled at once.
    pub(super) fn poll_aborted(&self, account: &str, target: &str) {
        self.change(account, target, TargetState::poll_aborted);
    }

    /// Makes the next poll of the target a first poll, which starts at once and requests every
    /// listing.
    pub fn forget_polls(&self, account: &str, target: &str) {
        self.change(account, target, TargetState::forget_polls);
    }

    /// What the next poll of a target continues from; `None` for a first poll.
    pub(super) fn resumption(
        &self,
        account: &str,
        target: &str,
        listings: ListingOptions,
    ) -> Option<Resumption> {
        let inner = self.inner.lock();
        let state = inner.states.iter().find(|state| state.is_of(account, target))?;
        Some(Resumption { last_start: state.last_start()?, times: state.listing_times(listings) })
    }

    /// The keys with which the listings of a target hash ids.
    pub(super) fn hash_keys(&self, account: &str, target: &str) -> HashKeys {
        let inner = self.inner.lock();
        let state = inner.states.iter().find(|state| state.is_of(account, target));
        state.map_or_else(HashKeys::default, |state| state.hash_keys(inner.hash_key))
    }

    /// The part of the groups that the data is of. It is not that of this process after a state was
    /// restored that another part saved, until a poll ends. `None` without data, or if the restored
    /// state did not contain it.
    pub fn shard(&self) -> Option<Shard> {
        self.inner.lock().shard
    }

    /// The last hour of a group, the oldest minute first.
    pub fn history(&self, group: &GroupSnapshot) -> Vec<MinuteCounts> {
        self.inner.lock().history.of(group)
    }

    /// Everything that another process needs to continue, and that this one needs after a restart.
    pub fn save(&self, now: Timestamp) -> SavedState {
        let inner = self.inner.lock();
        SavedState {
            saved_at: now,
            published_at: self.published.borrow().at,
            hash_key: inner.hash_key,
            hash_check: inner.hash_key.check(),
            shard: inner.shard,
            targets: inner.states.iter().map(TargetState::save).collect(),
            history: inner.history.clone(),
        }
    }

    /// Continues from `saved`, and publishes a snapshot of the data that is not stale at `now`. A
    /// target continues if the state has one with the same key; others are as if they were never
    /// polled. No target may be polled meanwhile.
    ///
    /// Nothing changes if no target is in the state, or if all of them are stale.
    pub fn restore(&self, saved: SavedState, now: Timestamp) -> RestoreOutcome {
        self.replace(saved, now, SignedDuration::ZERO, false)
    }

    /// Continues from the state of another replica, and publishes the snapshot that it published.
    /// Returns whether any target is in the state; otherwise nothing changes.
    ///
    /// `clock_lead` is how far the clock of this machine is ahead of that of the other one. Until
    /// the next poll, the data becomes stale by the clock of the other one.
    pub fn mirror(&self, saved: SavedState, clock_lead: SignedDuration) -> bool {
        let published_at = saved.published_at;
        self.replace(saved, published_at, clock_lead, true) != RestoreOutcome::Foreign
    }

    /// Continues the groups of `saved` that belong to this shard, unless this process has newer data
    /// of them: their counters and their history continue when they are listed. Returns their
    /// number.
    ///
    /// Call it before the first poll, which would begin new counters. The state is that of the shard
    /// to which the groups belonged before.
    pub fn adopt(&self, mut saved: SavedState, now: Timestamp) -> usize {
        let mut inner = self.inner.lock();
        let Inner { states, history, .. } = &mut *inner;
        let mut adopted = 0;
        for target in saved.take_targets() {
            let Some(state) = states.iter_mut().find(|state| state.identity().key == target.key) else {
                continue;
            };
            for group_id in state.adopt(target, now) {
                history.adopt(&saved.history, &state.identity().account, &group_id);
                adopted += 1;
            }
        }
        adopted
    }

    /// The newest time of all data and polls; `None` if no target was ever polled.
    pub fn newest(&self) -> Option<Timestamp> {
        self.inner.lock().states.iter().filter_map(TargetState::newest).max()
    }

    fn replace(
        &self,
        mut saved: SavedState,
        now: Timestamp,
        clock_lead: SignedDuration,
        keeps_stale: bool,
    ) -> RestoreOutcome {
        let mut inner = self.inner.lock();
        let mut saved_targets = saved.take_targets();
        let mut take = |identity: &TargetIdentity| {
            let position = saved_targets.iter().position(|saved| saved.key == identity.key)?;
            Some(saved_targets.swap_remove(position))
        };
        let matches: Vec<_> = inner.states.iter().map(|state| take(state.identity())).collect();
        let stale_after = inner.freshness.stale_after;
        if matches.iter().all(Option::is_none) {
            return RestoreOutcome::Foreign;
        }
        let newest = matches.iter().flatten().filter_map(SavedTarget::newest).max();
        let is_stale = newest.is_none_or(|newest| now.duration_since(newest) >= stale_after);
        if is_stale && !keeps_stale {
            return RestoreOutcome::Stale;
        }
        let targets = matches.iter().flatten().count();
        let states = inner.states.iter().zip(matches).map(|(state, saved)| {
            let identity = state.identity().clone();
            match saved {
                Some(saved) => TargetState::restore(identity, saved, now, stale_after),
                None => TargetState::new(identity),
            }
        });
        inner.states = states.collect();
        inner.hash_key = saved.hash_key;
        inner.history = saved.history;
        inner.shard = saved.shard;
        inner.clock_lead = clock_lead;
        self.publish_locked(&mut inner, now);
        RestoreOutcome::Restored { targets }
    }

    /// Replaces the targets and options, and publishes a snapshot. Targets that stay keep their
    /// data.
    pub fn set_targets(
        &self,
        targets: impl IntoIterator<Item = TargetIdentity>,
        freshness: Freshness,
        time_zone: TimeZone,
        now: Timestamp,
    ) {
        let mut inner = self.inner.lock();
        let mut previous = std::mem::take(&mut inner.states);
        let states = targets.into_iter().map(|identity| {
            match previous.iter().position(|state| state.is_of(&identity.account, &identity.name)) {
                Some(index) => previous.swap_remove(index).with_identity(identity),
                None => TargetState::new(identity),
            }
        });
        inner.states = states.collect();
        (inner.freshness, inner.time_zone) = (freshness, time_zone);
        self.publish_locked(&mut inner, now);
    }

    /// Publishes a snapshot of the data that is not stale at `now`.
    pub fn publish(&self, now: Timestamp) {
        self.publish_locked(&mut self.inner.lock(), now);
    }

    /// The snapshot is sent while the lock is held: if two polls end at the same time, the snapshot
    /// that was built later must be sent later, and a saved state must contain what is published.
    fn publish_locked(&self, inner: &mut Inner, now: Timestamp) {
        let targets = inner.states.iter().map(TargetState::health).collect();
        let groups = inner.states.iter().flat_map(TargetState::groups).map(Arc::clone).collect();
        let (snapshot, duplicates) = Snapshot::build(now, targets, groups);
        if duplicates > 0 {
            tracing::warn!(
                duplicates,
                "several targets of one account list the same groups: each group is exported once, for the first target"
            );
        }
        let snapshot = snapshot.aged(now, &inner.freshness);
        if snapshot.targets.iter().any(|target| target.up.is_some()) {
            inner.history.record(&snapshot);
        }
        self.published.send_replace(Arc::new(snapshot));
    }

    fn change(&self, account: &str, target: &str, change: impl FnOnce(&mut TargetState)) {
        let mut inner = self.inner.lock();
        if let Some(state) = inner.states.iter_mut().find(|state| state.is_of(account, target)) {
            change(state);
        }
    }

    /// When the published snapshot becomes outdated if no poll ends before; `None` if never.
    fn next_expiry(&self) -> Option<Timestamp> {
        let inner = self.inner.lock();
        let published = self.published.borrow();
        let stale = published.next_expiry(&inner.freshness);
        let scheduled = published.next_schedule_change(&inner.time_zone);
        [stale, scheduled].into_iter().flatten().min()
    }

    /// The time by the clock by which the data is dated, when this machine's clock shows `now`.
    fn time_of_data(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.inner.lock().clock_lead).unwrap_or(now)
    }

    /// Publishes a new snapshot whenever the published one becomes outdated. Never ends.
    pub async fn run_expiry(&self, clock: impl Fn() -> Timestamp) {
        let mut published = self.subscribe();
        loop {
            published.borrow_and_update();
            let now = self.time_of_data(clock());
            let wait = match self.next_expiry() {
                Some(expiry) => Duration::try_from(expiry.duration_since(now)).unwrap_or(Duration::ZERO),
                None => Duration::MAX,
            };
            tokio::select! {
                // Timers have a resolution of 1 ms: 2 ms more ensure that the instant has passed.
                () = sleep(wait.saturating_add(Duration::from_millis(2))) => self.publish(self.time_of_data(clock())),
                _ = published.changed() => {}
            }
        }
    }
}
