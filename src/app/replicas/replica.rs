//! What every replica does: it starts and ends its polls, follows another replica, and hands over
//! before it ends.
//!
//! What is not here: when (`paired`, `elected`), and fetching a state (`replica::mirror`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::aliyun::{Endpoint, chain};
use crate::app::supervisor::Supervisor;
use crate::lifecycle::Latch;
use crate::replica::mirror::{Asked, Keep, Mirror, MirrorError};
use crate::replica::pair::{NextAsk, PeerEvent};
use crate::replica::peer::PeerError;
use crate::replica::publication::Publication;
use crate::telemetry::status::{ReplicaMode, ReplicaRole, ReplicaStatus};
use crate::telemetry::{RestoreResult, RestoreSource, Telemetry};

/// How long a poll may take to end before another replica polls.
pub(crate) const POLL_END_LIMIT: Duration = Duration::from_secs(1);
/// How long standbys may take to serve the last state of a replica that leaves.
const LAST_STATE_LIMIT: Duration = Duration::from_secs(1);
/// How long a standby that took longer may take to ask again and learn that the replica leaves.
/// Rendering the state of a large fleet on a busy machine takes seconds.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);
/// Time between two log lines about the same failure.
const REPORT_INTERVAL: Duration = Duration::from_secs(600);

/// This process as one of several replicas.
pub(super) struct Replica {
    parts: ReplicaParts,
    status: ReplicaStatus,
    first_answer: CancellationToken,
    /// Whether the next restored state is counted: the first one after a start or a takeover.
    counts_restore: bool,
    /// Whether this replica has followed another one.
    was_standby: bool,
    /// The failure that was logged last, and when.
    logged: Option<(String, Instant)>,
}

/// What a replica consists of.
pub(super) struct ReplicaParts {
    /// Starts and ends polls.
    pub(super) supervisor: Arc<AsyncMutex<Supervisor>>,
    /// Serves the state to other replicas.
    pub(super) publication: Arc<Publication>,
    /// Fetches the state of another replica.
    pub(super) mirror: Mirror,
    /// Shows operators which replica this is.
    pub(super) telemetry: Arc<Telemetry>,
    /// Open unless another replica refuses this one's token.
    pub(super) token_accepted: Latch,
}

impl Replica {
    /// A standby. `mode` is how its role is decided.
    pub(super) fn new(mode: ReplicaMode, parts: ReplicaParts) -> Self {
        parts.token_accepted.open();
        parts.telemetry.replica_active(false);
        let status = ReplicaStatus { mode, role: ReplicaRole::Standby, ..ReplicaStatus::default() };
        let replica = Self {
            parts,
            status,
            first_answer: CancellationToken::new(),
            counts_restore: true,
            was_standby: false,
            logged: None,
        };
        replica.publish_status();
        replica
    }

    /// Cancelled once this replica serves the state of another one, or has failed to fetch it, or
    /// polls.
    pub(super) fn first_answer(&self) -> CancellationToken {
        self.first_answer.clone()
    }

    /// Whether there is data of polls, of this process or of another one.
    #[cfg(feature = "kubernetes")]
    pub(super) async fn has_data(&self) -> bool {
        self.parts.supervisor.lock().await.store().newest().is_some()
    }

    /// Whether this replica polls.
    #[cfg(feature = "kubernetes")]
    pub(super) fn is_active(&self) -> bool {
        self.status.role == ReplicaRole::Active
    }

    /// Does not wait any longer for the state of another replica before requests are served.
    #[cfg(feature = "kubernetes")]
    pub(super) fn serve(&self) {
        self.first_answer.cancel();
    }

    /// Forgets the state that was fetched last, because another replica is asked from now on.
    #[cfg(feature = "kubernetes")]
    pub(super) fn forget_peer(&mut self) {
        self.parts.mirror.forget();
    }

    /// Answers every other replica at once from now on, because the server shuts down.
    pub(super) fn close(&self) {
        self.parts.publication.close();
    }

    /// Asks `peer` for its state at the time of `next`.
    pub(super) async fn ask(&mut self, peer: &Endpoint, keep: Keep, next: NextAsk) -> PeerEvent {
        sleep_until(next.at).await;
        let asked = self.parts.mirror.ask(peer, keep, next.wait, next.limit).await;
        match &asked {
            Ok(asked) => self.answered(peer, *asked, keep),
            Err(error) => self.failed(error),
        }
        self.publish_status();
        self.first_answer.cancel();
        match asked {
            Ok(Asked { role, .. }) => PeerEvent::Answered(role),
            Err(error) if error.is_answer() => PeerEvent::Present,
            Err(_) => PeerEvent::Silent,
        }
    }

    fn answered(&mut self, peer: &Endpoint, asked: Asked, keep: Keep) {
        if self.logged.take().is_some() {
            tracing::info!(%peer, "the other replica shares its state again");
        }
        self.parts.token_accepted.open();
        self.status.fetch_failure = None;
        let is_mirrored = self.status.role == ReplicaRole::Standby && asked.role != ReplicaRole::Standby;
        self.status.of = is_mirrored.then(|| peer.to_string());
        // A primary that returns is not a standby.
        self.was_standby |= is_mirrored && keep == Keep::OfActive;
        if asked.is_restored && std::mem::take(&mut self.counts_restore) {
            self.parts.telemetry.state_restored(RestoreSource::Peer, RestoreResult::Ok);
        }
    }

    fn failed(&mut self, error: &MirrorError) {
        if matches!(error, MirrorError::Peer(PeerError::Refused { .. })) {
            self.parts.token_accepted.close();
        }
        if let MirrorError::State(error) = error
            && std::mem::take(&mut self.counts_restore)
        {
            self.parts.telemetry.state_restored(RestoreSource::Peer, error.result());
        }
        // While this replica is active, the other one is expected to be away.
        if self.status.role == ReplicaRole::Active && !error.is_answer() {
            return;
        }
        let text = chain(error);
        let is_new = self.logged.as_ref().is_none_or(|(known, at)| {
            *known != text || Instant::now().duration_since(*at) >= REPORT_INTERVAL
        });
        if is_new {
            match error.is_answer() {
                true => tracing::error!(error = %text, "the state of the other replica is not served"),
                false => tracing::warn!(error = %text, "the state of the other replica cannot be fetched"),
            }
            self.logged = Some((text.clone(), Instant::now()));
        }
        self.status.fetch_failure = Some(text);
    }

    pub(super) async fn become_active(&mut self) {
        if self.status.role == ReplicaRole::Active {
            return;
        }
        self.status.role = ReplicaRole::Active;
        self.status.of = None;
        self.status.fetch_failure = None;
        self.parts.mirror.forget();
        // The state of another replica that is fetched after this is the first one again.
        self.counts_restore = true;
        if self.was_standby {
            self.parts.telemetry.taken_over();
        }
        self.parts.telemetry.replica_active(true);
        self.parts.publication.set_role(ReplicaRole::Active);
        self.parts.supervisor.lock().await.resume();
        self.publish_status();
        self.first_answer.cancel();
        tracing::info!(is_takeover = self.was_standby, "this replica is active: it polls");
    }

    pub(super) async fn become_standby(&mut self) {
        if self.status.role == ReplicaRole::Standby {
            return;
        }
        self.end_polls().await;
        self.was_standby = true;
        self.status.role = ReplicaRole::Standby;
        self.parts.publication.set_role(ReplicaRole::Standby);
        self.publish_status();
        tracing::info!("this replica is a standby: it serves the state of the active replica");
    }

    /// Hands the state over to the standbys, if this replica is active.
    pub(super) async fn leave(&mut self) {
        if self.status.role == ReplicaRole::Active {
            self.end_polls().await;
            self.parts.publication.served_by_standbys(LAST_STATE_LIMIT).await;
            self.status.role = ReplicaRole::Leaving;
            self.publish_status();
            self.parts.publication.leave(LEAVE_LIMIT).await;
        }
    }

    /// Ends the polls, and publishes what they found.
    async fn end_polls(&mut self) {
        self.parts.supervisor.lock().await.pause(POLL_END_LIMIT).await;
        self.parts.publication.advance();
        self.parts.telemetry.replica_active(false);
    }

    fn publish_status(&self) {
        self.parts.telemetry.replica(self.status.clone());
    }
}
