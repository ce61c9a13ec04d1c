//! Scenarios: a fleet in which one thing is wrong, so that one alert fires; and fleets that look
//! wrong and are not, in which no alert may fire.
//!
//! All scenarios are in one table, [`SCENARIOS`]. Each of them first makes the whole fleet calm,
//! then applies a fault to one group, to a region, to requests or to credentials. What is not here:
//! how a group gets into a state (`fleet::setup`), and alerts that have no cause in the cloud, such
//! as an exporter that is down.

mod table;

use std::time::Duration;

use super::fleet::{FleetStore, GroupStatus, InstanceStatus, Second, SimulatedGroup, setup};

pub use table::SCENARIOS;

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
    /// Simulated seconds per real second, unless a flag sets the speed. Most scenarios are states, so
    /// time stands still: the problem could disappear.
    pub speed: f64,
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
    /// In this region, every session is disconnected and connected again, over and over.
    Storm(&'static str),
    /// Every response is delayed.
    Latency(Duration),
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
    /// Is sold by session.
    BySession = 3,
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
    /// Two sessions are disconnected for longer than the timeout of sessions.
    DisconnectedTooLong,
    /// One persistent session is unavailable.
    PersistentUnavailable,
    /// The resource status is this one, although the group is published.
    ResourceStatus(&'static str),
    /// Users are not checked.
    OpenToEverybody,
    /// Every session is in use.
    Full,
    /// All sessions but one of 40 are in use.
    NearlyFull,
    /// Scaling has added everything that its limit allows, and usage is just below the threshold.
    NearLimit,
    /// Scaling has added all nodes that its limit allows, and the group is busy.
    AtLimit,
    /// The group is busy and does not scale out, although its limit allows more nodes.
    NotScaling,
    /// A schedule demands more nodes than exist.
    ScheduleNotMet,
    /// Instances start more and more slowly.
    SlowStarts,
    /// No fault: the cloud makes an instance only when a user comes.
    OnDemand,
    /// No fault: two users stay on one node after the end of the schedule.
    Lingering,
    /// No fault: two of ten instances are closed, and ten is the limit.
    ClosedLingering,
    /// No fault: scaling has added 4 of 5 nodes, and usage is below the threshold.
    DailyPeak,
    /// No fault: usage is above the threshold only if disconnected sessions count.
    DisconnectedAtPeak,
}

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
            // Kinds take turns between two regions.
            ScenarioChange::Storm(_) => 2,
            _ => 0,
        }
    }

    /// Makes the fleet calm, then applies the scenario's fault, if it concerns a group.
    pub(super) fn set_up(&self, fleet: &FleetStore) {
        fleet.change_each(|number, group| {
            setup::calm(group);
            if self.speed > 0.0 {
                setup::hold_still(group);
            }
            match self.change {
                ScenarioChange::Group(kind, fault) if number == kind as usize => fault.apply(group),
                ScenarioChange::Storm(region) if group.settings.region_id == region => {
                    setup::disconnect_again_and_again(group);
                }
                _ => {}
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
            Self::DisconnectedTooLong => setup::keep_disconnected(group, 2),
            Self::ResourceStatus(status) => setup::set_resource_status(group, status),
            Self::OpenToEverybody => group.settings.skip_user_auth_check = true,
            Self::PersistentUnavailable => setup::make_persistent_unavailable(group, 1),
            Self::Full => setup::set_occupancy(group, 1.0, 0.0),
            Self::NearlyFull => setup::set_occupancy(group, 0.975, 0.0),
            Self::NearLimit => {
                setup::limit_scaling(group);
                setup::set_occupancy(group, 0.8, 0.0);
            }
            Self::AtLimit => {
                setup::limit_scaling(group);
                setup::set_occupancy(group, 0.9, 0.0);
            }
            Self::NotScaling => setup::set_occupancy(group, 0.9, 0.0),
            Self::SlowStarts => setup::start_more_and_more_slowly(group),
            Self::ScheduleNotMet => setup::raise_schedule(group),
            Self::OnDemand => setup::serve_on_demand(group, 4),
            Self::Lingering => setup::linger_after_the_schedule(group),
            Self::ClosedLingering => setup::keep_closed(group, 10, 2),
            Self::DailyPeak => setup::reach_daily_peak(group),
            Self::DisconnectedAtPeak => setup::set_occupancy(group, 0.9, 16.0 / 36.0),
        }
    }
}
