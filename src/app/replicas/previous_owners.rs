//! Continues the groups that move to this shard when the number of shards changes: asks the
//! replicas that polled them for their state.
//!
//! What is not here: who holds a Lease (`replica::election`), and which groups of a state are
//! continued (`poller`).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::advertise::is_usable;
use super::leases::{lease_of, url_of};
use crate::aliyun::chain;
use crate::poller::{Shard, SnapshotStore};
use crate::replica::election::{Holders, RequestError};
use crate::replica::peer::{PeerClient, PeerError};
use crate::replica::{StateError, envelope};

/// How long the polls of this shard may wait for the states of other shards, all together.
const LIMIT: Duration = Duration::from_secs(2);
/// Shards that are asked at the same time.
const MAX_CONCURRENT: usize = 64;
/// The highest number of shards that can be configured.
const MAX_SHARDS: u32 = 10_000;

/// The replicas that poll the other shards, or polled the groups of this one before.
pub(super) struct PreviousOwners {
    /// The name of the Lease, without a shard's suffix.
    pub(super) lease: String,
    /// The configured namespace of the Leases.
    pub(super) namespace: Option<String>,
    /// The shard of this replica.
    pub(super) shard: Shard,
    /// Whether the token may be sent in plain text.
    pub(super) allow_http: bool,
    /// Asks other replicas.
    pub(super) client: PeerClient,
    /// Where the groups are continued.
    pub(super) store: Arc<SnapshotStore>,
}

/// Why the groups of another shard are not continued.
#[derive(Debug, thiserror::Error)]
enum OwnerError {
    /// The holder of its Lease cannot be read.
    #[error(transparent)]
    Lease(#[from] RequestError),
    /// The holder cannot be asked.
    #[error("the holder {0:?} has no address that this replica may use")]
    Address(String),
    /// The token was refused.
    #[error("{0} refuses replicas.token: all shards must have the same one")]
    Refused(String),
    /// The state could not be fetched.
    #[error(transparent)]
    Peer(PeerError),
    /// The state could not be read.
    #[error("the state of the other shard cannot be used")]
    State(#[from] StateError),
    /// Reading it panicked.
    #[error("reading the state of the other shard failed")]
    Panic(#[from] JoinError),
}

impl PreviousOwners {
    /// Whether another shard may have polled groups of this one, whose state this replica does not
    /// have.
    pub(super) fn are_needed(&self) -> bool {
        self.shard.may_gain_from_others(self.store.shard())
    }

    /// Continues the groups that belonged to other shards, as far as their owners answer in time.
    /// Call it before the first poll.
    pub(super) async fn continue_groups(&self) {
        let deadline = Instant::now() + LIMIT;
        let holders = match Holders::connect(self.namespace.as_deref()) {
            Ok(holders) => holders,
            Err(error) => {
                tracing::info!(error = chain(&error), "other shards cannot be asked for groups that moved");
                return;
            }
        };
        let groups = self.continue_groups_of(&holders, deadline).await;
        if groups > 0 {
            tracing::info!(groups, "groups that moved to this shard continue");
        }
        if Instant::now() >= deadline {
            tracing::info!(
                limit_seconds = LIMIT.as_secs(),
                "not all other shards answered in time: counters of groups that moved from them start again"
            );
        }
    }

    async fn continue_groups_of(&self, holders: &Holders, deadline: Instant) -> usize {
        let states = stream::iter(self.leases())
            .map(|lease| async move { (self.state_of(holders, &lease, deadline).await, lease) })
            .buffer_unordered(MAX_CONCURRENT);
        let (mut states, mut groups) = (pin!(states), 0);
        while let Ok(Some((state, lease))) = timeout_at(deadline, states.next()).await {
            let continued = match state {
                // One at a time: each needs memory for the groups of its shard.
                Ok(Some(bytes)) => timeout_at(deadline, self.adopt(bytes)).await.unwrap_or(Ok(0)),
                Ok(None) => Ok(0),
                Err(error) => Err(error),
            };
            match continued {
                Ok(continued) => groups += continued,
                Err(error) => log_failure(&lease, &error),
            }
        }
        groups
    }

    /// The Leases of all other shards, of this number of shards and of the previous one.
    fn leases(&self) -> Vec<String> {
        let before = self.store.shard().map_or(1, |before| before.total);
        let total = before.max(self.shard.total).min(MAX_SHARDS);
        let shards = (0..total).map(|index| Shard { index, total });
        let names = [Shard::WHOLE].into_iter().chain(shards).map(|shard| lease_of(&self.lease, shard));
        let own = lease_of(&self.lease, self.shard);
        names.filter(|name| *name != own).collect()
    }

    /// The state of the holder of a Lease; `None` without a holder or a state.
    async fn state_of(
        &self,
        holders: &Holders,
        lease: &str,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, OwnerError> {
        let Some(holder) = holders.of(lease, deadline).await? else { return Ok(None) };
        let usable = url_of(&holder).filter(|url| is_usable(url, self.allow_http));
        let owner = usable.ok_or(OwnerError::Address(holder))?;
        let answer = self.client.ask_once(&owner, deadline.saturating_duration_since(Instant::now())).await;
        answer.map(|answer| answer.body).map_err(|error| match error {
            PeerError::Refused { url } => OwnerError::Refused(url),
            error => OwnerError::Peer(error),
        })
    }

    /// Continues the groups of a state. Returns their number. Nothing is continued if this is
    /// dropped: after the first poll it would be too late.
    async fn adopt(&self, bytes: Vec<u8>) -> Result<usize, OwnerError> {
        let saved = spawn_blocking(move || envelope::decode(&bytes)).await??;
        Ok(self.store.adopt(saved, Timestamp::now()))
    }
}

fn log_failure(lease: &str, error: &OwnerError) {
    let text = chain(error);
    match error {
        // The Role does not need to permit the Leases of removed shards.
        OwnerError::Lease(RequestError::Forbidden { .. }) => {
            tracing::debug!(lease, error = text, "another shard cannot be asked for groups that moved");
        }
        _ => tracing::info!(lease, error = text, "another shard cannot be asked for groups that moved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::Secret;
    use crate::poller::fixture::store;
    use crate::replica::token::SharedToken;

    fn owners(shard: Shard, store: SnapshotStore) -> PreviousOwners {
        let token = SharedToken::new(Secret::new("0123456789abcdef"), None);
        PreviousOwners {
            lease: "exporter".to_owned(),
            namespace: None,
            shard,
            allow_http: true,
            client: PeerClient::new(token, None, 1).unwrap(),
            store: Arc::new(store),
        }
    }

    #[test]
    fn every_other_lease_of_the_sharded_fleet_and_that_of_the_undivided_one_are_read() {
        let new = owners(Shard { index: 3, total: 4 }, store(&["CloudApp"], 1));
        assert!(new.are_needed());
        assert_eq!(new.leases(), ["exporter", "exporter-0", "exporter-1", "exporter-2"]);
    }
}
