//! Findings as one JSON object; docs/operations.md describes its fields.

use std::collections::BTreeMap;

use serde::Serialize;

use super::finding::{AccountReport, CheckReport, Finding, Level, highest};
use crate::document::{Problem, Problems};
use crate::telemetry::VERSION;

#[derive(Serialize)]
struct JsonReport<'r> {
    /// `ok` or `trouble`, matching the exit status.
    status: &'static str,
    version: &'static str,
    configuration: JsonConfiguration<'r>,
    /// The state file and the replicas, where they are configured.
    #[serde(flatten)]
    parts: BTreeMap<&'static str, JsonPart<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<JsonAccount<'r>>>,
}

#[derive(Serialize)]
struct JsonConfiguration<'r> {
    files: &'r [String],
    problems: Vec<JsonProblem<'r>>,
    warnings: Vec<JsonProblem<'r>>,
}

#[derive(Serialize)]
struct JsonPart<'r> {
    level: Level,
    findings: &'r [Finding],
}

#[derive(Serialize)]
struct JsonAccount<'r> {
    level: Level,
    #[serde(flatten)]
    report: &'r AccountReport,
}

#[derive(Serialize)]
struct JsonProblem<'r> {
    place: &'r str,
    line: Option<u64>,
    key: &'r str,
    message: &'r str,
}

impl<'r> JsonPart<'r> {
    fn new(findings: &'r [Finding]) -> Self {
        Self { level: highest(findings), findings }
    }
}

impl<'r> JsonProblem<'r> {
    fn new(problem: &'r Problem) -> Self {
        Self {
            place: &problem.origin.source,
            line: problem.origin.line,
            key: &problem.key,
            message: &problem.message,
        }
    }
}

/// The report of a valid configuration.
pub(super) fn render(report: &CheckReport) -> String {
    let accounts = report.accounts.as_ref().map(|accounts| {
        accounts.iter().map(|report| JsonAccount { level: report.level(), report }).collect()
    });
    write(&JsonReport {
        status: if report.has_errors() { "trouble" } else { "ok" },
        version: VERSION,
        configuration: JsonConfiguration {
            files: &report.origins,
            problems: Vec::new(),
            warnings: report.warnings.iter().map(JsonProblem::new).collect(),
        },
        parts: report.parts.iter().map(|part| (part.name, JsonPart::new(&part.findings))).collect(),
        accounts,
    })
}

/// The report of an invalid configuration.
pub(super) fn render_problems(files: &[String], problems: &Problems) -> String {
    let problems = problems.iter().map(JsonProblem::new).collect();
    write(&JsonReport {
        status: "trouble",
        version: VERSION,
        configuration: JsonConfiguration { files, problems, warnings: Vec::new() },
        parts: BTreeMap::new(),
        accounts: None,
    })
}

fn write(document: &JsonReport<'_>) -> String {
    // Serialisation cannot fail, because no map has keys other than strings.
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("{text}\n")
}
