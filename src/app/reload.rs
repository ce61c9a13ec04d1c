//! Reading the configuration again: the new parts are made first, and take the old ones' place only when
//! all of them are good.
//!
//! What is not here: which targets a change leaves alone (`polls`), and who asks (`front`, signals).

use std::sync::Arc;

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use super::{
    assemble,
    state::{Front, InForce},
    supervisor::Polls,
};
use crate::{aliyun::chain, config, document, telemetry::Telemetry};

/// How the configuration is read, at start and whenever that is asked for.
pub(crate) type Load = Arc<dyn Fn() -> Result<config::Loaded, document::Problems> + Send + Sync>;

/// Somebody asks for a reload, and waits for what comes of it.
pub(crate) type Request = oneshot::Sender<Result<(), String>>;

/// Reads the configuration again, one time after the other.
pub(crate) struct Reloader {
    pub load: Load,
    pub telemetry: Arc<Telemetry>,
    pub front: Arc<Front>,
    pub polls: Polls,
}

impl Reloader {
    /// Reloads for each signal and each request. Ends when there can be none any more.
    pub(crate) async fn run(
        mut self,
        mut signals: mpsc::Receiver<()>,
        mut requests: mpsc::Receiver<Request>,
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
                tracing::error!(%problems, "the configuration cannot be used: the one before stays in force");
            }
            if let Some(request) = request {
                // Whoever asked and went away doesn't miss the answer.
                let _ = request.send(result);
            }
        }
    }

    async fn reload(&mut self) -> Result<(), String> {
        let load = Arc::clone(&self.load);
        // Files are read, of which some may be on a network.
        let loaded = spawn_blocking(move || load()).await.map_err(|error| error.to_string())?;
        let config::Loaded { config, warnings } = loaded.map_err(|problems| problems.to_string())?;
        let plan = match assemble::plan(&config, &self.telemetry, self.polls.clients()) {
            Ok(plan) => plan,
            Err(error) => {
                self.polls.forget_unknown_accounts(&config);
                return Err(chain(&error));
            }
        };
        for warning in warnings {
            tracing::warn!("{warning}");
        }

        // From here on nothing can fail.
        self.front.put_in_force(InForce::new(config));
        let change = self.polls.change_to(plan, &self.front.in_force().config).await;
        tracing::info!(
            added = change.added,
            removed = change.removed,
            changed = change.changed,
            unchanged = change.unchanged,
            "the configuration was read again and is in force"
        );
        Ok(())
    }
}
