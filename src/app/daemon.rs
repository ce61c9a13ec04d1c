//! `run`: the daemon.

use std::{process::ExitCode, sync::Arc};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{
    Error,
    assemble::{self, Polling},
    front::Front,
};
use crate::{cli, config::Config, http, lifecycle, telemetry::Telemetry};

pub(super) fn run(arguments: &cli::Run) -> Result<ExitCode, Error> {
    let config = super::load(&arguments.configuration.sources(), &arguments.log)?;
    super::runtime()?.block_on(async {
        let daemon = Daemon::start(config, &arguments.web)?;
        daemon.serve().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Everything bound and assembled; polling and serving have not begun.
pub(super) struct Daemon {
    config: Config,
    server: http::Server,
    polling: Polling,
    front: Arc<Front>,
    readiness: lifecycle::Readiness,
}

impl Daemon {
    pub(super) fn start(config: Config, web: &cli::Web) -> Result<Self, Error> {
        let telemetry = Telemetry::new();
        telemetry.config_loaded(true, Timestamp::now());
        let readiness = lifecycle::Readiness::default();
        let polling = assemble::polling(&config, &telemetry)?;
        let front =
            Arc::new(Front::new(telemetry, readiness.clone(), config.redacted(), assemble::setup(&config)));
        let options = http::Options {
            listen: web.listen_address.clone(),
            telemetry_path: web.telemetry_path.clone(),
            ..http::Options::default()
        };
        let server = http::Server::bind(options, Arc::clone(&front) as Arc<dyn http::Content>)
            .map_err(Error::Serve)?;
        Ok(Self { config, server, polling, front, readiness })
    }

    /// Where the server listens.
    #[cfg(feature = "simulator")]
    pub(super) fn addresses(&self) -> &[std::net::SocketAddr] {
        self.server.addresses()
    }

    /// Polls and serves until a signal ends it.
    pub(super) async fn serve(self) {
        let Self { config, server, polling, front, readiness } = self;
        let Polling { runners, board } = polling;
        let latches = runners
            .iter()
            .map(|runner| {
                readiness.latch(format!("the first poll of {}/{}", runner.target.account, runner.target.name))
            })
            .collect();
        let shutdown = match lifecycle::signals(readiness) {
            Ok(shutdown) => shutdown,
            Err(error) => {
                tracing::error!(%error, "cannot watch for signals");
                return;
            }
        };

        for address in server.addresses() {
            tracing::info!(%address, "listening");
        }
        // Dropped, and so aborted, when the server has drained.
        let mut tasks = JoinSet::new();
        let options = Arc::new(assemble::render_options(&config));
        tasks.spawn(front.keep_newest(board.subscribe(), options, latches));
        tasks.spawn(async move { board.keep(Timestamp::now).await });
        let schedule = assemble::jitter(config.poll.interval.get());
        for runner in runners {
            tasks.spawn(async move { runner.run(schedule, Timestamp::now).await });
        }
        server.run(shutdown, config.poll.shutdown_grace.get()).await;
    }
}
