//! `run`: the daemon.

use std::{panic::resume_unwind, process::ExitCode, sync::Arc};

use jiff::Timestamp;
use tokio::{
    runtime::{Handle, Runtime},
    sync::mpsc,
    task::JoinSet,
};

use super::Error;
use crate::app::assemble::{self, Clients, Plan};
use crate::app::reload::{self, Load, Reloader};
use crate::app::state::{Front, InForce};
use crate::app::supervisor::Polls;
use crate::{
    cli, config, config::Config, lifecycle, server, server::Server, telemetry::Telemetry, web,
    web_config::AccessControl,
};

/// Requests for a reload that wait while one is under way.
const WAITING_RELOADS: usize = 16;

pub(super) fn run(arguments: &cli::Run) -> Result<ExitCode, Error> {
    let sources = arguments.configuration.sources();
    let config = super::load(&sources, &arguments.log)?;
    let serving = serving_runtime()?;
    super::runtime()?.block_on(async {
        let load = Arc::new(move || config::load(&sources));
        let daemon = Daemon::start(config, load, &arguments.web, serving.handle().clone())?;
        daemon.serve().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// What scrapes are answered by, apart from what polls: however much scrapers ask for, polls neither wait in the
/// same queue nor share alike with them (`docs/decisions/0008-polls-come-first.md`).
pub(super) fn serving_runtime() -> Result<Runtime, Error> {
    super::server_runtime(lifecycle::lower_thread_priority)
}

/// Everything bound and assembled; polling and serving have not begun.
pub(super) struct Daemon {
    /// Where serving happens, and making what is served.
    serving: Handle,
    server: Server,
    plan: Plan,
    telemetry: Arc<Telemetry>,
    front: Arc<Front>,
    readiness: lifecycle::Readiness,
    load: Load,
    reloads: mpsc::Receiver<reload::Request>,
}

impl Daemon {
    /// Starts with `config`; `load` is how it is read again.
    pub(super) fn start(
        config: Config,
        load: Load,
        web_arguments: &cli::Web,
        serving: Handle,
    ) -> Result<Self, Error> {
        let telemetry = assemble::telemetry();
        telemetry.config_loaded(true, Timestamp::now());
        let readiness = lifecycle::Readiness::default();
        let plan = assemble::plan(&config, &telemetry, &Clients::default())?;
        let (asked, reloads) = mpsc::channel(WAITING_RELOADS);
        let front = Front::new(Arc::clone(&telemetry), readiness.clone(), InForce::new(config), asked);
        let front = Arc::new(front);
        let access = AccessControl::new(web_arguments.config_file.clone()).map_err(Error::Configuration)?;
        let content = Arc::clone(&front) as Arc<dyn web::Content>;
        let routes =
            web::Routes::new(content, web_arguments.telemetry_path.clone(), web_arguments.enable_lifecycle);
        let options = server::ServerOptions {
            listen: web_arguments.listen_address.clone(),
            systemd_sockets: web_arguments.systemd_socket,
            ..server::ServerOptions::default()
        };
        let context = serving.enter();
        let server = Server::bind(&options, access, Arc::new(routes)).map_err(Error::Serve)?;
        drop(context);
        Ok(Self { serving, server, plan, telemetry, front, readiness, load, reloads })
    }

    /// Where the server listens.
    #[cfg(feature = "simulator")]
    pub(super) fn addresses(&self) -> &[server::BoundAddress] {
        self.server.addresses()
    }

    /// Polls and serves until a signal ends it.
    pub(super) async fn serve(self) {
        let Self { serving, server, plan, telemetry, front, readiness, load, reloads } = self;
        let signals = match lifecycle::install_signal_handlers(readiness) {
            Ok(signals) => signals,
            Err(error) => {
                tracing::error!(%error, "cannot watch for signals");
                return;
            }
        };

        for address in server.addresses() {
            tracing::info!(%address, "listening");
        }
        let mut polls = Polls::new(Arc::clone(&telemetry));
        let store = Arc::clone(polls.store());
        front.await_first_polls(plan.order.iter());
        // Dropped, and so aborted, when the server has drained.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(Arc::clone(&front).keep_newest(store.subscribe()), &serving);
        tasks.spawn(async move { store.run_expiry(Timestamp::now).await });
        polls.change_to(plan, &front.in_force().config).await;
        let reloader = Reloader { load, telemetry, front: Arc::clone(&front), polls };
        tasks.spawn(reloader.run(signals.reload, reloads));

        lifecycle::notify_ready();
        let ending = signals.shutdown.clone();
        let told = async {
            ending.cancelled().await;
            lifecycle::notify_stopping();
        };
        let grace = move || front.in_force().config.poll.shutdown_grace.get();
        let served = serving.spawn(server.run(signals.shutdown, grace));
        // A panic must end the process, not leave one behind that serves nobody.
        let served = async { served.await.unwrap_or_else(|error| resume_unwind(error.into_panic())) };
        tokio::join!(served, told);
    }
}
