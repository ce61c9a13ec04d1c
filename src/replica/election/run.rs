//! The election: a loop that sends what the elector decides, and publishes the role.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::api::LeaseApi;
use super::connect::connect;
use super::elector::{Elector, Reply, Request, Step};
use super::error::{ElectionError, FailureKind, RESOURCE, RequestError};
use super::failures::Failures;
use super::lease::Candidate;
use super::{ElectionOptions, Leadership};
use crate::aliyun::chain;

/// Limit of a request: a fifth of the default lease duration, so that the leader can repeat a
/// renewal several times before its term ends.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// Limit of giving up the Lease: long enough for a slow API server, and short in comparison with
/// the default grace of a shutdown, 5 s.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time until an attempt to give up the Lease is repeated.
const RELEASE_RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// One replica in the election.
pub struct Election {
    api: LeaseApi,
    candidate: Candidate,
    /// The time that is written into the Lease, for people who read it.
    wall_clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Election {
    /// Reads the configuration of the cluster. No request is sent.
    ///
    /// # Errors
    /// There is no configuration, or its credentials cannot be used.
    pub fn connect(options: ElectionOptions) -> Result<Self, ElectionError> {
        let (client, namespace) = connect(options.namespace.as_deref())?;
        let api = LeaseApi::new(client, namespace, options.lease.clone());
        Ok(Self::new(api, &options, Box::new(Timestamp::now)))
    }

    pub(super) fn new(
        api: LeaseApi,
        options: &ElectionOptions,
        wall_clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { api, candidate: candidate(options), wall_clock }
    }

    /// Takes part in the election until `release` is cancelled, and publishes the role. Then gives
    /// up the Lease if this replica holds it, within two seconds. The caller must stop what only
    /// the leader does before it cancels `release`.
    ///
    /// While `may_claim` is false, this replica does not become the leader.
    pub async fn run(
        self,
        role: watch::Sender<Leadership>,
        may_claim: watch::Receiver<bool>,
        release: CancellationToken,
    ) {
        let mut elector = Elector::new(self.candidate.clone(), Instant::now());
        let mut failures = Failures::default();
        tokio::select! {
            biased;
            () = release.cancelled() => {}
            never = self.elect(&mut elector, &mut failures, &role, may_claim) => match never {},
        }
        publish(&role, Leadership::Follower { holder: None });
        if elector.may_hold() {
            self.give_up().await;
        }
    }

    async fn elect(
        &self,
        elector: &mut Elector,
        failures: &mut Failures,
        role: &watch::Sender<Leadership>,
        mut may_claim: watch::Receiver<bool>,
    ) -> Infallible {
        loop {
            let now = Instant::now();
            self.log_change(publish(role, elector.leadership(now)));
            let is_permitted = *may_claim.borrow_and_update();
            match elector.next(now, (self.wall_clock)(), is_permitted) {
                Step::Wait(until) => tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed(&mut may_claim) => elector.hurry(Instant::now()),
                },
                Step::Send(request) => {
                    let deadline = elector.deadline(now, REQUEST_TIMEOUT);
                    let result = self.api.send(&request, deadline).await;
                    let received = Instant::now();
                    self.log_result(failures, &request, &result, received);
                    match result {
                        Ok(reply) => elector.replied(reply, now, received),
                        Err(_) => elector.failed(received),
                    }
                }
            }
        }
    }

    /// Gives up the Lease, if this replica holds it.
    async fn give_up(&self) {
        let (lease, namespace) = (self.api.name(), self.api.namespace());
        let attempts = async {
            loop {
                match self.try_give_up().await {
                    Ok(true) => return,
                    // A renewal that was still under way has changed the version.
                    Ok(false) => {}
                    Err(_) => sleep(RELEASE_RETRY_INTERVAL).await,
                }
            }
        };
        match timeout(RELEASE_TIMEOUT, attempts).await {
            Ok(()) => info!(lease, namespace, "lease released"),
            Err(_) => warn!(
                lease,
                namespace,
                "lease not released in time, so another replica claims it only when it has expired"
            ),
        }
    }

    /// Whether this replica does not hold the Lease any more.
    async fn try_give_up(&self) -> Result<bool, RequestError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let Reply::Found(observed) = self.api.send(&Request::Get, deadline).await? else { return Ok(true) };
        if !self.candidate.holds(&observed) {
            return Ok(true);
        }
        let released = Box::new(self.candidate.release(&observed, (self.wall_clock)()));
        Ok(self.api.send(&Request::Update(released), deadline).await? != Reply::Conflict)
    }

    fn log_change(&self, change: Option<(Leadership, Leadership)>) {
        let (lease, namespace) = (self.api.name(), self.api.namespace());
        match change {
            Some((_, Leadership::Leader)) => info!(lease, namespace, "lease acquired"),
            Some((Leadership::Leader, Leadership::Follower { holder: None })) => {
                warn!(lease, namespace, "lease lost, because it could not be renewed in time");
            }
            Some((_, Leadership::Follower { holder: Some(holder) })) => {
                info!(lease, namespace, holder, "another replica holds the lease");
            }
            _ => {}
        }
    }

    fn log_result(
        &self,
        failures: &mut Failures,
        request: &Request,
        result: &Result<Reply, RequestError>,
        now: Instant,
    ) {
        let verb = request.verb();
        let (resource, lease, namespace) = (RESOURCE, self.api.name(), self.api.namespace());
        match result {
            Ok(_) if failures.succeeded(verb) => {
                info!(%verb, resource, lease, namespace, "lease requests succeed again");
            }
            Err(failure) if failures.failed(verb, failure.kind(), now) => {
                let (reason, advice) = (chain(failure), failure.advice());
                match failure.kind() {
                    FailureKind::Forbidden | FailureKind::Unauthorized => {
                        error!(%verb, resource, lease, namespace, reason, advice, "lease request refused");
                    }
                    _ => warn!(%verb, resource, lease, namespace, reason, advice, "lease request failed"),
                }
            }
            _ => {}
        }
    }
}

pub(super) fn candidate(options: &ElectionOptions) -> Candidate {
    Candidate {
        lease: options.lease.clone(),
        identity: options.identity.clone(),
        lease_seconds: options.lease_duration.as_secs_f64().ceil().max(1.0) as i32,
    }
}

/// Publishes the role. Returns the previous and the new one if they differ.
fn publish(role: &watch::Sender<Leadership>, new: Leadership) -> Option<(Leadership, Leadership)> {
    let mut change = None;
    role.send_if_modified(|current| {
        if *current == new {
            return false;
        }
        change = Some((std::mem::replace(current, new.clone()), new.clone()));
        true
    });
    change
}

/// Waits for a change of the permission. A permission whose sender is gone does not change.
async fn changed(may_claim: &mut watch::Receiver<bool>) {
    if may_claim.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
