//! Where polls leave what they brought, and where readers find the newest snapshot.

use std::{
    sync::{Arc, Mutex, PoisonError},
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
    states: Mutex<Vec<TargetState>>,
    stale_after: SignedDuration,
    time_zone: TimeZone,
    published: watch::Sender<Arc<Snapshot>>,
}

impl Board {
    /// A board for these targets, none of them polled yet.
    pub fn new(states: Vec<TargetState>, stale_after: SignedDuration, time_zone: TimeZone) -> Self {
        let (published, _) = watch::channel(Arc::new(Snapshot::default()));
        let board = Self { states: Mutex::new(states), stale_after, time_zone, published };
        board.publish(Timestamp::UNIX_EPOCH);
        board
    }

    /// The snapshots, the newest first seen.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Takes over what a poll of the target at `index` brought (`None`: it panicked), and publishes.
    pub fn apply(&self, index: usize, poll: Option<TargetPoll>, now: Timestamp) {
        {
            let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
            states[index].apply(poll, now);
        }
        self.publish(now);
    }

    /// When the groups of the target at `index` were last listed.
    pub fn refreshed(&self, index: usize) -> Refreshed {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)[index].refreshed()
    }

    /// Publishes what is fresh at `now`.
    pub fn publish(&self, now: Timestamp) {
        // Sent under the lock: of two polls that end at once, the later snapshot must win.
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let targets = states.iter().map(TargetState::health).collect();
        let groups = states.iter().flat_map(TargetState::groups).map(Arc::new).collect();
        let (snapshot, duplicates) = Snapshot::build(now, targets, groups);
        if duplicates > 0 {
            tracing::warn!(
                duplicates,
                "several targets of one account list the same groups: each is shown once, as the first target sees it"
            );
        }
        self.published.send_replace(Arc::new(snapshot.aged(now, self.stale_after)));
    }

    /// When the published snapshot stops being true without any poll.
    fn due(&self) -> Option<Timestamp> {
        let published = self.published.borrow();
        let expiry = published.next_expiry(self.stale_after);
        let scheduled = published.next_schedule_change(&self.time_zone);
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
