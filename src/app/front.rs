//! What the HTTP server hands out, and the task that keeps it newest.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::{sync::watch, task::spawn_blocking};

use crate::{
    fleet::{
        GroupSnapshot, Snapshot,
        history::{History, Sample},
    },
    http::{
        self,
        insight::{Insight, Setup},
        negotiation::Representation,
    },
    lifecycle::{Latch, Readiness},
    metrics::{Exposition, MetricFamily, RenderOptions},
    telemetry::Telemetry,
};

/// Everything a request can be answered with, without asking anybody.
pub(super) struct Front {
    exposition: ArcSwapOption<Exposition>,
    telemetry: Arc<Telemetry>,
    readiness: Readiness,
    configuration: String,
    setup: Setup,
    history: Mutex<History>,
}

impl Front {
    pub(super) fn new(
        telemetry: Arc<Telemetry>,
        readiness: Readiness,
        configuration: String,
        setup: Setup,
    ) -> Self {
        let (exposition, history) = (ArcSwapOption::empty(), Mutex::default());
        Self { exposition, telemetry, readiness, configuration, setup, history }
    }

    /// Makes every snapshot ready to be rendered as it is published, and opens a target's latch when its first poll can
    /// be seen by a scrape. Ends when the board goes.
    pub(super) async fn keep_newest(
        self: Arc<Self>,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        options: Arc<RenderOptions>,
        latches: Vec<Latch>,
    ) {
        while snapshots.changed().await.is_ok() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            let polled: Vec<bool> = snapshot.targets.iter().map(|target| target.up.is_some()).collect();
            if !polled.contains(&true) {
                continue;
            }
            self.history.lock().unwrap_or_else(PoisonError::into_inner).record(&snapshot);
            let options = Arc::clone(&options);
            // A large fleet takes tens of milliseconds: too long for a worker that serves requests.
            let prepared = spawn_blocking(move || Exposition::new(snapshot, options));
            let Ok(exposition) = prepared.await else {
                tracing::error!(
                    "preparing the fleet panicked: the last good numbers stay until they are stale"
                );
                continue;
            };
            self.telemetry.exposition(exposition.series(), exposition.dropped());
            self.exposition.store(Some(Arc::new(exposition)));
            for (latch, _) in latches.iter().zip(&polled).filter(|(_, polled)| **polled) {
                latch.open();
            }
        }
    }
}

impl http::Content for Front {
    fn exposition(&self) -> Option<Arc<Exposition>> {
        self.exposition.load_full()
    }

    fn telemetry(&self) -> Vec<MetricFamily> {
        if let Some(exposition) = self.exposition() {
            for Representation { format, encoding, .. } in Representation::all() {
                let bytes = exposition.size(format.syntax(), encoding);
                self.telemetry.snapshot_bytes(format.name(), encoding.name(), bytes);
            }
        }
        self.telemetry.gather()
    }

    fn started(&self) -> Option<Timestamp> {
        Some(self.telemetry.started())
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        self.telemetry.scraped(format, encoding);
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn configuration(&self) -> String {
        self.configuration.clone()
    }

    fn setup(&self) -> Setup {
        self.setup.clone()
    }

    fn insight(&self) -> Insight {
        self.telemetry.insight()
    }

    fn history(&self, group: &GroupSnapshot) -> Vec<Sample> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).of(group)
    }
}
