//! The catalogue as a document: `docs/metrics.md` in Markdown, and `catalog --format json`.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::metrics::catalogue::exporter::{POLL_DURATION_BUCKETS, REQUEST_DURATION_BUCKETS};
use crate::metrics::catalogue::family::Family;
use crate::metrics::catalogue::sections::{SECTIONS, families};
use crate::metrics::family::{MetricType, Unit};

const INTRODUCTION: &str = "\
<!-- Generated from the catalogue in the code: `appstreaming-exporter catalog --format markdown`. -->

# Metrics

Every metric that the exporter can serve, its source and its meaning. This page and the exporter's output
are generated from the same table in the code. A metric name changes only with an entry in the changelog.

## Rules

- **Names** are the API's field names in snake_case with the prefix `appstreaming_`, plus the unit suffix
  of the Prometheus naming conventions.
- **Units** are base units: seconds, ratios from 0 to 1 (the API's `\"85\"` percent is `0.85`), Unix
  timestamps in seconds with millisecond resolution. A duration without limit is `+Inf`.
- **Missing values have no sample.** A field that the API omits, or returns empty or unreadable, has no
  sample. Unreadable values are counted by `appstreaming_exporter_unparsable_fields_total`.
- **State sets** are gauges of 0 or 1: one series for each known status, and another one for an unknown
  status, spelled as the API returns it in upper case. Exactly one series is 1. At most 16 unknown
  statuses for each field have a series of their own, the smallest in byte order; the others are `OTHER`.
- **Counts by status** have a series for each known status, even at 0, so that `rate`, `sum` and alerts
  always find it. Objects without a status are counted under `UNKNOWN`.
- **Info metrics** are always 1; join on them to add their labels to other metrics.
- **Samples have no timestamp.** The age of the data is a metric: see [Freshness](#freshness).

Every series of a group has the labels `account` (the configured name), `region_id` (the group's region) and
`group_id`, followed by `group_name` and `tag_<key>` if `labels.group` in the configuration adds them. Every
series of a node pool also has `node_pool_id`. The tables below list the other labels.

A tag's key becomes a label name by replacing every character that a label name cannot contain with `_`. If
two keys become the same name, a number is appended to the second, and the exporter logs a warning.
";

/// The reference in Markdown: the contents of `docs/metrics.md`.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    write_sections(&mut page).expect("writing into a String never fails");
    page
}

fn write_sections(page: &mut String) -> fmt::Result {
    for section in &SECTIONS {
        write!(page, "\n## {}\n\n{}\n\n", section.title, section.introduction)?;
        page.push_str("| metric | type | labels | source | meaning |\n|---|---|---|---|---|\n");
        for family in section.families {
            let labels: Vec<_> = shown_labels(family).map(|label| format!("`{label}`")).collect();
            writeln!(
                page,
                "| `{}` | {} | {} | {} | {} |",
                family.name,
                family.metric_type.as_str(),
                labels.join(", "),
                cell(family.source),
                cell(family.help),
            )?;
        }
        if section.families.iter().any(|family| family.metric_type == MetricType::Histogram) {
            page.push_str("\nBuckets, upper bounds in seconds:\n\n");
            for (name, bounds) in [
                ("appstreaming_exporter_poll_duration_seconds", POLL_DURATION_BUCKETS),
                ("appstreaming_exporter_api_request_duration_seconds", REQUEST_DURATION_BUCKETS),
            ] {
                let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
                writeln!(page, "- `{name}`: {}, +Inf", bounds.join(", "))?;
            }
        }
    }
    Ok(())
}

/// The labels of a table row: for groups and node pools, those that the introduction does not list.
fn shown_labels(family: &Family) -> impl Iterator<Item = &'static str> {
    let common =
        if family.scope().labels().contains(&"group_id") { family.scope().labels().len() } else { 0 };
    family.all_labels().skip(common)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// The catalogue as a JSON list of objects with `name`, `type`, `help`, `unit`, `labels`, `collector`
/// and `source`.
pub fn json() -> String {
    let entries: Vec<_> = families().map(Entry::new).collect();
    serde_json::to_string_pretty(&entries).expect("strings always serialise")
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    r#type: &'static str,
    help: &'static str,
    unit: Option<&'static str>,
    labels: Vec<&'static str>,
    collector: &'static str,
    source: &'static str,
}

impl Entry {
    fn new(family: &Family) -> Self {
        Self {
            name: family.name,
            r#type: family.metric_type.as_str(),
            help: family.help,
            unit: family.unit().map(Unit::as_str),
            labels: family.all_labels().collect(),
            collector: family.collector.as_str(),
            source: family.source,
        }
    }
}
