//! Collects observations about one account, without judging them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all, stream};
use jiff::Timestamp;
use tokio::time::timeout;

use super::chain;
use crate::aliyun::access_key::mask_id;
use crate::aliyun::credentials::CredentialsSource;
use crate::aliyun::diagnose::{Diagnosis, diagnose};
use crate::aliyun::identity::{CallerIdentity, STS_HOST, get_caller_identity};
use crate::aliyun::{self, AttemptOutcome, Client, Endpoint, Error, ErrorKind};
use crate::app::{self, assemble};
use crate::appstreaming::{InstanceQuery, PersistentQuery, has_no_persistent_sessions};
use crate::config::{Account, Config};
use crate::fleet::Group;
use crate::poller::{ListingDepth, Target};
use crate::telemetry::Telemetry;

/// Limit of one call, including retries and excluding the wait for the rate limit.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests of one target that can wait for the rate limit: the pages of thousands of groups.
const QUEUE_ALLOWANCE: f64 = 60.0;
/// Limit of the wait for the rate limit, so that the check ends.
const MAX_QUEUE_TIME: Duration = Duration::from_mins(5);
/// Limit of the identity call, which is only informative.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(10);
/// Groups whose elements are counted to estimate the requests of a poll.
const SAMPLE_SIZE: usize = 20;
/// Retries of a call: a short outage is not a finding, and a long one is reported soon.
const MAX_RETRIES: u32 = 2;

/// Everything observed about one account.
#[derive(Debug)]
pub(super) struct Observations {
    /// The account's configured name.
    pub name: String,
    /// Its API endpoint.
    pub endpoint: Endpoint,
    /// Whether the endpoint is the VPC host.
    pub vpc: bool,
    /// The stages of a connection to the endpoint.
    pub connection: Diagnosis,
    /// The credentials, or why there are none.
    pub credentials: Result<CredentialsSummary, String>,
    /// The caller that the credentials belong to.
    pub identity: ProbeOutcome<CallerIdentity>,
    /// The account's targets.
    pub targets: Vec<TargetObservations>,
    /// Average duration of a request; `None` if there was no request.
    pub latency: Option<Duration>,
    /// Responses with a throttling error.
    pub throttled: u64,
}

/// Credentials without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CredentialsSummary {
    /// The source's name.
    pub source: &'static str,
    /// The AccessKey id, masked except for its last characters.
    pub id: String,
    /// Whether the credentials have a security token.
    pub temporary: bool,
    /// When the credentials expire; `None` if they do not, or if that is not known.
    pub expires: Option<Timestamp>,
}

/// One target, and the outcomes of its operations.
#[derive(Debug)]
pub(super) struct TargetObservations {
    /// The name, as in the metric label `target`.
    pub name: String,
    /// `ListAppInstanceGroup`.
    pub groups: ProbeOutcome<GroupCounts>,
    /// `ListAppInstances` of one group: its id, and how many instances it has.
    pub instances: ProbeOutcome<(String, u64)>,
    /// `ListPersistentAppInstances` of one group: its id, and how many persistent sessions it has.
    pub persistent: ProbeOutcome<(String, u64)>,
    /// Sizes of the listings of a poll; `None` if the groups could not be listed.
    pub sizes: Option<ListingSizes>,
}

/// The result of the listing of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GroupCounts {
    /// Groups that were listed.
    pub listed: usize,
    /// The listed groups that this process polls.
    pub own: usize,
    /// Configured group ids that do not exist.
    pub missing: Vec<String>,
}

/// The numbers of elements in a target's listings.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ListingSizes {
    /// Elements of each listing of groups.
    pub group_listings: Vec<u64>,
    /// The groups that this process polls.
    pub groups: usize,
    /// Instances of each group that was counted; `None` if they are not polled.
    pub instances: Option<Vec<u64>>,
    /// Persistent sessions of each group that was counted; `None` if they are not polled.
    pub persistent: Option<Vec<PersistentCount>>,
}

/// The persistent sessions of one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PersistentCount {
    /// Persistent sessions.
    pub sessions: u64,
    /// The share of polls that list them.
    pub share: f64,
}

/// The reason why no instances are listed.
pub(super) const INSTANCES_OFF: &str = "collectors.instances is off";
/// The reason why no persistent sessions are listed.
pub(super) const PERSISTENT_OFF: &str = "collectors.persistent is off";

/// The outcome of a call.
#[derive(Debug)]
pub(super) enum ProbeOutcome<T> {
    /// The call succeeded.
    Passed(T),
    /// The call failed.
    Failed(Error),
    /// The call timed out after this time.
    TimedOut(Duration),
    /// The call was skipped, for this reason.
    Skipped(&'static str),
}

/// Collects all observations about one account, in bounded time.
pub(super) async fn collect_account(config: &Config, account: &Account) -> Observations {
    let options = aliyun::ClientOptions {
        max_retries: account.client.max_retries.min(MAX_RETRIES),
        ..account.client.clone()
    };
    let counter = Arc::new(RequestCounter::default());
    let mut observed = Observations {
        name: account.name.clone(),
        endpoint: account.client.endpoint.clone(),
        vpc: account.vpc && !account.has_explicit_endpoint,
        connection: Diagnosis::default(),
        credentials: Err(String::new()),
        identity: ProbeOutcome::Skipped("there are no credentials"),
        targets: Vec::new(),
        latency: None,
        throttled: 0,
    };
    let source = app::credentials::source(account, &Telemetry::new());
    let (connection, credentials) = tokio::join!(diagnose(&options), summarise_credentials(&source));
    (observed.connection, observed.credentials) = (connection, credentials);
    if let (Ok(source), Ok(_)) = (&source, &observed.credentials) {
        observed.identity = identify_caller(account, &options, source).await;
    }
    let client = match &source {
        Ok(source) if observed.credentials.is_ok() && observed.connection.failed.is_none() => {
            let observer = Arc::clone(&counter) as Arc<dyn aliyun::RequestObserver>;
            Client::new(options, Arc::clone(source), observer).ok()
        }
        _ => None,
    };
    let limit = timeout_for(account.client.requests_per_second, assemble::targets_of(account).count());
    observed.targets = join_all(assemble::targets_of(account).map(|(product_type, region)| {
        let client = client.clone();
        async move {
            match client {
                Some(client) => {
                    let target = assemble::target(config, account, product_type, region, client);
                    probe_target(&target, &account.group_ids, limit).await
                }
                None => TargetObservations::skipped(product_type, region),
            }
        }
    }))
    .await;
    observed.latency = counter.latency();
    observed.throttled = counter.throttled.load(Relaxed);
    observed
}

/// The timeout of a call if this number of targets shares the rate limit.
fn timeout_for(requests_per_second: f64, targets: usize) -> Duration {
    let waiting = QUEUE_ALLOWANCE * targets as f64 / requests_per_second;
    CALL_TIMEOUT
        + Duration::try_from_secs_f64(waiting).map_or(MAX_QUEUE_TIME, |waiting| waiting.min(MAX_QUEUE_TIME))
}

async fn summarise_credentials(
    source: &Result<Arc<dyn CredentialsSource>, app::Error>,
) -> Result<CredentialsSummary, String> {
    let source = source.as_ref().map_err(|error| match std::error::Error::source(error) {
        Some(cause) => chain(cause),
        None => chain(error),
    })?;
    match timeout(CALL_TIMEOUT, source.current()).await {
        Ok(Ok(credentials)) => Ok(CredentialsSummary {
            // A provider chain knows its source only after the first success.
            source: source.name(),
            id: mask_id(&credentials.access_key_id),
            temporary: credentials.security_token.is_some(),
            expires: credentials.expires,
        }),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("{} timed out after {CALL_TIMEOUT:?}", source.name())),
    }
}

async fn identify_caller(
    account: &Account,
    options: &aliyun::ClientOptions,
    source: &Arc<dyn CredentialsSource>,
) -> ProbeOutcome<CallerIdentity> {
    let options =
        aliyun::ClientOptions { endpoint: sts_endpoint(account), max_retries: 0, ..options.clone() };
    match Client::new(options, Arc::clone(source), Arc::new(())) {
        Ok(client) => run_within(IDENTITY_TIMEOUT, get_caller_identity(&client)).await,
        Err(error) => ProbeOutcome::Failed(error),
    }
}

/// The STS endpoint of the identity call. It is the configured one if there is one. A loopback
/// endpoint of the API simulates the whole cloud, STS included. Inside a VPC it is the VPC host,
/// because the public host may be unreachable from there.
fn sts_endpoint(account: &Account) -> Endpoint {
    let public = || Endpoint::https(STS_HOST).expect("STS_HOST is a valid host name");
    if let Some(sts) = account.credentials.explicit_sts() {
        sts.clone()
    } else if account.client.endpoint.is_loopback() {
        account.client.endpoint.clone()
    } else if account.vpc {
        let host = format!("sts-vpc.{}.aliyuncs.com", account.endpoint_region.as_str());
        Endpoint::https(&host).unwrap_or_else(|_| public())
    } else {
        public()
    }
}

async fn probe_target(target: &Target, picked: &[String], limit: Duration) -> TargetObservations {
    let mut seen = TargetObservations {
        name: target.settings.name.to_string(),
        groups: ProbeOutcome::Skipped(""),
        instances: ProbeOutcome::Skipped("no group is known"),
        persistent: ProbeOutcome::Skipped("no group is known"),
        sizes: None,
    };
    let (groups, listings) = match run_within(limit, list_groups(target)).await {
        ProbeOutcome::Passed(listed) => listed,
        ProbeOutcome::Failed(error) => {
            return TargetObservations { groups: ProbeOutcome::Failed(error), ..seen };
        }
        ProbeOutcome::TimedOut(limit) => {
            return TargetObservations { groups: ProbeOutcome::TimedOut(limit), ..seen };
        }
        ProbeOutcome::Skipped(reason) => {
            return TargetObservations { groups: ProbeOutcome::Skipped(reason), ..seen };
        }
    };
    let missing =
        picked.iter().filter(|id| !groups.iter().any(|group| *group.id == ***id)).cloned().collect();
    let listed = groups.len();
    let own = target.select_groups(groups);
    seen.groups = ProbeOutcome::Passed(GroupCounts { listed, own: own.len(), missing });
    if !target.settings.listings.instances.is_on() {
        seen.instances = ProbeOutcome::Skipped(INSTANCES_OFF);
    } else if let Some(group) = own.first() {
        seen.instances = try_instances(target, group, limit).await;
    }
    let with_sessions = own.iter().find(|group| &*group.auth_mode == "Session").or(own.first());
    if !target.settings.listings.persistent.is_on() {
        seen.persistent = ProbeOutcome::Skipped(PERSISTENT_OFF);
    } else if let Some(group) = with_sessions {
        seen.persistent = try_persistent(target, group, limit).await;
    }
    seen.sizes = Some(sizes(target, &own, listings, &seen, limit).await);
    seen
}

/// Returns all groups, and the number of groups in each listing.
async fn list_groups(target: &Target) -> Result<(Vec<Group>, Vec<u64>), Error> {
    let (mut groups, mut listings): (Vec<Group>, Vec<u64>) = Default::default();
    for query in &target.settings.queries {
        match target.api.list_groups(query).await {
            Ok(listing) => {
                listings.push(listing.data.len() as u64);
                groups.extend(listing.data);
            }
            // The configured group does not exist.
            Err(error) if error.kind() == ErrorKind::NotFound => listings.push(0),
            Err(error) => return Err(error),
        }
    }
    Ok((groups, listings))
}

async fn try_instances(target: &Target, group: &Group, limit: Duration) -> ProbeOutcome<(String, u64)> {
    let query = InstanceQuery::of(&group.id);
    run_within(limit, target.api.count(&query)).await.map(|count| (group.id.to_string(), count))
}

async fn try_persistent(target: &Target, group: &Group, limit: Duration) -> ProbeOutcome<(String, u64)> {
    let query = PersistentQuery::of(&target.settings.product_type, &group.id);
    let trial = match run_within(limit, target.api.count(&query)).await {
        ProbeOutcome::Failed(error) if has_no_persistent_sessions(group, &error) => ProbeOutcome::Passed(0),
        trial => trial,
    };
    trial.map(|count| (group.id.to_string(), count))
}

/// Counts the elements of a sample of groups. A group that cannot be counted is omitted; none is
/// counted if the first call failed.
async fn sizes(
    target: &Target,
    groups: &[Group],
    group_listings: Vec<u64>,
    seen: &TargetObservations,
    limit: Duration,
) -> ListingSizes {
    let step = groups.len().div_ceil(SAMPLE_SIZE).max(1);
    let sample = |trial: &ProbeOutcome<_>| -> Vec<&Group> {
        let passed = matches!(trial, ProbeOutcome::Passed(_));
        groups.iter().step_by(step).filter(|_| passed).collect()
    };
    let instances =
        count_each(target, sample(&seen.instances), |target, group| try_instances(target, group, limit));
    let persistent =
        count_each(target, sample(&seen.persistent), |target, group| try_persistent(target, group, limit));
    let (instances, persistent) = tokio::join!(instances, persistent);
    let interval = target.settings.persistent;
    let persistent = persistent.into_iter().map(|(group, sessions)| PersistentCount {
        sessions,
        share: interval.share_of_polls(group, sessions),
    });
    let instances = instances.into_iter().map(|(_, count)| count);
    let polled = |depth: ListingDepth| depth != ListingDepth::Off;
    ListingSizes {
        group_listings,
        groups: groups.len(),
        instances: polled(target.settings.listings.instances).then(|| instances.collect()),
        persistent: polled(target.settings.listings.persistent).then(|| persistent.collect()),
    }
}

/// The groups for which `count` succeeds, each with its count.
async fn count_each<'t, F: Future<Output = ProbeOutcome<(String, u64)>>>(
    target: &'t Target,
    groups: Vec<&'t Group>,
    count: impl Fn(&'t Target, &'t Group) -> F,
) -> Vec<(&'t Group, u64)> {
    let trials = stream::iter(groups)
        .map(|group| {
            let trial = count(target, group);
            async move { (group, trial.await.passed()) }
        })
        .buffer_unordered(target.settings.concurrency.max(1));
    trials
        .filter_map(|(group, passed)| std::future::ready(passed.map(|(_, count)| (group, count))))
        .collect()
        .await
}

impl TargetObservations {
    fn skipped(product_type: &str, region: Option<&str>) -> Self {
        const REASON: &str = "there is no connection, or there are no credentials";
        Self {
            name: region.map_or_else(|| product_type.to_owned(), |region| format!("{product_type}/{region}")),
            groups: ProbeOutcome::Skipped(REASON),
            instances: ProbeOutcome::Skipped(REASON),
            persistent: ProbeOutcome::Skipped(REASON),
            sizes: None,
        }
    }
}

impl<T> ProbeOutcome<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> ProbeOutcome<U> {
        match self {
            Self::Passed(value) => ProbeOutcome::Passed(change(value)),
            Self::Failed(error) => ProbeOutcome::Failed(error),
            Self::TimedOut(limit) => ProbeOutcome::TimedOut(limit),
            Self::Skipped(reason) => ProbeOutcome::Skipped(reason),
        }
    }

    fn passed(self) -> Option<T> {
        match self {
            Self::Passed(value) => Some(value),
            _ => None,
        }
    }
}

async fn run_within<T>(limit: Duration, call: impl Future<Output = Result<T, Error>>) -> ProbeOutcome<T> {
    match timeout(limit, call).await {
        Ok(Ok(value)) => ProbeOutcome::Passed(value),
        Ok(Err(error)) => ProbeOutcome::Failed(error),
        Err(_) => ProbeOutcome::TimedOut(limit),
    }
}

/// Counts requests, their durations and throttling errors.
#[derive(Debug, Default)]
struct RequestCounter {
    requests: AtomicU64,
    micros: AtomicU64,
    throttled: AtomicU64,
}

impl RequestCounter {
    fn latency(&self) -> Option<Duration> {
        let micros = self.micros.load(Relaxed).checked_div(self.requests.load(Relaxed))?;
        Some(Duration::from_micros(micros))
    }
}

impl aliyun::RequestObserver for RequestCounter {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        self.requests.fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        if outcome.code.starts_with("Throttling") {
            self.throttled.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_includes_the_wait_for_the_rate_limit() {
        assert_eq!(timeout_for(20.0, 1), Duration::from_secs(33));
        assert_eq!(timeout_for(0.5, 1), Duration::from_secs(150));
        assert_eq!(timeout_for(20.0, 6), Duration::from_secs(48));
        assert_eq!(timeout_for(1e-300, 1), Duration::from_secs(330));
    }
}
