//! The scenarios: each one changes one thing.

use std::collections::HashSet;

use serde_json::Value;

use super::TestCloud;
use crate::simulator::SimulatorOptions;
use crate::simulator::scenarios::{GroupFault, SCENARIOS, Scenario, ScenarioChange};

fn truth(scenario: &'static Scenario) -> Value {
    let options = SimulatorOptions { scenario: Some(scenario), speed: 0.0, ..SimulatorOptions::default() };
    assert_eq!(options.problem(), None);
    TestCloud::new(options).truth()
}

#[test]
fn names_and_alerts_are_unique() {
    let names: HashSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    let alerts: HashSet<_> = SCENARIOS.iter().filter_map(|scenario| scenario.alert).collect();
    assert_eq!(names.len(), SCENARIOS.len());
    assert_eq!(alerts.len(), SCENARIOS.len() - 1, "one scenario is calm");
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
        // The truth does not contain the limit of scaling.
        let is_visible =
            matches!(scenario.change, ScenarioChange::Group(_, fault) if fault != GroupFault::NearLimit);
        assert_eq!(changed, usize::from(is_visible), "{}", scenario.name);
    }
}

#[test]
fn a_fleet_without_the_kind_of_group_is_rejected() {
    let options =
        SimulatorOptions { scenario: Scenario::named("overdue"), groups: 3, ..SimulatorOptions::default() };
    assert!(options.problem().unwrap().contains("at least 8 groups"));
}
