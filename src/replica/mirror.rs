//! Serves the state of another replica: fetches it, and puts it into this replica's own store, from
//! which the same code renders it.
//!
//! What is not here: HTTP (`peer`), and the choice of the other replica (`pair`, `election`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::StateError;
use super::envelope;
use super::peer::{PeerClient, PeerError};
use super::protocol::StateTag;
use crate::aliyun::Endpoint;
use crate::fleet::Snapshot;
use crate::poller::{SavedState, SnapshotStore};
use crate::telemetry::status::ReplicaRole;

/// How long rendering may delay the next question.
const RENDER_LIMIT: Duration = Duration::from_secs(10);

/// A difference of clocks below this can be that of the transfer of a state, and of an HTTP date,
/// which has whole seconds. Data is served for minutes, so it does not matter.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(10);

/// Follows other replicas.
#[derive(Debug)]
pub struct Mirror {
    client: PeerClient,
    store: Arc<SnapshotStore>,
    /// The snapshot that scrapes get.
    rendered: watch::Receiver<Arc<Snapshot>>,
    known: Option<StateTag>,
}

/// Which states of the other replica are put into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None: this replica is active.
    Nothing,
    /// Those of a replica that is active or leaves.
    OfActive,
    /// Those that are newer than the data in the store, of a replica with any role.
    Newer,
}

/// What the other replica answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What it does.
    pub role: ReplicaRole,
    /// Whether its state was put into the store.
    pub is_restored: bool,
}

/// Why the state of another replica is not served.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// It could not be fetched.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// It could not be read.
    #[error("the state of the other replica cannot be used")]
    State(#[from] StateError),
    /// Reading it panicked.
    #[error("reading the state of the other replica failed")]
    Panic(#[from] JoinError),
}

impl MirrorError {
    /// Whether the other replica is running.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Peer(error) => error.is_answer(),
            Self::State(_) | Self::Panic(_) => true,
        }
    }
}

impl Mirror {
    /// A mirror that puts states into `store`, and waits until `rendered` has them.
    pub fn new(
        client: PeerClient,
        store: Arc<SnapshotStore>,
        rendered: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        Self { client, store, rendered, known: None }
    }

    /// Forgets the known state, because the store has changed or another replica is asked.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Asks `peer` for another state than the known one, puts it into the store, and waits until
    /// it is served. So the next question shows the other replica that it is.
    ///
    /// # Errors
    /// The other replica does not answer, or its state cannot be used.
    pub async fn ask(
        &mut self,
        peer: &Endpoint,
        keep: Keep,
        wait: Duration,
        limit: Duration,
    ) -> Result<Asked, MirrorError> {
        let answer = self.client.ask(peer, self.known, wait, limit).await?;
        let role = answer.role;
        let body = match answer.body {
            Some(body) if keep == Keep::Newer || (keep == Keep::OfActive && role != ReplicaRole::Standby) => {
                body
            }
            // A state that is not kept must be sent again when it is.
            Some(_) => return Ok(Asked { role, is_restored: false }),
            None => {
                self.known = answer.tag;
                return Ok(Asked { role, is_restored: false });
            }
        };
        let saved = spawn_blocking(move || envelope::decode(&body)).await??;
        let is_restored = self.restore(saved, keep, clock_lead(answer.date, Timestamp::now()));
        self.known = answer.tag;
        if is_restored {
            // Otherwise the next question reports a state that is not served yet, and a scraper may
            // see the previous one for longer.
            let _ = timeout(RENDER_LIMIT, await_rendering(&self.store, &mut self.rendered)).await;
        }
        Ok(Asked { role, is_restored })
    }

    fn restore(&self, saved: SavedState, keep: Keep, clock_lead: SignedDuration) -> bool {
        let is_kept = keep != Keep::Newer || saved.newest() > self.store.newest();
        is_kept && self.store.mirror(saved, clock_lead)
    }
}

/// How far the clock that shows `now` is ahead of one that has shown `date`, a few seconds ago.
fn clock_lead(date: Option<Timestamp>, now: Timestamp) -> SignedDuration {
    let lead = date.map_or(SignedDuration::ZERO, |date| now.duration_since(date));
    if lead.abs() < CLOCK_TOLERANCE { SignedDuration::ZERO } else { lead }
}

/// Waits until the newest snapshot of `store` is the one that is `rendered`.
pub async fn await_rendering(store: &SnapshotStore, rendered: &mut watch::Receiver<Arc<Snapshot>>) {
    // Times are not compared: that of a snapshot of another replica can be before the start of this
    // process.
    let snapshots = store.subscribe();
    let is_newest = |rendered: &Arc<Snapshot>| Arc::ptr_eq(rendered, &snapshots.borrow());
    // The sender lives as long as the store.
    let _ = rendered.wait_for(is_newest).await;
}
