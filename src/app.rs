//! The composition root: turns a command and a configuration into parts, and parts into tasks.
//!
//! The only room that knows all the others. Each part gets its own plain options; the mapping from
//! configuration to options is in `assemble`, one file a command beside it.

mod assemble;
mod check;
mod credentials;
mod daemon;
mod front;
mod list;
mod once;
mod polls;
mod probe;
mod reload;
mod reporter;
#[cfg(feature = "simulator")]
mod simulated;
mod terminal;

use std::{io, process::ExitCode};

use tokio::runtime::{self, Runtime};

pub use crate::aliyun::chain;
pub use probe::ProbeError;

use crate::{aliyun, cli, cli::Command, config, metrics, server, telemetry::logging};

/// Why a command could not do its work. The operator reads the whole chain of sources.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has problems; every one of them is named.
    #[error("the configuration has problems:\n{0}")]
    Configuration(config::Problems),
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
    /// An account's credentials can't be asked for.
    #[error("account {account:?}: no credentials")]
    Credentials {
        /// The account's configured name.
        account: String,
        /// Which source said what.
        source: aliyun::credentials::Error,
    },
    /// An account's client could not be made.
    #[error("account {account:?}: cannot make a client for its endpoint")]
    Client {
        /// The account's configured name.
        account: String,
        /// What was wrong.
        source: aliyun::Error,
    },
    /// What was asked for can't be asked so.
    #[error("{0}")]
    Question(String),
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
        Command::Run(arguments) => daemon::run(&arguments),
        Command::Once(arguments) => once::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Catalog(arguments) => catalog(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        #[cfg(feature = "simulator")]
        Command::Demo(arguments) => simulated::demo(&arguments),
        #[cfg(feature = "simulator")]
        Command::Simulate(arguments) => simulated::simulate(&arguments),
    }
}

fn catalog(arguments: &cli::Catalog) -> Result<ExitCode, Error> {
    let text = match arguments.format {
        cli::CatalogFormat::Markdown => metrics::catalogue::markdown(),
        cli::CatalogFormat::Json => metrics::catalogue::json(),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output. A reader that went away (`| head`) is not an error.
fn print(bytes: &[u8]) -> Result<(), Error> {
    use io::Write as _;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Output { what: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Loads the configuration and starts logging; warnings are the first lines logged.
fn load(sources: &config::Sources, log: &cli::Log) -> Result<config::Config, Error> {
    let config::Loaded { config, warnings } = config::load(sources).map_err(Error::Configuration)?;
    start_logging(log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn start_logging(log: &cli::Log) -> Result<(), Error> {
    // A panic is contained by whoever runs the work; here it becomes a line like every other.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked: {}", panic.payload_as_str().unwrap_or("without a word"));
    }));
    logging::init(&log.level, log.format).map_err(Error::Logging)
}

/// The runtime of whoever asks the cloud: the calling thread. Polling is one core's work at most, and
/// handing it from thread to thread would cost a quarter more CPU time.
fn runtime() -> Result<Runtime, Error> {
    started(&mut runtime::Builder::new_current_thread())
}

/// The runtime of a server: two threads, so that one request that computes doesn't hold up all others.
fn server_runtime(on_thread_start: fn()) -> Result<Runtime, Error> {
    let mut builder = runtime::Builder::new_multi_thread();
    started(builder.worker_threads(2).thread_name("serve").on_thread_start(on_thread_start))
}

fn started(builder: &mut runtime::Builder) -> Result<Runtime, Error> {
    let started = builder.enable_all().build();
    started.map_err(|source| Error::System { doing: "start the asynchronous runtime", source })
}
