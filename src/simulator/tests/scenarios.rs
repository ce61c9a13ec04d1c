//! The scenarios: each one changes one thing.

use std::collections::HashSet;

use serde_json::Value;

use super::TestCloud;
use crate::simulator::SimulatorOptions;
use crate::simulator::scenarios::{GroupKind, SCENARIOS, Scenario, ScenarioChange};

fn cloud(scenario: &'static Scenario) -> TestCloud {
    let options = SimulatorOptions { scenario: Some(scenario), speed: 0.0, ..SimulatorOptions::default() };
    assert_eq!(options.problem(), None);
    TestCloud::new(options)
}

fn truth(scenario: &'static Scenario) -> Value {
    cloud(scenario).truth()
}

/// The group of a kind in a truth, which lists the newest group first.
fn group(truth: &Value, kind: GroupKind) -> &Value {
    let groups = truth["groups"].as_array().unwrap();
    &groups[groups.len() - 1 - kind as usize]
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn names_and_alerts_are_unique() {
    let names: HashSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    let alerts: HashSet<_> = SCENARIOS.iter().filter_map(|scenario| scenario.alert).collect();
    assert_eq!(names.len(), SCENARIOS.len());
    let silent = SCENARIOS.iter().filter(|scenario| scenario.alert.is_none()).count();
    assert_eq!(alerts.len(), SCENARIOS.len() - silent);
    assert_eq!(silent, 6, "one scenario is calm, and five look wrong");
}

#[test]
fn a_calm_fleet_is_in_service_and_at_most_half_full() {
    let truth = truth(Scenario::named("calm").unwrap());
    for group in truth["groups"].as_array().unwrap() {
        assert_eq!(group["status"], "PUBLISHED", "{group}");
        assert_eq!(group["resource_status"], "AVAILABLE", "{group}");
        let count = |status: &str| group["instances"][status].as_u64().unwrap();
        assert!((15..=20).contains(&count("RUNNING")), "{group}");
        assert_eq!(count("RUNNING") + count("IDLE"), 40, "{group}");
        assert_eq!(group["sessions"]["DISCONNECT"], 0, "{group}");
    }
}

#[test]
fn a_scenario_changes_one_group_at_most() {
    let calm = truth(Scenario::named("calm").unwrap());
    for scenario in SCENARIOS {
        let truth = truth(scenario);
        let groups = |truth: &Value| truth["groups"].as_array().unwrap().clone();
        let changed = groups(&truth).iter().zip(&groups(&calm)).filter(|(is, was)| is != was).count();
        let is_visible = matches!(scenario.change, ScenarioChange::Group(..));
        assert_eq!(changed, usize::from(is_visible), "{}", scenario.name);
    }
}

#[test]
fn a_fleet_without_the_kind_of_group_is_rejected() {
    let options =
        SimulatorOptions { scenario: Scenario::named("overdue"), groups: 3, ..SimulatorOptions::default() };
    assert!(options.problem().unwrap().contains("at least 8 groups"));
}

#[test]
fn a_group_that_makes_instances_on_demand_has_room_and_no_idle_instance() {
    let truth = truth(Scenario::named("node-mode-quiet").unwrap());
    let group = group(&truth, GroupKind::ByUsage);
    assert_eq!((count(&group["capacity"]), count(&group["sessions_in_use"])), (40, 4));
    assert_eq!((count(&group["instances"]["IDLE"]), count(&group["instances_total"])), (0, 4));
}

#[test]
fn the_last_users_fill_the_last_node_after_the_end_of_the_schedule() {
    let truth = truth(Scenario::named("lingering-at-night").unwrap());
    let group = group(&truth, GroupKind::BySchedule);
    assert_eq!((count(&group["capacity"]), count(&group["sessions_in_use"])), (2, 2));
    assert_eq!(count(&group["instances"]["IDLE"]), 0);
    let pool = &group["node_pools"][0];
    assert_eq!((count(&pool["scheduled_nodes"]), count(&pool["scaling_nodes"])), (0, 1));
}

#[test]
fn closed_instances_linger_in_a_group_that_has_as_many_instances_as_it_may_have() {
    let mut cloud = cloud(Scenario::named("closed-lingering").unwrap());
    let truth = cloud.truth();
    let group = group(&truth, GroupKind::BySession);
    let of_status = |status: &str| count(&group["instances"][status]);
    assert_eq!((of_status("CLOSED"), of_status("RUNNING"), of_status("IDLE")), (2, 7, 1));
    assert_eq!(count(&group["sessions"]["CONNECT"]), 5);
    let id = group["group_id"].as_str().unwrap();
    let listed =
        cloud.call("ListAppInstanceGroup", &[("ProductType", "CloudApp"), ("AppInstanceGroupId", id)], &[]);
    assert_eq!(listed.unwrap()["AppInstanceGroupModels"][0]["MaxAmount"], 10);
}

#[test]
fn a_daily_peak_uses_four_of_five_nodes_below_the_threshold() {
    let mut cloud = cloud(Scenario::named("daily-peak").unwrap());
    let truth = cloud.truth();
    let group = group(&truth, GroupKind::ByUsage);
    let id = group["group_id"].as_str().unwrap();
    let listed =
        cloud.call("ListAppInstanceGroup", &[("ProductType", "CloudApp"), ("AppInstanceGroupId", id)], &[]);
    let pool = &listed.unwrap()["AppInstanceGroupModels"][0]["NodePool"][0];
    assert_eq!((&pool["ScalingNodeAmount"], &pool["MaxScalingAmount"]), (&Value::from(4), &Value::from(5)));
    assert_eq!(count(&group["sessions_in_use"]) * 4, count(&group["capacity"]) * 3);
}

#[test]
fn only_disconnected_sessions_bring_the_usage_of_a_group_above_its_threshold() {
    let truth = truth(Scenario::named("disconnected-at-peak").unwrap());
    let group = group(&truth, GroupKind::ByUsage);
    assert_eq!((count(&group["capacity"]), count(&group["sessions_in_use"])), (40, 36));
    assert_eq!((count(&group["sessions"]["CONNECT"]), count(&group["sessions"]["DISCONNECT"])), (20, 16));
}

#[test]
fn a_session_is_kept_20_minutes_longer_than_its_timeout() {
    let truth = truth(Scenario::named("disconnected-too-long").unwrap());
    let group = group(&truth, GroupKind::Fixed);
    assert_eq!(count(&group["sessions"]["DISCONNECT"]), 2);
    let seconds = truth["now"].as_f64().unwrap() - group["oldest_disconnected"].as_f64().unwrap();
    assert!((4_800.0..4_801.0).contains(&seconds), "{seconds}");
}

#[test]
fn in_a_storm_every_session_of_the_region_is_disconnected_in_every_16_seconds() {
    let cloud = cloud(Scenario::named("disconnect-storm").unwrap());
    cloud.control("{\"jump_seconds\":160}").unwrap();
    for group in cloud.truth()["groups"].as_array().unwrap() {
        let sessions = count(&group["sessions_in_use"]);
        let times = if group["region_id"] == "cn-hangzhou" { 10 } else { 0 };
        assert_eq!(count(&group["events"]["disconnects"]), times * sessions, "{group}");
        assert!(count(&group["events"]["reconnects"]).abs_diff(times * sessions) <= sessions);
        assert_eq!(group["events"]["sessions_ended"], 0, "no session ends");
        assert!(count(&group["sessions"]["DISCONNECT"]) * 2 < sessions.max(1), "most are connected");
    }
}

#[test]
fn starts_need_twice_the_time_after_40_seconds() {
    let cloud = cloud(Scenario::named("starts-getting-slow").unwrap());
    let mean = |seconds: u64| {
        let ready = |truth: &Value| {
            let ready = group(truth, GroupKind::Fixed)["events"]["ready"].clone();
            (count(&ready["count"]), count(&ready["seconds_sum"]))
        };
        let before = ready(&cloud.truth());
        cloud.control(&format!("{{\"jump_seconds\":{seconds}}}")).unwrap();
        let after = ready(&cloud.truth());
        assert!(after.0 - before.0 > seconds * 3, "at least three starts a second");
        (after.1 - before.1) as f64 / (after.0 - before.0) as f64
    };
    let (early, later) = (mean(20), (mean(40), mean(20)).1);
    assert!((2.5..3.1).contains(&(later / early)), "{early} {later}");
    assert_eq!(count(&group(&cloud.truth(), GroupKind::Fixed)["instances_total"]), 40);
}
