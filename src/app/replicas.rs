//! Runs this process as one of several replicas: starts and ends its polls, follows the active
//! replica, and hands over before it ends.
//!
//! What is not here: the decisions (`replica::pair`, `replica::election`), fetching a state
//! (`replica::mirror`), and the state file (`state_keeper`).

#[cfg(feature = "kubernetes")]
pub(crate) mod advertise;
#[cfg(feature = "kubernetes")]
mod kubernetes;

use std::net::SocketAddr;
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
use crate::poller::Shard;
#[cfg(feature = "kubernetes")]
use crate::replica::election::Election;
use crate::replica::mirror::{Asked, Keep, Mirror, MirrorError};
use crate::replica::options::{PairRole, ReplicaOptions, ReplicaSetup};
use crate::replica::pair::{Duty, NextAsk, Pair, PeerEvent};
use crate::replica::peer::{PeerClient, PeerError};
use crate::replica::publication::Publication;
use crate::replica::token::SharedToken;
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
    #[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "the configuration checks a peer"))]
    allow_http: bool,
    /// Taken when the replica runs.
    decider: Option<Decider>,
    status: ReplicaStatus,
    /// Whether the next restored state is counted: the first one after a start or a takeover.
    counts_restore: bool,
    /// Whether this replica has followed another one.
    was_standby: bool,
    /// The failure that was logged last, and when.
    logged: Option<(String, Instant)>,
}

/// How the role of a replica is decided.
enum Decider {
    /// By the configuration, and by whether the other one of a pair answers.
    Pair { role: PairRole, peer: Endpoint, takeover_after: Duration },
    /// By a Lease of Kubernetes.
    #[cfg(feature = "kubernetes")]
    Election(Box<Election>),
}

/// What a replica needs from the rest of the daemon.
#[cfg_attr(
    not(feature = "kubernetes"),
    expect(dead_code, reason = "only a candidate for a Lease shows its address to others")
)]
pub(crate) struct ReplicaContext<'a> {
    /// Its snapshots are served to the other replicas.
    pub state: &'a Arc<AppState>,
    /// Starts and ends polls.
    pub supervisor: &'a Arc<AsyncMutex<Supervisor>>,
    /// Shows operators which replica this is.
    pub telemetry: &'a Arc<Telemetry>,
    /// Closed while another replica refuses this one's token.
    pub readiness: &'a Readiness,
    /// The part of the groups that this process polls.
    pub shard: Shard,
    /// The addresses that the server listens on.
    pub listens_on: Vec<SocketAddr>,
    /// Whether the server uses TLS.
    pub is_tls: bool,
}

impl Replica {
    /// The replica that the options describe, as a standby; `None` if there are no other replicas.
    /// From now on the state is served to the others.
    ///
    /// # Errors
    /// Certificates cannot be used, there is no cluster, or there is no address that others can use.
    pub(crate) async fn new(
        options: &ReplicaOptions,
        context: ReplicaContext<'_>,
    ) -> Result<Option<Self>, Error> {
        let (mode, decider) = match options.setup.clone() {
            ReplicaSetup::Off => return Ok(None),
            ReplicaSetup::Pair { role, peer, takeover_after } => {
                (ReplicaMode::Pair, Decider::Pair { role, peer, takeover_after })
            }
            #[cfg(feature = "kubernetes")]
            ReplicaSetup::Kubernetes { lease, pod } => {
                let election = kubernetes::connect(options, lease, pod, &context).await?;
                (ReplicaMode::Kubernetes, Decider::Election(Box::new(election)))
            }
            // The configuration rejects it.
            #[cfg(not(feature = "kubernetes"))]
            ReplicaSetup::Kubernetes { .. } => return Ok(None),
        };
        let ReplicaContext { state, supervisor, telemetry, readiness, .. } = context;
        // The configuration requires a token.
        let token = options.token.clone().unwrap_or_else(|| Secret::new(""));
        let token = SharedToken::new(token, options.token_file.clone());
        let id = rand::random();
        let client = PeerClient::new(token.clone(), options.ca_file.as_deref(), id)?;
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
            allow_http: options.allow_http,
            decider: Some(decider),
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
        match self.decider.take() {
            Some(Decider::Pair { role, peer, takeover_after }) => {
                self.run_pair(role, &peer, takeover_after, &shutdown).await;
                shutdown.cancelled().await;
                self.leave().await;
            }
            #[cfg(feature = "kubernetes")]
            Some(Decider::Election(election)) => self.run_elected(*election, &shutdown).await,
            None => {}
        }
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
            Ok(asked) => self.answered(peer, *asked, keep),
            Err(error) => self.failed(error),
        }
        self.publish_status();
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
        self.token_accepted.open();
        self.status.fetch_failure = None;
        let is_mirrored = self.status.role == ReplicaRole::Standby && asked.role != ReplicaRole::Standby;
        self.status.of = is_mirrored.then(|| peer.to_string());
        // A primary that returns is not a standby.
        self.was_standby |= is_mirrored && keep == Keep::OfActive;
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
