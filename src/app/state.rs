//! What the HTTP server hands out, and the task that keeps it newest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
};

use super::{assemble, reload};
use crate::{
    config::Config,
    fleet::{
        GroupSnapshot, Snapshot,
        history::{History, MinuteCounts},
    },
    lifecycle::{Latch, Readiness},
    metrics::{Exposition, options::RenderOptions},
    scrape::negotiation::Representation,
    telemetry::{
        OwnMetrics, Telemetry,
        status::{Setup, Status},
    },
    web,
};

/// Everything a request can be answered with, without asking anybody.
pub(crate) struct Front {
    exposition: ArcSwapOption<Exposition>,
    telemetry: Arc<Telemetry>,
    readiness: Readiness,
    in_force: ArcSwap<InForce>,
    reloads: mpsc::Sender<reload::Request>,
    awaited: Mutex<Vec<Awaited>>,
    history: Mutex<History>,
}

/// The configuration in force.
pub(crate) struct InForce {
    pub config: Config,
    options: Arc<RenderOptions>,
    setup: Setup,
}

/// A target whose first poll readiness waits for.
struct Awaited {
    account: Arc<str>,
    target: Arc<str>,
    latch: Latch,
}

impl InForce {
    pub(crate) fn new(config: Config) -> Self {
        let options = Arc::new(assemble::render_options(&config));
        let setup = assemble::setup(&config);
        Self { config, options, setup }
    }
}

impl Front {
    /// What answers are made of; `reloads` is whom requests for a reload are passed on to.
    pub(crate) fn new(
        telemetry: Arc<Telemetry>,
        readiness: Readiness,
        in_force: InForce,
        reloads: mpsc::Sender<reload::Request>,
    ) -> Self {
        Self {
            exposition: ArcSwapOption::empty(),
            telemetry,
            readiness,
            in_force: ArcSwap::from_pointee(in_force),
            reloads,
            awaited: Mutex::default(),
            history: Mutex::default(),
        }
    }

    /// The configuration in force.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Takes another configuration. What is rendered from now on is rendered by it.
    pub(crate) fn put_in_force(&self, in_force: InForce) {
        self.in_force.store(Arc::new(in_force));
    }

    /// Readiness waits for the first poll of these targets. Whoever was ready once stays so: a reload that
    /// adds a target must not take a replica out of service.
    pub(crate) fn await_first_polls<'a>(&self, targets: impl Iterator<Item = &'a (Arc<str>, Arc<str>)>) {
        self.awaited().extend(targets.map(|(account, target)| Awaited {
            account: Arc::clone(account),
            target: Arc::clone(target),
            latch: self.readiness.latch(format!("the first poll of {account}/{target}")),
        }));
    }

    /// Makes every snapshot ready to be rendered as it is published, and opens a target's latch when its first poll can
    /// be seen by a scrape. Ends when the snapshot store is dropped.
    pub(crate) async fn keep_newest(self: Arc<Self>, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        while snapshots.changed().await.is_ok() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            if snapshot.targets.iter().any(|target| target.up.is_some()) {
                self.history.lock().unwrap_or_else(PoisonError::into_inner).record(&snapshot);
                let options = Arc::clone(&self.in_force().options);
                let newest = Arc::clone(&snapshot);
                let before = self.exposition.load_full();
                // A large fleet takes tens of milliseconds: too long for a worker that serves requests.
                let prepared = spawn_blocking(move || {
                    let exposition = Exposition::new(newest, options);
                    if let Some(before) = &before {
                        exposition.prerender(before);
                    }
                    warn_of_clashes(before.as_deref(), &exposition);
                    exposition
                });
                let Ok(exposition) = prepared.await else {
                    tracing::error!(
                        "preparing the fleet panicked: the last good numbers stay until they are stale"
                    );
                    continue;
                };
                self.telemetry.snapshot_rendered(exposition.series(), exposition.dropped());
                self.exposition.store(Some(Arc::new(exposition)));
            }
            self.open_latches(&snapshot);
        }
    }

    /// Nothing is waited for that was polled, or will never be since a reload took it away.
    fn open_latches(&self, snapshot: &Snapshot) {
        self.awaited().retain(|awaited| {
            let found = snapshot
                .targets
                .iter()
                .find(|health| health.account == awaited.account && health.target == awaited.target);
            let waiting = found.is_some_and(|health| health.up.is_none());
            if !waiting {
                awaited.latch.open();
            }
            waiting
        });
    }

    fn awaited(&self) -> MutexGuard<'_, Vec<Awaited>> {
        // What a panic leaves behind is at worst a latch that is opened once more.
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tags that can't be called by their key are told of when they appear, not with every snapshot.
fn warn_of_clashes(before: Option<&Exposition>, exposition: &Exposition) {
    let known = before.map_or(&[][..], Exposition::label_conflicts);
    for clash in exposition.label_conflicts().iter().filter(|clash| !known.contains(clash)) {
        tracing::warn!("{clash}");
    }
}

impl web::Content for Front {
    fn exposition(&self) -> Option<Arc<Exposition>> {
        self.exposition.load_full()
    }

    fn telemetry(&self) -> OwnMetrics {
        if let Some(exposition) = self.exposition() {
            for Representation { format, encoding, .. } in Representation::all() {
                let bytes = exposition.size(format.syntax(), encoding);
                self.telemetry.body_bytes(format.name(), encoding.name(), bytes);
            }
        }
        self.telemetry.gather()
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        self.telemetry.scraped(format, encoding);
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn configuration(&self) -> String {
        self.in_force.load().config.redacted()
    }

    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        let reloads = self.reloads.clone();
        Box::pin(async move {
            let (request, answer) = oneshot::channel();
            let ending = || "the exporter is ending: nothing was read again".to_owned();
            reloads.send(request).await.map_err(|_| ending())?;
            answer.await.unwrap_or_else(|_| Err(ending()))
        })
    }

    fn status(&self) -> Status {
        self.telemetry.status(self.in_force.load().setup.clone())
    }

    fn history(&self, group: &GroupSnapshot) -> Vec<MinuteCounts> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).of(group)
    }
}
