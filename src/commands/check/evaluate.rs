//! Turns observations into findings: pure functions, one for each aspect.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::budget::{self, PollDemand, PollLimits};
use super::chain;
use super::collect::{
    CredentialsSummary, GroupCounts, INSTANCES_OFF, ListingSizes, Observations, PERSISTENT_OFF, ProbeOutcome,
    TargetObservations,
};
use super::finding::{AccountReport, Aspect, Finding, Level};
use crate::aliyun::diagnose::{ClockComparison, Diagnosis, FailedStage, Stage};
use crate::aliyun::identity::CallerIdentity;
use crate::aliyun::{Endpoint, Error, ErrorKind};
use crate::appstreaming::{READ_ONLY_POLICY, advice, policy};
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};

/// A larger difference of the clocks is a warning.
const CLOCK_WARNING_SECONDS: f64 = 60.0;
/// With a larger difference the service rejects every signature.
const MAX_CLOCK_SKEW_SECONDS: f64 = 900.0;
/// Credentials that expire sooner should have been refreshed already.
const MIN_CREDENTIALS_LIFETIME: SignedDuration = SignedDuration::from_mins(2);

/// What to do about an address that accepts no connection, if others of the same name do.
const UNREACHABLE_ADVICE: &str = "requests use another address, after a delay for each new connection: repair the route \
                                  to this address (for IPv6, on this machine or in its network), or have it removed \
                                  from the name";

/// All findings about one account.
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

/// The stages of the connection, and the one that failed.
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
    way.extend(
        probe.unreachable.iter().map(|failed| format!("but not to {}: {}", failed.address, failed.message)),
    );
    let way = way.join(", ");
    let Some(failed) = &probe.failed else {
        return match probe.unreachable.is_empty() {
            true => Finding::new(Aspect::Endpoint, Level::Ok, way),
            false => Finding::new(Aspect::Endpoint, Level::Warning, way).advise(UNREACHABLE_ADVICE),
        };
    };
    let broken = match failed.stage {
        Stage::Resolve => "the name cannot be resolved",
        Stage::Connect => "the connection failed",
        Stage::Tls => "the TLS handshake failed",
        Stage::Http => "no HTTP response",
    };
    let way = if way.is_empty() { String::new() } else { format!("{way}, then: ") };
    let finding = Finding::new(Aspect::Endpoint, Level::Error, format!("{way}{broken}: {}", failed.message));
    Finding { code: Some(failed.stage.as_str().to_owned()), ..finding }
        .advise(remedy(failed, probe, endpoint, vpc))
}

fn remedy(failed: &FailedStage, probe: &Diagnosis, endpoint: &Endpoint, vpc: bool) -> String {
    if failed.bad_certificate {
        return "the peer's certificate is not trusted: if a proxy inspects TLS, add its certificate authority to \
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
            "allow outgoing connections to TCP port {port}: firewall, security group, NetworkPolicy, NAT; or set api.proxy"
        ),
        (Stage::Tls, _) => format!("check that port {port} of the endpoint serves HTTPS"),
        (Stage::Http, Some(_)) => {
            "check that the proxy allows this host, and the log of the proxy".to_owned()
        }
        (Stage::Http, None) => format!("check that port {port} of the endpoint serves the API"),
    }
}

/// Compares the clock of this machine to the service's; `None` without a response.
fn clock(probe: &Diagnosis) -> Option<Finding> {
    let Some(clocks) = probe.clocks else {
        return probe
            .failed
            .is_none()
            .then(|| Finding::new(Aspect::Clock, Level::Note, "the response has no Date header"));
    };
    let ahead = seconds_ahead(&clocks);
    let (far, side) = (ahead.abs(), if ahead > 0.0 { "ahead of" } else { "behind" });
    let message = if far < 2.0 {
        "in step with the service's".to_owned()
    } else {
        format!("this machine's is {far:.0} s {side} the service's")
    };
    let advice = "set this machine's clock right, by NTP: signatures more than 15 minutes off are rejected, and ages and \
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

/// Positive if this machine's clock is ahead. The service sends its time in whole seconds, rounded
/// down: half a second is added, which is correct on average.
fn seconds_ahead(clocks: &ClockComparison) -> f64 {
    let theirs = clocks.peer + Duration::from_millis(500);
    let signed = |later: SystemTime, earlier| later.duration_since(earlier).ok().map(|d| d.as_secs_f64());
    signed(clocks.local, theirs).unwrap_or_else(|| -signed(theirs, clocks.local).unwrap_or_default())
}

/// The source of the credentials, and whether they expire soon.
fn credentials(keys: &Result<CredentialsSummary, String>, now: Timestamp) -> Finding {
    let keys = match keys {
        Ok(keys) => keys,
        Err(reason) => {
            return Finding::new(Aspect::Credentials, Level::Error, reason.clone())
                .advise("check accounts.credentials in the configuration, which sets their source");
        }
    };
    let kind = if keys.temporary { "temporary keys" } else { "AccessKey" };
    let found = format!("{kind} {} from {}", keys.id, keys.source);
    match keys.expires {
        Some(end) if end <= now => {
            Finding::new(Aspect::Credentials, Level::Error, format!("{found}, expired at {end:.0}"))
                .advise("provide new ones, or use a source that refreshes them")
        }
        Some(end) if end.duration_since(now) < MIN_CREDENTIALS_LIFETIME => {
            Finding::new(Aspect::Credentials, Level::Warning, format!("{found}, expiring at {end:.0}"))
                .advise("their source should have refreshed them: check its log")
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
            let message = format!("{found}, with unknown expiry");
            Finding::new(Aspect::Credentials, Level::Warning, message).advise(
                "configured temporary keys are not refreshed: use a source that refreshes them, such as a role",
            )
        }
        None => Finding::new(Aspect::Credentials, Level::Ok, format!("{found}, without expiry")),
    }
}

/// The caller that the credentials belong to. The finding is at most a warning, because polls do
/// not depend on it.
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
                format!("unknown: {}: {}", error.code(), error.message()),
            )
        },
        ProbeOutcome::TimedOut(limit) => {
            Finding::new(Aspect::Identity, Level::Note, format!("timed out after {limit:?}"))
        }
        ProbeOutcome::Skipped(_) => return None,
    })
}

/// The findings about each operation of a target.
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
        let why = "not tried: there is no group";
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
             product_types and filter; `appstreaming-exporter list groups` queries without them",
        ),
        (listed, 0) => of(Level::Warning, format!("{}, and none is polled by this process", groups_text(*listed)))
            .advise("check exclude_group_ids and sharding"),
        (listed, own) if listed > own => of(Level::Ok, format!("{}, {own} of them polled here", groups_text(*listed))),
        (listed, _) => of(Level::Ok, groups_text(*listed)),
    }];
    if !missing.is_empty() {
        let message = format!("filter.group_ids names groups that do not exist: {}", missing.join(", "));
        findings.push(of(Level::Warning, message).advise("remove or correct them"));
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
            of(Level::Error, format!("timed out after {limit:?}, including retries"))
                .advise("check the network, or raise api.request_timeout")
        }
        ProbeOutcome::Failed(error) => {
            let text = chain(error);
            // The printed line already begins with the operation.
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

/// Whether a poll of the account fits into its interval; omitted if its size is unknown.
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
            "the API limits of this account are exhausted: lower api.requests_per_second, or check which other clients use them",
        ));
    }
    findings
}

/// Requests of one poll of all targets, because they share the account's rate limit.
fn poll_demand(targets: &[&ListingSizes], limits: &PollLimits, latency: Duration) -> PollDemand {
    let (mut requests, mut counted, mut listings, mut average) = (0.0, 0, 0, false);
    for sizes in targets {
        let pages = sizes.group_listings.iter().map(|elements| limits.pages(*elements));
        requests += pages.sum::<u64>() as f64;
        let instances = sizes
            .instances
            .iter()
            .map(|counts| counts.iter().map(|elements| limits.pages(*elements) as f64).collect::<Vec<f64>>());
        let persistent = sizes.persistent.iter().map(|counts| {
            counts.iter().map(|count| limits.pages(count.sessions) as f64 * count.share).collect()
        });
        for pages in instances.chain(persistent) {
            requests += extrapolated(&pages, sizes.groups);
            listings += sizes.groups;
            counted += pages.len();
        }
        average |= sizes.persistent.iter().flatten().any(|count| count.share < 1.0);
    }
    let counted = (counted < listings).then_some((counted, listings));
    PollDemand { requests: requests.round() as u64, counted, average, latency }
}

/// Extrapolates the pages of the counted groups to all groups; one page for each group if none was
/// counted.
fn extrapolated(pages: &[f64], groups: usize) -> f64 {
    if pages.is_empty() {
        return groups as f64;
    }
    pages.iter().sum::<f64>() * groups as f64 / pages.len() as f64
}

/// The operations that this configuration calls.
fn called_operations(targets: &[TargetObservations]) -> Vec<&'static str> {
    let off = |trial: &ProbeOutcome<(String, u64)>| {
        matches!(trial, ProbeOutcome::Skipped(INSTANCES_OFF | PERSISTENT_OFF))
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
