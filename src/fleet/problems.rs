//! What is wrong, and how badly: the rules that the page and `/api/v1/fleet` share.
//!
//! Pure functions of what is known and of `now`; every threshold is a constant below. What is not
//! here: how problems are shown, and alerting, which is Prometheus' business.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::{GroupSnapshot, InstanceSummary, Rough, TargetHealth, capacity};

/// From here on the end of a subscription is a warning,
pub const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(7 * 24);
/// and from here on critical.
pub const EXPIRY_CRITICAL: SignedDuration = SignedDuration::from_hours(24);
/// An instance whose status should pass by itself is stuck when it has not changed for so long.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// Statuses that should pass by themselves.
pub const PASSING: [&str; 4] = ["INIT", "STARTING", "CLOSING", "UNAVAILABLE"];
/// A scale-out is near when no more than this share of the capacity is left before it.
pub const NEAR_SCALE_OUT: f64 = 0.05;
/// A group that does not scale by usage is nearly full from this usage on.
pub const NEARLY_FULL: f64 = 0.9;
/// Data is stale when it is older than so many intervals between polls,
pub const MISSED_POLLS: i32 = 3;
/// but never before this age, however short the interval is.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// The API throttles when the rate that is allowed now is below this share of the configured one.
pub const THROTTLED_BELOW: f64 = 0.9;

/// How urgent a problem is. The most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Users are affected, or will be today.
    Critical,
    /// Somebody should look at it.
    Warning,
    /// Good to know; it may well settle by itself.
    Notice,
}

/// What kind of problem it is, in the order in which problems of one severity are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The last poll of a target failed, whole or in part.
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
    /// No idle session is left, though there is capacity for more.
    NoIdleSession,
    /// Little is left and the group does not scale by usage, or can't any further.
    NearlyFull,
    /// Instances have been on their way for too long.
    Stuck,
    /// Data is older than it should be, or too old to be shown.
    Stale,
    /// The API throttles the account.
    Throttled,
    /// A poll needs more requests than the rate allows between two polls.
    SlowPolls,
    /// A scale-out is near.
    NearScaleOut,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// How urgent it is.
    pub severity: Severity,
    /// What it is.
    pub kind: Kind,
    /// The numbers behind it, in words. It changes once a minute at most while nothing else changes.
    pub detail: String,
}

/// What the rules are held against besides the facts themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// What ages are reckoned from.
    pub now: Timestamp,
    /// From one poll to the next.
    pub interval: SignedDuration,
    /// Whether instances are listed at all.
    pub lists_instances: bool,
}

/// How fast an account may call, and how fast it needs to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Pace {
    /// Requests per second allowed now.
    pub rate: Option<f64>,
    /// Requests per second as configured.
    pub ceiling: f64,
    /// Requests that one poll of all the account's targets takes.
    pub planned: Option<f64>,
    /// Seconds from one poll to the next.
    pub interval: f64,
}

/// What is wrong with a group, the most urgent first.
pub fn of_group(group: &GroupSnapshot, circumstances: &Circumstances) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(lifecycle(group));
    found.extend(expiry(group, circumstances.now));
    found.extend(sessions(group));
    if let Some(instances) = &group.instances {
        found.extend(stuck(&instances.data, circumstances.now));
    }
    found.extend(stale(group, circumstances));
    found.sort();
    found
}

/// What is wrong with a target; `reason` says why its last poll failed, where that is known.
pub fn of_target(target: &TargetHealth, reason: Option<String>, now: Timestamp) -> Option<Problem> {
    if target.up != Some(false) {
        return None;
    }
    let since = match target.last_success {
        Some(at) => format!("last success {} ago", Rough(now.duration_since(at))),
        None => "no success yet".to_owned(),
    };
    let detail = reason.map_or_else(|| since.clone(), |reason| format!("{reason}; {since}"));
    Some(Problem { severity: Severity::Critical, kind: Kind::TargetDown, detail })
}

/// What is wrong with the pace of an account's polls.
pub fn of_pace(pace: &Pace) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(rate) = pace.rate.filter(|rate| *rate > 0.0) else { return found };
    if rate < pace.ceiling * THROTTLED_BELOW {
        let detail = format!(
            "{rate:.1} of {} requests per second are allowed now; it rises again by itself",
            pace.ceiling
        );
        found.push(Problem { severity: Severity::Warning, kind: Kind::Throttled, detail });
    }
    if let Some(planned) = pace.planned.filter(|planned| planned / rate > pace.interval) {
        let detail = format!(
            "a poll takes {planned} requests, about {:.0} s at {rate:.1} per second; the next is due every {} s",
            planned / rate,
            pace.interval,
        );
        found.push(Problem { severity: Severity::Warning, kind: Kind::SlowPolls, detail });
    }
    found
}

fn lifecycle(group: &GroupSnapshot) -> Option<Problem> {
    let data = &group.group.data;
    let status = data.status.as_deref().unwrap_or_default();
    let resources = data.resource_status.as_deref().unwrap_or_default();
    let critical = |kind, word: &str| {
        let detail = format!("the API says {word}");
        Some(Problem { severity: Severity::Critical, kind, detail })
    };
    match (status, resources) {
        ("FAILED" | "MAINTAIN_FAILED", _) => critical(Kind::Failed, status),
        ("EXPIRED" | "EXPIRED_RECYCLING", _) => critical(Kind::Expired, status),
        ("CEASED", _) => critical(Kind::Ceased, status),
        (_, "UNAVAILABLE" | "RELEASED") => critical(Kind::Unavailable, resources),
        _ => None,
    }
}

fn expiry(group: &GroupSnapshot, now: Timestamp) -> Option<Problem> {
    let data = &group.group.data;
    // Told already, as a status.
    if matches!(data.status.as_deref(), Some("EXPIRED" | "EXPIRED_RECYCLING")) {
        return None;
    }
    let Some(expires) = data.expires else {
        return (data.resource_status.as_deref() == Some("EXPIRED_IN_7_DAYS")).then(|| Problem {
            severity: Severity::Warning,
            kind: Kind::Expiring,
            detail: "the API says EXPIRED_IN_7_DAYS".to_owned(),
        });
    };
    let left = expires.duration_since(now);
    let (severity, kind, detail) = if left <= SignedDuration::ZERO {
        (Severity::Critical, Kind::Expired, format!("the subscription ended {} ago", Rough(left.abs())))
    } else if left <= EXPIRY_CRITICAL {
        (Severity::Critical, Kind::Expiring, format!("the subscription ends in {}", Rough(left)))
    } else if left <= EXPIRY_WARNING {
        (Severity::Warning, Kind::Expiring, format!("the subscription ends in {}", Rough(left)))
    } else {
        return None;
    };
    Some(Problem { severity, kind, detail })
}

fn sessions(group: &GroupSnapshot) -> Option<Problem> {
    let data = &group.group.data;
    let instances = &*group.instances.as_ref()?.data;
    let usage = capacity::usage_ratio(data, Some(instances))?;
    let capacity = capacity::session_capacity(data, Some(instances))?;
    let in_use = capacity::sessions_in_use(instances);
    let used = format!("{in_use} of {capacity} sessions in use");
    if usage >= 1.0 {
        return Some(Problem { severity: Severity::Critical, kind: Kind::AtCapacity, detail: used });
    }
    if in_use > 0.0 && instances.statuses.get("IDLE") == 0 {
        return Some(Problem { severity: Severity::Warning, kind: Kind::NoIdleSession, detail: used });
    }
    let grows = capacity::can_scale_out(data, instances);
    match capacity::sessions_until_scale_out(data, Some(instances)) {
        Some(left) if in_use > 0.0 && left <= (NEAR_SCALE_OUT * capacity).max(1.0) => {
            let left = match left {
                0.0 => "usage has reached the scaling threshold".to_owned(),
                1.0 => "1 more session starts a scale-out".to_owned(),
                left => format!("{left} more sessions start a scale-out"),
            };
            Some(if grows == Some(false) {
                let detail = format!("{used}, and no elastic resource is left to scale out to");
                Problem { severity: Severity::Warning, kind: Kind::NearlyFull, detail }
            } else {
                let detail = format!("{left} ({used})");
                Problem { severity: Severity::Notice, kind: Kind::NearScaleOut, detail }
            })
        }
        None if usage >= NEARLY_FULL => {
            let detail = format!("{used}, and the group does not scale by usage");
            Some(Problem { severity: Severity::Warning, kind: Kind::NearlyFull, detail })
        }
        _ => None,
    }
}

fn stuck(instances: &InstanceSummary, now: Timestamp) -> Option<Problem> {
    let stuck: Vec<String> = instances
        .oldest_modified
        .iter()
        .map(|(status, oldest)| (&**status, now.duration_since(*oldest)))
        .filter(|(status, age)| PASSING.contains(status) && *age >= STUCK_AFTER)
        .map(|(status, age)| {
            format!("{} {status}, unchanged for up to {}", instances.statuses.get(status), Rough(age))
        })
        .collect();
    let detail = stuck.join("; ");
    (!stuck.is_empty()).then_some(Problem { severity: Severity::Warning, kind: Kind::Stuck, detail })
}

fn stale(group: &GroupSnapshot, circumstances: &Circumstances) -> Option<Problem> {
    let Circumstances { now, interval, lists_instances } = *circumstances;
    let problem = |detail| Problem { severity: Severity::Warning, kind: Kind::Stale, detail };
    if lists_instances && group.instances.is_none() {
        return Some(problem("there is no recent list of its instances".to_owned()));
    }
    let limit = interval.saturating_mul(MISSED_POLLS).max(STALE_AFTER);
    let oldest = group.oldest();
    let age = now.duration_since(oldest);
    (age > limit).then(|| problem(format!("the oldest part of its data is {} old", Rough(age))))
}

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Kind; 14] = [
        Kind::TargetDown,
        Kind::Failed,
        Kind::Expired,
        Kind::Ceased,
        Kind::Unavailable,
        Kind::AtCapacity,
        Kind::Expiring,
        Kind::NoIdleSession,
        Kind::NearlyFull,
        Kind::Stuck,
        Kind::Stale,
        Kind::Throttled,
        Kind::SlowPolls,
        Kind::NearScaleOut,
    ];

    /// The name in `/api/v1/fleet` and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::TargetDown => "target_down",
            Kind::Failed => "failed",
            Kind::Expired => "expired",
            Kind::Ceased => "ceased",
            Kind::Unavailable => "unavailable",
            Kind::AtCapacity => "at_capacity",
            Kind::Expiring => "expiring",
            Kind::NoIdleSession => "no_idle_session",
            Kind::NearlyFull => "nearly_full",
            Kind::Stuck => "stuck",
            Kind::Stale => "stale",
            Kind::Throttled => "throttled",
            Kind::SlowPolls => "slow_polls",
            Kind::NearScaleOut => "near_scale_out",
        }
    }

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::TargetDown => "Target down",
            Kind::Failed => "Failed",
            Kind::Expired => "Expired",
            Kind::Ceased => "Ceased",
            Kind::Unavailable => "Resources unavailable",
            Kind::AtCapacity => "At capacity",
            Kind::Expiring => "Expiring",
            Kind::NoIdleSession => "No idle session left",
            Kind::NearlyFull => "Nearly full",
            Kind::Stuck => "Stuck instances",
            Kind::Stale => "Stale data",
            Kind::Throttled => "API throttles",
            Kind::SlowPolls => "Polls take too long",
            Kind::NearScaleOut => "Near scale-out",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
