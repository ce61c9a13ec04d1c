//! The table of scenarios, in the order in which they are listed.

use std::time::Duration;

use super::{GroupFault, GroupKind, Scenario, ScenarioChange};
use crate::simulator::fleet::{GroupStatus, InstanceStatus, Second};

const MINUTE: Second = 60;
const HOUR: Second = 60 * MINUTE;
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
        "past-expiry",
        "the subscription of a delivery group ended 31 minutes ago, and it is still published",
        "AppStreamingGroupPastExpiry",
        GroupKind::Mixed,
        GroupFault::ExpiresIn(-31 * MINUTE),
    ),
    group(
        "resources-unavailable",
        "the resources of a published delivery group are unavailable",
        "AppStreamingGroupResourcesUnavailable",
        GroupKind::Mixed,
        GroupFault::ResourceStatus("UNAVAILABLE"),
    ),
    group(
        "open-to-everybody",
        "a delivery group does not check its users",
        "AppStreamingOpenToEverybody",
        GroupKind::ByUsage,
        GroupFault::OpenToEverybody,
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
        "disconnected-too-long",
        "two sessions of a delivery group have been disconnected for longer than the session timeout",
        "AppStreamingDisconnectedTooLong",
        GroupKind::Fixed,
        GroupFault::DisconnectedTooLong,
    ),
    Scenario {
        change: ScenarioChange::Storm("cn-hangzhou"),
        speed: 1.0,
        ..with_alert(
            "disconnect-storm",
            "the sessions of a region are disconnected again and again",
            "AppStreamingDisconnectStorm",
        )
    },
    Scenario {
        speed: 1.0,
        ..group(
            "starts-getting-slow",
            "the instances of a delivery group need more and more time to start",
            "AppStreamingStartsGettingSlow",
            GroupKind::Fixed,
            GroupFault::SlowStarts,
        )
    },
    group(
        "persistent-unavailable",
        "a persistent session is unavailable",
        "AppStreamingPersistentSessionUnavailable",
        GroupKind::Persistent,
        GroupFault::PersistentUnavailable,
    ),
    group(
        "at-capacity",
        "every session of a delivery group that does not scale is in use",
        "AppStreamingAtCapacity",
        GroupKind::Fixed,
        GroupFault::Full,
    ),
    group(
        "no-idle-session",
        "every session of a delivery group that may scale out is in use",
        "AppStreamingNoIdleSession",
        GroupKind::ByUsage,
        GroupFault::Full,
    ),
    group(
        "nearly-full",
        "97.5 % of the sessions of a delivery group that does not scale are in use",
        "AppStreamingNearlyFull",
        GroupKind::Fixed,
        GroupFault::NearlyFull,
    ),
    group(
        "near-scaling-limit",
        "scaling has reached the limit of a delivery group, and usage nears the threshold",
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
        settings: &["poll.interval=1s", "api.requests_per_second=8"],
        change: ScenarioChange::Latency(Duration::from_millis(700)),
        ..with_alert(
            "poll-overruns",
            "responses are slow, the rate limit is low and the poll interval is short",
            "AppStreamingPollOverruns",
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
    silent(
        "node-mode-quiet",
        "the cloud makes an instance only when a user comes, and 4 of 40 sessions are in use",
        GroupKind::ByUsage,
        GroupFault::OnDemand,
    ),
    silent(
        "lingering-at-night",
        "a schedule demands no node, and the last two users stay on one node",
        GroupKind::BySchedule,
        GroupFault::Lingering,
    ),
    silent(
        "closed-lingering",
        "two of the ten instances that a delivery group may have are closed",
        GroupKind::BySession,
        GroupFault::ClosedLingering,
    ),
    silent(
        "daily-peak",
        "scaling has added four of the five nodes that it may add, and usage is below the threshold",
        GroupKind::ByUsage,
        GroupFault::DailyPeak,
    ),
    silent(
        "disconnected-at-peak",
        "36 of 40 sessions are in use, and 16 of them are disconnected",
        GroupKind::ByUsage,
        GroupFault::DisconnectedAtPeak,
    ),
];

const fn without_alert(name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        name,
        about,
        alert: None,
        settings: &[],
        needs_role: false,
        speed: 0.0,
        change: ScenarioChange::Nothing,
    }
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

const fn silent(name: &'static str, about: &'static str, kind: GroupKind, state: GroupFault) -> Scenario {
    Scenario { change: ScenarioChange::Group(kind, state), ..without_alert(name, about) }
}
