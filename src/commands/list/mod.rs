//! `list`: queries the API and prints the records.
//!
//! | file | does |
//! |---|---|
//! | `query` | turns flags into queries, and fetches complete listings |
//! | `columns` | which fields a table and a CSV file show, and how they are read from a record |
//! | `table`, `csv` | rows to text, as pure functions |
//! | `progress` | a line on the terminal during a long listing |
//!
//! Records are shown as the API returns them. Only the flags select records; the account's `filter`
//! and `regions` do not apply. User names are shown: every caller of the API can see them.

mod columns;
mod csv;
mod progress;
mod query;
mod table;

use std::io::{IsTerminal as _, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use self::progress::Progress;
use self::query::{ListError, ListedRecords};
use super::{Error, chain, terminal};
use crate::aliyun::ErrorKind;
use crate::app::assemble;
use crate::appstreaming::{self, Record, advice};
use crate::cli::{self, ListCommand, ListFormat};
use crate::config::{Account, Config};
use crate::telemetry::Telemetry;

/// Limit of the whole command.
const LISTING_TIMEOUT: Duration = Duration::from_secs(3600);

/// Fetches and prints one listing; exits with 1 if the API fails.
///
/// # Errors
/// The configuration is invalid, the account is unknown, or standard output cannot be written.
pub(super) fn run(arguments: &cli::ListArguments) -> Result<ExitCode, Error> {
    let common = arguments.command.common();
    let config = super::load(&common.configuration.sources(), &common.log)?;
    let account = choose(&config, common.account.as_deref())?;
    let progress = Arc::new(Progress::new(noun(&arguments.command)));
    let client = assemble::client(account, &Telemetry::new())?
        .observed_by(Arc::clone(&progress) as Arc<dyn crate::aliyun::RequestObserver>);
    let api = appstreaming::Client::new(client, config.poll.page_size);

    let listed = super::polling_runtime()?.block_on(async {
        let shown = tokio::spawn(Arc::clone(&progress).show());
        let listing =
            query::fetch(&api, &arguments.command, account, account.client.max_in_flight, &progress);
        let listed = timeout(LISTING_TIMEOUT, listing).await;
        shown.abort();
        progress.clear();
        listed
    });
    match listed {
        Ok(Ok(listed)) => {
            super::print(render(common.format, &arguments.command, &listed.records).as_bytes())?;
            print_notes(&listed, common.format);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(failure)) => {
            print_error(&account.name, &failure);
            Ok(ExitCode::FAILURE)
        }
        Err(_) => {
            eprintln!(
                "appstreaming-exporter: account {:?}: timed out after {LISTING_TIMEOUT:?}",
                account.name
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The named account, or the only one.
fn choose<'c>(config: &'c Config, named: Option<&str>) -> Result<&'c Account, Error> {
    let names = || {
        let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        names.join(", ")
    };
    match (named, config.accounts.as_slice()) {
        (None, [account]) => Ok(account),
        (None, accounts) => Err(Error::Arguments(format!(
            "there are {} accounts, choose one with --account: {}",
            accounts.len(),
            names()
        ))),
        (Some(name), accounts) => accounts
            .iter()
            .find(|account| account.name == name)
            .ok_or_else(|| Error::Arguments(format!("there is no account {name:?}, only: {}", names()))),
    }
}

fn noun(what: &ListCommand) -> &'static str {
    match what {
        ListCommand::Groups(_) => "groups",
        ListCommand::Instances(_) => "instances",
        ListCommand::Persistent(_) => "persistent sessions",
    }
}

fn render(format: ListFormat, what: &ListCommand, records: &[Record]) -> String {
    if format == ListFormat::Json {
        return json(records);
    }
    // Every record is valid JSON. One that is nested too deeply for `Value` is shown without
    // fields.
    let values: Vec<Value> =
        records.iter().map(|record| serde_json::from_str(record.get()).unwrap_or_default()).collect();
    match format {
        ListFormat::Csv => {
            let fields = columns::documented(what);
            csv::render(fields, values.iter().map(|value| columns::flatten(value, fields)))
        }
        _ => table::render(columns::of(what), &values, terminal::width()),
    }
}

/// One array, one record a line unless the API itself breaks lines.
fn json(records: &[Record]) -> String {
    let records: Vec<&str> = records.iter().map(|record| record.get()).collect();
    if records.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", records.join(",\n")) }
}

/// Prints notes about the records to standard error.
fn print_notes(listed: &ListedRecords, format: ListFormat) {
    if listed.moved {
        eprintln!(
            "note: the fleet changed while it was listed: a record may be missing, or appear twice in different states"
        );
    }
    if listed.records.is_empty() && format == ListFormat::Table && stdout().is_terminal() {
        eprintln!("nothing found");
    }
}

fn print_error(account: &str, failure: &ListError) {
    eprintln!(
        "appstreaming-exporter: account {account:?}: cannot list {}: {}",
        failure.what,
        chain(&failure.error)
    );
    match advice(&failure.error) {
        Some(advice) => {
            eprintln!("  what to do: {advice}");
            eprintln!("  `appstreaming-exporter check --online` shows more");
        }
        None if failure.error.kind() == ErrorKind::NotFound => {
            eprintln!("  what to do: list the existing groups with `appstreaming-exporter list groups`");
        }
        None => {}
    }
}
