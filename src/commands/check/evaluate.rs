//! From what was observed to what it means: pure functions, one for each thing that was looked at.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::{
    budget::{self, PollDemand, PollLimits},
    chain,
    collect::{
        CredentialsSummary, GroupCounts, ListingSizes, Observations, ProbeOutcome, TargetObservations,
    },
    finding::{AccountReport, Aspect, Finding, Level},
};
use crate::{
    aliyun::{
        Endpoint, Error, ErrorKind,
        diagnose::{ClockComparison, Diagnosis, FailedStage, Stage},
        identity::CallerIdentity,
    },
    appstreaming::{READ_ONLY_POLICY, advice, policy},
    fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES},
};

/// Beyond this difference of clocks somebody should look at it.
const CLOCK_WARNING_SECONDS: f64 = 60.0;
/// Beyond this one the service refuses every signature.
const MAX_CLOCK_SKEW_SECONDS: f64 = 900.0;
/// Credentials that end so soon should have been replaced by now.
const MIN_CREDENTIALS_LIFETIME: SignedDuration = SignedDuration::from_mins(2);

/// Everything that there is to say about one account.
pub(super) fn evaluate_account(
    observed: &Observations,
    limits: &PollLimits,
    now: Timestamp,
) -> AccountReport {
    let mut findings = vec![endpoint(&observed.connection, &observed.endpoint, observed.vpc)];
    findings.extend(clock(&observed.connection));
    findings.push(credentials(&observed.credentials, now));
    findings.extend(identity(&observed.identity));
    for target in &observed.targets {
        findings.extend(operations(target));
    }
    findings.extend(poll(observed, limits));
    let denied = observed.targets.iter().any(TargetObservations::is_denied);
    AccountReport {
        name: observed.name.clone(),
        endpoint: observed.endpoint.to_string(),
        findings,
        policy: denied.then(|| policy(&called_operations(&observed.targets))),
    }
}

/// How far the way to the endpoint goes.
fn endpoint(probe: &Diagnosis, endpoint: &Endpoint, vpc: bool) -> Finding {
    let mut way: Vec<String> = probe
        .passed
        .iter()
        .map(|passed| {
            let word = match passed.stage {
                Stage::Resolve => "resolved to ",
                Stage::Connect => "connected to ",
                Stage::Tls => "",
                Stage::Http => "HTTP ",
            };
            format!("{word}{} ({} ms)", passed.detail, passed.took.as_millis())
        })
        .collect();
    if let Some(proxy) = &probe.proxy {
        way.insert(0, format!("through the proxy {proxy}"));
    }
    let way = way.join(", ");
    let Some(failed) = &probe.failed else { return Finding::new(Aspect::Endpoint, Level::Ok, way) };
    let broken = match failed.stage {
        Stage::Resolve => "the name can't be resolved",
        Stage::Connect => "nobody accepts a connection",
        Stage::Tls => "no TLS",
        Stage::Http => "no answer in HTTP",
    };
    let way = if way.is_empty() { String::new() } else { format!("{way}, then: ") };
    let finding = Finding::new(Aspect::Endpoint, Level::Error, format!("{way}{broken}: {}", failed.message));
    Finding { code: Some(failed.stage.as_str().to_owned()), ..finding }
        .advise(remedy(failed, probe, endpoint, vpc))
}

fn remedy(failed: &FailedStage, probe: &Diagnosis, endpoint: &Endpoint, vpc: bool) -> String {
    if failed.bad_certificate {
        return "the peer's certificate isn't trusted here: if something inspects TLS on the way, add its authority to \
                this machine's trust store or SSL_CERT_FILE; else check the endpoint"
            .to_owned();
    }
    let port = endpoint.port();
    match (failed.stage, &probe.proxy) {
        (Stage::Resolve | Stage::Connect, Some(_)) => {
            "check api.proxy, or HTTPS_PROXY and NO_PROXY in the environment".to_owned()
        }
        (Stage::Resolve, None) if vpc => {
            "the VPC host is known inside Alibaba Cloud VPCs only: set accounts.vpc = false elsewhere"
                .to_owned()
        }
        (Stage::Resolve, None) => {
            "check endpoint or endpoint_region, and this machine's name resolution (in Kubernetes \
                                   the pod's dnsPolicy and egress rules for port 53)"
                .to_owned()
        }
        (Stage::Connect, None) => format!(
            "let this machine out to TCP port {port}: firewall, security group, NetworkPolicy, NAT; or set api.proxy"
        ),
        (Stage::Tls, _) => format!("check that port {port} of the endpoint is one for https"),
        (Stage::Http, Some(_)) => "check that the proxy lets this host through, and what it logs".to_owned(),
        (Stage::Http, None) => format!("check that port {port} of the endpoint is an API's"),
    }
}

/// This machine's time against the service's; nothing where nobody answered.
fn clock(probe: &Diagnosis) -> Option<Finding> {
    let Some(clocks) = probe.clocks else {
        return probe
            .failed
            .is_none()
            .then(|| Finding::new(Aspect::Clock, Level::Note, "the endpoint doesn't say what time it has"));
    };
    let ahead = seconds_ahead(&clocks);
    let (far, side) = (ahead.abs(), if ahead > 0.0 { "ahead of" } else { "behind" });
    let message = if far < 2.0 {
        "in step with the service's".to_owned()
    } else {
        format!("this machine's is {far:.0} s {side} the service's")
    };
    let advice = "set this machine's clock right, by NTP: signatures more than 15 minutes off are refused, and ages and \
                  expiries in the metrics are off by as much";
    Some(match far {
        far if far > MAX_CLOCK_SKEW_SECONDS => {
            Finding::new(Aspect::Clock, Level::Error, message).advise(advice)
        }
        far if far > CLOCK_WARNING_SECONDS => {
            Finding::new(Aspect::Clock, Level::Warning, message).advise(advice)
        }
        _ => Finding::new(Aspect::Clock, Level::Ok, message),
    })
}

/// Positive when this machine's clock is the later one. The service says whole seconds: half of one is
/// added, which is right on average.
fn seconds_ahead(clocks: &ClockComparison) -> f64 {
    let theirs = clocks.peer + Duration::from_millis(500);
    let signed = |later: SystemTime, earlier| later.duration_since(earlier).ok().map(|d| d.as_secs_f64());
    signed(clocks.local, theirs).unwrap_or_else(|| -signed(theirs, clocks.local).unwrap_or_default())
}

/// Where the keys come from, and whether they will last.
fn credentials(keys: &Result<CredentialsSummary, String>, now: Timestamp) -> Finding {
    let keys = match keys {
        Ok(keys) => keys,
        Err(reason) => {
            return Finding::new(Aspect::Credentials, Level::Error, reason.clone())
                .advise("see accounts.credentials in the configuration: where they should come from");
        }
    };
    let kind = if keys.temporary { "temporary keys" } else { "AccessKey" };
    let found = format!("{kind} {} from {}", keys.id, keys.source);
    match keys.expires {
        Some(end) if end <= now => {
            Finding::new(Aspect::Credentials, Level::Error, format!("{found}, ended at {end:.0}"))
                .advise("supply fresh ones, or a source that refreshes them")
        }
        Some(end) if end.duration_since(now) < MIN_CREDENTIALS_LIFETIME => {
            Finding::new(Aspect::Credentials, Level::Warning, format!("{found}, they end at {end:.0}"))
                .advise("their source should have supplied others by now: see its log")
        }
        Some(end) => {
            let minutes = end.duration_since(now).as_mins();
            Finding::new(
                Aspect::Credentials,
                Level::Ok,
                format!("{found}, until {end:.0} (in {minutes} minutes)"),
            )
        }
        None if keys.temporary => {
            let message = format!("{found}, and nobody knows when they end");
            Finding::new(Aspect::Credentials, Level::Warning, message).advise(
                "nothing refreshes temporary keys that are written down: use a source that does, such as a role",
            )
        }
        None => Finding::new(Aspect::Credentials, Level::Ok, format!("{found}, without an end")),
    }
}

/// Whose keys they are. Never worse than a warning: nothing of the exporter depends on it.
fn identity(trial: &ProbeOutcome<CallerIdentity>) -> Option<Finding> {
    Some(match trial {
        ProbeOutcome::Passed(identity) => {
            let CallerIdentity { identity_type, account_id, arn } = identity;
            let message = match identity_type.as_str() {
                "Account" => format!("the account {account_id} itself"),
                "" => format!("{arn} of account {account_id}"),
                kind => format!("{kind} {arn} of account {account_id}"),
            };
            if identity_type == "Account" {
                Finding::new(
                    Aspect::Identity,
                    Level::Warning,
                    format!("{message}: its keys may do everything"),
                )
                .advise(format!("use a RAM user or role that may do no more than {READ_ONLY_POLICY}"))
            } else {
                Finding::new(Aspect::Identity, Level::Ok, message)
            }
        }
        ProbeOutcome::Failed(error) => Finding {
            code: Some(error.code().to_owned()),
            request_id: error.request_id().map(str::to_owned),
            ..Finding::new(
                Aspect::Identity,
                Level::Note,
                format!("not to be found out: {}: {}", error.code(), error.message()),
            )
        },
        ProbeOutcome::TimedOut(limit) => {
            Finding::new(Aspect::Identity, Level::Note, format!("not to be found out within {limit:?}"))
        }
        ProbeOutcome::Skipped(_) => return None,
    })
}

/// What each operation of a target said.
fn operations(target: &TargetObservations) -> Vec<Finding> {
    let mut findings = match &target.groups {
        ProbeOutcome::Passed(groups) => group_findings(groups),
        other => vec![outcome(LIST_APP_INSTANCE_GROUP, other, |_| String::new())],
    };
    let groups_known = matches!(target.groups, ProbeOutcome::Passed(GroupCounts { own: 1.., .. }));
    let what =
        |noun: &'static str| move |(group, count): &(String, u64)| format!("{count} {noun} of group {group}");
    if groups_known {
        findings.push(outcome(LIST_APP_INSTANCES, &target.instances, what("instances")));
        findings.push(outcome(
            LIST_PERSISTENT_APP_INSTANCES,
            &target.persistent,
            what("persistent sessions"),
        ));
    } else if !matches!(target.groups, ProbeOutcome::Skipped(_)) {
        let why = "not tried, for want of a group";
        findings.extend([LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES].map(|operation| Finding {
            operation: Some(operation),
            ..Finding::new(Aspect::Operation, Level::Note, why)
        }));
    }
    findings.into_iter().map(|finding| finding.of_target(&target.name)).collect()
}

fn group_findings(groups: &GroupCounts) -> Vec<Finding> {
    let of = |level, message: String| Finding {
        operation: Some(LIST_APP_INSTANCE_GROUP),
        ..Finding::new(Aspect::Operation, level, message)
    };
    let GroupCounts { listed, own, missing } = groups;
    let mut findings = vec![match (listed, own) {
        (0, _) => of(Level::Warning, "allowed, but lists no delivery group".to_owned()).advise(
            "if there should be some: check endpoint_region (each site shows its own account's groups), regions, \
             product_types and filter; `appstreaming-exporter list groups` asks without them",
        ),
        (listed, 0) => of(Level::Warning, format!("{}, and none is this process' own", groups_text(*listed)))
            .advise("check exclude_group_ids and sharding"),
        (listed, own) if listed > own => of(Level::Ok, format!("{}, {own} of them polled here", groups_text(*listed))),
        (listed, _) => of(Level::Ok, groups_text(*listed)),
    }];
    if !missing.is_empty() {
        let message = format!("filter.group_ids names groups that aren't there: {}", missing.join(", "));
        findings.push(of(Level::Warning, message).advise("take them out, or correct them"));
    }
    findings
}

fn groups_text(count: usize) -> String {
    crate::fleet::plural(count, "delivery group")
}

fn outcome<T>(operation: &'static str, trial: &ProbeOutcome<T>, passed: impl Fn(&T) -> String) -> Finding {
    let of = |level, message: String| Finding {
        operation: Some(operation),
        ..Finding::new(Aspect::Operation, level, message)
    };
    match trial {
        ProbeOutcome::Passed(value) => of(Level::Ok, passed(value)),
        ProbeOutcome::Skipped(reason) => of(Level::Note, format!("not tried: {reason}")),
        ProbeOutcome::TimedOut(limit) => {
            of(Level::Error, format!("no answer within {limit:?}, retries included"))
                .advise("check the network, or allow api.request_timeout more time")
        }
        ProbeOutcome::Failed(error) => {
            let text = chain(error);
            // The line begins with the operation already.
            let message = text.strip_prefix(&format!("{operation}: ")).unwrap_or(&text).to_owned();
            Finding {
                code: Some(error.code().to_owned()),
                request_id: error.request_id().map(str::to_owned),
                advice: advice(error).map(|advice| advice.into_owned()),
                ..of(Level::Error, message)
            }
        }
    }
}

/// Whether a poll of the account fits into its interval; nothing where its size isn't known.
fn poll(observed: &Observations, limits: &PollLimits) -> Vec<Finding> {
    let sizes: Vec<&ListingSizes> =
        observed.targets.iter().filter_map(|target| target.sizes.as_ref()).collect();
    let mut findings = Vec::new();
    if !sizes.is_empty() && sizes.len() == observed.targets.len() {
        let latency = observed.latency.unwrap_or_default();
        findings.push(budget::evaluate(&poll_demand(&sizes, limits, latency), limits));
    }
    if observed.throttled > 0 {
        let message = format!("{} requests of this check were throttled", observed.throttled);
        findings.push(Finding::new(Aspect::Poll, Level::Warning, message).advise(
            "something uses up this account's API limits: lower api.requests_per_second, or see who else calls",
        ));
    }
    findings
}

/// Requests of one poll of all targets together: the limit is the account's.
fn poll_demand(targets: &[&ListingSizes], limits: &PollLimits, latency: Duration) -> PollDemand {
    let mut need = PollDemand { latency, ..PollDemand::default() };
    let (mut counted, mut listings) = (0, 0);
    for sizes in targets {
        need.requests += sizes.group_listings.iter().map(|elements| limits.pages(*elements)).sum::<u64>();
        for counts in [&sizes.instances, &sizes.persistent].into_iter().flatten() {
            need.requests += extrapolated(counts, sizes.groups, limits);
            listings += sizes.groups;
            counted += counts.len();
        }
    }
    need.counted = (counted < listings).then_some((counted, listings));
    need
}

/// The pages of the groups that were counted, as many times as there are more groups; one page for each
/// where none could be counted.
fn extrapolated(counts: &[u64], groups: usize, limits: &PollLimits) -> u64 {
    if counts.is_empty() {
        return groups as u64;
    }
    let pages: u64 = counts.iter().map(|elements| limits.pages(*elements)).sum();
    let share = groups as f64 / counts.len() as f64;
    (pages as f64 * share).round() as u64
}

/// The operations that this configuration calls.
fn called_operations(targets: &[TargetObservations]) -> Vec<&'static str> {
    let off = |trial: &ProbeOutcome<(String, u64)>| {
        matches!(trial, ProbeOutcome::Skipped("collectors.instances is off" | "collectors.persistent is off"))
    };
    let mut operations = vec![LIST_APP_INSTANCE_GROUP];
    if !targets.iter().all(|target| off(&target.instances)) {
        operations.push(LIST_APP_INSTANCES);
    }
    if !targets.iter().all(|target| off(&target.persistent)) {
        operations.push(LIST_PERSISTENT_APP_INSTANCES);
    }
    operations
}

impl TargetObservations {
    /// Whether a permission is missing.
    fn is_denied(&self) -> bool {
        let denied =
            |error: &Error| error.kind() == ErrorKind::Forbidden && error.code() != "Forbidden.RiskControl";
        [self.groups.error(), self.instances.error(), self.persistent.error()]
            .into_iter()
            .flatten()
            .any(denied)
    }
}

impl<T> ProbeOutcome<T> {
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
