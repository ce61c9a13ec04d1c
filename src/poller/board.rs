//! Where polls leave what they brought, and where readers find the newest snapshot.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::{sync::watch, time::sleep};

use super::{Refreshed, TargetPoll, TargetState};
use crate::fleet::Snapshot;

/// All targets' states and the snapshot made of them.
///
/// A snapshot is published when a poll ends, and also without any poll when something gets too old
/// to be served or when a schedule asks for another number of nodes: [`Board::keep`] sees to that.
#[derive(Debug)]
pub struct Board {
    kept: Mutex<Kept>,
    published: watch::Sender<Arc<Snapshot>>,
}

#[derive(Debug)]
struct Kept {
    states: Vec<TargetState>,
    stale_after: SignedDuration,
    time_zone: TimeZone,
}

impl Board {
    /// A board for these targets, none of them polled yet.
    pub fn new(states: Vec<TargetState>, stale_after: SignedDuration, time_zone: TimeZone) -> Self {
        let (published, _) = watch::channel(Arc::new(Snapshot::default()));
        let board = Self { kept: Mutex::new(Kept { states, stale_after, time_zone }), published };
        board.publish(Timestamp::UNIX_EPOCH);
        board
    }

    /// The snapshots, the newest first seen.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Takes over what a poll of a target brought (`None`: it panicked), and publishes. What comes of
    /// a target that is no longer on the board is dropped.
    pub fn apply(&self, account: &str, target: &str, poll: Option<TargetPoll>, now: Timestamp) {
        let found = self.lock().states.iter_mut().find(|state| state.is_of(account, target)).map(|state| {
            state.apply(poll, now);
        });
        if found.is_some() {
            self.publish(now);
        }
    }

    /// Takes other targets, in this order, and publishes. Targets that stay keep all that is known of them.
    pub fn change(
        &self,
        targets: impl IntoIterator<Item = (Arc<str>, Arc<str>)>,
        stale_after: SignedDuration,
        time_zone: TimeZone,
        now: Timestamp,
    ) {
        {
            let mut kept = self.lock();
            let mut known = std::mem::take(&mut kept.states);
            let states = targets.into_iter().map(|(account, target)| {
                match known.iter().position(|state| state.is_of(&account, &target)) {
                    Some(index) => known.swap_remove(index),
                    None => TargetState::new(account, target),
                }
            });
            *kept = Kept { states: states.collect(), stale_after, time_zone };
        }
        self.publish(now);
    }

    /// When the groups of a target were last listed.
    pub fn refreshed(&self, account: &str, target: &str) -> Refreshed {
        let kept = self.lock();
        let state = kept.states.iter().find(|state| state.is_of(account, target));
        state.map(TargetState::refreshed).unwrap_or_default()
    }

    /// Publishes what is fresh at `now`.
    pub fn publish(&self, now: Timestamp) {
        // Sent under the lock: of two polls that end at once, the later snapshot must win.
        let kept = self.lock();
        let targets = kept.states.iter().map(TargetState::health).collect();
        let groups = kept.states.iter().flat_map(TargetState::groups).map(Arc::new).collect();
        let (snapshot, duplicates) = Snapshot::build(now, targets, groups);
        if duplicates > 0 {
            tracing::warn!(
                duplicates,
                "several targets of one account list the same groups: each is shown once, as the first target sees it"
            );
        }
        self.published.send_replace(Arc::new(snapshot.aged(now, kept.stale_after)));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic under the lock leaves at worst one target's poll half applied; the next one mends it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the published snapshot stops being true without any poll.
    fn due(&self) -> Option<Timestamp> {
        let kept = self.lock();
        let published = self.published.borrow();
        let expiry = published.next_expiry(kept.stale_after);
        let scheduled = published.next_schedule_change(&kept.time_zone);
        [expiry, scheduled].into_iter().flatten().min()
    }

    /// Publishes again whenever it is due. Never ends.
    pub async fn keep(&self, clock: impl Fn() -> Timestamp) {
        let mut published = self.subscribe();
        loop {
            published.borrow_and_update();
            let now = clock();
            let wait = match self.due() {
                Some(due) => Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO),
                None => Duration::MAX,
            };
            tokio::select! {
                // A little late rather than a little early: timers count whole milliseconds.
                () = sleep(wait.saturating_add(Duration::from_millis(2))) => self.publish(clock()),
                _ = published.changed() => {}
            }
        }
    }
}
