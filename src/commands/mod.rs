//! The commands: one file or folder a subcommand, and what they share.
//!
//! What is not here: flags (`cli`), and the assembly of the daemon's parts (`app`).

mod catalog;
mod check;
#[cfg(feature = "simulator")]
mod demo;
mod list;
mod once;
mod probe;
mod run;
#[cfg(feature = "simulator")]
mod scenario;
#[cfg(feature = "simulator")]
mod simulate;
mod terminal;

use std::io::{self, Write as _};
use std::process::ExitCode;

use tokio::runtime::{self, Runtime};

use crate::app;
use crate::cli::{self, Command};
use crate::config;
use crate::document;
use crate::server;
use crate::telemetry::logging;

pub use crate::aliyun::chain;
pub use probe::ProbeError;

/// Why a command failed. The whole chain of sources is printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has problems; all are listed.
    #[error("the configuration has problems:\n{0}")]
    Configuration(document::Problems),
    /// The log level is invalid.
    #[error("cannot set up logging")]
    Logging(#[source] logging::Error),
    /// The operating system refused a runtime or signal handlers.
    #[error("cannot {doing}")]
    System {
        /// What failed, as a verb phrase.
        doing: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The server cannot listen on its addresses.
    #[error("cannot serve")]
    Serve(#[source] server::Error),
    /// The parts of the daemon cannot be made.
    #[error(transparent)]
    Assembly(#[from] app::Error),
    /// The arguments do not match the configuration.
    #[error("{0}")]
    Arguments(String),
    /// The output could not be written.
    #[error("cannot write {what}")]
    Output {
        /// A file's path, or `standard output`.
        what: String,
        /// The reason.
        source: io::Error,
    },
    /// The probed exporter is unhealthy, or does not respond.
    #[error(transparent)]
    Probe(ProbeError),
    /// The simulated cloud could not start.
    #[cfg(feature = "simulator")]
    #[error("cannot start the simulated cloud")]
    Simulator(#[source] crate::simulator::Error),
    /// There is no scenario of this name.
    #[cfg(feature = "simulator")]
    #[error("there is no scenario {0:?}: --scenario list prints all scenarios")]
    Scenario(String),
}

/// Runs a command; the exit status is 0 on success, and 1 if a target or a listing failed or a
/// check found errors.
///
/// # Errors
/// The command could not be carried out: invalid configuration, address in use, missing
/// credentials.
pub fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Once(arguments) => once::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Catalog(arguments) => catalog::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        #[cfg(feature = "simulator")]
        Command::Demo(arguments) => demo::run(&arguments),
        #[cfg(feature = "simulator")]
        Command::Simulate(arguments) => simulate::run(&arguments),
    }
}

/// Writes to standard output. A reader that closed the pipe (`| head`) is not an error.
fn print(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Converts the result of a write to standard output; a closed pipe is a success.
fn written(result: io::Result<()>) -> Result<(), Error> {
    match result {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Output { what: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Loads the configuration and starts logging; warnings are the first lines logged.
fn load(sources: &config::Sources, log: &cli::LogArguments) -> Result<config::Config, Error> {
    let config::Loaded { config, warnings } = config::load(sources).map_err(Error::Configuration)?;
    start_logging(log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn start_logging(log: &cli::LogArguments) -> Result<(), Error> {
    // A panic fails only the request or the poll in which it occurs; the log must still show it.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked: {}", panic.payload_as_str().unwrap_or("(no message)"));
    }));
    logging::init(&log.level, log.format).map_err(Error::Logging)
}

/// The runtime of a command that calls the cloud. It uses only the calling thread: polling takes at
/// most one core, and moving work between threads costs a quarter more CPU time.
fn polling_runtime() -> Result<Runtime, Error> {
    start(&mut runtime::Builder::new_current_thread())
}

/// The runtime of a server: two threads, so that one request that computes does not delay all
/// others.
fn server_runtime(on_thread_start: fn()) -> Result<Runtime, Error> {
    let mut builder = runtime::Builder::new_multi_thread();
    start(builder.worker_threads(2).thread_name("serve").on_thread_start(on_thread_start))
}

fn start(builder: &mut runtime::Builder) -> Result<Runtime, Error> {
    let started = builder.enable_all().build();
    started.map_err(|source| Error::System { doing: "start the asynchronous runtime", source })
}
