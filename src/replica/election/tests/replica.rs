//! A replica that takes part in an election of the tests.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::api_server::{ApiServer, LEASE, Link};
use crate::replica::election::{Election, ElectionOptions, Leadership};

pub(super) fn options(identity: &str) -> ElectionOptions {
    ElectionOptions {
        lease: LEASE.to_owned(),
        namespace: None,
        identity: identity.to_owned(),
        lease_duration: Duration::from_secs(15),
    }
}

pub(super) struct Replica {
    pub(super) link: Link,
    role: watch::Receiver<Leadership>,
    may_claim: watch::Sender<bool>,
    release: CancellationToken,
    task: JoinHandle<()>,
    /// The roles in order, with the time of each change.
    pub(super) history: Arc<Mutex<Vec<(Instant, Leadership)>>>,
}

impl Replica {
    pub(super) fn start(server: &ApiServer, identity: &str) -> Self {
        Self::start_with_clock(server, identity, Link::default(), 0)
    }

    /// Starts a replica whose clock is wrong by this number of seconds.
    pub(super) fn start_with_clock(server: &ApiServer, identity: &str, link: Link, offset: i64) -> Self {
        let started = Instant::now();
        let clock = move || {
            let elapsed = SignedDuration::try_from(started.elapsed()).unwrap();
            Timestamp::from_second(1_800_000_000 + offset).unwrap() + elapsed
        };
        let election = Election::new(server.lease_api(&link), &options(identity), Box::new(clock));
        Self::run(election, link)
    }

    pub(super) fn run(election: Election, link: Link) -> Self {
        let (sender, role) = watch::channel(Leadership::Unknown);
        let (may_claim, permission) = watch::channel(true);
        let release = CancellationToken::new();
        let task = tokio::spawn(election.run(sender, permission, release.clone()));
        let history = Arc::<Mutex<Vec<_>>>::default();
        tokio::spawn(record(role.clone(), Arc::clone(&history)));
        Self { link, role, may_claim, release, task, history }
    }

    pub(super) fn role(&self) -> Leadership {
        self.role.borrow().clone()
    }

    /// Waits until the replica has this role.
    pub(super) async fn becomes(&mut self, expected: Leadership) {
        let wait = self.role.wait_for(|role| *role == expected);
        let found = timeout(Duration::from_secs(60), wait).await.map(|role| role.unwrap().clone());
        assert!(found.is_ok(), "the role is {:?}, not {expected:?}", self.role());
    }

    pub(super) fn permit(&self, may_claim: bool) {
        self.may_claim.send_replace(may_claim);
    }

    /// Ends the election gracefully. Returns the last role.
    pub(super) async fn release(self) -> Leadership {
        self.release.cancel();
        self.task.await.unwrap();
        self.role.borrow().clone()
    }

    /// Begins to end the election gracefully.
    pub(super) fn begin_release(&self) {
        self.release.cancel();
    }

    /// Ends the election as a crash does.
    pub(super) fn crash(&self) {
        self.task.abort();
    }

    /// The times during which the replica was the leader.
    pub(super) fn terms(&self, end: Instant) -> Vec<[Instant; 2]> {
        let history = self.history.lock();
        let ends = history.iter().skip(1).map(|(at, _)| *at).chain([end]);
        let roles = history.iter().zip(ends);
        roles
            .filter(|((_, role), _)| *role == Leadership::Leader)
            .map(|((start, _), end)| [*start, end])
            .collect()
    }
}

async fn record(mut role: watch::Receiver<Leadership>, history: Arc<Mutex<Vec<(Instant, Leadership)>>>) {
    while role.changed().await.is_ok() {
        let current = role.borrow_and_update().clone();
        history.lock().push((Instant::now(), current));
    }
    history.lock().push((Instant::now(), Leadership::Unknown));
}
