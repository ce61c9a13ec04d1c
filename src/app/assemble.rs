//! From a configuration to the parts that poll: one client an account, one runner a target.
//!
//! What is not here: running them (`supervisor`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::poll_observer::PollObserver;
use crate::aliyun::credentials::ProviderConfig;
use crate::aliyun::options::DEFAULT_REQUESTS_PER_SECOND;
use crate::aliyun::{self, RequestObserver};
use crate::appstreaming::{self, GroupQuery};
use crate::config::{Account, Config};
use crate::fleet::{Freshness, HashKey, PersistentInterval};
use crate::poller::{
    self, PollSchedule, Runner, SnapshotStore, Target, TargetIdentity, TargetKey, TargetSettings, WaitMeter,
};
use crate::scrape::negotiation::Representation;
use crate::telemetry::Telemetry;
use crate::telemetry::status::Setup;

/// A target's listings that run at a time. Each of them holds one page, of up to 100 elements, and
/// what it has counted so far, in memory.
const MAX_CONCURRENT_LISTINGS: usize = 64;

/// The runners of every target, and the store of their results.
pub(crate) struct Polling {
    /// One for each target, in configuration order.
    pub runners: Vec<Runner>,
    /// The store of the runners' results.
    pub store: Arc<SnapshotStore>,
}

/// The clients and targets of a configuration; none of them runs yet.
pub(crate) struct Plan {
    /// In configuration order.
    pub targets: Vec<PlannedTarget>,
    /// The identity of each target, in that order.
    pub order: Vec<TargetIdentity>,
    /// The clients that the targets use.
    pub clients: Clients,
}

/// One target of a plan.
pub(crate) struct PlannedTarget {
    /// The target, with its client.
    pub target: Target,
    /// The observer of its client, which measures how long requests wait for the rate limit.
    pub meter: Arc<WaitMeter>,
    /// Whether its account keeps the client of the previous plan.
    pub keeps_client: bool,
}

/// The clients by account, each with the settings that it was made from.
#[derive(Default)]
pub(crate) struct Clients(BTreeMap<String, (ClientSettings, aliyun::Client)>);

/// What a client is made from. Equal settings mean that a client can be kept.
#[derive(PartialEq)]
struct ClientSettings {
    client: aliyun::ClientOptions,
    credentials: ProviderConfig,
}

impl Clients {
    /// The accounts' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the account has a client.
    pub(crate) fn has(&self, account: &str) -> bool {
        self.0.contains_key(account)
    }
}

/// Plans the targets of every account. An account keeps its client in `known` if the settings of
/// the client did not change.
///
/// # Errors
/// An account's credentials cannot be used, or its client cannot be made.
pub(crate) fn plan(config: &Config, telemetry: &Arc<Telemetry>, known: &Clients) -> Result<Plan, Error> {
    let mut plan = Plan { targets: Vec::new(), order: Vec::new(), clients: Clients::default() };
    for account in &config.accounts {
        let settings =
            ClientSettings { client: account.client.clone(), credentials: account.credentials.clone() };
        let kept = known.0.get(&account.name).filter(|(before, _)| *before == settings);
        let keeps_client = kept.is_some();
        let client = match kept {
            Some((_, client)) => client.clone(),
            None => client(account, telemetry)?,
        };
        for (product_type, region) in targets_of(account) {
            let meter = Arc::new(WaitMeter::new(telemetry.observer(&account.name)));
            let api = client.observed_by(Arc::clone(&meter) as Arc<dyn RequestObserver>);
            let target = target(config, account, product_type, region, api);
            plan.order.push(target.settings.identity());
            plan.targets.push(PlannedTarget { target, meter, keeps_client });
        }
        plan.clients.0.insert(account.name.clone(), (settings, client));
    }
    Ok(plan)
}

/// Makes a client for every account and a runner for every target, for commands that poll once.
///
/// # Errors
/// As for [`plan`].
pub(crate) fn polling(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Polling, Error> {
    let Plan { targets, order, clients: _ } = plan(config, telemetry, &Clients::default())?;
    telemetry.settings(&setup(config));
    let observer = Arc::new(PollObserver::new(Arc::clone(telemetry))) as Arc<dyn poller::Observer>;
    let store = Arc::new(store(config, order));
    let runners = targets
        .into_iter()
        .map(|planned| runner(planned, Arc::clone(&store), Arc::clone(&observer), telemetry))
        .collect();
    Ok(Polling { runners, store })
}

/// A store for these targets of the configuration.
pub(crate) fn store(config: &Config, targets: impl IntoIterator<Item = TargetIdentity>) -> SnapshotStore {
    let (freshness, time_zone) = (Freshness::from(&config.poll), config.render.time_zone.clone());
    SnapshotStore::new(targets, freshness, time_zone, hash_key())
}

/// Creates the exporter's own metrics. Scrapes are counted from 0 in every representation.
pub(crate) fn telemetry() -> Arc<Telemetry> {
    let telemetry = Telemetry::new();
    for Representation { format, encoding, .. } in Representation::all() {
        telemetry.add_representation(format.name(), encoding.name());
    }
    telemetry
}

/// The runner of a planned target, whose polls are counted from 0.
pub(crate) fn runner(
    planned: PlannedTarget,
    store: Arc<SnapshotStore>,
    observer: Arc<dyn poller::Observer>,
    telemetry: &Telemetry,
) -> Runner {
    let PlannedTarget { target, meter, keeps_client: _ } = planned;
    telemetry.add_target(&target.settings.account, &target.settings.name);
    Runner { target, store, observer, meter }
}

/// The settings that pages show or calculate with.
pub(crate) fn setup(config: &Config) -> Setup {
    let PersistentInterval { poll, configured } = PersistentInterval::from(&config.poll);
    Setup {
        interval: poll,
        persistent_interval: configured,
        // The section `[api]` applies to every account.
        requests_per_second: config
            .accounts
            .first()
            .map_or(DEFAULT_REQUESTS_PER_SECOND, |account| account.client.requests_per_second),
        lists_instances: config.listing.instances.is_on(),
        shard_index: config.shard.index,
        shards: config.shard.total,
        time_zone: config.render.time_zone.clone(),
    }
}

/// Creates the account's client. The account's targets share its limits and connections.
///
/// # Errors
/// As for [`plan`].
pub(crate) fn client(account: &Account, telemetry: &Arc<Telemetry>) -> Result<aliyun::Client, Error> {
    let source = super::credentials::source(account, telemetry)?;
    telemetry.credentials_source(&account.name, source.name());
    aliyun::Client::new(account.client.clone(), source, telemetry.observer(&account.name))
        .map_err(|source| Error::Client { account: account.name.clone(), source })
}

/// Product type and region of each of the account's targets.
pub(crate) fn targets_of(account: &Account) -> impl Iterator<Item = (&str, Option<&str>)> {
    account.product_types.iter().flat_map(|product_type| {
        let every_region = account.regions.is_empty().then_some(None);
        let regions = account.regions.iter().map(|region| Some(region.as_str()));
        every_region.into_iter().chain(regions).map(move |region| (product_type.as_str(), region))
    })
}

/// What the snapshot store knows of every target.
pub(crate) fn identities(config: &Config) -> impl Iterator<Item = TargetIdentity> {
    config.accounts.iter().flat_map(move |account| {
        targets_of(account).map(move |(product_type, region)| identity(config, account, product_type, region))
    })
}

fn identity(config: &Config, account: &Account, product_type: &str, region: Option<&str>) -> TargetIdentity {
    let name = match region {
        Some(region) => format!("{product_type}/{region}"),
        None => product_type.to_owned(),
    };
    TargetIdentity {
        account: account.name.as_str().into(),
        name: name.into(),
        key: key(account, product_type, region),
        shard: config.shard,
    }
}

/// One of the account's targets.
pub(crate) fn target(
    config: &Config,
    account: &Account,
    product_type: &str,
    region: Option<&str>,
    api: aliyun::Client,
) -> Target {
    let TargetIdentity { account: name_of_account, name, key, shard } =
        identity(config, account, product_type, region);
    let settings = TargetSettings {
        account: name_of_account,
        name,
        key,
        product_type: product_type.to_owned(),
        queries: queries(account, product_type, region),
        excluded: account.exclude_group_ids.clone(),
        shard,
        listings: config.listing,
        persistent: PersistentInterval::from(&config.poll),
        timeout: config.poll.timeout,
        page_size: config.poll.page_size,
        // Twice the limit of requests in flight, so that the limit is reached while some listings
        // fold their last page.
        concurrency: account.client.max_in_flight.saturating_mul(2).min(MAX_CONCURRENT_LISTINGS),
    };
    Target { settings: Arc::new(settings), api: appstreaming::Client::new(api, config.poll.page_size) }
}

/// The key of a target: two configurations with the same key list the same groups. Empty settings
/// are left out, so that a version with another filter has the same keys where it is not used.
fn key(account: &Account, product_type: &str, region: Option<&str>) -> TargetKey {
    let endpoint = account.client.endpoint.to_string();
    let filter = &account.filter;
    let mut settings =
        vec![("account", &*account.name), ("endpoint", &*endpoint), ("product_type", product_type)];
    let single = [
        ("region", region),
        ("group_name", filter.group_name.as_deref()),
        ("image_id", filter.image_id.as_deref()),
        ("node_instance_type", filter.node_instance_type.as_deref()),
        ("office_site_id", filter.office_site_id.as_deref()),
    ];
    settings.extend(single.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let several = [
        ("group_id", &account.group_ids),
        ("exclude_group_id", &account.exclude_group_ids),
        ("status", &filter.status),
        ("user_group_id", &filter.user_group_ids),
        ("excluded_user_group_id", &filter.excluded_user_group_ids),
    ];
    for (name, values) in several {
        // Their order does not change what is listed.
        let values: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        settings.extend(values.into_iter().map(|value| (name, value)));
    }
    let tags = filter.tags.iter().flat_map(|(tag, value)| [("tag", &**tag), ("tag_value", &**value)]);
    settings.extend(tags);
    TargetKey::new(settings)
}

/// One listing of all groups, or one for each configured group id.
fn queries(account: &Account, product_type: &str, region: Option<&str>) -> Vec<GroupQuery> {
    let query = |group_id: Option<String>| GroupQuery {
        product_type: product_type.to_owned(),
        region: region.map(str::to_owned),
        group_id,
        filter: account.filter.clone(),
    };
    if account.group_ids.is_empty() {
        vec![query(None)]
    } else {
        account.group_ids.iter().map(|id| query(Some(id.clone()))).collect()
    }
}

/// A key of hashes for a process that continues no other.
pub(crate) fn hash_key() -> HashKey {
    HashKey::new(rand::random())
}

/// When a target is polled: the one with this `number` of those that start together.
pub(crate) fn poll_schedule(interval: Duration, number: usize) -> PollSchedule {
    PollSchedule::staggered(interval, number, rand::random())
}
