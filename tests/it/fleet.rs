//! Every aggregate equals the truth of the simulated cloud.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Cloud, Exporter, Exposition};

const PREFIX: &str = "appstreaming_";

/// Compares an exposition with the truth, group by group and value by value.
pub fn assert_equals_truth(exposition: &Exposition, truth: &Value) {
    let groups = truth["groups"].as_array().expect("groups");
    assert!(!groups.is_empty(), "the truth is empty");
    let listed = exposition.series(&format!("{PREFIX}group_info"), &[]).count();
    assert_eq!(listed, groups.len(), "groups");
    for group in groups {
        assert_group(exposition, group);
    }
    assert_eq!(
        exposition.sum(&format!("{PREFIX}group_instances"), &[]),
        number(&truth["totals"]["instances"]),
        "instances of all groups"
    );
}

fn assert_group(exposition: &Exposition, group: &Value) {
    let id = group["group_id"].as_str().expect("group_id");
    let base = [("group_id", id), ("region_id", group["region_id"].as_str().expect("region_id"))];
    let value = |name: &str, more: &[(&str, &str)]| {
        let labels: Vec<(&str, &str)> = base.iter().chain(more).copied().collect();
        exposition.value(&format!("{PREFIX}{name}"), &labels)
    };
    let same = |name: &str, more: &[(&str, &str)], truth: &Value| {
        let truth = (!truth.is_null()).then(|| number(truth));
        assert_eq!(value(name, more), truth, "{name}{more:?} of {id}");
    };

    assert_eq!(value("group_status", &[("status", group["status"].as_str().unwrap())]), Some(1.0), "{id}");
    assert_eq!(
        value("group_resource_status", &[("resource_status", group["resource_status"].as_str().unwrap())]),
        Some(1.0),
        "{id}"
    );
    same("group_created_timestamp_seconds", &[], &group["created"]);
    same("group_expiry_timestamp_seconds", &[], &group["expires"]);
    let update = f64::from(u8::from(group["ota_update_available"] == true));
    assert_eq!(value("group_ota_update_available", &[]), Some(update), "{id}");

    for (name, label, counts) in [
        ("group_instances", "status", &group["instances"]),
        ("group_sessions", "session_status", &group["sessions"]),
        ("group_persistent_sessions", "status", &group["persistent"]),
        ("group_persistent_session_instances", "status", &group["persistent_instances"]),
    ] {
        for (status, count) in counts.as_object().expect("counts by status") {
            same(name, &[(label, status)], count);
        }
    }
    same("group_instances_reported", &[], &group["instances_total"]);
    same("group_bound_users", &[], &group["bound_users"]);
    same("group_session_usage_duration_seconds", &[], &group["usage_seconds_sum"]);
    same("group_session_usage_duration_max_seconds", &[], &group["usage_seconds_max"]);

    let (in_use, capacity) = (number(&group["sessions_in_use"]), number(&group["capacity"]));
    assert_eq!(value("group_session_capacity", &[]), Some(capacity), "{id}");
    let ratio = (capacity > 0.0).then(|| in_use / capacity);
    assert_eq!(value("group_session_usage_ratio", &[]), ratio, "{id}");
    let connected = number(&group["sessions"]["CONNECT"]);
    let ratio = (capacity > 0.0).then(|| connected / capacity);
    assert_eq!(value("group_session_connected_ratio", &[]), ratio, "{id}");
    for (sessions, count) in group["nodes_by_sessions"].as_object().into_iter().flatten() {
        same("group_nodes", &[("sessions", sessions)], count);
    }

    // One search for all nodes of the group: in a large fleet, a search for each node would take
    // minutes.
    let name = format!("{PREFIX}node_instances");
    let nodes: BTreeMap<&str, f64> =
        exposition.series(&name, &base).map(|(labels, value)| (&*labels["node_id"], value)).collect();
    for (node, count) in group["nodes"].as_object().into_iter().flatten().filter(|_| !nodes.is_empty()) {
        assert_eq!(nodes.get(&**node), Some(&number(count)), "node {node} of {id}");
    }
    for pool in group["node_pools"].as_array().into_iter().flatten() {
        let label = [("node_pool_id", pool["node_pool_id"].as_str().unwrap())];
        for (name, field) in [
            ("node_pool_nodes", "nodes"),
            ("node_pool_nodes_used", "nodes_used"),
            ("node_pool_scaling_nodes", "scaling_nodes"),
            ("node_pool_scaling_nodes_used", "scaling_nodes_used"),
            ("node_pool_node_capacity", "node_capacity"),
            ("node_pool_scheduled_amount", "scheduled_nodes"),
        ] {
            same(name, &label, &pool[field]);
        }
        let strategy = [label[0], ("strategy_type", pool["strategy_type"].as_str().unwrap())];
        assert_eq!(value("node_pool_strategy", &strategy), Some(1.0), "{id}");
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[test]
fn every_aggregate_equals_the_truth_of_the_cloud() {
    let cloud = Cloud::start(&["--groups", "24", "--instances-per-group", "230", "--seed", "7"]);
    let exporter = Exporter::polling(&cloud, &["collectors.nodes=true"]);
    let exposition = exporter.first_poll();
    assert_equals_truth(&exposition, &cloud.truth());
    assert!(exposition.sum("appstreaming_node_instances", &[]) > 0.0);
}

#[test]
fn signature_version_2_gives_the_same_fleet() {
    let cloud = Cloud::start(&["--groups", "6"]);
    let exporter = Exporter::polling(&cloud, &["api.signature=v2"]);
    assert_equals_truth(&exporter.first_poll(), &cloud.truth());
}

#[test]
fn small_pages_give_the_same_values_as_large_ones() {
    let cloud = Cloud::start(&["--groups", "5", "--instances-per-group", "31"]);
    let exporter = Exporter::polling(&cloud, &["poll.page_size=3"]);
    assert_equals_truth(&exporter.first_poll(), &cloud.truth());
}

#[test]
fn every_value_of_a_large_fleet_is_correct() {
    let cloud = Cloud::start(&["--groups", "200", "--instances-per-group", "500"]);
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    let exposition = exporter.first_poll();
    assert_equals_truth(&exposition, &cloud.truth());
    assert!(exposition.sum("appstreaming_group_instances", &[]) > 90_000.0);
}

#[test]
fn detail_shows_every_instance_once_and_users_only_if_configured() {
    let cloud = Cloud::start(&["--groups", "4", "--instances-per-group", "120"]);
    let detailed = ["collectors.instances=detailed", "collectors.persistent=detailed"];
    let exporter = Exporter::polling(&cloud, &detailed);
    let exposition = exporter.first_poll();
    let truth = cloud.truth();
    assert_equals_truth(&exposition, &truth);

    let instances = number(&truth["totals"]["instances"]);
    let persistent = number(&truth["totals"]["persistent"]);
    for (name, count) in [
        ("instance_info", instances),
        ("instance_status", instances),
        ("instance_created_timestamp_seconds", instances),
        ("persistent_session_info", persistent),
        ("persistent_session_status", persistent),
    ] {
        assert_eq!(exposition.series(&format!("{PREFIX}{name}"), &[]).count() as f64, count, "{name}");
    }
    assert!(
        exposition
            .series(&format!("{PREFIX}instance_info"), &[])
            .all(|(labels, _)| !labels.contains_key("user"))
    );

    let hashing =
        [&detailed[..], &["collectors.users=hash", "collectors.user_hash_key=correct horse"]].concat();
    let hashed = Exporter::polling(&cloud, &hashing).first_poll();
    let users: Vec<&String> = hashed
        .series(&format!("{PREFIX}instance_info"), &[])
        .filter_map(|(labels, _)| labels.get("user"))
        .filter(|user| !user.is_empty())
        .collect();
    assert!(!users.is_empty());
    assert!(
        users.iter().all(|user| user.len() == 16 && user.chars().all(|c| c.is_ascii_hexdigit())),
        "{users:?}"
    );
}

#[test]
fn too_many_series_drop_details_and_never_a_group() {
    let cloud = Cloud::start(&["--groups", "4", "--instances-per-group", "200"]);
    let exporter =
        Exporter::polling(&cloud, &["collectors.instances=detailed", "collectors.max_series=2000"]);
    let exposition = exporter.first_poll();
    assert_equals_truth(&exposition, &cloud.truth());
    assert!(!exposition.has("appstreaming_instance_info"));
    assert!(exposition.sum("appstreaming_exporter_series_dropped_total", &[]) > 0.0);
}

#[test]
fn two_shards_together_show_every_group_once() {
    let cloud = Cloud::start(&["--groups", "20"]);
    let truth = cloud.truth();
    let mut seen = Vec::new();
    for index in 0..2 {
        let exporter = Exporter::polling(&cloud, &[&format!("sharding.index={index}"), "sharding.total=2"]);
        let exposition = exporter.first_poll();
        let groups = exposition.series("appstreaming_group_info", &[]);
        seen.extend(groups.map(|(labels, _)| labels["group_id"].clone()));
    }
    seen.sort();
    let mut all: Vec<String> = truth["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["group_id"].as_str().unwrap().to_owned())
        .collect();
    all.sort();
    assert_eq!(seen, all);
}

#[test]
fn a_group_that_is_excluded_or_not_selected_is_not_exported() {
    let cloud = Cloud::start(&["--groups", "6"]);
    let truth = cloud.truth();
    let id = |index: usize| truth["groups"][index]["group_id"].as_str().unwrap().to_owned();

    let excluding = format!("accounts.0.filter.exclude_group_ids=[\"{}\"]", id(0));
    let exposition = Exporter::polling(&cloud, &[&excluding]).first_poll();
    assert_eq!(exposition.series("appstreaming_group_info", &[]).count(), 5);
    assert_eq!(exposition.series("appstreaming_group_info", &[("group_id", &id(0))]).count(), 0);

    let picking = format!("accounts.0.filter.group_ids=[\"{}\", \"{}\", \"aig-gone\"]", id(1), id(2));
    let exposition = Exporter::polling(&cloud, &[&picking]).first_poll();
    assert_eq!(exposition.series("appstreaming_group_info", &[]).count(), 2);
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(1.0));
}
