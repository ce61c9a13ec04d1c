//! The command line: commands, flags, and the configuration sources that they stand for.
//!
//! Flags contain dots, as those of other Prometheus exporters do. The process exits with status 2
//! on a usage error, and with 0 after `--help` and `--version`. What is not here: the validation of
//! the configuration (`config`).

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::config::{Flag, Sources};
use crate::server::ListenAddress;
use crate::telemetry::logging::Format;
use crate::telemetry::{REVISION, RUSTC, VERSION};
use crate::web;

mod list;
mod probe;
#[cfg(feature = "simulator")]
mod simulate;
#[cfg(test)]
mod tests;
pub use list::{
    CommonListArguments, GroupSelection, ListArguments, ListCommand, ListFormat, ListGroups, ListInstances,
    ListPersistent,
};
pub use probe::ProbeArguments;
#[cfg(feature = "simulator")]
pub use simulate::{
    BehaviourArguments, DemoArguments, FaultArgument, FleetArguments, ScheduleCountsArgument,
    SimulateArguments,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  appstreaming-exporter demo
      Serve a simulated fleet: needs no account, no network and no file
  appstreaming-exporter
      Poll with the default credentials and serve port 9877
  appstreaming-exporter check --config.file exporter.toml --online
      List every problem of the file by key and line, then test what a poll needs
  appstreaming-exporter list instances --status RUNNING
      Query the API and print the records

Configuration: defaults < files < environment < --set < other flags. A variable
is a key in capitals with __ between levels, such as
APPSTREAMING_EXPORTER_POLL__INTERVAL=30s; the flags --config.file, --web.* and
--log.* have variables, too: APPSTREAMING_EXPORTER_LOG__LEVEL=debug.";

/// Reads the command line of this process. Exits with status 2 on a usage error, and with 0 after
/// `--help` and `--version`.
pub fn parse() -> Command {
    try_parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// The definition of the command line, from which manual pages and completions are generated.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// A usage error, `--help` or `--version`: the error contains the text to print and the exit
/// status.
pub fn try_parse<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
) -> Result<Command, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    Ok(cli.command.unwrap_or(Command::Run(cli.run)))
}

/// Prometheus exporter for Alibaba Cloud App Streaming
#[derive(Debug, Parser)]
#[command(
    name = "appstreaming-exporter",
    version = version(),
    styles = STYLES,
    max_term_width = 100,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
    // Both -h and --help print the short page: the long layout of clap hides the overview.
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = "Options")]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

/// The subcommands.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Poll the cloud and serve /metrics; the default without a command
    Run(RunArguments),
    /// Poll a simulated cloud and serve /metrics; needs no account, no network and no file
    #[cfg(feature = "simulator")]
    Demo(DemoArguments),
    /// Run only the simulated cloud, for tests, dashboards and load tests
    #[cfg(feature = "simulator")]
    Simulate(SimulateArguments),
    /// Poll once and print the metrics; exits with 0 only if every target succeeded
    Once(OnceArguments),
    /// Check the configuration and list all problems; with --online also test what a poll needs
    #[command(mut_arg("level", |level| level.default_value("warn")))]
    Check(CheckArguments),
    /// Query the API once and print the records
    List(Box<ListArguments>),
    /// Print the catalogue of metrics
    Catalog(CatalogArguments),
    /// Check the health of a running exporter; exits with 0 or 1
    Probe(ProbeArguments),
}

/// Flags of `run`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct RunArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Listening and serving.
    #[command(flatten)]
    pub web: WebArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Sources of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigurationArguments {
    /// Configuration file: TOML, YAML or JSON by its extension; repeatable, later files win
    #[arg(
        long = "config.file",
        value_name = "FILE",
        env = "APPSTREAMING_EXPORTER_CONFIG__FILE",
        hide_env = true
    )]
    pub files: Vec<PathBuf>,
    /// Override one key, such as poll.interval=30s or accounts.0.vpc=true; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Index of this shard, from 0; "hostname": the number at the end of a StatefulSet pod's name,
    /// modulo the total
    #[arg(long = "shard.index", value_name = "INDEX")]
    pub shard_index: Option<String>,
    /// Number of shards that share the fleet and the rate of requests
    #[arg(long = "shard.total", value_name = "TOTAL")]
    pub shard_total: Option<String>,
}

impl ConfigurationArguments {
    /// All sources of the configuration, with the environment and host name of this process.
    pub fn sources(&self) -> Sources {
        self.sources_over(Sources::of_process())
    }

    /// All sources of the configuration, with environment and host name from `process`.
    pub fn sources_over(&self, process: Sources) -> Sources {
        let flag = |flag, key, value: &Option<String>| value.clone().map(|value| Flag { flag, key, value });
        let flags = [
            flag("--shard.index", "sharding.index", &self.shard_index),
            flag("--shard.total", "sharding.total", &self.shard_total),
        ];
        Sources {
            files: self.files.clone(),
            set: self.set.clone(),
            flags: flags.into_iter().flatten().collect(),
            ..process
        }
    }
}

/// Flags of the server.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Web")]
pub struct WebArguments {
    /// Address to listen on: :PORT for all addresses, HOST:PORT, or unix:PATH; repeatable
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":9877",
        value_delimiter = ',',
        env = "APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS",
        hide_env = true
    )]
    pub listen_address: Vec<ListenAddress>,
    /// Listen only on the sockets that systemd passes
    #[arg(
        long = "web.systemd-socket",
        env = "APPSTREAMING_EXPORTER_WEB__SYSTEMD_SOCKET",
        hide_env = true,
        value_parser = FalseyValueParser::new()
    )]
    pub systemd_socket: bool,
    /// Web configuration file of the Prometheus exporter toolkit: TLS, users, headers, rate limit;
    /// read again when it changes
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "APPSTREAMING_EXPORTER_WEB__CONFIG__FILE",
        hide_env = true
    )]
    pub config_file: Option<PathBuf>,
    /// Enable POST /-/reload, which reloads the configuration
    #[arg(
        long = "web.enable-lifecycle",
        env = "APPSTREAMING_EXPORTER_WEB__ENABLE_LIFECYCLE",
        hide_env = true,
        value_parser = FalseyValueParser::new()
    )]
    pub enable_lifecycle: bool,
    /// Path of the metrics, at which the exporter serves no other page
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        env = "APPSTREAMING_EXPORTER_WEB__TELEMETRY_PATH",
        hide_env = true
    )]
    pub telemetry_path: String,
}

/// Flags of logging.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArguments {
    /// Least severe messages to log: off, error, warn, info, debug or trace; also by module, such
    /// as info,hyper=debug
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        value_parser = log_level,
        env = "APPSTREAMING_EXPORTER_LOG__LEVEL",
        hide_env = true
    )]
    pub level: String,
    /// Format of log messages
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        value_parser = PossibleValuesParser::new(["logfmt", "json"]).try_map(|name| name.parse::<Format>()),
        env = "APPSTREAMING_EXPORTER_LOG__FORMAT",
        hide_env = true
    )]
    pub format: Format,
}

/// Flags of `once`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct OnceArguments {
    /// Write to this file atomically instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Sources of the configuration.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Flags of `check`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CheckArguments {
    /// Also test endpoint, clock, credentials and permissions, and whether a poll fits its interval
    #[arg(long)]
    pub online: bool,
    /// Also check this web configuration file and the files that it refers to
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "APPSTREAMING_EXPORTER_WEB__CONFIG__FILE",
        hide_env = true
    )]
    pub web_config_file: Option<PathBuf>,
    /// Output format
    // The id differs from that of --log.format, which is `format`.
    #[arg(id = "output_format", long = "format", value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
    /// Sources of the configuration.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Logging.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Output formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// sections for people
    Text,
    /// one object, see docs/operations.md
    Json,
}

/// Flags of `catalog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct CatalogArguments {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    pub format: CatalogFormat,
}

/// Output formats of `catalog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CatalogFormat {
    /// tables for people
    Markdown,
    /// a list of objects
    Json,
}

fn version() -> String {
    format!("{VERSION} (revision {REVISION}, rustc {RUSTC})")
}

fn telemetry_path(text: &str) -> Result<String, String> {
    let is_valid = text.starts_with('/')
        && !text.contains("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte));
    if web::is_page(text) {
        Err(format!("the exporter serves another page at {text}; choose a path such as /metrics"))
    } else if !is_valid {
        Err("write a path such as /metrics".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Checks a single level. Directives by module are checked when logging starts.
fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let known = text.contains(['=', ',', '[', ':']) || LEVELS.contains(&text);
    known.then(|| text.to_owned()).ok_or_else(|| format!("write one of {}", LEVELS.join(", ")))
}
