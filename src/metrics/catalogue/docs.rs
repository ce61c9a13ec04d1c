//! The catalogue for people and for programs: `docs/metrics.md`, and `catalog --format json`.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::metrics::catalogue::exporter::{POLL_DURATION_BUCKETS, REQUEST_DURATION_BUCKETS};
use crate::metrics::catalogue::family::Family;
use crate::metrics::catalogue::sections::{SECTIONS, families};
use crate::metrics::family::{MetricType, Unit};

const INTRODUCTION: &str = "\
<!-- Generated from the catalogue in the code: `appstreaming-exporter catalog --format markdown`. -->

# Metrics

Every metric that the exporter may serve, where it comes from and what it means. The table in the code
that this page is made from is the one that the exporter renders, so the two cannot disagree. Names don't
change without an entry in the changelog.

## Rules

- **Names** are the API's field names in snake_case with the prefix `appstreaming_`, plus the unit suffix
  that Prometheus' conventions ask for.
- **Units** are base units: seconds, ratios from 0 to 1 (the API's `\"85\"` percent is `0.85`), Unix
  timestamps in seconds to the millisecond. \"For ever\" is `+Inf`.
- **Nothing is made up.** A field that the API leaves out, or sends empty or unreadable, has no sample.
  What could not be read is counted by `appstreaming_exporter_unparsable_fields_total`.
- **State sets** are gauges of 0 or 1, one series for each known state, always all of them, plus one for a
  state that the exporter has never heard of, as the API spells it in upper case. Exactly one is 1. Of
  unheard-of states at most 16 a field are shown by name, the smallest in byte order; the rest is `OTHER`.
- **Counts by state** have a series for each known state, also at 0, so `rate`, `sum` and alerts never
  meet a missing series. What comes without a state is counted under `UNKNOWN`.
- **Info metrics** are always 1; join on them to get at their labels.
- **No sample has a timestamp.** Freshness is a metric of its own: see [Freshness](#freshness).

Every series of a group has the labels `account` (the configured name), `region_id` (where the group is) and
`group_id`, then `group_name` and `tag_<key>` as `labels.group` in the configuration asks for them; every
series of a node pool has `node_pool_id` as well. The tables below list the labels beyond these.

A tag's key is made a valid label name by writing `_` for every character that a label name can't have. Where
two keys become the same name, the second gets a number behind it, and a line in the log says so.
";

/// The reference as Markdown: what `docs/metrics.md` holds.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    write_sections(&mut page).expect("writing into a String doesn't fail");
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

/// The labels worth repeating in each row: for groups and node pools those beyond the common ones.
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
    serde_json::to_string_pretty(&entries).expect("plain strings serialise")
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
