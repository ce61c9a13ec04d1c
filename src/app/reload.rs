//! Reloading the configuration. The new parts are made first, and replace the old ones only when
//! all of them could be made.
//!
//! What is not here: which targets a change leaves alone (`supervisor`), and the sources of
//! requests (`POST /-/reload` in `state`, SIGHUP in `lifecycle`).

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc};
use tokio::task::spawn_blocking;

use super::assemble;
use super::state::{ActiveConfig, AppState, ReloadRequest};
use super::supervisor::Supervisor;
use crate::aliyun::chain;
use crate::config;
use crate::document;
use crate::telemetry::Telemetry;

/// Reads the configuration, at the start and at every reload.
pub(crate) type LoadConfig = Arc<dyn Fn() -> Result<config::Loaded, document::Problems> + Send + Sync>;

/// Carries out reloads, one at a time.
pub(crate) struct Reloader {
    /// Reads the configuration.
    pub load_config: LoadConfig,
    /// Counts reloads.
    pub telemetry: Arc<Telemetry>,
    /// The state that a reload changes.
    pub state: Arc<AppState>,
    /// The targets that are polled.
    pub supervisor: Arc<Mutex<Supervisor>>,
}

impl Reloader {
    /// Reloads for each signal and each request. Ends when both channels are closed.
    pub(crate) async fn run(
        self,
        mut signals: mpsc::Receiver<()>,
        mut requests: mpsc::Receiver<ReloadRequest>,
    ) {
        loop {
            let request = tokio::select! {
                Some(()) = signals.recv() => None,
                Some(request) = requests.recv() => Some(request),
                else => return,
            };
            let result = self.reload().await;
            self.telemetry.config_loaded(result.is_ok(), Timestamp::now());
            if let Err(problems) = &result {
                tracing::error!(%problems, "invalid configuration; keeping the previous one");
            }
            if let Some(request) = request {
                // The client may have closed its connection meanwhile.
                let _ = request.send(result);
            }
        }
    }

    async fn reload(&self) -> Result<(), String> {
        let load = Arc::clone(&self.load_config);
        // Reading files blocks, for long if they are on a network.
        let loaded = spawn_blocking(move || load()).await.map_err(|error| error.to_string())?;
        let config::Loaded { config, warnings } = loaded.map_err(|problems| problems.to_string())?;
        let mut supervisor = self.supervisor.lock().await;
        let plan = match assemble::plan(&config, &self.telemetry, supervisor.clients()) {
            Ok(plan) => plan,
            Err(error) => {
                supervisor.forget_unknown_accounts(&config);
                return Err(chain(&error));
            }
        };
        for warning in warnings {
            tracing::warn!("{warning}");
        }

        let before = self.state.active();
        if before.config.state != config.state || before.config.replicas != config.replicas {
            tracing::warn!("a change of the sections `state` and `replicas` takes effect at the next start");
        }

        // From here on nothing can fail.
        self.state.activate(ActiveConfig::new(config));
        let change = supervisor.apply(plan, &self.state.active().config).await;
        tracing::info!(
            added = change.added,
            removed = change.removed,
            changed = change.changed,
            unchanged = change.unchanged,
            "configuration reloaded"
        );
        Ok(())
    }
}
