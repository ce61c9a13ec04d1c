//! The rules for problems of groups, targets and accounts, shared by the pages and `/api/v1/fleet`.
//!
//! All are pure functions of the fleet and of `now`. Every threshold is a constant below. What is
//! not here: how problems are displayed, and alerting, which is Prometheus's task.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::{GroupSnapshot, HumanDuration, InstanceSummary, PersistentInterval, TargetHealth, capacity};

/// A subscription that ends within this time is a warning.
pub const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A subscription that ends within this time is critical.
pub const EXPIRY_CRITICAL: SignedDuration = SignedDuration::from_hours(24);
/// An instance that has been unchanged in one of the [`TRANSIENT_STATUSES`] for this time is stuck.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Statuses that an instance is expected to leave within minutes.
pub const TRANSIENT_STATUSES: [&str; 4] = ["INIT", "STARTING", "CLOSING", "UNAVAILABLE"];
/// A scale-out is near when at most this share of the capacity, or one session, is left before it.
pub const NEAR_SCALE_OUT: f64 = 0.05;
/// A group that does not scale by usage is nearly full from this usage ratio on.
pub const NEARLY_FULL: f64 = 0.9;
/// Data is stale when it is older than this number of poll intervals, and than [`MIN_STALE_AGE`].
pub const MISSED_POLLS: i32 = 3;
/// Younger data is never stale, however short the poll interval is.
pub const MIN_STALE_AGE: SignedDuration = SignedDuration::from_mins(2);
/// An account counts as throttled when the current request rate is below this share of the
/// configured one.
pub const THROTTLED_BELOW: f64 = 0.9;

/// How urgent a problem is. The most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users are affected now or within a day.
    Critical,
    /// An operator should look into it.
    Warning,
    /// For information: the problem may resolve without action.
    Notice,
}

/// The kinds of problems, in the order in which problems of one severity are displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The last poll of a target failed, completely or partly.
    TargetDown,
    /// The group is `FAILED` or `MAINTAIN_FAILED`.
    Failed,
    /// The subscription has ended.
    Expired,
    /// The group is `CEASED`.
    Ceased,
    /// The group's resources are `UNAVAILABLE` or `RELEASED`.
    Unavailable,
    /// Every session that the group can serve is in use.
    AtCapacity,
    /// The subscription ends soon.
    Expiring,
    /// No idle session is left, although there is capacity for more.
    NoIdleSession,
    /// Little capacity is left, and the group does not scale by usage or cannot scale further.
    NearlyFull,
    /// Instances have been in a transient status for too long.
    Stuck,
    /// Data is older than expected, or too old to be served.
    Stale,
    /// The API throttles the account.
    Throttled,
    /// A poll needs more requests than the rate allows between two polls.
    SlowPolls,
    /// A scale-out is near.
    NearScaleOut,
}

/// A problem of a group, a target or an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// How urgent the problem is.
    pub severity: Severity,
    /// The kind of problem.
    pub kind: ProblemKind,
    /// The values that caused the problem, as text for people. Changes at most once a minute while
    /// the fleet is unchanged.
    pub detail: String,
}

/// Inputs of the rules besides the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationContext {
    /// The time from which ages are computed.
    pub now: Timestamp,
    /// The poll interval.
    pub interval: SignedDuration,
    /// How often persistent sessions are listed.
    pub persistent: PersistentInterval,
    /// Whether the exporter is configured to list instances.
    pub lists_instances: bool,
}

/// The request rate that an account is allowed, and the rate that its polls need.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct RequestBudget {
    /// Requests per second allowed now; `None` while the rate is unknown.
    pub rate: Option<f64>,
    /// Requests per second as configured.
    pub ceiling: f64,
    /// Requests that one poll of all the account's targets needs; `None` while unknown.
    pub planned: Option<f64>,
    /// The poll interval in seconds.
    pub interval: f64,
}

/// The problems of a group, the most urgent first.
pub fn check_group(group: &GroupSnapshot, context: &EvaluationContext) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(check_lifecycle(group));
    found.extend(check_expiry(group, context.now));
    found.extend(check_sessions(group));
    if let Some(instances) = &group.instances {
        found.extend(check_stuck(&instances.data, context.now));
    }
    found.extend(check_stale(group, context));
    found.sort();
    found
}

/// The problem of a target whose last poll failed; `reason` is why, where known.
pub fn check_target(target: &TargetHealth, reason: Option<String>, now: Timestamp) -> Option<Problem> {
    if target.up != Some(false) {
        return None;
    }
    let since = match target.last_success {
        Some(at) => format!("last success {} ago", HumanDuration(now.duration_since(at))),
        None => "no success yet".to_owned(),
    };
    let detail = reason.map_or_else(|| since.clone(), |reason| format!("{reason}; {since}"));
    Some(Problem { severity: Severity::Critical, kind: ProblemKind::TargetDown, detail })
}

/// The problems of an account's request budget.
pub fn check_budget(budget: &RequestBudget) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(rate) = budget.rate.filter(|rate| *rate > 0.0) else { return found };
    if rate < budget.ceiling * THROTTLED_BELOW {
        let detail = format!(
            "{rate:.1} of {} requests per second are allowed now; the rate rises again automatically",
            budget.ceiling
        );
        found.push(Problem { severity: Severity::Warning, kind: ProblemKind::Throttled, detail });
    }
    if let Some(planned) = budget.planned.filter(|planned| planned / rate > budget.interval) {
        let detail = format!(
            "a poll needs {planned} requests, about {:.0} s at {rate:.1} per second, and starts every {} s",
            planned / rate,
            budget.interval,
        );
        found.push(Problem { severity: Severity::Warning, kind: ProblemKind::SlowPolls, detail });
    }
    found
}

fn check_lifecycle(group: &GroupSnapshot) -> Option<Problem> {
    let data = &group.group.data;
    let status = data.status.as_deref().unwrap_or_default();
    let resources = data.resource_status.as_deref().unwrap_or_default();
    let critical = |kind, detail| Some(Problem { severity: Severity::Critical, kind, detail });
    match (status, resources) {
        ("FAILED" | "MAINTAIN_FAILED", _) => critical(ProblemKind::Failed, format!("status {status}")),
        ("EXPIRED" | "EXPIRED_RECYCLING", _) => critical(ProblemKind::Expired, format!("status {status}")),
        ("CEASED", _) => critical(ProblemKind::Ceased, format!("status {status}")),
        (_, "UNAVAILABLE" | "RELEASED") => {
            critical(ProblemKind::Unavailable, format!("resource status {resources}"))
        }
        _ => None,
    }
}

fn check_expiry(group: &GroupSnapshot, now: Timestamp) -> Option<Problem> {
    let data = &group.group.data;
    // `check_lifecycle` reports these.
    if matches!(data.status.as_deref(), Some("EXPIRED" | "EXPIRED_RECYCLING")) {
        return None;
    }
    let Some(expires) = data.expires else {
        return (data.resource_status.as_deref() == Some("EXPIRED_IN_7_DAYS")).then(|| Problem {
            severity: Severity::Warning,
            kind: ProblemKind::Expiring,
            detail: "resource status EXPIRED_IN_7_DAYS".to_owned(),
        });
    };
    let left = expires.duration_since(now);
    let ends = || format!("the subscription ends in {}", HumanDuration(left));
    let (severity, kind, detail) = if left <= SignedDuration::ZERO {
        let ended = format!("the subscription ended {} ago", HumanDuration(left.abs()));
        (Severity::Critical, ProblemKind::Expired, ended)
    } else if left <= EXPIRY_CRITICAL {
        (Severity::Critical, ProblemKind::Expiring, ends())
    } else if left <= EXPIRY_WARNING {
        (Severity::Warning, ProblemKind::Expiring, ends())
    } else {
        return None;
    };
    Some(Problem { severity, kind, detail })
}

fn check_sessions(group: &GroupSnapshot) -> Option<Problem> {
    let data = &group.group.data;
    let instances = &*group.instances.as_ref()?.data;
    let usage = capacity::usage_ratio(data, Some(instances))?;
    let capacity = capacity::session_capacity(data, Some(instances))?;
    let in_use = capacity::sessions_in_use(instances);
    let used = format!("{in_use} of {capacity} sessions in use");
    if usage >= 1.0 {
        return Some(Problem { severity: Severity::Critical, kind: ProblemKind::AtCapacity, detail: used });
    }
    if in_use > 0.0 && instances.statuses.get("IDLE") == 0 {
        return Some(Problem { severity: Severity::Warning, kind: ProblemKind::NoIdleSession, detail: used });
    }
    match capacity::sessions_until_scale_out(data, Some(instances)) {
        Some(left) if in_use > 0.0 && left <= (NEAR_SCALE_OUT * capacity).max(1.0) => {
            let can_scale_out = capacity::can_scale_out(data, instances);
            Some(near_threshold(left, &used, can_scale_out))
        }
        None if usage >= NEARLY_FULL => {
            let detail = format!("{used}, and the group does not scale by usage");
            Some(Problem { severity: Severity::Warning, kind: ProblemKind::NearlyFull, detail })
        }
        _ => None,
    }
}

/// The problem of a group that reaches its scaling threshold after `left` more sessions.
fn near_threshold(left: f64, used: &str, can_scale_out: Option<bool>) -> Problem {
    if can_scale_out == Some(false) {
        let detail = format!("{used}, and no elastic resource is left to scale out to");
        return Problem { severity: Severity::Warning, kind: ProblemKind::NearlyFull, detail };
    }
    let distance = match left {
        0.0 => "usage has reached the scaling threshold".to_owned(),
        1.0 => "1 more session starts a scale-out".to_owned(),
        left => format!("{left} more sessions start a scale-out"),
    };
    let detail = format!("{distance} ({used})");
    Problem { severity: Severity::Notice, kind: ProblemKind::NearScaleOut, detail }
}

fn check_stuck(instances: &InstanceSummary, now: Timestamp) -> Option<Problem> {
    let stuck: Vec<String> = instances
        .oldest_modified
        .iter()
        .map(|(status, oldest)| (&**status, now.duration_since(*oldest)))
        .filter(|(status, age)| TRANSIENT_STATUSES.contains(status) && *age >= STUCK_AFTER)
        .map(|(status, age)| {
            format!("{} {status}, unchanged for up to {}", instances.statuses.get(status), HumanDuration(age))
        })
        .collect();
    let detail = stuck.join("; ");
    (!stuck.is_empty()).then_some(Problem { severity: Severity::Warning, kind: ProblemKind::Stuck, detail })
}

fn check_stale(group: &GroupSnapshot, context: &EvaluationContext) -> Option<Problem> {
    let problem = |detail| Problem { severity: Severity::Warning, kind: ProblemKind::Stale, detail };
    if context.lists_instances && group.instances.is_none() {
        return Some(problem("there is no recent listing of its instances".to_owned()));
    }
    let limit = context.interval.saturating_mul(MISSED_POLLS).max(MIN_STALE_AGE);
    let age = context.now.duration_since(group.oldest());
    if age > limit {
        return Some(problem(format!("its oldest data is {} old", HumanDuration(age))));
    }
    let persistent = group.persistent.as_ref()?;
    let limit = context.persistent.stale_age(&group.group.data, persistent.data.reported).max(MIN_STALE_AGE);
    let age = context.now.duration_since(persistent.at);
    (age > limit)
        .then(|| problem(format!("the data of its persistent sessions is {} old", HumanDuration(age))))
}

impl ProblemKind {
    /// Every kind, in the order in which problems are displayed.
    pub const ALL: [ProblemKind; 14] = [
        ProblemKind::TargetDown,
        ProblemKind::Failed,
        ProblemKind::Expired,
        ProblemKind::Ceased,
        ProblemKind::Unavailable,
        ProblemKind::AtCapacity,
        ProblemKind::Expiring,
        ProblemKind::NoIdleSession,
        ProblemKind::NearlyFull,
        ProblemKind::Stuck,
        ProblemKind::Stale,
        ProblemKind::Throttled,
        ProblemKind::SlowPolls,
        ProblemKind::NearScaleOut,
    ];

    /// The name in `/api/v1/fleet` and in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProblemKind::TargetDown => "target_down",
            ProblemKind::Failed => "failed",
            ProblemKind::Expired => "expired",
            ProblemKind::Ceased => "ceased",
            ProblemKind::Unavailable => "unavailable",
            ProblemKind::AtCapacity => "at_capacity",
            ProblemKind::Expiring => "expiring",
            ProblemKind::NoIdleSession => "no_idle_session",
            ProblemKind::NearlyFull => "nearly_full",
            ProblemKind::Stuck => "stuck",
            ProblemKind::Stale => "stale",
            ProblemKind::Throttled => "throttled",
            ProblemKind::SlowPolls => "slow_polls",
            ProblemKind::NearScaleOut => "near_scale_out",
        }
    }

    /// The name on pages.
    pub const fn title(self) -> &'static str {
        match self {
            ProblemKind::TargetDown => "Target down",
            ProblemKind::Failed => "Failed",
            ProblemKind::Expired => "Expired",
            ProblemKind::Ceased => "Ceased",
            ProblemKind::Unavailable => "No resources",
            ProblemKind::AtCapacity => "At capacity",
            ProblemKind::Expiring => "Expiring",
            ProblemKind::NoIdleSession => "No idle session left",
            ProblemKind::NearlyFull => "Nearly full",
            ProblemKind::Stuck => "Stuck instances",
            ProblemKind::Stale => "Stale data",
            ProblemKind::Throttled => "Throttled by the API",
            ProblemKind::SlowPolls => "Polls take too long",
            ProblemKind::NearScaleOut => "Near scale-out",
        }
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
