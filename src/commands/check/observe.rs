//! Asks everything that there is to ask about one account, and keeps the answers without judging them.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all, stream};
use jiff::Timestamp;
use tokio::time::timeout;

use super::chain;
use crate::app::{self, assemble};
use crate::{
    aliyun::{
        self, AttemptOutcome, Client, Endpoint, Error, ErrorKind,
        access_key::mask_id,
        credentials::CredentialsSource,
        diagnose::{Diagnosis, diagnose},
        identity::{CallerIdentity, STS_HOST, get_caller_identity},
    },
    appstreaming::{InstanceQuery, PersistentQuery, has_no_persistent_sessions},
    config::{Account, Config},
    fleet::Group,
    poller::{ListingDepth, Target},
    telemetry::Telemetry,
};

/// For what one question may take, retries included, but not what its requests wait for the rate limit.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests of one target that may wait in line: the pages of thousands of groups.
const IN_LINE: f64 = 60.0;
/// Whoever asks has to see an answer some time.
const LONGEST_LINE: Duration = Duration::from_mins(5);
/// Who calls is nice to know, not worth a long wait.
const PATIENCE_FOR_IDENTITY: Duration = Duration::from_secs(10);
/// Groups whose elements are counted to foresee how many requests a poll needs.
const SAMPLE: usize = 20;
/// Further attempts while checking: a short outage is no finding, and a long one should be found soon.
const MAX_RETRIES: u32 = 2;

/// Everything observed about one account.
#[derive(Debug)]
pub(super) struct Observed {
    /// The account's configured name.
    pub name: String,
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// Whether it is a VPC's host.
    pub vpc: bool,
    /// How far the way to the endpoint goes.
    pub probe: Diagnosis,
    /// The keys, or why there are none.
    pub credentials: Result<Keys, String>,
    /// Whose they are.
    pub identity: Trial<CallerIdentity>,
    /// The account's targets.
    pub targets: Vec<TargetSeen>,
    /// What requests took on average; `None` when none was answered.
    pub latency: Option<Duration>,
    /// Answers that said "too many requests".
    pub throttled: u64,
}

/// Keys as they may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// The source's name.
    pub source: &'static str,
    /// The id's last four characters.
    pub id: String,
    /// Whether a token belongs to them.
    pub temporary: bool,
    /// When they end, where that is known.
    pub expires: Option<Timestamp>,
}

/// One target, and how its operations went.
#[derive(Debug)]
pub(super) struct TargetSeen {
    /// As in the metric label `target`.
    pub name: String,
    /// `ListAppInstanceGroup`.
    pub groups: Trial<GroupsSeen>,
    /// `ListAppInstances` of one group: how many it has.
    pub instances: Trial<(String, u64)>,
    /// `ListPersistentAppInstances` of one group: how many it has.
    pub persistent: Trial<(String, u64)>,
    /// What a poll needs.
    pub sizes: Option<Sizes>,
}

/// What the listing of groups brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GroupsSeen {
    /// Groups that were listed.
    pub listed: usize,
    /// Of these the ones that this process polls.
    pub own: usize,
    /// Groups picked by id that aren't there.
    pub missing: Vec<String>,
}

/// Elements of a target's listings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sizes {
    /// Elements of each listing of groups.
    pub group_listings: Vec<u64>,
    /// Groups polled.
    pub groups: usize,
    /// Instances of each group that was counted; `None` when they aren't polled.
    pub instances: Option<Vec<u64>>,
    /// Persistent sessions of each group that was counted; `None` when they aren't polled.
    pub persistent: Option<Vec<u64>>,
}

/// How a question went.
#[derive(Debug)]
pub(super) enum Trial<T> {
    /// It was answered.
    Passed(T),
    /// It was refused, or failed on the way.
    Failed(Error),
    /// Nothing came in so much time.
    OutOfTime(Duration),
    /// It wasn't asked, for this reason.
    NotTried(&'static str),
}

/// Looks at one account from all sides. Takes a bounded time, and never fails as a whole.
pub(super) async fn account(config: &Config, account: &Account) -> Observed {
    let options = aliyun::ClientOptions {
        max_retries: account.client.max_retries.min(MAX_RETRIES),
        ..account.client.clone()
    };
    let watch = Arc::new(Watch::default());
    let mut observed = Observed {
        name: account.name.clone(),
        endpoint: account.client.endpoint.clone(),
        vpc: account.vpc && !account.has_explicit_endpoint,
        probe: Diagnosis::default(),
        credentials: Err(String::new()),
        identity: Trial::NotTried("there are no credentials"),
        targets: Vec::new(),
        latency: None,
        throttled: 0,
    };
    let source = app::credentials::source(account, &Telemetry::new());
    let (probe, credentials) = tokio::join!(diagnose(&options), keys(&source));
    (observed.probe, observed.credentials) = (probe, credentials);
    if let (Ok(source), Ok(_)) = (&source, &observed.credentials) {
        observed.identity = who(account, &options, source).await;
    }
    let client = match &source {
        Ok(source) if observed.credentials.is_ok() && observed.probe.failed.is_none() => {
            let observer = Arc::clone(&watch) as Arc<dyn aliyun::RequestObserver>;
            Client::new(options, Arc::clone(source), observer).ok()
        }
        _ => None,
    };
    let patience = patience(account.client.requests_per_second, assemble::targets_of(account).count());
    observed.targets = join_all(assemble::targets_of(account).map(|(product_type, region)| {
        let client = client.clone();
        async move {
            match client {
                Some(client) => {
                    let target = assemble::target(config, account, product_type, region, client);
                    target_seen(&target, &account.group_ids, patience).await
                }
                None => TargetSeen::not_tried(product_type, region),
            }
        }
    }))
    .await;
    observed.latency = watch.latency();
    observed.throttled = watch.throttled.load(Relaxed);
    observed
}

/// How long a question may take where so many targets share so many requests per second.
fn patience(requests_per_second: f64, targets: usize) -> Duration {
    let waiting = IN_LINE * targets as f64 / requests_per_second;
    PATIENCE + Duration::try_from_secs_f64(waiting).map_or(LONGEST_LINE, |line| line.min(LONGEST_LINE))
}

async fn keys(source: &Result<Arc<dyn CredentialsSource>, app::Error>) -> Result<Keys, String> {
    let source = source.as_ref().map_err(|error| match std::error::Error::source(error) {
        Some(cause) => chain(cause),
        None => chain(error),
    })?;
    match timeout(PATIENCE, source.current()).await {
        Ok(Ok(credentials)) => Ok(Keys {
            // Only now does a chain know which of its sources it is.
            source: source.name(),
            id: mask_id(&credentials.access_key_id),
            temporary: credentials.security_token.is_some(),
            expires: credentials.expires,
        }),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("{} gave none within {PATIENCE:?}", source.name())),
    }
}

async fn who(
    account: &Account,
    options: &aliyun::ClientOptions,
    source: &Arc<dyn CredentialsSource>,
) -> Trial<CallerIdentity> {
    let options =
        aliyun::ClientOptions { endpoint: sts_endpoint(account), max_retries: 0, ..options.clone() };
    match Client::new(options, Arc::clone(source), Arc::new(())) {
        Ok(client) => within(PATIENCE_FOR_IDENTITY, get_caller_identity(&client)).await,
        Err(error) => Trial::Failed(error),
    }
}

/// Where to ask who calls: the STS that is configured. What stands on this machine in place of the cloud stands in for all of it;
/// inside a VPC only the VPC's own host can be reached.
fn sts_endpoint(account: &Account) -> Endpoint {
    let public = || Endpoint::https(STS_HOST).expect("a constant that is a host");
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

async fn target_seen(target: &Target, picked: &[String], patience: Duration) -> TargetSeen {
    let mut seen = TargetSeen {
        name: target.settings.name.to_string(),
        groups: Trial::NotTried(""),
        instances: Trial::NotTried("no group is known"),
        persistent: Trial::NotTried("no group is known"),
        sizes: None,
    };
    let (groups, listings) = match within(patience, list_groups(target)).await {
        Trial::Passed(listed) => listed,
        Trial::Failed(error) => return TargetSeen { groups: Trial::Failed(error), ..seen },
        Trial::OutOfTime(limit) => return TargetSeen { groups: Trial::OutOfTime(limit), ..seen },
        Trial::NotTried(reason) => return TargetSeen { groups: Trial::NotTried(reason), ..seen },
    };
    let missing =
        picked.iter().filter(|id| !groups.iter().any(|group| *group.id == ***id)).cloned().collect();
    let listed = groups.len();
    let own = target.select_groups(groups);
    seen.groups = Trial::Passed(GroupsSeen { listed, own: own.len(), missing });
    if !target.settings.collectors.instances.is_on() {
        seen.instances = Trial::NotTried("collectors.instances is off");
    } else if let Some(group) = own.first() {
        seen.instances = try_instances(target, group, patience).await;
    }
    let with_sessions = own.iter().find(|group| &*group.auth_mode == "Session").or(own.first());
    if !target.settings.collectors.persistent.is_on() {
        seen.persistent = Trial::NotTried("collectors.persistent is off");
    } else if let Some(group) = with_sessions {
        seen.persistent = try_persistent(target, group, patience).await;
    }
    seen.sizes = Some(sizes(target, &own, listings, &seen, patience).await);
    seen
}

/// All groups, and how many each listing brought.
async fn list_groups(target: &Target) -> Result<(Vec<Group>, Vec<u64>), Error> {
    let (mut groups, mut listings): (Vec<Group>, Vec<u64>) = Default::default();
    for query in &target.settings.queries {
        match target.api.list_groups(query).await {
            Ok(listing) => {
                listings.push(listing.data.len() as u64);
                groups.extend(listing.data);
            }
            // Picked by an id that isn't there.
            Err(error) if error.kind() == ErrorKind::NotFound => listings.push(0),
            Err(error) => return Err(error),
        }
    }
    Ok((groups, listings))
}

async fn try_instances(target: &Target, group: &Group, patience: Duration) -> Trial<(String, u64)> {
    let query = InstanceQuery::of(&group.id);
    within(patience, target.api.count(&query)).await.map(|count| (group.id.to_string(), count))
}

async fn try_persistent(target: &Target, group: &Group, patience: Duration) -> Trial<(String, u64)> {
    let query = PersistentQuery::of(&target.settings.product_type, &group.id);
    let trial = match within(patience, target.api.count(&query)).await {
        Trial::Failed(error) if has_no_persistent_sessions(group, &error) => Trial::Passed(0),
        trial => trial,
    };
    trial.map(|count| (group.id.to_string(), count))
}

/// Counts some groups, spread over all of them; one that can't be counted is left out, and none is
/// counted where the first trial failed already.
async fn sizes(
    target: &Target,
    groups: &[Group],
    group_listings: Vec<u64>,
    seen: &TargetSeen,
    patience: Duration,
) -> Sizes {
    let step = groups.len().div_ceil(SAMPLE).max(1);
    let sample = |trial: &Trial<_>| -> Vec<&Group> {
        let passed = matches!(trial, Trial::Passed(_));
        groups.iter().step_by(step).filter(|_| passed).collect()
    };
    let instances =
        count_each(target, sample(&seen.instances), |target, group| try_instances(target, group, patience));
    let persistent =
        count_each(target, sample(&seen.persistent), |target, group| try_persistent(target, group, patience));
    let (instances, persistent) = tokio::join!(instances, persistent);
    let polled = |depth, counts| (depth != ListingDepth::Off).then_some(counts);
    Sizes {
        group_listings,
        groups: groups.len(),
        instances: polled(target.settings.collectors.instances, instances),
        persistent: polled(target.settings.collectors.persistent, persistent),
    }
}

/// What `count` says of each of the groups that it says something of.
async fn count_each<'t, F: Future<Output = Trial<(String, u64)>>>(
    target: &'t Target,
    groups: Vec<&'t Group>,
    count: impl Fn(&'t Target, &'t Group) -> F,
) -> Vec<u64> {
    let trials = stream::iter(groups)
        .map(|group| count(target, group))
        .buffer_unordered(target.settings.concurrency.max(1));
    trials.filter_map(|trial| std::future::ready(trial.passed())).map(|(_, count)| count).collect().await
}

impl TargetSeen {
    fn not_tried(product_type: &str, region: Option<&str>) -> Self {
        const REASON: &str = "without endpoint or credentials there is nothing to try";
        Self {
            name: region.map_or_else(|| product_type.to_owned(), |region| format!("{product_type}/{region}")),
            groups: Trial::NotTried(REASON),
            instances: Trial::NotTried(REASON),
            persistent: Trial::NotTried(REASON),
            sizes: None,
        }
    }
}

impl<T> Trial<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Trial<U> {
        match self {
            Self::Passed(value) => Trial::Passed(change(value)),
            Self::Failed(error) => Trial::Failed(error),
            Self::OutOfTime(limit) => Trial::OutOfTime(limit),
            Self::NotTried(reason) => Trial::NotTried(reason),
        }
    }

    fn passed(self) -> Option<T> {
        match self {
            Self::Passed(value) => Some(value),
            _ => None,
        }
    }
}

async fn within<T>(limit: Duration, question: impl Future<Output = Result<T, Error>>) -> Trial<T> {
    match timeout(limit, question).await {
        Ok(Ok(answer)) => Trial::Passed(answer),
        Ok(Err(error)) => Trial::Failed(error),
        Err(_) => Trial::OutOfTime(limit),
    }
}

/// Adds up what requests took.
#[derive(Debug, Default)]
struct Watch {
    requests: AtomicU64,
    micros: AtomicU64,
    throttled: AtomicU64,
}

impl Watch {
    fn latency(&self) -> Option<Duration> {
        let micros = self.micros.load(Relaxed).checked_div(self.requests.load(Relaxed))?;
        Some(Duration::from_micros(micros))
    }
}

impl aliyun::RequestObserver for Watch {
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
    fn waiting_for_the_rate_limit_is_no_fault_of_the_services() {
        assert_eq!(patience(20.0, 1), Duration::from_secs(33));
        assert_eq!(patience(0.5, 1), Duration::from_secs(150));
        assert_eq!(patience(20.0, 6), Duration::from_secs(48));
        assert_eq!(patience(1e-300, 1), Duration::from_secs(330));
    }
}
