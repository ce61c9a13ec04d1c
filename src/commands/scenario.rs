//! The flag `--scenario` of `demo` and `simulate`.

use std::process::ExitCode;

use super::Error;
use crate::cli;
use crate::simulator::{self, SCENARIOS, Scenario};

/// What `--scenario` asks for.
pub(super) enum Requested {
    /// A fleet, with or without a scenario.
    Fleet(Option<&'static Scenario>),
    /// What scenarios there are.
    List,
}

pub(super) fn requested_scenario(fleet: &cli::FleetArguments) -> Result<Requested, Error> {
    match fleet.scenario.as_deref() {
        None => Ok(Requested::Fleet(None)),
        Some("list") => Ok(Requested::List),
        Some(name) => match Scenario::named(name) {
            None => Err(Error::Scenario(name.to_owned())),
            found => Ok(Requested::Fleet(found)),
        },
    }
}

pub(super) fn list_scenarios() -> Result<ExitCode, Error> {
    let width = |of: fn(&Scenario) -> &str| SCENARIOS.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let alert = |scenario: &Scenario| scenario.alert.unwrap_or("-");
    let (names, alerts) = (width(|row| row.name), width(|row| row.alert.unwrap_or("-")));
    let mut text = format!("{:names$}  {:alerts$}  what is wrong\n", "scenario", "alert");
    for scenario in SCENARIOS {
        text += &format!("{:names$}  {:alerts$}  {}\n", scenario.name, alert(scenario), scenario.about);
    }
    super::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a scenario is about, and what it takes to see it.
pub(super) fn story(scenario: &Scenario) -> String {
    let mut story = format!("scenario {}: {}", scenario.name, scenario.about);
    if let Some(alert) = scenario.alert {
        story += &format!("; alert {alert}");
    }
    if !scenario.settings.is_empty() {
        let settings: String = scenario.settings.iter().map(|setting| format!(" --set {setting}")).collect();
        story += &format!("; takes an exporter with{settings}");
    }
    if scenario.needs_role {
        story += "; takes an exporter with the credentials of a role";
    }
    story
}

pub(super) fn fleet(
    fleet: &cli::FleetArguments,
    scenario: Option<&'static Scenario>,
) -> simulator::SimulatorOptions {
    simulator::SimulatorOptions {
        groups: fleet.groups,
        instances_per_group: fleet.instances_per_group,
        persistent_per_group: fleet.persistent_per_group,
        seed: fleet.seed,
        // A scenario that lived would soon be another one.
        speed: fleet.speed.unwrap_or(if scenario.is_some() { 0.0 } else { 1.0 }),
        scenario,
        ..simulator::SimulatorOptions::default()
    }
}
