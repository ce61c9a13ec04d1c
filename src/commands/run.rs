//! `run`: the daemon.
//!
//! [`serve`] runs the daemon from the creation of its parts to the drain. What is not here: how the
//! parts are made (`app::assemble`), and how they change while they run (`app::reload`).

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Error, load, polling_runtime, server_runtime};
use crate::app::assemble::{self, Clients};
use crate::app::reload::{LoadConfig, Reloader};
use crate::app::replicas::advertise::ServedAddress;
use crate::app::replicas::{OneOfSeveral, POLL_END_LIMIT, ReplicaContext};
use crate::app::state::{ActiveConfig, AppState};
use crate::app::state_keeper::StateKeeper;
use crate::app::supervisor::Supervisor;
use crate::cli;
use crate::config::{self, Config};
use crate::lifecycle::{self, Readiness};
use crate::replica::mirror::await_rendering;
use crate::server::{BoundAddress, Server, ServerOptions};
use crate::web::{Content, Routes};
use crate::web_config::AccessControl;

/// Requests for a reload that can wait while another one is carried out.
const MAX_WAITING_RELOADS: usize = 16;
/// How long a replica may take to hand over before the process ends: to end polls, until its
/// standbys serve its last state, and until they know that it leaves.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(6);
/// How long connections may wait for the state that the process continues from. Two replicas that
/// start at the same time wait for each other.
const FIRST_STATE_LIMIT: Duration = Duration::from_secs(1);

/// Polls and serves until a signal ends the process.
///
/// # Errors
/// The configuration is invalid, an account's client cannot be made, or an address cannot be
/// listened on.
pub(super) fn run(arguments: &cli::RunArguments) -> Result<ExitCode, Error> {
    let sources = arguments.configuration.sources();
    let config = load(&sources, &arguments.log)?;
    let serving = serving_runtime()?;
    polling_runtime()?.block_on(async {
        let load_config = Arc::new(move || config::load(&sources));
        serve(config, load_config, &arguments.web, serving.handle(), |_| Ok(())).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The threads that respond to scrapes. They are separate from the thread that polls and have a
/// lower priority, so that many scrapes do not delay polls
/// (`docs/decisions/0008-polls-come-first.md`).
pub(super) fn serving_runtime() -> Result<Runtime, Error> {
    server_runtime(lifecycle::lower_thread_priority)
}

/// Runs the daemon: creates the parts, starts the tasks, waits for a signal and drains. Polls run
/// on the calling runtime, requests on `serving`; `on_bound` is called with the addresses before
/// anything is polled or accepted.
///
/// # Errors
/// A part cannot be made, an address cannot be listened on, or `on_bound` failed.
pub(super) async fn serve(
    config: Config,
    load_config: LoadConfig,
    web: &cli::WebArguments,
    serving: &Handle,
    on_bound: impl FnOnce(&[BoundAddress]) -> Result<(), Error>,
) -> Result<(), Error> {
    // Create the parts. Only this step returns errors.
    let telemetry = assemble::telemetry();
    telemetry.config_loaded(true, Timestamp::now());
    let readiness = Readiness::default();
    let plan = assemble::plan(&config, &telemetry, &Clients::default())?;
    let (reload_sender, reload_requests) = mpsc::channel(MAX_WAITING_RELOADS);
    let (state_options, replica_options, shard) =
        (config.state.clone(), config.replicas.clone(), config.shard);
    let active = ActiveConfig::new(config);
    let supervisor = Supervisor::new(Arc::clone(&telemetry));
    let store = Arc::clone(supervisor.store());
    let supervisor = Arc::new(Mutex::new(supervisor));
    let state =
        AppState::new(Arc::clone(&store), Arc::clone(&telemetry), readiness.clone(), active, reload_sender);
    let state = Arc::new(state);
    let (server, is_tls) = bind(web, Arc::clone(&state) as Arc<dyn Content>, serving).await?;
    let context = ReplicaContext {
        state: &state,
        supervisor: &supervisor,
        telemetry: &telemetry,
        readiness: &readiness,
        shard,
        address: ServedAddress {
            listens_on: server.addresses().iter().filter_map(BoundAddress::tcp).collect(),
            is_tls,
        },
    };
    let replica = OneOfSeveral::new(&replica_options, context)?;
    let keeper = StateKeeper::new(state_options, &state).map(Arc::new);
    on_bound(server.addresses())?;
    let signals = lifecycle::install_signal_handlers(readiness)
        .map_err(|source| Error::System { doing: "install signal handlers", source })?;

    // Start the tasks. They end when the set is dropped, after the server has drained.
    let mut tasks = JoinSet::new();
    state.await_first_polls(plan.order.iter());
    tasks.spawn_on(Arc::clone(&state).render_snapshots(store.subscribe()), serving);
    tasks.spawn(async move { store.run_expiry(Timestamp::now).await });
    supervisor.lock().await.apply(plan, &state.active().config).await;
    if let Some(keeper) = &keeper {
        keeper.restore(&telemetry).await;
        let keeper = Arc::clone(keeper);
        tasks.spawn(async move { keeper.run().await });
    }
    let first_answer = replica.as_ref().map(OneOfSeveral::first_answer);
    let replica = replica.map(|replica| tokio::spawn(replica.run(signals.shutdown.clone())));
    if replica.is_none() {
        supervisor.lock().await.resume();
    }
    let reloader =
        Reloader { load_config, telemetry, state: Arc::clone(&state), supervisor: Arc::clone(&supervisor) };
    tasks.spawn(reloader.run(signals.reload, reload_requests));

    // Serve until a signal arrives, then hand over and drain.
    await_first_state(&state, first_answer).await;
    for address in server.addresses() {
        tracing::info!(%address, "listening");
    }
    lifecycle::notify_ready();
    let drain = CancellationToken::new();
    let grace = move || state.active().config.shutdown_grace;
    let drained = serving.spawn(server.run(drain.clone(), grace));
    signals.shutdown.cancelled().await;
    lifecycle::notify_stopping();
    hand_over(replica, keeper.as_deref(), &supervisor).await;
    drain.cancel();
    // A panic of the server must end the process, which would otherwise poll without serving
    // anything.
    drained.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    Ok(())
}

/// Waits until the state that this process continues from is served. A load balancer that has not
/// noticed a restart sends scrapes at once, and they must find the series of the fleet.
async fn await_first_state(state: &AppState, first_answer: Option<CancellationToken>) {
    let is_served = async {
        if let Some(first_answer) = first_answer {
            first_answer.cancelled().await;
        }
        await_rendering(state.store(), &mut state.rendered()).await;
    };
    let _ = timeout(FIRST_STATE_LIMIT, is_served).await;
}

/// Hands the state over to another replica and to the next process. Requests are served meanwhile.
async fn hand_over(
    replica: Option<JoinHandle<()>>,
    keeper: Option<&StateKeeper>,
    supervisor: &Mutex<Supervisor>,
) {
    if let Some(replica) = replica {
        // A replica that hangs is left behind: its standbys take over a little later.
        let _ = timeout(HAND_OVER_LIMIT, replica).await;
    }
    if let Some(keeper) = keeper {
        supervisor.lock().await.pause(POLL_END_LIMIT).await;
        keeper.write().await;
    }
}

/// The server of `content`, bound to its addresses, and whether it uses TLS. It accepts nothing
/// yet.
async fn bind(
    web: &cli::WebArguments,
    content: Arc<dyn Content>,
    serving: &Handle,
) -> Result<(Server, bool), Error> {
    let access = AccessControl::new(web.config_file.clone()).map_err(Error::Configuration)?;
    let is_tls = access.protocol().await.tls.is_some();
    let routes = Routes::new(content, web.telemetry_path.clone(), web.enable_lifecycle);
    let options = ServerOptions {
        listen: web.listen_address.clone(),
        systemd_sockets: web.systemd_socket,
        ..ServerOptions::default()
    };
    // Sockets belong to the runtime that they are bound on.
    let _serving = serving.enter();
    let server = Server::bind(&options, access, Arc::new(routes)).map_err(Error::Serve)?;
    Ok((server, is_tls))
}
