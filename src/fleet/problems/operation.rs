//! Problems of regions, targets, accounts and the exporter itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::kinds::ProblemKind;
use super::problem::{Problem, found};
use crate::fleet::{GroupSnapshot, HumanDuration, TargetHealth};

/// An account counts as throttled when the current request rate is below this share of the
/// configured one.
pub const THROTTLED_BELOW: f64 = 0.9;
/// Credentials that expire within this time should have been renewed.
pub const CREDENTIALS_EXPIRE_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// This number of overruns within [`OVERRUN_WINDOW`] is a problem.
pub const OVERRUNS: usize = 3;
/// See [`OVERRUNS`].
pub const OVERRUN_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// The smallest number of lost connections that is a storm.
pub const STORM_DISCONNECTS: u64 = 10;
/// The share of the connected sessions above which lost connections are a storm.
pub const STORM_SHARE: f64 = 0.3;

/// First parts of the API's codes for a missing permission.
const PERMISSION_CODES: [&str; 2] = ["Forbidden", "NoPermission"];
/// First parts of the API's codes for a key that it does not accept.
const CREDENTIAL_CODES: [&str; 4] =
    ["InvalidAccessKeyId", "SignatureDoesNotMatch", "IncompleteSignature", "InvalidSecurityToken"];

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

/// What the rules for an account read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AccountState {
    /// Allowed and needed requests.
    pub budget: RequestBudget,
    /// When the credentials expire; `None` if they do not, or if that is not known.
    pub credentials_expire: Option<Timestamp>,
}

/// What the rules for the exporter itself read.
#[derive(Debug, Clone, Copy)]
pub struct ExporterState<'a> {
    /// When the last polls that took longer than the interval ended.
    pub overruns: &'a [Timestamp],
    /// The number of series that `collectors.max_series` dropped from the last snapshot, by
    /// collector.
    pub dropped: &'a BTreeMap<&'static str, u64>,
    /// Whether the last reload of the configuration failed.
    pub reload_failed: bool,
}

/// The problem of a target whose last poll failed: `codes` are the codes of its failures, `reason`
/// is the first failure, where known.
pub fn check_target<'a>(
    target: &TargetHealth,
    codes: impl IntoIterator<Item = &'a str>,
    reason: Option<String>,
    now: Timestamp,
) -> Option<Problem> {
    if target.up != Some(false) {
        return None;
    }
    let since = match target.last_success {
        Some(at) => format!("last success {} ago", HumanDuration(now.duration_since(at))),
        None => "no success yet".to_owned(),
    };
    let detail = reason.map_or_else(|| since.clone(), |reason| format!("{reason}; {since}"));
    let kind = codes.into_iter().find_map(cause).unwrap_or(ProblemKind::DataStale);
    Some(found(kind, detail))
}

/// The kind that a code stands for; `None` for any other failure.
fn cause(code: &str) -> Option<ProblemKind> {
    let first = code.split('.').next().unwrap_or_default();
    if CREDENTIAL_CODES.contains(&first) {
        Some(ProblemKind::CredentialsRejected)
    } else if PERMISSION_CODES.contains(&first) {
        Some(ProblemKind::PermissionDenied)
    } else {
        None
    }
}

/// The problems of an account.
pub fn check_account(account: &AccountState, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(account.credentials_expire.and_then(|expire| check_credentials(expire, now)));
    problems.extend(check_budget(&account.budget));
    problems
}

fn check_credentials(expire: Timestamp, now: Timestamp) -> Option<Problem> {
    let left = expire.duration_since(now);
    if left >= CREDENTIALS_EXPIRE_WITHIN {
        return None;
    }
    let detail = if left.is_positive() {
        format!("they expire in {}", HumanDuration(left))
    } else {
        format!("they expired {} ago", HumanDuration(left.abs()))
    };
    Some(found(ProblemKind::CredentialsExpiring, detail))
}

fn check_budget(budget: &RequestBudget) -> Option<Problem> {
    let rate = budget.rate.filter(|rate| *rate > 0.0)?;
    if rate < budget.ceiling * THROTTLED_BELOW {
        // The share of a shard may have no short decimal form.
        let ceiling = (budget.ceiling * 1000.0).round() / 1000.0;
        return Some(found(
            ProblemKind::ApiThrottled,
            format!(
                "{rate:.1} of {ceiling} requests per second are allowed now; the rate rises again automatically"
            ),
        ));
    }
    let planned = budget.planned.filter(|planned| planned / rate > budget.interval)?;
    let (seconds, interval) = (planned / rate, budget.interval);
    Some(found(
        ProblemKind::PollOverruns,
        format!(
            "a poll needs {planned} requests, about {seconds:.0} s at {rate:.1} per second, and starts every {interval} s"
        ),
    ))
}

/// The problems of the exporter itself.
pub fn check_exporter(exporter: &ExporterState<'_>, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    let recent = exporter.overruns.iter().filter(|at| now.duration_since(**at) < OVERRUN_WINDOW).count();
    if recent >= OVERRUNS {
        let detail = "at least 3 polls took longer than the interval within the last hour".to_owned();
        problems.push(found(ProblemKind::PollOverruns, detail));
    }
    if !exporter.dropped.is_empty() {
        let dropped: Vec<String> = exporter
            .dropped
            .iter()
            .map(|(collector, series)| format!("{series} series of the collector {collector}"))
            .collect();
        problems.push(found(ProblemKind::SeriesDropped, dropped.join(", ")));
    }
    if exporter.reload_failed {
        let detail = "the previous configuration is active".to_owned();
        problems.push(found(ProblemKind::ConfigReloadFailed, detail));
    }
    problems
}

/// The problems of regions: the account, the region and the problem.
pub fn check_regions<'a>(
    groups: impl IntoIterator<Item = &'a GroupSnapshot>,
    now: Timestamp,
) -> Vec<(&'a str, &'a str, Problem)> {
    let mut regions: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for group in groups.into_iter().filter(|group| group.instances.is_some()) {
        let (disconnects, connected) =
            regions.entry((&group.account, &group.group.data.region_id)).or_default();
        *disconnects += group.observed.recent.disconnects(now);
        *connected += group.observed.recent.connected(now);
    }
    let storm = |((account, region), (disconnects, connected)): ((&'a str, &'a str), (u64, u64))| {
        let is_storm =
            disconnects >= STORM_DISCONNECTS && disconnects as f64 > STORM_SHARE * connected as f64;
        is_storm.then(|| {
            let detail =
                format!("{disconnects} of {connected} connected sessions were disconnected within 5 minutes");
            (account, region, found(ProblemKind::DisconnectStorm, detail))
        })
    };
    regions.into_iter().filter_map(storm).collect()
}
