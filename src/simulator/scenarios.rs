//! Scenarios: a fleet that stands still and has one thing wrong with it, so that one alert fires.
//!
//! All of them are in one table, [`SCENARIOS`]. In each the whole fleet is calm first; then what is wrong
//! happens to one group of the kind that it can happen to, or to the whole API. What is not here: how a
//! group gets into a state (`fleet`), and alerts that the cloud has no part in, such as an exporter that is down.

use std::time::Duration;

use super::{
    FaultRule, SimulatorOptions,
    cloud::FleetStore,
    fleet::{GroupStatus, InstanceStatus, Second, SimulatedGroup},
};

/// A state of the cloud, by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What is wrong, for people.
    pub about: &'static str,
    /// The alert of `deploy/prometheus/rules` that comes through; `None` where none does.
    pub alert: Option<&'static str>,
    /// Settings, `key=value`, that the exporter needs for it.
    pub settings: &'static [&'static str],
    /// Whether it takes an exporter with the credentials of a role, instead of an AccessKey.
    pub of_a_role: bool,
    change: ScenarioChange,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ScenarioChange {
    Nothing,
    /// With the first group of a kind.
    Group(GroupKind, GroupFault),
    /// With a share of all requests: the API's error code.
    Requests(f64, &'static str),
    /// With the AccessKey: it is disabled.
    InactiveKey,
    /// With the AccessKey: it lacks the permission.
    Forbidden,
    /// With all temporary credentials: they live for so long.
    ShortLived(Duration),
}

/// Kinds of groups by their number in the fleet; see [`SimulatorOptions::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GroupKind {
    /// Scales by usage, beside a fixed pool.
    Mixed = 0,
    BySchedule = 1,
    /// Doesn't scale.
    Fixed = 2,
    /// Has persistent sessions.
    Persistent = 4,
    /// Scales by usage, with a single pool.
    ByUsage = 7,
}

/// What is wrong with a group.
#[derive(Debug, Clone, Copy, PartialEq)]
enum GroupFault {
    Halted(GroupStatus),
    EndsIn(Second),
    UpdateWaits,
    Stranded(InstanceStatus),
    Disconnected,
    PersistentUnavailable,
    Full,
    /// Much of what scaling may add is there.
    NearLimit,
    /// All of what scaling may add is there, and it is busy.
    AtLimit,
    /// Busy, with nothing that keeps it from scaling out.
    NotScaling,
    ShortOfSchedule,
}

const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

/// Every scenario there is.
pub const SCENARIOS: &[Scenario] = &[
    quiet("calm", "nothing is wrong"),
    group(
        "not-published",
        "a delivery group is being deployed and doesn't get done",
        "AppStreamingGroupNotPublished",
        GroupKind::ByUsage,
        GroupFault::Halted(GroupStatus::Deploying),
    ),
    group(
        "publishing-failed",
        "publishing a delivery group failed",
        "AppStreamingGroupPublishingFailed",
        GroupKind::ByUsage,
        GroupFault::Halted(GroupStatus::Failed),
    ),
    group(
        "update-failed",
        "updating a delivery group failed",
        "AppStreamingGroupUpdateFailed",
        GroupKind::Mixed,
        GroupFault::Halted(GroupStatus::MaintainFailed),
    ),
    group(
        "expired",
        "the subscription of a delivery group is over",
        "AppStreamingGroupExpired",
        GroupKind::Mixed,
        GroupFault::Halted(GroupStatus::Expired),
    ),
    group(
        "expires-in-1-day",
        "the subscription of a delivery group ends in 12 hours",
        "AppStreamingGroupExpiresIn1Day",
        GroupKind::Mixed,
        GroupFault::EndsIn(12 * HOUR),
    ),
    group(
        "expires-in-7-days",
        "the subscription of a delivery group ends in 5 days",
        "AppStreamingGroupExpiresIn7Days",
        GroupKind::Mixed,
        GroupFault::EndsIn(5 * DAY),
    ),
    group(
        "overdue",
        "a delivery group is stopped for unpaid bills",
        "AppStreamingGroupOverdue",
        GroupKind::ByUsage,
        GroupFault::Halted(GroupStatus::Ceased),
    ),
    group(
        "update-waiting",
        "a newer image of a delivery group waits",
        "AppStreamingGroupUpdateWaiting",
        GroupKind::Mixed,
        GroupFault::UpdateWaits,
    ),
    group(
        "stuck-starting",
        "an instance has been starting for an hour",
        "AppStreamingInstanceStuckStarting",
        GroupKind::Mixed,
        GroupFault::Stranded(InstanceStatus::Starting),
    ),
    group(
        "stuck-closing",
        "an instance has been closing for an hour",
        "AppStreamingInstanceStuckClosing",
        GroupKind::Mixed,
        GroupFault::Stranded(InstanceStatus::Closing),
    ),
    group(
        "instance-unavailable",
        "an instance has been unavailable for an hour",
        "AppStreamingInstanceUnavailable",
        GroupKind::Mixed,
        GroupFault::Stranded(InstanceStatus::Unavailable),
    ),
    group(
        "disconnected",
        "most users of a delivery group have gone, and their sessions stay",
        "AppStreamingSessionsDisconnected",
        GroupKind::Fixed,
        GroupFault::Disconnected,
    ),
    group(
        "persistent-unavailable",
        "a persistent session is unavailable",
        "AppStreamingPersistentSessionUnavailable",
        GroupKind::Persistent,
        GroupFault::PersistentUnavailable,
    ),
    group(
        "no-idle-session",
        "every session of a delivery group that doesn't scale is in use",
        "AppStreamingNoIdleSession",
        GroupKind::Fixed,
        GroupFault::Full,
    ),
    group(
        "near-scaling-limit",
        "scaling has added most of what it may add to a delivery group",
        "AppStreamingScalingLimitNear",
        GroupKind::ByUsage,
        GroupFault::NearLimit,
    ),
    group(
        "at-scaling-limit",
        "a delivery group is busy, and scaling may add nothing more",
        "AppStreamingScalingLimitReached",
        GroupKind::ByUsage,
        GroupFault::AtLimit,
    ),
    group(
        "scale-out-missing",
        "a delivery group is busy, and doesn't scale out though it may",
        "AppStreamingScaleOutNotFollowing",
        GroupKind::ByUsage,
        GroupFault::NotScaling,
    ),
    group(
        "schedule-not-met",
        "a schedule asks for more nodes than there are",
        "AppStreamingScheduleNotMet",
        GroupKind::BySchedule,
        GroupFault::ShortOfSchedule,
    ),
    Scenario {
        change: ScenarioChange::Requests(1.0, "ServiceUnavailable"),
        ..loud("outage", "every request fails", "AppStreamingDataStale")
    },
    Scenario {
        change: ScenarioChange::Requests(0.3, "Throttling.User"),
        ..loud("throttled", "three in ten requests are throttled", "AppStreamingApiThrottled")
    },
    Scenario {
        change: ScenarioChange::Forbidden,
        ..loud("permission-denied", "the RAM user lacks the permission", "AppStreamingPermissionDenied")
    },
    Scenario {
        change: ScenarioChange::InactiveKey,
        ..loud("credentials-rejected", "the AccessKey is disabled", "AppStreamingCredentialsRejected")
    },
    Scenario {
        change: ScenarioChange::ShortLived(Duration::from_secs(100)),
        of_a_role: true,
        ..loud(
            "credentials-expiring",
            "temporary credentials never have two minutes left",
            "AppStreamingCredentialsExpiring",
        )
    },
    Scenario {
        settings: &["collectors.instances=detailed", "collectors.max_series=100"],
        ..loud(
            "series-dropped",
            "there are more series than the exporter may serve",
            "AppStreamingSeriesDropped",
        )
    },
];

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Groups that the fleet must have at least, for the kind of group that the scenario needs to be there.
    pub fn groups(&self) -> usize {
        match self.change {
            ScenarioChange::Group(kind, _) => kind as usize + 1,
            _ => 0,
        }
    }

    /// The options of a cloud in which it comes to pass.
    pub(super) fn bend(&self, options: &mut SimulatorOptions) {
        match self.change {
            ScenarioChange::Nothing | ScenarioChange::Group(..) => {}
            ScenarioChange::Requests(share, code) => options.faults.push(FaultRule::share(share, code)),
            ScenarioChange::InactiveKey => {
                options.credentials.iter_mut().for_each(|known| known.active = false)
            }
            ScenarioChange::Forbidden => {
                options.credentials.iter_mut().for_each(|known| known.allowed = false)
            }
            ScenarioChange::ShortLived(life) => options.access.token_lifetime = Some(life),
        }
    }

    /// Calms the fleet, then does what is wrong to one group.
    pub(super) fn stage(&self, fleet: &FleetStore) {
        fleet.change_each(|number, group| {
            group.calm();
            if let ScenarioChange::Group(kind, ill) = self.change
                && number == kind as usize
            {
                ill.befall(group);
            }
        });
    }
}

impl GroupFault {
    fn befall(self, group: &mut SimulatedGroup) {
        match self {
            Self::Halted(status) => group.halt(status),
            Self::EndsIn(seconds) => group.end_in(seconds),
            Self::UpdateWaits => group.offer_update(),
            Self::Stranded(status) => group.strand(status, 1),
            Self::Disconnected => group.occupy(0.5, 0.75),
            Self::PersistentUnavailable => group.break_persistent(1),
            Self::Full => group.occupy(1.0, 0.0),
            Self::NearLimit => group.limit_scaling(0.8),
            Self::AtLimit => {
                group.limit_scaling(1.0);
                group.occupy(0.9, 0.0);
            }
            Self::NotScaling => group.occupy(0.9, 0.0),
            Self::ShortOfSchedule => group.ask_for_more(),
        }
    }
}

const fn quiet(name: &'static str, about: &'static str) -> Scenario {
    Scenario { name, about, alert: None, settings: &[], of_a_role: false, change: ScenarioChange::Nothing }
}

const fn loud(name: &'static str, about: &'static str, alert: &'static str) -> Scenario {
    Scenario { alert: Some(alert), ..quiet(name, about) }
}

const fn group(
    name: &'static str,
    about: &'static str,
    alert: &'static str,
    kind: GroupKind,
    ill: GroupFault,
) -> Scenario {
    Scenario { change: ScenarioChange::Group(kind, ill), ..loud(name, about, alert) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::state::CloudState, *};

    fn staged(scenario: &'static Scenario) -> serde_json::Value {
        let now = "2026-11-23T02:30:00Z".parse().unwrap();
        let options = SimulatorOptions {
            scenario: Some(scenario),
            speed: 0.0,
            persistent_per_group: 30,
            ..SimulatorOptions::default()
        };
        assert_eq!(options.problem(), None);
        let state = CloudState::new(options, now);
        let clock = *super::super::state::lock(&state.clock);
        let fleet = state.fleet.read().unwrap();
        serde_json::to_value(super::super::truth::FleetTruth::of(&fleet.at(now), &clock)).unwrap()
    }

    #[test]
    fn names_and_alerts_are_told_apart() {
        let names: HashSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        let alerts: HashSet<_> = SCENARIOS.iter().filter_map(|scenario| scenario.alert).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert_eq!(alerts.len(), SCENARIOS.len() - 1, "one is calm");
    }

    #[test]
    fn a_calm_fleet_is_in_service_and_at_most_half_full() {
        let truth = staged(Scenario::named("calm").unwrap());
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
        let calm = staged(Scenario::named("calm").unwrap());
        for scenario in SCENARIOS {
            let truth = staged(scenario);
            let groups = |truth: &serde_json::Value| truth["groups"].as_array().unwrap().clone();
            let changed = groups(&truth).iter().zip(&groups(&calm)).filter(|(is, was)| is != was).count();
            // The limit of scaling is not among what the cloud says of itself.
            let told =
                matches!(scenario.change, ScenarioChange::Group(_, ill) if ill != GroupFault::NearLimit);
            assert_eq!(changed, usize::from(told), "{}", scenario.name);
        }
    }

    #[test]
    fn a_fleet_without_the_kind_of_group_is_refused() {
        let options = SimulatorOptions {
            scenario: Scenario::named("overdue"),
            groups: 3,
            ..SimulatorOptions::default()
        };
        assert!(options.problem().unwrap().contains("at least 8 groups"));
    }
}
