//! Scenarios: a fleet in which one thing is wrong, so that one alert fires.
//!
//! All scenarios are in one table, [`SCENARIOS`]. Each of them first makes the whole fleet calm,
//! then applies a fault to one group, to requests or to credentials. What is not here: how a group
//! gets into a state (`fleet::setup`), and alerts that have no cause in the cloud, such as an
//! exporter that is down.

use std::time::Duration;

use super::fleet::setup;
use super::fleet::{FleetStore, GroupStatus, InstanceStatus, Second, SimulatedGroup};

/// A state of the cloud with a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// The name on the command line.
    pub name: &'static str,
    /// What is wrong, as a sentence without a full stop.
    pub about: &'static str,
    /// The alert of `deploy/prometheus/rules` that fires; `None` if none does.
    pub alert: Option<&'static str>,
    /// Settings that the exporter needs for the alert, as `key=value`.
    pub settings: &'static [&'static str],
    /// Whether the exporter must assume a role, instead of using an AccessKey.
    pub needs_role: bool,
    /// What the scenario changes.
    pub(super) change: ScenarioChange,
}

/// What a scenario changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ScenarioChange {
    /// Nothing: the fleet is calm.
    Nothing,
    /// The first group of a kind has a fault.
    Group(GroupKind, GroupFault),
    /// A share of all requests fails with an error code of the API.
    Requests(f64, &'static str),
    /// The AccessKey is disabled.
    InactiveKey,
    /// The AccessKey lacks the permission.
    Forbidden,
    /// All temporary credentials have this lifetime.
    ShortLived(Duration),
}

/// Kinds of groups by their number in `fleet::catalogue`, which is also the number of the first
/// group of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupKind {
    /// One pool scales by usage, the other one is fixed.
    Mixed = 0,
    /// Scales by schedule.
    BySchedule = 1,
    /// Does not scale.
    Fixed = 2,
    /// Has persistent sessions.
    Persistent = 4,
    /// Scales by usage, with a single pool.
    ByUsage = 7,
}

/// What is wrong with a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum GroupFault {
    /// The group stays in a status.
    StuckInStatus(GroupStatus),
    /// The subscription expires after so many seconds.
    ExpiresIn(Second),
    /// An update of the image is available.
    UpdateAvailable,
    /// One instance stays in a status.
    StuckInstance(InstanceStatus),
    /// Most sessions are disconnected.
    Disconnected,
    /// One persistent session is unavailable.
    PersistentUnavailable,
    /// Every session is in use.
    Full,
    /// Scaling has added 80 % of the nodes that its limit allows.
    NearLimit,
    /// Scaling has added all nodes that its limit allows, and the group is busy.
    AtLimit,
    /// The group is busy and does not scale out, although its limit allows more nodes.
    NotScaling,
    /// A schedule demands more nodes than exist.
    ScheduleNotMet,
}

const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    without_alert("calm", "nothing is wrong"),
    group(
        "not-published",
        "the deployment of a delivery group does not finish",
        "AppStreamingGroupNotPublished",
        GroupKind::ByUsage,
        GroupFault::StuckInStatus(GroupStatus::Deploying),
    ),
    group(
        "publishing-failed",
        "the deployment of a delivery group failed",
        "AppStreamingGroupPublishingFailed",
        GroupKind::ByUsage,
        GroupFault::StuckInStatus(GroupStatus::Failed),
    ),
    group(
        "update-failed",
        "the update of a delivery group failed",
        "AppStreamingGroupUpdateFailed",
        GroupKind::Mixed,
        GroupFault::StuckInStatus(GroupStatus::MaintainFailed),
    ),
    group(
        "expired",
        "the subscription of a delivery group has expired",
        "AppStreamingGroupExpired",
        GroupKind::Mixed,
        GroupFault::StuckInStatus(GroupStatus::Expired),
    ),
    group(
        "expires-in-1-day",
        "the subscription of a delivery group expires in 12 hours",
        "AppStreamingGroupExpiresIn1Day",
        GroupKind::Mixed,
        GroupFault::ExpiresIn(12 * HOUR),
    ),
    group(
        "expires-in-7-days",
        "the subscription of a delivery group expires in 5 days",
        "AppStreamingGroupExpiresIn7Days",
        GroupKind::Mixed,
        GroupFault::ExpiresIn(5 * DAY),
    ),
    group(
        "overdue",
        "a delivery group is stopped because of an overdue payment",
        "AppStreamingGroupOverdue",
        GroupKind::ByUsage,
        GroupFault::StuckInStatus(GroupStatus::Ceased),
    ),
    group(
        "update-waiting",
        "an update of a delivery group's image is available",
        "AppStreamingGroupUpdateWaiting",
        GroupKind::Mixed,
        GroupFault::UpdateAvailable,
    ),
    group(
        "stuck-starting",
        "an instance has been starting for an hour",
        "AppStreamingInstanceStuckStarting",
        GroupKind::Mixed,
        GroupFault::StuckInstance(InstanceStatus::Starting),
    ),
    group(
        "stuck-closing",
        "an instance has been closing for an hour",
        "AppStreamingInstanceStuckClosing",
        GroupKind::Mixed,
        GroupFault::StuckInstance(InstanceStatus::Closing),
    ),
    group(
        "instance-unavailable",
        "an instance has been unavailable for an hour",
        "AppStreamingInstanceUnavailable",
        GroupKind::Mixed,
        GroupFault::StuckInstance(InstanceStatus::Unavailable),
    ),
    group(
        "disconnected",
        "most sessions of a delivery group are disconnected and not closed",
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
        "every session of a delivery group that does not scale is in use",
        "AppStreamingNoIdleSession",
        GroupKind::Fixed,
        GroupFault::Full,
    ),
    group(
        "near-scaling-limit",
        "scaling has added 80 % of the nodes that a delivery group's limit allows",
        "AppStreamingScalingLimitNear",
        GroupKind::ByUsage,
        GroupFault::NearLimit,
    ),
    group(
        "at-scaling-limit",
        "a delivery group is busy, and scaling has reached its limit",
        "AppStreamingScalingLimitReached",
        GroupKind::ByUsage,
        GroupFault::AtLimit,
    ),
    group(
        "scale-out-missing",
        "a delivery group is busy and below its limit, but it does not scale out",
        "AppStreamingScaleOutNotFollowing",
        GroupKind::ByUsage,
        GroupFault::NotScaling,
    ),
    group(
        "schedule-not-met",
        "a schedule demands more nodes than a delivery group has",
        "AppStreamingScheduleNotMet",
        GroupKind::BySchedule,
        GroupFault::ScheduleNotMet,
    ),
    Scenario {
        change: ScenarioChange::Requests(1.0, "ServiceUnavailable"),
        ..with_alert("outage", "every request fails", "AppStreamingDataStale")
    },
    Scenario {
        change: ScenarioChange::Requests(0.3, "Throttling.User"),
        ..with_alert("throttled", "30 % of all requests are throttled", "AppStreamingApiThrottled")
    },
    Scenario {
        change: ScenarioChange::Forbidden,
        ..with_alert("permission-denied", "the RAM user lacks the permission", "AppStreamingPermissionDenied")
    },
    Scenario {
        change: ScenarioChange::InactiveKey,
        ..with_alert("credentials-rejected", "the AccessKey is disabled", "AppStreamingCredentialsRejected")
    },
    Scenario {
        change: ScenarioChange::ShortLived(Duration::from_secs(100)),
        needs_role: true,
        ..with_alert(
            "credentials-expiring",
            "temporary credentials are never valid for more than 100 seconds",
            "AppStreamingCredentialsExpiring",
        )
    },
    Scenario {
        settings: &["collectors.instances=detailed", "collectors.max_series=100"],
        ..with_alert(
            "series-dropped",
            "the fleet has more series than the exporter may serve",
            "AppStreamingSeriesDropped",
        )
    },
];

impl Scenario {
    /// The scenario with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// The smallest number of groups in a fleet that contains the group that the scenario changes;
    /// 0 if the scenario does not change a group.
    pub fn min_groups(&self) -> usize {
        match self.change {
            ScenarioChange::Group(kind, _) => kind as usize + 1,
            _ => 0,
        }
    }

    /// Makes the fleet calm, then applies the scenario's fault, if it concerns a group.
    pub(super) fn set_up(&self, fleet: &FleetStore) {
        fleet.change_each(|number, group| {
            setup::calm(group);
            if let ScenarioChange::Group(kind, fault) = self.change
                && number == kind as usize
            {
                fault.apply(group);
            }
            group.forget_events();
        });
    }
}

impl GroupFault {
    fn apply(self, group: &mut SimulatedGroup) {
        match self {
            Self::StuckInStatus(status) => setup::hold_in_status(group, status),
            Self::ExpiresIn(seconds) => setup::expire_in(group, seconds),
            Self::UpdateAvailable => setup::offer_update(group),
            Self::StuckInstance(status) => setup::strand_instances(group, status, 1),
            Self::Disconnected => setup::set_occupancy(group, 0.5, 0.75),
            Self::PersistentUnavailable => setup::make_persistent_unavailable(group, 1),
            Self::Full => setup::set_occupancy(group, 1.0, 0.0),
            Self::NearLimit => setup::limit_scaling(group, 0.8),
            Self::AtLimit => {
                setup::limit_scaling(group, 1.0);
                setup::set_occupancy(group, 0.9, 0.0);
            }
            Self::NotScaling => setup::set_occupancy(group, 0.9, 0.0),
            Self::ScheduleNotMet => setup::raise_schedule(group),
        }
    }
}

const fn without_alert(name: &'static str, about: &'static str) -> Scenario {
    Scenario { name, about, alert: None, settings: &[], needs_role: false, change: ScenarioChange::Nothing }
}

const fn with_alert(name: &'static str, about: &'static str, alert: &'static str) -> Scenario {
    Scenario { alert: Some(alert), ..without_alert(name, about) }
}

const fn group(
    name: &'static str,
    about: &'static str,
    alert: &'static str,
    kind: GroupKind,
    fault: GroupFault,
) -> Scenario {
    Scenario { change: ScenarioChange::Group(kind, fault), ..with_alert(name, about, alert) }
}
