//! Runs a replica of a pair.
//!
//! What is not here: the decisions (`replica::pair`).

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::replica::Replica;
use crate::aliyun::Endpoint;
use crate::replica::mirror::Keep;
use crate::replica::options::PairRole;
use crate::replica::pair::{Duty, Pair};

/// Runs a replica of a pair until `shutdown`, then hands over.
pub(super) async fn run(
    replica: &mut Replica,
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
        let asked = shutdown.run_until_cancelled(replica.ask(peer, keep, next)).await;
        let Some(event) = asked else { break };
        match pair.observe(event, Instant::now()) {
            Duty::Active => replica.become_active().await,
            Duty::Standby => replica.become_standby().await,
            Duty::Returning => {}
        }
    }
    shutdown.cancelled().await;
    replica.leave().await;
}
