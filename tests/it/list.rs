//! `list`, with which an operator queries the API manually.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::commands::settings;
use crate::support::process::Finished;
use crate::support::{Cloud, binary, run};

fn list(cloud: &Cloud, arguments: &[&str]) -> Finished {
    run(binary().arg("list").args(arguments).args(settings(cloud, &[])))
}

/// The records that a listing prints as JSON.
fn records(cloud: &Cloud, arguments: &[&str]) -> Vec<Value> {
    let listed = list(cloud, &[arguments, &["--format", "json"]].concat());
    assert_eq!(listed.status, 0, "{arguments:?}: {}", listed.stderr);
    assert_eq!(listed.stderr, "", "{arguments:?}: only records are printed");
    serde_json::from_str(&listed.stdout).unwrap_or_else(|error| panic!("{error}: {}", listed.stdout))
}

fn texts<'v>(records: &'v [Value], field: &str) -> BTreeSet<&'v str> {
    records.iter().map(|record| record[field].as_str().unwrap()).collect()
}

fn group_with_sessions(truth: &Value) -> &Value {
    let groups = truth["groups"].as_array().unwrap();
    groups.iter().find(|group| group["persistent_total"].as_u64() > Some(0)).expect("a group with sessions")
}

#[test]
fn groups_are_listed_as_the_api_returns_them() {
    let cloud = Cloud::start(&["--groups", "230"]);
    let groups = records(&cloud, &["groups"]);
    let truth = cloud.truth();
    let expected: BTreeSet<&str> =
        truth["groups"].as_array().unwrap().iter().map(|group| group["group_id"].as_str().unwrap()).collect();
    assert_eq!((groups.len(), texts(&groups, "AppInstanceGroupId")), (230, expected), "all pages");
    assert!(
        groups[0]["NodePool"].is_array() && groups[0]["OtaInfo"].is_object(),
        "whole records: {}",
        groups[0]
    );
    assert!(
        groups.iter().any(|group| group["OfficeSiteId"].as_str().unwrap().ends_with('\n')),
        "unchanged, including line feeds"
    );
}

#[test]
fn every_parameter_of_the_group_listing_is_a_flag() {
    let cloud = Cloud::start(&["--groups", "16"]);
    let all = records(&cloud, &["groups"]);
    let id = all[3]["AppInstanceGroupId"].as_str().unwrap();
    let other = all[5]["AppInstanceGroupId"].as_str().unwrap();
    let of = |field: &str, value: &str| all.iter().filter(|group| group[field] == value).count();
    let office_site = all[0]["OfficeSiteId"].as_str().unwrap().trim();
    let image = all[0]["AppCenterImageId"].as_str().unwrap();
    for (arguments, expected) in [
        (vec!["--group-id", id], 1),
        (vec!["--group-id", id, "--group-id", other, "--group-id", id], 2),
        (vec!["--group-id", "aig-gone"], 0),
        (vec!["--status", "PUBLISHED"], of("Status", "PUBLISHED")),
        (
            vec!["--status", "PUBLISHED", "--status", "DEPLOYING"],
            of("Status", "PUBLISHED") + of("Status", "DEPLOYING"),
        ),
        (vec!["--region", "cn-hangzhou"], of("RegionId", "cn-hangzhou")),
        (vec!["--region", "cn-hangzhou", "--region", "cn-shanghai"], 16),
        (vec!["--name", "Training"], 2),
        (vec!["--image-id", image], of("AppCenterImageId", image)),
        (vec!["--office-site-id", office_site], of("OfficeSiteId", office_site)),
        (vec!["--node-instance-type", "appstreaming.general.4c8g", "--name", "Training"], 2),
        (vec!["--tag", "department=design"], 2),
        (vec!["--tag", "department=design", "--tag", "stage=none"], 0),
        (vec!["--user-group-id", "ug-training"], 2),
        (vec!["--excluded-user-group-id", "ug-training"], 14),
        (vec!["--product-type", "CloudBrowser"], 0),
        (vec!["--product-type", "CloudApp", "--product-type", "AndroidCloud"], 16),
    ] {
        let found = records(&cloud, &[&["groups"], &arguments[..]].concat());
        assert_eq!(found.len(), expected, "{arguments:?}");
    }
}

#[test]
fn instances_of_all_groups_are_listed_unless_flags_select_some() {
    let cloud = Cloud::start(&["--groups", "4", "--instances-per-group", "130"]);
    let truth = cloud.truth();
    assert_eq!(records(&cloud, &["instances"]).len() as u64, truth["totals"]["instances"].as_u64().unwrap());

    let hangzhou = records(&cloud, &["instances", "--region", "cn-hangzhou"]);
    let groups = truth["groups"].as_array().unwrap().iter();
    let expected: BTreeSet<&str> = groups
        .filter(|group| group["region_id"] == "cn-hangzhou")
        .map(|group| group["group_id"].as_str().unwrap())
        .collect();
    assert_eq!(texts(&hangzhou, "AppInstanceGroupId"), expected);

    let id = truth["groups"][1]["group_id"].as_str().unwrap();
    cloud.control(&json!({"reset_stats": true}));
    assert_eq!(records(&cloud, &["instances", "--group-id", id]).len(), 130);
    let requests = cloud.stats()["answers"]["OK"].as_u64();
    assert_eq!(requests, Some(2), "two pages of one group, and no listing of groups");
}

#[test]
fn every_parameter_of_the_instance_listing_is_a_flag() {
    let cloud = Cloud::start(&["--groups", "2", "--instances-per-group", "150"]);
    let all = records(&cloud, &["instances"]);
    let id = all[7]["AppInstanceId"].as_str().unwrap();
    let user = all.iter().find_map(|one| one["BindInfo"]["EndUserId"].as_str()).expect("a bound user");
    let bound = all.iter().filter(|one| one["BindInfo"]["EndUserId"] == user).count();
    let running = all.iter().filter(|one| one["Status"] == "RUNNING").count();
    let group = all[7]["AppInstanceGroupId"].as_str().unwrap();
    let in_group = all.iter().filter(|one| one["AppInstanceGroupId"] == group).count();
    for (arguments, expected) in [
        (vec!["--instance-id", id], 1),
        (vec!["--user-id", user], bound),
        (vec!["--user-id", user, "--user-id", "unknown"], bound),
        (vec!["--status", "RUNNING"], running),
        (vec!["--status", "RUNNING", "--status", "RUNNING", "--group-status", "PUBLISHED"], running),
        (vec!["--group-status", "FAILED"], 0),
        (vec!["--group-id", group], in_group),
        (vec!["--instance-id", id, "--include-deleted", "--group-id", group], 1),
    ] {
        assert_eq!(
            records(&cloud, &[&["instances"], &arguments[..]].concat()).len(),
            expected,
            "{arguments:?}"
        );
    }
    // More ids than the API accepts at once.
    let ids: Vec<&str> = all.iter().map(|one| one["AppInstanceId"].as_str().unwrap()).collect();
    let arguments: Vec<&str> =
        ["instances"].into_iter().chain(ids.iter().flat_map(|id| ["--instance-id", id])).collect();
    assert_eq!(records(&cloud, &arguments).len(), all.len());
}

#[test]
fn deleted_instances_are_found_by_their_ids() {
    let cloud = Cloud::start(&["--groups", "2", "--instances-per-group", "20"]);
    let before = records(&cloud, &["instances"]);
    cloud.control(&json!({"jump_seconds": 86400.0 * 2.0}));
    let now = records(&cloud, &["instances"]);
    let present = texts(&now, "AppInstanceId");
    let gone = texts(&before, "AppInstanceId");
    let gone: Vec<&str> = gone.difference(&present).copied().collect();
    assert!(!gone.is_empty(), "some instances are deleted in two days");
    let arguments: Vec<&str> = ["instances", "--include-deleted"]
        .into_iter()
        .chain(gone.iter().flat_map(|id| ["--instance-id", id]))
        .collect();
    let found = records(&cloud, &arguments);
    assert!(!found.is_empty() && found.iter().all(|one| one["Status"] == "DELETED"), "{found:?}");

    let alone = list(&cloud, &["instances", "--include-deleted"]);
    assert_eq!(alone.status, 2, "the API would reject it");
    assert!(alone.stderr.contains("--instance-id"), "{}", alone.stderr);
}

#[test]
fn persistent_sessions_are_listed_with_every_parameter() {
    let cloud = Cloud::start(&["--groups", "8", "--persistent-per-group", "120"]);
    let truth = cloud.truth();
    let all = records(&cloud, &["persistent"]);
    assert_eq!(all.len() as u64, truth["totals"]["persistent"].as_u64().unwrap());
    let group = group_with_sessions(&truth);
    let id = group["group_id"].as_str().unwrap();
    let of_group = records(&cloud, &["persistent", "--group-id", id]);
    assert_eq!(of_group.len() as u64, group["persistent_total"].as_u64().unwrap());
    let session = of_group[0]["AppInstancePersistentId"].as_str().unwrap();
    assert_eq!(records(&cloud, &["persistent", "--persistent-id", session]).len(), 1);
    assert_eq!(records(&cloud, &["persistent", "--region", "cn-nowhere"]).len(), 0);
}

#[test]
fn a_table_is_aligned_and_has_the_columns_that_operators_need() {
    // At a time at which sessions run.
    let cloud = Cloud::start(&["--groups", "8", "--start", "2026-03-04T10:30:00+08:00"]);
    let table = list(&cloud, &["groups"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 9, "{table}");
    assert!(lines[0].starts_with("GROUP") && lines[0].contains("EXPIRES"), "{table}");
    assert!(table.contains("办公应用") && table.contains(r"Back office\nnight shift"), "{table}");

    let narrow = run(binary().args(["list", "groups"]).args(settings(&cloud, &[])).env("COLUMNS", "70"));
    assert!(!narrow.stdout.lines().next().unwrap().contains("EXPIRES"), "{}", narrow.stdout);
    let instances = list(&cloud, &["instances", "--status", "RUNNING"]).stdout;
    assert!(instances.contains("USER") && instances.contains("RUNNING"), "{instances}");
}

#[test]
fn csv_has_a_line_for_each_record_and_every_documented_field() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let csv = list(&cloud, &["instances", "--format", "csv"]).stdout;
    let mut lines = csv.split("\r\n");
    assert_eq!(
        lines.next(),
        Some(
            "AppInstanceId,AppInstanceGroupId,Status,SessionStatus,BindInfo.EndUserId,BindInfo.UsageDuration,\
             MainEthPublicIp,NetworkInterfaceIp,NetworkInterfaceId,NodeId,ChargeType,GmtCreate,GmtModified"
        )
    );
    assert_eq!(lines.count(), 3 * 40 + 1, "each record and a line end after the last one");
    let groups = list(&cloud, &["groups", "--format", "csv"]).stdout;
    assert!(groups.contains(r#"[{""AppIcon"""#), "lists remain JSON: {groups}");
}

#[test]
fn with_several_accounts_one_must_be_named() {
    let (one, other) = (Cloud::start(&["--groups", "2"]), Cloud::start(&["--groups", "3"]));
    let all: Vec<String> = [one.account(0, "one"), other.account(1, "other")].concat();
    let set: Vec<&str> = all.iter().flat_map(|setting| ["--set", setting]).collect();
    let list_groups = |arguments: &[&str]| {
        run(binary().args(["list", "groups", "--format", "json"]).args(arguments).args(&set))
    };

    let unnamed = list_groups(&[]);
    assert_eq!(unnamed.status, 1);
    assert!(
        unnamed.stderr.contains("one, other") && unnamed.stderr.contains("--account"),
        "{}",
        unnamed.stderr
    );
    let unknown = list_groups(&["--account", "another"]);
    assert!(unknown.status == 1 && unknown.stderr.contains("one, other"), "{}", unknown.stderr);
    let named: Value = serde_json::from_str(&list_groups(&["--account", "other"]).stdout).unwrap();
    assert_eq!(named.as_array().unwrap().len(), 3);
}

#[test]
fn a_failure_comes_with_advice_and_prints_no_records() {
    let cloud = Cloud::start(&["--groups", "3"]);
    cloud.control(
        &json!({"faults": [{"operation": "ListAppInstances", "fault": {"error": {"code": "NoPermission"}}}]}),
    );
    let denied = list(&cloud, &["instances", "--format", "json"]);
    assert_eq!((denied.status, denied.stdout.as_str()), (1, ""));
    assert!(denied.stderr.contains("what to do: grant appstreaming:ListAppInstances"), "{}", denied.stderr);
    cloud.control(&json!({"faults": []}));
    let missing = list(&cloud, &["instances", "--group-id", "aig-gone"]);
    assert_eq!(missing.status, 1);
    assert!(
        missing.stderr.contains("aig-gone") && missing.stderr.contains("list groups"),
        "{}",
        missing.stderr
    );
}

#[test]
fn the_filter_of_the_account_is_not_applied() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let set =
        settings(&cloud, &["accounts.0.filter.group_name=nothing", r#"accounts.0.regions=["cn-nowhere"]"#]);
    let listed = run(binary().args(["list", "groups", "--format", "json"]).args(set));
    let groups: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(groups.as_array().unwrap().len(), 3, "a manual query shows all groups");
}
