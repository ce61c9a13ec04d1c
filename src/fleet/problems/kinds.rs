//! The table of problems: the source of the pages, of `/api/v1/fleet`, and of the list of alerts.
//!
//! What is not here: how a problem is found (the other modules of `problems`), and the alert rules
//! (`deploy/prometheus/rules`), whose names and severities a test compares with this table.

use serde::{Serialize, Serializer};

use Severity::{Critical, Info, Warning};

/// How urgent a problem is. The most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users are affected now or within a day.
    Critical,
    /// An operator should look into it.
    Warning,
    /// Worth knowing: nothing is wrong.
    Info,
}

/// One kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemRule {
    /// The name in `/api/v1/fleet` and in URLs.
    pub name: &'static str,
    /// The name on pages.
    pub title: &'static str,
    /// How urgent the problem is.
    pub severity: Severity,
    /// The alert without its prefix `AppStreaming`; `None` where another alert covers the problem.
    pub alert: Option<&'static str>,
    /// When pages show the problem, in Markdown. The alert additionally waits.
    pub condition: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Declares the kinds of problems and their table together, so that neither can miss one.
macro_rules! problem_kinds {
    ($($kind:ident $rule:expr;)*) => {
        /// The kinds of problems, in the order in which problems of one severity are displayed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemKind {
            $(
                #[doc = concat!("See its row of the table, [`", stringify!($kind), "`](ProblemKind::rule).")]
                $kind,
            )*
        }

        impl ProblemKind {
            /// Every kind, in the order in which problems are displayed.
            pub const ALL: &[ProblemKind] = &[$(ProblemKind::$kind),*];

            /// The row of the table.
            pub const fn rule(self) -> ProblemRule {
                match self {
                    $(ProblemKind::$kind => $rule,)*
                }
            }
        }
    };
}

const fn rule(
    name: &'static str,
    title: &'static str,
    severity: Severity,
    alert: &'static str,
    condition: &'static str,
    advice: &'static str,
) -> ProblemRule {
    ProblemRule { name, title, severity, alert: Some(alert), condition, advice }
}

problem_kinds! {
    CredentialsRejected rule(
        "credentials_rejected", "Credentials rejected", Critical, "CredentialsRejected",
        "the last poll failed because the API rejected the key or its signature",
        "Replace the key, or enable it in the RAM console.",
    );
    PermissionDenied rule(
        "permission_denied", "Permission denied", Critical, "PermissionDenied",
        "the last poll failed because a permission is missing",
        "Attach the RAM policy AliyunAppStreamingReadOnlyAccess, or the one that `check --online` prints.",
    );
    CredentialsExpiring rule(
        "credentials_expiring", "Credentials expire", Critical, "CredentialsExpiring",
        "the credentials of the account expire within 2 minutes or have expired",
        "The exporter cannot renew them: see its log, and the source of the credentials.",
    );
    DataStale rule(
        "data_stale", "Polls fail", Critical, "DataStale",
        "the last poll of the target failed, completely or in part",
        "See the failed calls, or run `check --online`.",
    );
    DisconnectStorm rule(
        "disconnect_storm", "Connections lost", Critical, "DisconnectStorm",
        "at least 10 sessions of a region of an account were disconnected within 5 minutes, and these are more than 30 % of its connected sessions",
        "Check the network between the users and the region.",
    );
    GroupPublishingFailed rule(
        "group_publishing_failed", "Publishing failed", Critical, "GroupPublishingFailed",
        "the status is `FAILED`",
        "Look up the reason in the console, and publish the group again.",
    );
    GroupExpired rule(
        "group_expired", "Expired", Critical, "GroupExpired",
        "the status is `EXPIRED` or `EXPIRED_RECYCLING`",
        "Renew the subscription before the resources are released, or delete the group.",
    );
    GroupPastExpiry rule(
        "group_past_expiry", "Past its end", Critical, "GroupPastExpiry",
        "the subscription has ended, and the status does not show it yet",
        "Renew the subscription: the group goes out of service at any moment.",
    );
    GroupOverdue rule(
        "group_overdue", "Stopped, bills unpaid", Critical, "GroupOverdue",
        "the status is `CEASED`",
        "Pay the bills of the Alibaba Cloud account.",
    );
    GroupResourcesUnavailable rule(
        "group_resources_unavailable", "No resources", Critical, "GroupResourcesUnavailable",
        "the resource status is `UNAVAILABLE` or `RELEASED`",
        "Look at the resources in the console, and open a ticket if they should exist.",
    );
    GroupExpiresIn1Day rule(
        "group_expires_in_1_day", "Ends within a day", Critical, "GroupExpiresIn1Day",
        "the subscription ends within a day",
        "Renew the subscription, or check that it renews automatically.",
    );
    AtCapacity rule(
        "at_capacity", "At capacity", Critical, "AtCapacity",
        "all sessions that the group can serve are in use, none is `IDLE`, and scaling cannot add any; not outside its schedule",
        "Buy nodes, raise the scaling limit, or shorten the session timeout.",
    );
    NoIdleSession rule(
        "no_idle_session", "No idle session left", Critical, "NoIdleSession",
        "all sessions that the group can serve are in use, none is `IDLE`, and scaling can add some; not outside its schedule",
        "Check that a scale-out follows; until then new users wait.",
    );
    ScalingLimitReached rule(
        "scaling_limit_reached", "Scaling limit reached", Critical, "ScalingLimitReached",
        "connected sessions exceed the scaling threshold, and scaling has added all it may",
        "Raise the maximum of the group or node pool.",
    );
    ApiThrottled rule(
        "api_throttled", "Throttled by the API", Warning, "ApiThrottled",
        "the API has slowed the exporter down to less than 90 % of its configured rate, or of a shard's share of it",
        "Lower `api.requests_per_second`, or poll less often.",
    );
    GroupNotPublished rule(
        "group_not_published", "Not published", Warning, "GroupNotPublished",
        "the status is neither `PUBLISHED` nor one that another kind reports",
        "Wait for the deployment or maintenance to end, and look at it in the console if it does not.",
    );
    GroupUpdateFailed rule(
        "group_update_failed", "Update failed", Warning, "GroupUpdateFailed",
        "the status is `MAINTAIN_FAILED`: the group keeps its previous image",
        "Look up the reason in the console, and update the group again.",
    );
    GroupExpiresIn7Days rule(
        "group_expires_in_7_days", "Ends within 7 days", Warning, "GroupExpiresIn7Days",
        "the subscription ends within 7 days",
        "Renew the subscription, or check that it renews automatically.",
    );
    NearlyFull rule(
        "nearly_full", "Nearly full", Warning, "NearlyFull",
        "more than 90 % of the sessions that the group can serve are in use, and it is not certain that a scale-out adds some; not outside its schedule",
        "Buy nodes or raise the scaling limit before users are rejected.",
    );
    ScalingLimitNear rule(
        "scaling_limit_near", "Scaling limit near", Warning, "ScalingLimitNear",
        "more than 90 % of the sessions are in use above which scaling can add nothing more",
        "Raise the maximum of the group or node pool.",
    );
    ScaleOutNotFollowing rule(
        "scale_out_not_following", "Scale-out does not follow", Warning, "ScaleOutNotFollowing",
        "a scale-out has been due for 15 minutes, and nothing was added",
        "Check whether the region has nodes of this type, and whether instances are stuck.",
    );
    ScheduleNotMet rule(
        "schedule_not_met", "Schedule not met", Warning, "ScheduleNotMet",
        "a node pool has fewer nodes than its schedule requires",
        "Check `schedule.time_zone`, and whether the region has nodes of this type.",
    );
    InstanceStuckStarting rule(
        "instance_stuck_starting", "Stuck starting", Warning, "InstanceStuckStarting",
        "an instance has been `INIT` or `STARTING` for more than 15 minutes",
        "Test the image, and delete the instance.",
    );
    InstanceStuckClosing rule(
        "instance_stuck_closing", "Stuck closing", Warning, "InstanceStuckClosing",
        "an instance has been `CLOSING` for more than 15 minutes",
        "Check the application, and delete the instance.",
    );
    InstanceUnavailable rule(
        "instance_unavailable", "Unavailable instance", Warning, "InstanceUnavailable",
        "an instance has been `UNAVAILABLE` for more than 30 minutes",
        "Delete the instance; open a ticket if several are on one node.",
    );
    SessionsDisconnected rule(
        "sessions_disconnected", "Disconnected sessions", Warning, "SessionsDisconnected",
        "at least 5 sessions are disconnected, and these are more than half of the sessions",
        "Shorten the session timeout, or look for a broken network.",
    );
    DisconnectedTooLong rule(
        "disconnected_too_long", "Disconnected too long", Warning, "DisconnectedTooLong",
        "a session has been disconnected for 10 minutes longer than the session timeout",
        "End the session in the console, and open a ticket: it takes up the place of a user.",
    );
    PersistentSessionUnavailable rule(
        "persistent_session_unavailable", "Unavailable persistent session", Warning, "PersistentSessionUnavailable",
        "a persistent session is `UNAVAILABLE`",
        "Save the user's data, and rebuild the persistent session.",
    );
    PollOverruns rule(
        "poll_overruns", "Polls take too long", Warning, "PollOverruns",
        "3 polls took longer than the interval within an hour, or a poll needs more requests than the rate allows between two polls",
        "Poll less often, poll less data, or allow more requests per second.",
    );
    SeriesDropped rule(
        "series_dropped", "Series dropped", Warning, "SeriesDropped",
        "`collectors.max_series` dropped collectors from the last snapshot",
        "Raise `collectors.max_series`, use several shards, or set the collectors to `aggregate`.",
    );
    ConfigReloadFailed rule(
        "config_reload_failed", "Reload failed", Warning, "ConfigReloadFailed",
        "the last reload of the configuration failed: the previous one is active",
        "Run `check` with the same files, correct the problems, and reload again.",
    );
    ReplicaStateOld rule(
        "replica_state_old", "Old state", Warning, "ReplicaStateOld",
        "the state of a standby is older than 2 poll intervals, or the standby has none and cannot fetch it",
        "Check whether a replica is active, and whether this one reaches it; `check --online` tests both.",
    );
    StateRestoreFailed rule(
        "state_restore_failed", "State not restored", Warning, "StateRestoreFailed",
        "a state that was `damaged`, `foreign` or of another `version` was not restored within the last 30 minutes",
        "See the log for the reason; counters and history began again.",
    );
    GroupDataStale ProblemRule {
        name: "group_data_stale",
        title: "Stale data",
        severity: Warning,
        alert: None,
        condition: "data is older than 3 intervals (at least 2 minutes), or there is no recent listing of instances; the alert `AppStreamingDataStale` covers the target",
        advice: "See why polls of the group's target fail.",
    };
    GroupUpdateWaiting rule(
        "group_update_waiting", "Update available", Info, "GroupUpdateWaiting",
        "a newer image is available (the alert waits a week)",
        "Plan the update.",
    );
    OpenToEverybody rule(
        "open_to_everybody", "Open to everybody", Info, "OpenToEverybody",
        "the group does not check whether its users are authorised (`SkipUserAuthCheck`)",
        "Switch the check on, unless it is off on purpose.",
    );
}

impl ProblemKind {
    /// The name in `/api/v1/fleet` and in URLs.
    pub const fn as_str(self) -> &'static str {
        self.rule().name
    }

    /// The name on pages.
    pub const fn title(self) -> &'static str {
        self.rule().title
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
