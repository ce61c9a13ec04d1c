//! Runs a replica whose role is elected by a Lease of Kubernetes.
//!
//! What is not here: the election (`replica::election`).

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::advertise::{ServedAddress, advertised, is_usable};
use super::leases::{lease_of, url_of};
use super::previous_owners::PreviousOwners;
use super::replica::Replica;
use crate::aliyun::Endpoint;
use crate::app::Error;
use crate::poller::Shard;
use crate::replica::election::{Election, ElectionOptions, Leadership};
use crate::replica::mirror::Keep;
use crate::replica::options::{DEFAULT_LEASE, DEFAULT_TAKEOVER_AFTER, Pod, ReplicaOptions};
use crate::replica::pair::{NextAsk, PeerEvent};
use crate::telemetry::status::ReplicaRole;

/// How long a replica without data leaves a Lease that is free to replicas that have some.
const CLAIM_DELAY: Duration = Duration::from_secs(2);
/// How long one question waits for another state.
const WAIT: Duration = Duration::from_secs(10);
/// How long an answer may take beyond that.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Pause after a question without a usable answer.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Connects to the cluster, as a candidate for the Lease of the shard.
///
/// # Errors
/// There is no cluster, or no address that other replicas can use.
pub(super) fn connect(
    options: &ReplicaOptions,
    lease: String,
    pod: Pod,
    shard: Shard,
    address: &ServedAddress,
) -> Result<Election, Error> {
    let url = advertised(options, pod.ip.as_deref(), address)?;
    let name = pod.name.unwrap_or_else(|| DEFAULT_LEASE.to_owned());
    let election = ElectionOptions {
        lease: lease_of(&lease, shard),
        namespace: pod.namespace,
        identity: format!("{name}@{url}"),
        lease_duration: DEFAULT_TAKEOVER_AFTER,
    };
    Ok(Election::connect(election)?)
}

/// A replica that takes part in the election.
pub(super) struct Candidate<'a> {
    /// The replica.
    pub(super) replica: &'a mut Replica,
    /// The other shards, whose groups may move to this one.
    pub(super) previous_owners: Box<PreviousOwners>,
}

impl Candidate<'_> {
    /// Takes part in the election until `shutdown`, then hands over and gives up the Lease.
    pub(super) async fn run(&mut self, election: Election, shutdown: &CancellationToken) {
        let (role, mut leadership) = watch::channel(Leadership::Unknown);
        let has_data = self.replica.has_data().await;
        let (may_claim, claims) = watch::channel(has_data);
        let release = CancellationToken::new();
        let elector = tokio::spawn(election.run(role, claims, release.clone()));
        let delayed = tokio::spawn(async move {
            sleep(CLAIM_DELAY).await;
            may_claim.send_replace(true);
            // The election reads the channel for as long as it runs.
            may_claim.closed().await;
        });
        let _ = shutdown.run_until_cancelled(self.follow(&mut leadership)).await;
        self.replica.leave().await;
        release.cancel();
        // It ends within its own limit, and a panic was logged.
        let _ = elector.await;
        delayed.abort();
    }

    /// Does what follows from the Lease. Never ends.
    async fn follow(&mut self, leadership: &mut watch::Receiver<Leadership>) {
        loop {
            let current = leadership.borrow_and_update().clone();
            let peer = match &current {
                Leadership::Leader => {
                    self.become_active().await;
                    None
                }
                Leadership::Follower { holder } => {
                    self.replica.become_standby().await;
                    holder.as_deref().and_then(|holder| self.peer(holder))
                }
                Leadership::Unknown => None,
            };
            let followed = async {
                match &peer {
                    Some(peer) => self.mirror_continuously(peer).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = leadership.changed() => if changed.is_err() {
                    // The election panicked. This replica keeps its role until the process ends.
                    std::future::pending::<()>().await;
                },
                () = followed => {}
            }
        }
    }

    /// Starts the polls, after the state of groups that moved to this shard was fetched.
    async fn become_active(&mut self) {
        if !self.replica.is_active() && self.previous_owners.are_needed() {
            // Two shards that ask each other before they serve would wait for each other.
            self.replica.serve();
            self.previous_owners.continue_groups().await;
        }
        self.replica.become_active().await;
    }

    /// The address of the active replica, if the token may be sent there.
    fn peer(&self, holder: &str) -> Option<Endpoint> {
        let peer = url_of(holder).filter(|peer| is_usable(peer, self.previous_owners.allow_http));
        if peer.is_none() {
            tracing::warn!(
                holder,
                "the holder of the lease has no address that this replica may use; its state is not served"
            );
        }
        peer
    }

    /// Serves each state of the active replica. Never ends.
    async fn mirror_continuously(&mut self, peer: &Endpoint) {
        self.replica.forget_peer();
        let mut at = Instant::now();
        loop {
            let event = self
                .replica
                .ask(peer, Keep::OfActive, NextAsk { at, wait: WAIT, limit: WAIT + ANSWER_LIMIT })
                .await;
            at = Instant::now();
            if event != PeerEvent::Answered(ReplicaRole::Active) {
                at += RETRY_PAUSE;
            }
        }
    }
}
