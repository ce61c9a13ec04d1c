//! Findings for programs: one object, whose shape docs/operations.md describes.

use serde::Serialize;

use super::finding::{AccountReport, Level, Report};
use crate::{
    document::{Problem, Problems},
    telemetry::VERSION,
};

#[derive(Serialize)]
struct Document<'r> {
    /// `ok` or `trouble`, as the exit status.
    status: &'static str,
    version: &'static str,
    configuration: Configuration<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<Account<'r>>>,
}

#[derive(Serialize)]
struct Configuration<'r> {
    files: &'r [String],
    problems: Vec<Said<'r>>,
    warnings: Vec<Said<'r>>,
}

#[derive(Serialize)]
struct Account<'r> {
    level: Level,
    #[serde(flatten)]
    report: &'r AccountReport,
}

#[derive(Serialize)]
struct Said<'r> {
    place: &'r str,
    line: Option<u64>,
    key: &'r str,
    message: &'r str,
}

impl<'r> Said<'r> {
    fn new(problem: &'r Problem) -> Self {
        Self {
            place: &problem.origin.source,
            line: problem.origin.line,
            key: &problem.key,
            message: &problem.message,
        }
    }
}

/// The whole report.
pub(super) fn render(report: &Report) -> String {
    let accounts = report
        .accounts
        .as_ref()
        .map(|accounts| accounts.iter().map(|report| Account { level: report.level(), report }).collect());
    write(&Document {
        status: if report.is_trouble() { "trouble" } else { "ok" },
        version: VERSION,
        configuration: Configuration {
            files: &report.origins,
            problems: Vec::new(),
            warnings: report.warnings.iter().map(Said::new).collect(),
        },
        accounts,
    })
}

/// A configuration that can't be used.
pub(super) fn refused(files: &[String], problems: &Problems) -> String {
    let problems = problems.iter().map(Said::new).collect();
    write(&Document {
        status: "trouble",
        version: VERSION,
        configuration: Configuration { files, problems, warnings: Vec::new() },
        accounts: None,
    })
}

fn write(document: &Document<'_>) -> String {
    // Nothing in it can fail to be written: no maps with odd keys, no numbers that JSON lacks.
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("{text}\n")
}
