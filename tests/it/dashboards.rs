//! The shipped dashboards: their panels are complete, their metrics exist, and every query has a
//! result in a real Prometheus.
//!
//! `just observability` tests that the files equal the output of their generator.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::alerts::{RULES, RUNBOOK, write_configuration};
use crate::prometheus::Prometheus;
use crate::support::{Exporter, binary, run, within};

const DASHBOARDS: [(&str, &str); 3] = [
    ("fleet", include_str!("../../deploy/grafana/dashboards/appstreaming-fleet.json")),
    ("group", include_str!("../../deploy/grafana/dashboards/appstreaming-group.json")),
    ("exporter", include_str!("../../deploy/grafana/dashboards/appstreaming-exporter.json")),
];
/// The types of panels that the dashboards may use. Current versions of Grafana contain them;
/// others, such as `graph` and `singlestat`, were removed from Grafana.
const PANELS: [&str; 5] = ["row", "stat", "state-timeline", "table", "timeseries"];
/// Series that the demo does not have: its AccessKey does not expire, and the percentile needs 20
/// starts of a group within its range, which the test shortens to seconds.
const NOT_IN_THE_DEMO: [&str; 2] = [
    "appstreaming_exporter_credentials_expiry_timestamp_seconds",
    "group:appstreaming_instance_ready_seconds:p95_6h",
];

fn dashboards() -> impl Iterator<Item = (&'static str, Value)> {
    DASHBOARDS.iter().map(|(name, text)| (*name, serde_json::from_str(text).expect(name)))
}

/// Every panel that is not a row.
fn panels(dashboard: &Value) -> Vec<Value> {
    let all = dashboard["panels"].as_array().expect("panels");
    all.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

/// The title of the panel and the expression of every query.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let of_panel = |panel: &Value| -> Vec<(String, String)> {
        let targets = panel["targets"].as_array().expect("targets");
        targets.iter().map(|target| (text(&panel["title"]), text(&target["expr"]))).collect()
    };
    panels(dashboard).iter().flat_map(of_panel).collect()
}

#[test]
fn every_panel_is_current_described_and_uses_the_selected_data_source() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].to_string()), "{name}");
        assert!(dashboard["schemaVersion"].as_u64() >= Some(42), "{name} is for Grafana 12 or later");
        let links = dashboard["links"].as_array().expect("links");
        assert_eq!(links.len(), 3, "{name} links to the other two and to the runbook");
        let mut titles = BTreeSet::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().expect("a title");
            assert!(titles.insert(title.to_owned()), "{name} has two panels with the title {title}");
            assert!(PANELS.contains(&panel["type"].as_str().unwrap_or_default()), "{name}: {title}");
            if panel["type"] == "row" {
                continue;
            }
            assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10), "{name}: {title}");
            for target in panel["targets"].as_array().expect("targets") {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{name}: {title}");
            }
        }
        for variable in dashboard["templating"]["list"].as_array().expect("variables") {
            let chosen = &variable["datasource"]["uid"];
            assert!(variable["type"] == "datasource" || chosen == "${datasource}", "{name}: {variable}");
        }
    }
}

#[test]
fn dashboards_rules_and_runbook_use_metrics_and_labels_that_exist() {
    let known = known_metrics();
    let mut sources: Vec<(String, String)> = Vec::new();
    for (name, dashboard) in dashboards() {
        sources.extend(
            queries(&dashboard).into_iter().map(|(title, query)| (format!("{name}: {title}"), query)),
        );
        for variable in dashboard["templating"]["list"].as_array().expect("variables") {
            // Grafana accepts both forms of a query variable.
            let query = variable["query"].as_str().or_else(|| variable["query"]["query"].as_str());
            sources.extend(query.map(|query| (format!("{name}: variable"), query.to_owned())));
        }
    }
    sources.extend(RULES.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())));
    let blocks = RUNBOOK.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(""));
    sources.extend(blocks.map(|block| ("runbook".to_owned(), block.to_owned())));
    assert!(sources.len() > 100, "{} queries", sources.len());

    let mut found = BTreeSet::new();
    for (place, text) in &sources {
        for (metric, labels) in selectors(text) {
            let Some(has) = known.get(metric) else { panic!("{place}: there is no {metric}") };
            for label in labels {
                let target = ["job", "instance", "pod"].contains(&label);
                assert!(target || has.contains(label), "{place}: {metric} has no label {label}");
            }
            found.insert(metric);
        }
    }
    assert!(found.len() > 60, "{} metrics", found.len());
}

/// The labels of each metric of the catalogue, of the series of each histogram, and of each
/// recorded series.
fn known_metrics() -> BTreeMap<String, BTreeSet<String>> {
    let printed = run(binary().args(["catalog", "--format", "json"]));
    assert_eq!(printed.status, 0, "{}", printed.stderr);
    let catalogue: Value = serde_json::from_str(&printed.stdout).expect("JSON");
    let mut known = BTreeMap::new();
    for family in catalogue.as_array().expect("a list") {
        let name = family["name"].as_str().expect("a name");
        let labels = family["labels"].as_array().expect("labels").iter().filter_map(Value::as_str);
        let labels: BTreeSet<String> = labels.map(str::to_owned).collect();
        if family["type"] == "histogram" {
            let bucket = labels.iter().cloned().chain(["le".to_owned()]).collect();
            known.insert(format!("{name}_bucket"), bucket);
            known.insert(format!("{name}_sum"), labels.clone());
            known.insert(format!("{name}_count"), labels.clone());
        }
        known.insert(name.to_owned(), labels);
    }
    let recorded = RULES.iter().flat_map(|(_, text)| text.lines());
    for name in recorded.filter_map(|line| line.trim().strip_prefix("- record: ")) {
        let labels = ["account", "region_id", "group_id", "node_pool_id", "name"];
        known.insert(name.to_owned(), labels.map(String::from).into());
    }
    known
}

/// The names of the exporter's metrics and recorded series in a PromQL text, each with the labels
/// of its selector.
fn selectors(text: &str) -> Vec<(&str, Vec<&str>)> {
    let is_in_name = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_in_name) {
        let end =
            rest[start..].find(|character| !is_in_name(character)).map_or(rest.len(), |end| start + end);
        let name = &rest[start..end];
        rest = &rest[end..];
        let ours = [
            "appstreaming_",
            "process_",
            "group:appstreaming_",
            "node_pool:appstreaming_",
            "region:appstreaming_",
        ];
        if !ours.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let labels = rest.strip_prefix('{').and_then(|inside| inside.split('}').next()).map(label_names);
        found.push((name, labels.unwrap_or_default()));
    }
    found
}

/// The names of the labels in matchers: `a` and `b` for `a="x",b=~"y"`. Text in quotes is skipped.
fn label_names(matchers: &str) -> Vec<&str> {
    let outside = matchers.split('"').step_by(2);
    outside
        .filter_map(|part| part.trim_start_matches([',', ' ']).split(['=', '!']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
#[ignore = "needs Debian's prometheus: just end-to-end"]
fn every_query_of_the_dashboards_has_a_result() {
    let demo = |arguments: &[&str]| {
        Exporter::spawn(binary().arg("demo").args(arguments).args(["--set", "poll.interval=2s"]))
    };
    // One fleet in which a minute passes per second, and one in which an alert fires.
    let exporters = [
        ("appstreaming", demo(&["--speed", "60"])),
        ("appstreaming-full", demo(&["--scenario", "no-idle-session"])),
    ];
    let directory = tempfile::tempdir().expect("a directory for the configuration");
    let targets = exporters.iter().map(|(job, exporter)| (*job, exporter.url.as_str()));
    // Notifications are not needed: no process listens at this address.
    let no_alertmanager = SocketAddr::from(([127, 0, 0, 1], 9));
    let prometheus = Prometheus::with(&write_configuration(directory.path(), targets, &no_alertmanager), &[]);

    let mut pending: Vec<(String, String)> = dashboards()
        .flat_map(|(name, dashboard)| {
            queries(&dashboard).into_iter().map(move |(title, query)| (format!("{name}: {title}"), query))
        })
        .filter(|(_, query)| !NOT_IN_THE_DEMO.iter().any(|metric| query.contains(metric)))
        .collect();
    let mut last = String::new();
    let mut tries = 0;
    within(Duration::from_secs(100), "every query has a result", || {
        tries += 1;
        pending.retain(|(place, query)| {
            let query = query
                .replace("$__rate_interval", "20s")
                .replace("$account", ".*")
                .replace("$region", ".*")
                .replace("$group", ".*");
            match prometheus.try_query(&query) {
                Ok(found) => found.is_empty(),
                Err(error) => {
                    assert!(!error.contains("bad_data"), "{place}: {query}: {error}");
                    true
                }
            }
        });
        last = pending.iter().map(|(place, query)| format!("{place}: {query}\n")).collect();
        if tries % 400 == 0 {
            eprintln!("still empty:\n{last}");
        }
        pending.is_empty().then_some(())
    });
}
