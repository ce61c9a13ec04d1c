//! Keeps the state of every target, and publishes snapshots that are built from these states.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::sleep;

use super::poll_result::TargetPoll;
use super::state::TargetState;
use crate::fleet::{Freshness, Snapshot};

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
}

impl SnapshotStore {
    /// A store for these targets (account and name), none of which has been polled. Data that is
    /// stale by `freshness` is not published; `time_zone` is the time zone of schedules.
    pub fn new(
        targets: impl IntoIterator<Item = (Arc<str>, Arc<str>)>,
        freshness: Freshness,
        time_zone: TimeZone,
    ) -> Self {
        let states = targets.into_iter().map(|(account, target)| TargetState::new(account, target));
        let inner = Inner { states: states.collect(), freshness, time_zone };
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
        drop(inner);
        self.publish(now);
    }

    /// Replaces the targets and options, and publishes a snapshot. Targets that stay keep their
    /// data.
    pub fn set_targets(
        &self,
        targets: impl IntoIterator<Item = (Arc<str>, Arc<str>)>,
        freshness: Freshness,
        time_zone: TimeZone,
        now: Timestamp,
    ) {
        let mut inner = self.inner.lock();
        let mut previous = std::mem::take(&mut inner.states);
        let states = targets.into_iter().map(|(account, target)| {
            match previous.iter().position(|state| state.is_of(&account, &target)) {
                Some(index) => previous.swap_remove(index),
                None => TargetState::new(account, target),
            }
        });
        *inner = Inner { states: states.collect(), freshness, time_zone };
        drop(inner);
        self.publish(now);
    }

    /// Publishes a snapshot of the data that is not stale at `now`.
    pub fn publish(&self, now: Timestamp) {
        // The snapshot is sent while the lock is held: if two polls end at the same time, the
        // snapshot that was built later must be sent later.
        let inner = self.inner.lock();
        let targets = inner.states.iter().map(TargetState::health).collect();
        let groups = inner.states.iter().flat_map(TargetState::groups).map(Arc::clone).collect();
        let (snapshot, duplicates) = Snapshot::build(now, targets, groups);
        if duplicates > 0 {
            tracing::warn!(
                duplicates,
                "several targets of one account list the same groups: each group is exported once, for the first target"
            );
        }
        self.published.send_replace(Arc::new(snapshot.aged(now, &inner.freshness)));
    }

    /// When the published snapshot becomes outdated if no poll ends before; `None` if never.
    fn next_expiry(&self) -> Option<Timestamp> {
        let inner = self.inner.lock();
        let published = self.published.borrow();
        let stale = published.next_expiry(&inner.freshness);
        let scheduled = published.next_schedule_change(&inner.time_zone);
        [stale, scheduled].into_iter().flatten().min()
    }

    /// Publishes a new snapshot whenever the published one becomes outdated. Never ends.
    pub async fn run_expiry(&self, clock: impl Fn() -> Timestamp) {
        let mut published = self.subscribe();
        loop {
            published.borrow_and_update();
            let now = clock();
            let wait = match self.next_expiry() {
                Some(expiry) => Duration::try_from(expiry.duration_since(now)).unwrap_or(Duration::ZERO),
                None => Duration::MAX,
            };
            tokio::select! {
                // Timers have a resolution of 1 ms: 2 ms more ensure that the instant has passed.
                () = sleep(wait.saturating_add(Duration::from_millis(2))) => self.publish(clock()),
                _ = published.changed() => {}
            }
        }
    }
}
