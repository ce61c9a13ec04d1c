//! The flag `--scenario` of `demo` and `simulate`.

use std::process::ExitCode;

use super::Error;
use crate::cli;
use crate::simulator::{self, SCENARIOS, Scenario};

/// The value of `--scenario`.
pub(super) enum Requested {
    /// A fleet, with or without a scenario.
    Fleet(Option<&'static Scenario>),
    /// `list`: print all scenarios.
    List,
}

/// Interprets the flag.
///
/// # Errors
/// There is no scenario of this name.
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

/// Prints every scenario with its alert.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn list_scenarios() -> Result<ExitCode, Error> {
    let width = |of: fn(&Scenario) -> &str| SCENARIOS.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let alert = |scenario: &Scenario| scenario.alert.unwrap_or("-");
    let (names, alerts) = (width(|row| row.name), width(|row| row.alert.unwrap_or("-")));
    let mut text = format!("{:names$}  {:alerts$}  problem\n", "scenario", "alert");
    for scenario in SCENARIOS {
        text += &format!("{:names$}  {:alerts$}  {}\n", scenario.name, alert(scenario), scenario.about);
    }
    super::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Describes a scenario on one line, with the settings that the exporter needs.
pub(super) fn describe(scenario: &Scenario) -> String {
    let mut text = format!("scenario {}: {}", scenario.name, scenario.about);
    if let Some(alert) = scenario.alert {
        text += &format!("; alert {alert}");
    }
    if !scenario.settings.is_empty() {
        let settings: String = scenario.settings.iter().map(|setting| format!(" --set {setting}")).collect();
        text += &format!("; run the exporter with{settings}");
    }
    if scenario.needs_role {
        text += "; run the exporter with the credentials of a role";
    }
    text
}

/// The simulator's options for these flags; the remaining options are the defaults.
pub(super) fn fleet(
    fleet: &cli::FleetArguments,
    scenario: Option<&'static Scenario>,
) -> simulator::SimulatorOptions {
    simulator::SimulatorOptions {
        groups: fleet.groups,
        instances_per_group: fleet.instances_per_group,
        persistent_per_group: fleet.persistent_per_group,
        seed: fleet.seed,
        start: fleet.start,
        schedule_counts: match fleet.schedule_counts {
            cli::ScheduleCountsArgument::Total => simulator::ScheduleCounts::Total,
            cli::ScheduleCountsArgument::Elastic => simulator::ScheduleCounts::Elastic,
        },
        speed: fleet.speed.unwrap_or_else(|| scenario.map_or(1.0, |scenario| scenario.speed)),
        scenario,
        ..simulator::SimulatorOptions::default()
    }
}
