//! Tests that the generated reference is up to date and that the catalogue follows the naming
//! conventions.

use std::collections::BTreeSet;
use std::path::Path;

use crate::metrics::MetricType;
use crate::metrics::catalogue::family::Scope;
use crate::metrics::catalogue::{self, Collector};
use crate::metrics::family::Unit;

#[test]
fn the_reference_in_docs_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, catalogue::markdown()).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|page| page == catalogue::markdown()),
        "docs/metrics.md is out of date: UPDATE_DOCS=1 cargo test --lib the_reference_in_docs"
    );
}

#[test]
fn every_family_is_named_once_and_by_the_conventions() {
    let mut names = BTreeSet::new();
    for family in catalogue::families() {
        let name = family.name;
        assert!(names.insert(name), "{name} twice");
        let valid = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(name.bytes().all(valid), "{name}");
        assert!(name.starts_with("appstreaming_") || family.collector == Collector::Process, "{name}");
        assert_eq!(name.ends_with("_total"), family.metric_type == MetricType::Counter, "{name}");
        assert!(!["_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix)), "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains('\n'), "{name}");
        assert_eq!(family.help.matches(". ").count(), 0, "{name}: one sentence");
        assert!(!family.source.is_empty(), "{name}");
        if family.metric_type == MetricType::Histogram {
            assert_eq!(family.unit(), Some(Unit::Seconds), "{name}: the reference lists buckets in seconds");
        }
    }
}

#[test]
fn the_exporters_own_metrics_are_apart_from_the_fleets() {
    for family in catalogue::families() {
        let own = family.name.starts_with("appstreaming_exporter_") || family.collector == Collector::Process;
        assert_eq!(family.scope() == Scope::Exporter, own, "{}", family.name);
        assert_eq!(Collector::FLEET.contains(&family.collector), !own, "{}", family.name);
    }
}

#[test]
fn help_is_found_by_the_full_name() {
    assert_eq!(
        catalogue::help("appstreaming_up"),
        Some(
            "Whether the last poll of the target succeeded completely: 1 or 0; no sample before the first poll has ended."
        )
    );
    assert!(catalogue::help("process_start_time_seconds").is_some());
    assert_eq!(catalogue::help("up"), None);
}

#[test]
fn the_catalogue_as_json_has_the_full_names_and_labels() {
    let entries: Vec<serde_json::Value> = serde_json::from_str(&catalogue::json()).unwrap();
    assert_eq!(entries.len(), catalogue::families().count());
    let pool = entries.iter().find(|entry| entry["name"] == "appstreaming_node_pool_strategy").unwrap();
    assert_eq!(pool["type"], "gauge");
    assert_eq!(pool["collector"], "node_pools");
    assert_eq!(pool["source"], "NodePool[].StrategyType");
    assert_eq!(
        pool["labels"],
        serde_json::json!(["account", "region_id", "group_id", "node_pool_id", "strategy_type"])
    );
}
