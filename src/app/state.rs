//! What the server serves, and the task that renders each new snapshot.
//!
//! What is not here: routes and pages (`web`), and the reload itself (`reload`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;

use super::assemble;
use crate::config::Config;
use crate::fleet::history::MinuteCounts;
use crate::fleet::{GroupSnapshot, Snapshot};
use crate::lifecycle::{Latch, Readiness};
use crate::metrics::Exposition;
use crate::metrics::options::RenderOptions;
use crate::poller::{SnapshotStore, TargetIdentity};
use crate::replica::envelope;
use crate::replica::publication::Publication;
use crate::scrape::negotiation::Representation;
use crate::telemetry::status::{Setup, Status};
use crate::telemetry::{OwnMetrics, OwnPart, Telemetry};
use crate::web::Content;

/// How long a new snapshot waits for standbys to serve it.
const STANDBY_LIMIT: Duration = Duration::from_millis(200);

/// A request to reload the configuration: the channel on which its result is returned.
pub(crate) type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// Everything that responses are made from.
pub(crate) struct AppState {
    exposition: ArcSwapOption<Exposition>,
    /// Held while the sizes of its bodies are recorded.
    measuring: Mutex<()>,
    telemetry: Arc<Telemetry>,
    readiness: Readiness,
    active: ArcSwap<ActiveConfig>,
    reloads: mpsc::Sender<ReloadRequest>,
    first_polls: Mutex<Vec<FirstPoll>>,
    store: Arc<SnapshotStore>,
    /// The snapshot that scrapes get.
    rendered: watch::Sender<Arc<Snapshot>>,
    /// Set once, before anything is served, if there are other replicas.
    publication: OnceLock<Arc<Publication>>,
}

/// The active configuration, and the values that are derived from it.
pub(crate) struct ActiveConfig {
    /// The configuration itself.
    pub config: Config,
    options: Arc<RenderOptions>,
    setup: Setup,
}

/// A target whose first poll readiness waits for.
struct FirstPoll {
    account: Arc<str>,
    target: Arc<str>,
    latch: Latch,
}

impl ActiveConfig {
    /// Derives the values; [`AppState::activate`] activates them.
    pub(crate) fn new(config: Config) -> Self {
        let options = Arc::new(config.render.clone());
        let setup = assemble::setup(&config);
        Self { config, options, setup }
    }
}

impl AppState {
    /// The state before the first poll. The history of groups is that of `store`; requests for a
    /// reload are sent to `reloads`.
    pub(crate) fn new(
        store: Arc<SnapshotStore>,
        telemetry: Arc<Telemetry>,
        readiness: Readiness,
        active: ActiveConfig,
        reloads: mpsc::Sender<ReloadRequest>,
    ) -> Self {
        telemetry.settings(&active.setup);
        Self {
            exposition: ArcSwapOption::empty(),
            measuring: Mutex::default(),
            telemetry,
            readiness,
            active: ArcSwap::from_pointee(active),
            reloads,
            first_polls: Mutex::default(),
            store,
            rendered: watch::Sender::new(Arc::default()),
            publication: OnceLock::new(),
        }
    }

    /// Publishes the state to other replicas from now on. Called at most once.
    pub(crate) fn publish_to(&self, publication: Arc<Publication>) {
        let is_first = self.publication.set(publication).is_ok();
        debug_assert!(is_first, "a process has one publication");
    }

    /// The store of the snapshots.
    pub(crate) fn store(&self) -> &Arc<SnapshotStore> {
        &self.store
    }

    /// A receiver of the snapshot that scrapes get.
    pub(crate) fn rendered(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.rendered.subscribe()
    }

    /// The bytes of the state. Takes long for a large fleet.
    pub(crate) fn encode_state(&self) -> Vec<u8> {
        envelope::encode(self.store.save(Timestamp::now()), &self.active().options.users)
    }

    /// The active configuration.
    pub(crate) fn active(&self) -> Arc<ActiveConfig> {
        self.active.load_full()
    }

    /// Activates another configuration. It applies to snapshots that are rendered from now on.
    pub(crate) fn activate(&self, active: ActiveConfig) {
        self.telemetry.settings(&active.setup);
        self.active.store(Arc::new(active));
    }

    /// Makes readiness wait for the first poll of these targets. It is called only at the start: a
    /// reload that adds a target must not take a ready replica out of service.
    pub(crate) fn await_first_polls<'a>(&self, targets: impl Iterator<Item = &'a TargetIdentity>) {
        self.first_polls.lock().extend(targets.map(|TargetIdentity { account, name, .. }| FirstPoll {
            account: Arc::clone(account),
            target: Arc::clone(name),
            latch: self.readiness.latch(format!("the first poll of {account}/{name}")),
        }));
    }

    /// Prepares every published snapshot for rendering, and opens a target's latch once a scrape
    /// can see its first poll. Ends when the snapshot store is dropped.
    pub(crate) async fn render_snapshots(self: Arc<Self>, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        while snapshots.changed().await.is_ok() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            // Standbys render the snapshot at the same time.
            let publication = self.publication.get();
            if let Some(publication) = publication {
                publication.advance();
            }
            if snapshot.targets.iter().any(|target| target.up.is_some()) {
                let options = Arc::clone(&self.active().options);
                let newest = Arc::clone(&snapshot);
                let before = self.exposition.load_full();
                // Rendering a large fleet takes tens of milliseconds, too long for a thread that
                // serves requests.
                let prepared = spawn_blocking(move || {
                    let exposition = Exposition::new(newest, options);
                    if let Some(before) = &before {
                        exposition.prerender(before);
                    }
                    log_changed_labels(before.as_deref(), &exposition);
                    exposition
                });
                let Ok(exposition) = prepared.await else {
                    tracing::error!(
                        "rendering the snapshot panicked; serving the previous one until it is stale"
                    );
                    continue;
                };
                self.telemetry.snapshot_rendered(exposition.series(), exposition.dropped());
                // A scraper that reaches the replicas in turns must not see a counter go down.
                if let Some(publication) = publication {
                    publication.served_by_standbys(STANDBY_LIMIT).await;
                }
                self.exposition.store(Some(Arc::new(exposition)));
                self.measure_bodies();
                self.telemetry.state_served(snapshot.at);
            }
            self.open_latches(&snapshot);
            self.rendered.send_replace(snapshot);
        }
    }

    /// Records the sizes of the bodies of the exposition that is served. Called after each change
    /// of either.
    fn measure_bodies(&self) {
        // Locked, so that the sizes of an earlier exposition are not the last ones recorded.
        let _measuring = self.measuring.lock();
        let Some(exposition) = self.exposition() else { return };
        let sizes = Representation::all().filter_map(|Representation { format, encoding, .. }| {
            let bytes = exposition.size(format.syntax(), encoding)?;
            Some(([format.name(), encoding.name()], bytes))
        });
        self.telemetry.body_bytes(sizes.collect());
    }

    /// Opens the latches of targets that were polled, and of those that a reload removed.
    fn open_latches(&self, snapshot: &Snapshot) {
        self.first_polls.lock().retain(|first_poll| {
            let found = snapshot
                .targets
                .iter()
                .find(|health| health.account == first_poll.account && health.target == first_poll.target);
            let waiting = found.is_some_and(|health| health.up.is_none());
            if !waiting {
                first_poll.latch.open();
            }
            waiting
        });
    }
}

/// Logs the label names of tags whose keys cannot be part of a label name, when they first appear.
fn log_changed_labels(before: Option<&Exposition>, exposition: &Exposition) {
    let known = before.map_or(&[][..], Exposition::changed_labels);
    for label in exposition.changed_labels().iter().filter(|label| !known.contains(label)) {
        tracing::info!(key = %label.key, label = %label.name, "tag key is not a label name");
    }
}

impl Content for AppState {
    fn exposition(&self) -> Option<Arc<Exposition>> {
        self.exposition.load_full()
    }

    fn body_rendered(&self) {
        self.measure_bodies();
    }

    fn revision(&self) -> u64 {
        self.telemetry.revision()
    }

    fn telemetry(&self, part: OwnPart) -> OwnMetrics {
        self.telemetry.part(part)
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        self.telemetry.scraped(format, encoding);
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn configuration(&self) -> String {
        self.active.load().config.to_string()
    }

    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        let reloads = self.reloads.clone();
        Box::pin(async move {
            let (request, result) = oneshot::channel();
            let ending = || "shutting down; the configuration was not reloaded".to_owned();
            reloads.send(request).await.map_err(|_| ending())?;
            result.await.unwrap_or_else(|_| Err(ending()))
        })
    }

    fn status(&self) -> Status {
        self.telemetry.status(self.active.load().setup.clone())
    }

    fn history(&self, group: &GroupSnapshot) -> Vec<MinuteCounts> {
        self.store.history(group)
    }

    fn publication(&self) -> Option<Arc<Publication>> {
        self.publication.get().map(Arc::clone)
    }
}
