//! Runs this process as one of several replicas.
//!
//! | module | contents |
//! |---|---|
//! | `replica` | what every replica does |
//! | `paired`, `elected` | when a replica of a pair, and one that is elected, does it |
//! | `leases` | names of Leases, and identities of their holders |
//! | `previous_owners` | continuing the groups that move to this shard |
//! | `advertise` | the address at which others reach this one |
//!
//! What is not here: the decisions (`replica::pair`, `replica::election`), fetching a state
//! (`replica::mirror`), and the state file (`state_keeper`).

pub(crate) mod advertise;
#[cfg(feature = "kubernetes")]
mod elected;
#[cfg(feature = "kubernetes")]
pub(crate) mod leases;
mod paired;
#[cfg(feature = "kubernetes")]
mod previous_owners;
mod replica;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use self::advertise::ServedAddress;
#[cfg(feature = "kubernetes")]
use self::previous_owners::PreviousOwners;
pub(crate) use self::replica::POLL_END_LIMIT;
use self::replica::{Replica, ReplicaParts};
use super::Error;
use super::state::AppState;
use super::supervisor::Supervisor;
use crate::aliyun::{Endpoint, Secret};
use crate::lifecycle::Readiness;
use crate::poller::Shard;
#[cfg(feature = "kubernetes")]
use crate::replica::election::Election;
use crate::replica::mirror::Mirror;
use crate::replica::options::{PairRole, ReplicaOptions, ReplicaSetup};
use crate::replica::peer::PeerClient;
use crate::replica::publication::Publication;
use crate::replica::token::SharedToken;
use crate::telemetry::Telemetry;
use crate::telemetry::status::ReplicaMode;

/// This process as one of several replicas, and what decides its role.
pub(crate) struct OneOfSeveral {
    replica: Replica,
    decider: Decider,
}

/// How the role of a replica is decided.
enum Decider {
    /// By the configuration, and by whether the other one of a pair answers.
    Pair { role: PairRole, peer: Endpoint, takeover_after: Duration },
    /// By a Lease of Kubernetes.
    #[cfg(feature = "kubernetes")]
    Election { election: Box<Election>, previous_owners: Box<PreviousOwners> },
}

/// What a replica needs from the rest of the daemon.
#[cfg_attr(not(feature = "kubernetes"), expect(dead_code, reason = "only an election needs all of it"))]
pub(crate) struct ReplicaContext<'a> {
    /// Its snapshots are served to the other replicas.
    pub state: &'a Arc<AppState>,
    /// Starts and ends polls.
    pub supervisor: &'a Arc<Mutex<Supervisor>>,
    /// Shows operators which replica this is.
    pub telemetry: &'a Arc<Telemetry>,
    /// Closed while another replica refuses this one's token.
    pub readiness: &'a Readiness,
    /// The part of the groups that this process polls.
    pub shard: Shard,
    /// Where others reach this process.
    pub address: ServedAddress,
}

impl OneOfSeveral {
    /// The replica that the options describe, as a standby; `None` if there are no other replicas.
    /// From now on the state is served to the others.
    ///
    /// # Errors
    /// Certificates cannot be used, there is no cluster, or there is no address that others can use.
    pub(crate) fn new(options: &ReplicaOptions, context: ReplicaContext<'_>) -> Result<Option<Self>, Error> {
        if options.setup == ReplicaSetup::Off {
            return Ok(None);
        }
        // The configuration requires a token.
        let token = options.token.clone().unwrap_or_else(|| Secret::new(""));
        let token = SharedToken::new(token, options.token_file.clone());
        let id = rand::random();
        let client = PeerClient::new(token.clone(), options.ca_file.as_deref(), id)?;
        let Some((mode, decider)) = decider(options, &context, &client)? else { return Ok(None) };
        let ReplicaContext { state, supervisor, telemetry, readiness, .. } = context;
        // The publication must not keep the state alive that owns it.
        let published = Arc::downgrade(state);
        let encode = move || published.upgrade().map_or_else(Vec::new, |state| state.encode_state());
        let publication = Arc::new(Publication::new(token, id, Arc::new(encode)));
        state.publish_to(Arc::clone(&publication));
        let parts = ReplicaParts {
            supervisor: Arc::clone(supervisor),
            publication,
            mirror: Mirror::new(client, Arc::clone(state.store()), state.rendered()),
            telemetry: Arc::clone(telemetry),
            token_accepted: readiness.latch("another replica to accept replicas.token"),
        };
        Ok(Some(Self { replica: Replica::new(mode, parts), decider }))
    }

    /// Cancelled once this replica serves the state of another one, or has failed to fetch it, or
    /// polls.
    pub(crate) fn first_answer(&self) -> CancellationToken {
        self.replica.first_answer()
    }

    /// Runs until `shutdown`, then hands over to another replica.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let Self { mut replica, decider } = self;
        match decider {
            Decider::Pair { role, peer, takeover_after } => {
                paired::run(&mut replica, role, &peer, takeover_after, &shutdown).await;
            }
            #[cfg(feature = "kubernetes")]
            Decider::Election { election, previous_owners } => {
                let mut candidate = elected::Candidate { replica: &mut replica, previous_owners };
                candidate.run(*election, &shutdown).await;
            }
        }
        replica.close();
    }
}

/// What decides the role of the replica that the options describe.
#[cfg_attr(not(feature = "kubernetes"), expect(unused_variables, reason = "only an election needs them"))]
fn decider(
    options: &ReplicaOptions,
    context: &ReplicaContext<'_>,
    client: &PeerClient,
) -> Result<Option<(ReplicaMode, Decider)>, Error> {
    Ok(match options.setup.clone() {
        ReplicaSetup::Off => None,
        ReplicaSetup::Pair { role, peer, takeover_after } => {
            Some((ReplicaMode::Pair, Decider::Pair { role, peer, takeover_after }))
        }
        #[cfg(feature = "kubernetes")]
        ReplicaSetup::Kubernetes { lease, pod } => {
            let previous_owners = Box::new(PreviousOwners {
                lease: lease.clone(),
                namespace: pod.namespace.clone(),
                shard: context.shard,
                allow_http: options.allow_http,
                client: client.clone(),
                store: Arc::clone(context.state.store()),
            });
            let election = elected::connect(options, lease, pod, context.shard, &context.address)?;
            let election = Box::new(election);
            Some((ReplicaMode::Kubernetes, Decider::Election { election, previous_owners }))
        }
        // The configuration rejects it.
        #[cfg(not(feature = "kubernetes"))]
        ReplicaSetup::Kubernetes { .. } => None,
    })
}
