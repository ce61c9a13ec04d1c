//! `check`: validates the configuration; with `--online` also tests everything that a poll needs.
//!
//! | file | does |
//! |---|---|
//! | `collect` | tests endpoint, clock and credentials, and calls each operation |
//! | `evaluate` | turns observations into findings, as pure functions |
//! | `state` | checks the state file and its folder, also without `--online` |
//! | `replicas` | checks the address of this replica; with `--online` also the other one, and the Lease |
//! | `budget` | how many requests a poll needs and how long they take |
//! | `finding` | the findings, as data |
//! | `text`, `json` | findings for people and for programs |
//!
//! An account that fails does not affect the checks of the others; every call has a timeout.

mod budget;
mod collect;
mod evaluate;
mod finding;
mod json;
mod replicas;
mod state;
mod text;

use std::process::ExitCode;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use self::finding::{AccountReport, CheckReport};
use super::{Error, chain, terminal};
use crate::cli::{self, CheckFormat};
use crate::config::{self, Config};
use crate::web_config;

/// Accounts that are checked at the same time.
const CONCURRENCY: usize = 8;

/// Checks the configuration and prints the findings; exits with 1 if there is an error.
///
/// # Errors
/// The configuration is invalid (for text output), or standard output cannot be written.
pub(super) fn run(arguments: &cli::CheckArguments) -> Result<ExitCode, Error> {
    let sources = arguments.configuration.sources();
    let mut origins = origins(&sources);
    let web_config_file = arguments.web_config_file.as_deref();
    origins.extend(web_config_file.map(|file| file.display().to_string()));
    let loaded = config::load(&sources).and_then(|mut loaded| {
        let warnings = web_config_file.map(web_config::check).transpose()?;
        loaded.warnings.extend(warnings.into_iter().flatten());
        Ok(loaded)
    });
    let loaded = match loaded {
        Err(problems) if arguments.format == CheckFormat::Json => {
            super::print(json::render_problems(&origins, &problems).as_bytes())?;
            return Ok(ExitCode::FAILURE);
        }
        loaded => loaded.map_err(Error::Configuration)?,
    };
    super::start_logging(&arguments.log)?;
    let config = &loaded.config;
    let mut parts: Vec<_> = state::check_state(config, Timestamp::now()).into_iter().collect();
    let mut replicas = replicas::check_replicas(config, web_config_file.is_some());
    let accounts = if arguments.online {
        let checks = async { tokio::join!(check_accounts(config), replicas::check_online(config)) };
        let (accounts, found) = super::polling_runtime()?.block_on(checks);
        replicas.iter_mut().for_each(|part| part.findings.extend(found.iter().cloned()));
        Some(accounts)
    } else {
        None
    };
    parts.extend(replicas);
    let report = CheckReport { origins, warnings: loaded.warnings, parts, accounts };
    match arguments.format {
        CheckFormat::Json => super::print(json::render(&report).as_bytes())?,
        CheckFormat::Text => terminal::print(&text::render(&report, terminal::width()))?,
    }
    Ok(if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Checks all accounts; the reports are in configuration order.
async fn check_accounts(config: &Config) -> Vec<AccountReport> {
    stream::iter(&config.accounts)
        .map(|account| async move {
            let observed = collect::collect_account(config, account).await;
            evaluate::evaluate_account(&observed, &budget::PollLimits::of(config, account), Timestamp::now())
        })
        .buffered(CONCURRENCY)
        .collect()
        .await
}

fn origins(sources: &config::Sources) -> Vec<String> {
    sources.files.iter().map(|file| file.display().to_string()).collect()
}
