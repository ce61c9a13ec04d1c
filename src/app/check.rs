//! `check`: is the configuration good, and with `--online`, does every target answer?

use std::{fmt::Write as _, process::ExitCode};

use futures_util::future::join_all;

use super::{Error, assemble, chain};
use crate::{appstreaming::advice, cli, config, http, poller::Target, telemetry::Telemetry};

pub(super) fn run(arguments: &cli::Check) -> Result<ExitCode, Error> {
    let sources = arguments.configuration.sources();
    let config::Loaded { config, warnings } = config::load(&sources).map_err(Error::Configuration)?;
    super::start_logging(&arguments.log)?;
    let web_config = arguments.web_config_file.as_deref();
    let web_warnings = web_config.map(http::check_web_config).transpose().map_err(Error::Configuration)?;
    let mut report = String::new();
    for warning in warnings.iter().chain(web_warnings.iter().flatten()) {
        line(&mut report, format_args!("warning: {warning}"));
    }
    line(&mut report, format_args!("configuration: good ({})", origins(&sources)));

    if let Some(path) = web_config {
        line(&mut report, format_args!("web configuration: good ({})", path.display()));
    }

    let mut status = ExitCode::SUCCESS;
    if arguments.online {
        let polling = assemble::polling(&config, &Telemetry::new())?;
        let targets: Vec<&Target> = polling.runners.iter().map(|runner| &runner.target).collect();
        let answers = super::runtime()?.block_on(join_all(targets.iter().map(|target| ask(target))));
        for (target, answer) in targets.iter().zip(answers) {
            let name = format!("account {:?}, target {}", target.account, target.name);
            match answer {
                Ok(groups) => line(&mut report, format_args!("{name}: answers, {groups} delivery groups")),
                Err(problem) => {
                    status = ExitCode::FAILURE;
                    line(&mut report, format_args!("{name}: {problem}"));
                }
            }
        }
    }
    super::print(report.as_bytes())?;
    Ok(status)
}

/// One signed call for each of the target's listings.
async fn ask(target: &Target) -> Result<u64, String> {
    let mut groups = 0;
    for query in &target.queries {
        groups += target.api.count_groups(query).await.map_err(|error| match advice(&error) {
            Some(advice) => format!("{}\n  what to do: {advice}", chain(&error)),
            None => chain(&error),
        })?;
    }
    Ok(groups)
}

fn origins(sources: &config::Sources) -> String {
    let mut names: Vec<String> = sources.files.iter().map(|file| file.display().to_string()).collect();
    if names.is_empty() {
        names.push("no file, built-in defaults".into());
    }
    names.join(", ")
}

fn line(report: &mut String, text: std::fmt::Arguments<'_>) {
    // Infallible: writing to a string.
    let _ = writeln!(report, "{text}");
}
