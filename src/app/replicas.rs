//! Runs this process as one of several replicas: starts and ends its polls, follows the active
//! replica, and hands over before it ends.
//!
//! What is not here: the decisions (`replica::pair`, `replica::election`), fetching a state
//! (`replica::mirror`), and the state file (`state_keeper`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Error;
use super::state::AppState;
use super::supervisor::Supervisor;
use crate::aliyun::{Endpoint, Secret, chain};
use crate::lifecycle::{Latch, Readiness};
use crate::replica::mirror::{Asked, Keep, Mirror, MirrorError};
use crate::replica::options::{PairRole, ReplicaOptions, ReplicaSetup};
use crate::replica::pair::{Duty, NextAsk, Pair, PeerEvent};
use crate::replica::peer::{PeerClient, PeerError};
use crate::replica::publication::Publication;
use crate::telemetry::status::{ReplicaMode, ReplicaRole, ReplicaStatus};
use crate::telemetry::{RestoreResult, RestoreSource, Telemetry};

/// How long a poll may take to end before another replica polls.
pub(crate) const POLL_END_LIMIT: Duration = Duration::from_secs(1);
/// How long standbys may take to fetch the last state of a replica that leaves.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(1);
/// Time between two log lines about the same failure.
const REPORT_INTERVAL: Duration = Duration::from_secs(600);

/// This process as one of several replicas.
pub(crate) struct Replica {
    supervisor: Arc<AsyncMutex<Supervisor>>,
    publication: Arc<Publication>,
    mirror: Mirror,
    telemetry: Arc<Telemetry>,
    /// Open unless another replica refuses this one's token.
    token_accepted: Latch,
    setup: ReplicaSetup,
    status: ReplicaStatus,
    /// Whether the next restored state is counted: the first one after a start or a takeover.
    counts_restore: bool,
    /// Whether this replica has followed another one.
    was_standby: bool,
    /// The failure that was logged last, and when.
    logged: Option<(String, Instant)>,
}

impl Replica {
    /// The replica that the options describe, as a standby; `None` if there are no other replicas.
    /// From now on `state` serves its state to the others.
    ///
    /// # Errors
    /// The certificates that the options name cannot be used.
    pub(crate) fn new(
        options: &ReplicaOptions,
        state: &Arc<AppState>,
        supervisor: &Arc<AsyncMutex<Supervisor>>,
        telemetry: &Arc<Telemetry>,
        readiness: &Readiness,
    ) -> Result<Option<Self>, Error> {
        let mode = match &options.setup {
            ReplicaSetup::Off => return Ok(None),
            ReplicaSetup::Pair { .. } => ReplicaMode::Pair,
            ReplicaSetup::Kubernetes { .. } => ReplicaMode::Kubernetes,
        };
        let token = options.token.clone().unwrap_or_else(|| Secret::new(""));
        let id = rand::random();
        let client = PeerClient::new(&token, options.ca_file.as_deref(), id)?;
        // The publication must not keep the state alive that owns it.
        let published = Arc::downgrade(state);
        let encode = move || published.upgrade().map_or_else(Vec::new, |state| state.encode_state());
        let publication = Arc::new(Publication::new(token, id, Arc::new(encode)));
        state.publish_to(Arc::clone(&publication));
        let token_accepted = readiness.latch("another replica to accept replicas.token");
        token_accepted.open();
        let status = ReplicaStatus { mode, role: ReplicaRole::Standby, ..ReplicaStatus::default() };
        telemetry.replica_active(false);
        let replica = Self {
            supervisor: Arc::clone(supervisor),
            publication,
            mirror: Mirror::new(client, Arc::clone(state.store()), state.rendered()),
            telemetry: Arc::clone(telemetry),
            token_accepted,
            setup: options.setup.clone(),
            status,
            counts_restore: true,
            was_standby: false,
            logged: None,
        };
        replica.publish_status();
        Ok(Some(replica))
    }

    /// Runs until `shutdown`, then hands over to another replica.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        match self.setup.clone() {
            ReplicaSetup::Off => {}
            ReplicaSetup::Pair { role, peer, takeover_after } => {
                self.run_pair(role, &peer, takeover_after, &shutdown).await;
            }
            ReplicaSetup::Kubernetes { .. } => {}
        }
        shutdown.cancelled().await;
        self.leave().await;
        self.publication.close();
    }

    /// Runs a replica of a pair until `shutdown`.
    async fn run_pair(
        &mut self,
        role: PairRole,
        peer: &Endpoint,
        takeover_after: Duration,
        shutdown: &CancellationToken,
    ) {
        let mut pair = Pair::new(role, takeover_after, Instant::now());
        while let Some(next) = pair.next_ask(Instant::now()) {
            let keep = match (role, pair.duty()) {
                (_, Duty::Active) => Keep::Nothing,
                (PairRole::Primary, _) => Keep::Newer,
                (PairRole::Standby, _) => Keep::OfActive,
            };
            let asked = shutdown.run_until_cancelled(self.ask(peer, keep, next)).await;
            let Some(event) = asked else { return };
            match pair.observe(event, Instant::now()) {
                Duty::Active => self.become_active().await,
                Duty::Standby => self.become_standby().await,
                Duty::Returning => {}
            }
        }
    }

    /// Asks `peer` for its state at the time of `next`.
    async fn ask(&mut self, peer: &Endpoint, keep: Keep, next: NextAsk) -> PeerEvent {
        sleep_until(next.at).await;
        let asked = self.mirror.ask(peer, keep, next.wait, next.limit).await;
        match &asked {
            Ok(asked) => self.answered(peer, *asked),
            Err(error) => self.failed(error),
        }
        self.publish_status();
        match asked {
            Ok(Asked { role, .. }) => PeerEvent::Answered(role),
            Err(error) if error.is_answer() => PeerEvent::Present,
            Err(_) => PeerEvent::Silent,
        }
    }

    fn answered(&mut self, peer: &Endpoint, asked: Asked) {
        if self.logged.take().is_some() {
            tracing::info!(%peer, "the other replica shares its state again");
        }
        self.token_accepted.open();
        self.status.fetch_failure = None;
        let is_mirrored = self.status.role == ReplicaRole::Standby && asked.role != ReplicaRole::Standby;
        self.status.of = is_mirrored.then(|| peer.url());
        if asked.is_restored && std::mem::take(&mut self.counts_restore) {
            self.telemetry.state_restored(RestoreSource::Peer, RestoreResult::Ok);
        }
    }

    fn failed(&mut self, error: &MirrorError) {
        if matches!(error, MirrorError::Peer(PeerError::Refused { .. })) {
            self.token_accepted.close();
        }
        if let MirrorError::State(error) = error
            && std::mem::take(&mut self.counts_restore)
        {
            self.telemetry.state_restored(RestoreSource::Peer, error.result());
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

    async fn become_active(&mut self) {
        if self.status.role == ReplicaRole::Active {
            return;
        }
        self.status.role = ReplicaRole::Active;
        self.status.of = None;
        self.status.fetch_failure = None;
        self.mirror.forget();
        // The state of another replica that is fetched after this is the first one again.
        self.counts_restore = true;
        if self.was_standby {
            self.telemetry.taken_over();
        }
        self.telemetry.replica_active(true);
        self.publication.set_role(ReplicaRole::Active);
        self.supervisor.lock().await.resume();
        self.publish_status();
        tracing::info!(is_takeover = self.was_standby, "this replica is active: it polls");
    }

    async fn become_standby(&mut self) {
        self.was_standby |= self.status.of.is_some();
        if self.status.role == ReplicaRole::Standby {
            return;
        }
        self.end_polls().await;
        self.was_standby = true;
        self.status.role = ReplicaRole::Standby;
        self.publication.set_role(ReplicaRole::Standby);
        self.publish_status();
        tracing::info!("this replica is a standby: it serves the state of the active replica");
    }

    /// Hands the state over to the standbys, if this replica is active.
    async fn leave(&mut self) {
        if self.status.role == ReplicaRole::Active {
            self.end_polls().await;
            self.publication.served_by_standbys(HAND_OVER_LIMIT).await;
            self.status.role = ReplicaRole::Leaving;
            self.publication.set_role(ReplicaRole::Leaving);
            self.publish_status();
        }
    }

    /// Ends the polls, and publishes what they found.
    async fn end_polls(&mut self) {
        self.supervisor.lock().await.pause(POLL_END_LIMIT).await;
        self.publication.advance();
        self.telemetry.replica_active(false);
    }

    fn publish_status(&self) {
        self.telemetry.replica(self.status.clone());
    }
}
