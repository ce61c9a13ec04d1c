//! The command line: commands and flags, and what they mean for the configuration.
//!
//! Flags bear dots, as those of other Prometheus exporters do. Usage errors end the process with
//! status 2, `--help` and `--version` with 0; whether a configuration makes sense is decided in `config`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::config::{Flag, Sources};
use crate::server::ListenAddress;
use crate::telemetry::logging::Format;
use crate::telemetry::{REVISION, RUSTC, VERSION};

mod list;
mod probe;
#[cfg(feature = "simulator")]
mod simulate;
pub use list::{
    CommonListArguments, GroupSelection, ListArguments, ListCommand, ListFormat, ListGroups, ListInstances,
    ListPersistent,
};
pub use probe::ProbeArguments;
#[cfg(feature = "simulator")]
pub use simulate::{BehaviourArguments, DemoArguments, FaultArgument, FleetArguments, SimulateArguments};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  appstreaming-exporter demo
      Look around: no account, no network, no file needed
  appstreaming-exporter
      Poll with the default credentials and serve port 9877
  appstreaming-exporter check --config.file exporter.toml --online
      List every mistake in the file by key and line; then try what a poll needs
  appstreaming-exporter list instances --status RUNNING
      Ask the API and print what it says

Configuration: defaults < files < environment < --set < other flags. A variable
is a key in capitals with __ between levels, such as
APPSTREAMING_EXPORTER_POLL__INTERVAL=30s; the flags --config.file, --web.* and
--log.* have theirs too: APPSTREAMING_EXPORTER_LOG__LEVEL=debug.";

/// Reads the command line of this process. Ends it on a usage error (2) and after `--help` and `--version` (0).
pub fn parse() -> Command {
    try_parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// The definition of the command line, for what is generated from it: manual pages and completions.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// What to print and with which status to end; asking for help is among them.
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
    // One short page of help for both spellings: the long layout hides the overview.
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = "Options")]
    help: Option<bool>,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

/// What the exporter is asked to do.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Poll the cloud and serve /metrics; what happens without a command
    Run(RunArguments),
    /// The same over a simulated cloud: no account, no network, no file needed
    #[cfg(feature = "simulator")]
    Demo(DemoArguments),
    /// The simulated cloud alone, for tests, dashboards and load
    #[cfg(feature = "simulator")]
    Simulate(SimulateArguments),
    /// Poll once and print the exposition; status 0 only when every target succeeded
    Once(OnceArguments),
    /// Check the configuration and list every problem at once; with --online also everything that a poll needs
    #[command(mut_arg("level", |level| level.default_value("warn")))]
    Check(CheckArguments),
    /// Ask the API once and print what it says
    List(Box<ListArguments>),
    /// Print the catalogue of metrics
    Catalog(CatalogArguments),
    /// Ask a running exporter whether it is well; status 0 or 1, for health checks
    Probe(ProbeArguments),
}

/// Flags of `run`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct RunArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// What is served where.
    #[command(flatten)]
    pub web: WebArguments,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigurationArguments {
    /// Configuration file: TOML, YAML or JSON by its ending; repeatable, later wins
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
    /// This replica's number, from 0; "hostname" takes it from the end of a StatefulSet pod's name
    #[arg(long = "shard.index", value_name = "INDEX")]
    pub shard_index: Option<String>,
    /// How many replicas share the fleet
    #[arg(long = "shard.total", value_name = "TOTAL")]
    pub shard_total: Option<String>,
}

impl ConfigurationArguments {
    /// All sources of the configuration, with the environment and host name of this process.
    pub fn sources(&self) -> Sources {
        self.sources_over(Sources::of_process())
    }

    /// All sources of the configuration, over what `process` says of environment and host name.
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

/// What is served where.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Web")]
pub struct WebArguments {
    /// Address to listen on: :PORT for every address, HOST:PORT, or unix:PATH; repeatable
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":9877",
        value_delimiter = ',',
        env = "APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS",
        hide_env = true
    )]
    pub listen_address: Vec<ListenAddress>,
    /// Listen on the sockets that systemd hands over, and nowhere else
    #[arg(
        long = "web.systemd-socket",
        env = "APPSTREAMING_EXPORTER_WEB__SYSTEMD_SOCKET",
        hide_env = true,
        value_parser = FalseyValueParser::new()
    )]
    pub systemd_socket: bool,
    /// TLS, users, headers and a rate limit: the Prometheus exporter toolkit's file, read again when it
    /// changes
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "APPSTREAMING_EXPORTER_WEB__CONFIG__FILE",
        hide_env = true
    )]
    pub config_file: Option<PathBuf>,
    /// Let POST /-/reload read the configuration again
    #[arg(
        long = "web.enable-lifecycle",
        env = "APPSTREAMING_EXPORTER_WEB__ENABLE_LIFECYCLE",
        hide_env = true,
        value_parser = FalseyValueParser::new()
    )]
    pub enable_lifecycle: bool,
    /// Path of the metrics
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

/// What is logged.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArguments {
    /// Least severe messages to log: off, error, warn, info, debug or trace; also by module, such as
    /// info,hyper=debug
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        value_parser = log_level,
        env = "APPSTREAMING_EXPORTER_LOG__LEVEL",
        hide_env = true
    )]
    pub level: String,
    /// How messages are written
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        value_parser = PossibleValuesParser::new(["logfmt", "json"]).try_map(|word| word.parse::<Format>()),
        env = "APPSTREAMING_EXPORTER_LOG__FORMAT",
        hide_env = true
    )]
    pub format: Format,
}

/// Flags of `once`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct OnceArguments {
    /// Write to this file, whole or not at all, rather than to the standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArguments,
}

/// Flags of `check`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct CheckArguments {
    /// Also ask the cloud: reachability, clock, credentials, permissions, and whether a poll fits its interval
    #[arg(long)]
    pub online: bool,
    /// Also check this web configuration file, and every file that it names
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "APPSTREAMING_EXPORTER_WEB__CONFIG__FILE",
        hide_env = true
    )]
    pub web_config_file: Option<PathBuf>,
    /// How the findings are printed
    // Its name is the log's too.
    #[arg(id = "output_format", long = "format", value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArguments,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// sections to read
    Text,
    /// one object, see docs/operations.md
    Json,
}

/// Flags of `catalog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct CatalogArguments {
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    pub format: CatalogFormat,
}

/// How the catalogue is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CatalogFormat {
    /// tables to read
    Markdown,
    /// a list of objects
    Json,
}

fn version() -> String {
    format!("{VERSION} (revision {REVISION}, rustc {RUSTC})")
}

fn telemetry_path(text: &str) -> Result<String, String> {
    // Whoever looks after the process relies on these.
    const TAKEN: [&str; 3] = ["/-/healthy", "/-/ready", "/-/reload"];
    let sound =
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    if !sound {
        Err("write a path such as /metrics".to_owned())
    } else if TAKEN.contains(&text) {
        Err("something else is served there".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Lets directives by module pass: the log itself knows better what is wrong with those.
fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let known = text.contains(['=', ',', '[', ':']) || LEVELS.contains(&text);
    known.then(|| text.to_owned()).ok_or_else(|| format!("write one of {}", LEVELS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn parsed(line: &str) -> Command {
        try_parse(std::iter::once("appstreaming-exporter").chain(line.split_whitespace())).expect(line)
    }

    fn refused(line: &str) -> clap::Error {
        try_parse(std::iter::once("appstreaming-exporter").chain(line.split_whitespace())).expect_err(line)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_runs() {
        let Command::Run(run) = parsed("--config.file a.toml --config.file b.yaml --set poll.interval=5s")
        else {
            panic!("not run");
        };
        assert_eq!(run.configuration.files, [PathBuf::from("a.toml"), PathBuf::from("b.yaml")]);
        assert_eq!(run.configuration.set, ["poll.interval=5s"]);
        assert_eq!(run.web.listen_address, [":9877".parse().expect("an address")]);
        assert_eq!((run.web.telemetry_path.as_str(), run.log.level.as_str()), ("/metrics", "info"));
        assert_eq!(parsed(""), parsed("run"));
    }

    #[test]
    fn flags_that_stand_for_a_key_become_sources() {
        let Command::Run(run) = parsed("run --shard.index hostname --shard.total 3") else {
            panic!("not run")
        };
        let sources = run.configuration.sources_over(Sources::default());
        let flags: Vec<_> = sources.flags.iter().map(|flag| (flag.key, flag.value.as_str())).collect();
        assert_eq!(flags, [("sharding.index", "hostname"), ("sharding.total", "3")]);
    }

    #[test]
    fn several_addresses_are_listened_on() {
        let Command::Run(run) = parsed("--web.listen-address 127.0.0.1:0 --web.listen-address [::1]:9877")
        else {
            panic!("not run");
        };
        assert_eq!(run.web.listen_address.len(), 2);
    }

    #[test]
    fn usage_errors_end_with_status_2_and_help_with_0() {
        for line in [
            "--no-such-flag",
            "nonsense",
            "--web.listen-address 9877",
            "--web.telemetry-path metrics",
            "--web.telemetry-path /-/ready",
            "--log.level loud",
            "catalog --format xml",
            "simulate --fault 2=ServiceUnavailable",
            "simulate --speed -1",
        ] {
            assert_eq!(refused(line).exit_code(), 2, "{line}");
        }
        for line in ["--help", "--version", "check --help"] {
            assert_eq!(refused(line).exit_code(), 0, "{line}");
        }
    }

    #[test]
    fn switches_of_the_web_are_off_until_they_are_given() {
        let Command::Run(run) = parsed("run") else { panic!("not run") };
        assert!(!run.web.enable_lifecycle && !run.web.systemd_socket && run.web.config_file.is_none());
        let Command::Run(run) =
            parsed("run --web.enable-lifecycle --web.systemd-socket --web.config.file web.yml")
        else {
            panic!("not run");
        };
        assert!(run.web.enable_lifecycle && run.web.systemd_socket);
        assert_eq!(run.web.config_file, Some(PathBuf::from("web.yml")));
    }

    #[test]
    fn the_version_is_shown_with_what_is_known_of_the_build() {
        let shown = refused("--version").to_string();
        assert!(shown.starts_with(&format!("appstreaming-exporter {VERSION}")), "{shown}");
    }
}
