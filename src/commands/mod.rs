//! The commands: one file or folder a subcommand, and what they share.
//!
//! What is not here: flags (`cli`), and the parts that a command puts together (`app`).

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

/// Why a command could not do its work. The operator reads the whole chain of sources.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has problems; every one of them is named.
    #[error("the configuration has problems:\n{0}")]
    Configuration(document::Problems),
    /// The log level or format makes no sense.
    #[error("cannot set up logging")]
    Logging(#[source] logging::Error),
    /// The runtime, a signal handler or another service of the operating system was refused.
    #[error("cannot {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server could not take its addresses.
    #[error("cannot serve")]
    Serve(#[source] server::Error),
    /// The parts of the daemon cannot be made.
    #[error(transparent)]
    Assembly(#[from] app::Error),
    /// What was asked for can't be asked so.
    #[error("{0}")]
    Arguments(String),
    /// The output could not be written.
    #[error("cannot write {what}")]
    Output {
        /// A file's path, or `standard output`.
        what: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The exporter that was asked isn't well, or doesn't answer.
    #[error(transparent)]
    Probe(ProbeError),
    /// The simulated cloud could not start.
    #[cfg(feature = "simulator")]
    #[error("cannot start the simulated cloud")]
    Simulator(#[source] crate::simulator::Error),
    /// No scenario has the name that was asked for.
    #[cfg(feature = "simulator")]
    #[error("there is no scenario {0:?}: --scenario list shows those there are")]
    Scenario(String),
}

/// Carries the command out; the exit status is 0 when all went well and 1 when a target did not.
///
/// # Errors
///
/// When the command could not even be tried: wrong configuration, taken address, missing credentials.
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
    // A panic fails only the request or the poll that it happens in; the log must still show it.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked: {}", panic.payload_as_str().unwrap_or("(no message)"));
    }));
    logging::init(&log.level, log.format).map_err(Error::Logging)
}

/// The runtime of a command that calls the cloud: the calling thread. Polling keeps one core busy at
/// most, and handing work from thread to thread would cost a quarter more CPU time.
fn polling_runtime() -> Result<Runtime, Error> {
    start(&mut runtime::Builder::new_current_thread())
}

/// The runtime of a server: two threads, so that one request that computes does not delay all others.
fn server_runtime(on_thread_start: fn()) -> Result<Runtime, Error> {
    let mut builder = runtime::Builder::new_multi_thread();
    start(builder.worker_threads(2).thread_name("serve").on_thread_start(on_thread_start))
}

fn start(builder: &mut runtime::Builder) -> Result<Runtime, Error> {
    let started = builder.enable_all().build();
    started.map_err(|source| Error::System { doing: "start the asynchronous runtime", source })
}
