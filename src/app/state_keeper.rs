//! Keeps the state in a file, from which the next process continues.
//!
//! What is not here: the bytes and the file (`replica`), and what the state consists of (`poller`).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::state::AppState;
use crate::aliyun::chain;
use crate::fleet::Snapshot;
use crate::poller::{RestoreOutcome, SnapshotStore};
use crate::replica::envelope;
use crate::replica::options::StateOptions;
use crate::replica::state_file::StateFile;
use crate::telemetry::{RestoreResult, RestoreSource, Telemetry};

/// Time between two warnings that the file cannot be written.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// The file is first written this long after the start, even if no poll has ended: a process that
/// is killed by its first poll must not poll more often than one that lives.
const FIRST_WRITE: Duration = Duration::from_secs(1);

/// Reads and writes the state file.
pub(crate) struct StateKeeper {
    file: StateFile,
    interval: Duration,
    state: Arc<AppState>,
    store: Arc<SnapshotStore>,
    warned_at: Mutex<Option<Instant>>,
}

impl StateKeeper {
    /// Keeps the state as it is configured; `None` if it is not kept.
    pub(crate) fn new(options: StateOptions, state: &Arc<AppState>) -> Option<Self> {
        let file = StateFile::new(options.path?);
        Some(Self {
            file,
            interval: options.interval,
            state: Arc::clone(state),
            store: Arc::clone(state.store()),
            warned_at: Mutex::default(),
        })
    }

    /// Continues from the file, if there is one. A file that cannot be used is reported and renamed.
    pub(crate) async fn restore(&self, telemetry: &Telemetry) {
        let file = self.file.clone();
        let read = spawn_blocking(move || match file.read() {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => envelope::decode(&bytes).map(Some),
            Err(error) => Err(error),
        });
        let result = match read.await {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(saved))) => {
                let saved_at = saved.saved_at;
                match self.store.restore(saved, Timestamp::now()) {
                    RestoreOutcome::Restored { targets } => {
                        tracing::info!(targets, %saved_at, "continuing from the state file");
                        RestoreResult::Ok
                    }
                    RestoreOutcome::Stale => {
                        self.set_aside(&format!(
                            "all of it is too old to be served: it was saved at {saved_at}"
                        ));
                        RestoreResult::Stale
                    }
                    RestoreOutcome::Foreign => {
                        self.set_aside("none of the configured targets is in it");
                        RestoreResult::Foreign
                    }
                }
            }
            Ok(Err(error)) => {
                self.set_aside(&chain(&error));
                error.result()
            }
            Err(panic) => {
                self.set_aside(&format!("reading it failed: {panic}"));
                RestoreResult::Damaged
            }
        };
        telemetry.state_restored(RestoreSource::File, result);
    }

    /// Renames the file, so that an operator can look at it.
    fn set_aside(&self, reason: &str) {
        let path = self.file.path().display();
        match self.file.set_aside() {
            Ok(kept) => {
                tracing::warn!(%path, reason, kept_as = %kept.display(), "the state file is not used");
            }
            Err(error) => tracing::warn!(
                %path, reason, error = chain(&error),
                "the state file is not used, and cannot be renamed"
            ),
        }
    }

    /// Writes the file whenever the state has changed, at most once per interval. Never ends.
    pub(crate) async fn run(&self) {
        let mut changes = self.store.subscribe();
        changes.mark_unchanged();
        let was_polled = |snapshot: &Arc<Snapshot>| snapshot.targets.iter().any(|target| target.up.is_some());
        if timeout(FIRST_WRITE, changes.changed()).await.is_err() {
            self.write().await;
        }
        loop {
            // Before the first poll there is nothing to keep.
            if changes.wait_for(was_polled).await.is_err() {
                return;
            }
            changes.mark_unchanged();
            self.write().await;
            sleep(self.interval).await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes the file now. A failure is logged, at most once a minute.
    pub(crate) async fn write(&self) {
        let (file, state) = (self.file.clone(), Arc::clone(&self.state));
        // Neither encoding a large state nor a slow disk delays polls.
        let written = spawn_blocking(move || file.write(&state.encode_state())).await;
        let reason = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => chain(&error),
            Err(panic) => panic.to_string(),
        };
        let now = Instant::now();
        let mut warned_at = self.warned_at.lock();
        if warned_at.is_none_or(|at| now.duration_since(at) >= WARNING_INTERVAL) {
            *warned_at = Some(now);
            let path = self.file.path().display();
            tracing::warn!(%path, error = reason, "the state file cannot be written");
        }
    }
}
