//! From a validated configuration to the parts that poll: one client an account, one runner a target.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{Error, poll_observer::PollObserver};
use crate::{
    aliyun::{self, Endpoint, credentials::CredentialsSource},
    appstreaming::{self, GroupFilter, GroupQuery},
    config::{self, Account, Config},
    metrics,
    poller::{
        self, ListingDepth, ListingOptions, PollSchedule, Runner, Shard, SnapshotStore, Target,
        TargetSettings, WaitMeter,
    },
    scrape::negotiation::Representation,
    telemetry::{self, Telemetry},
};

/// Everything that polls, ready to be set going once.
pub(crate) struct Polling {
    /// One per target, in configuration order.
    pub runners: Vec<Runner>,
    /// Where they leave their results.
    pub store: Arc<SnapshotStore>,
}

/// What a configuration means for polling; nothing runs yet.
pub(crate) struct Plan {
    /// In configuration order.
    pub targets: Vec<PlannedTarget>,
    /// Account and name of each target, in that order.
    pub order: Vec<(Arc<str>, Arc<str>)>,
    /// The clients that the targets use.
    pub clients: Clients,
}

/// One target, and what its client reports to.
pub(crate) struct PlannedTarget {
    pub target: Target,
    pub meter: Arc<WaitMeter>,
    /// Whether its account goes on with the client that it had.
    pub keeps_client: bool,
}

/// The clients by account, each with the settings that it was made from.
#[derive(Default)]
pub(crate) struct Clients(BTreeMap<String, (ClientSettings, aliyun::Client)>);

#[derive(PartialEq)]
struct ClientSettings {
    endpoint: aliyun::Endpoint,
    credentials: config::Credentials,
    api: config::Api,
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

/// Makes a client for every account that has none yet with the same settings, and plans its targets.
pub(crate) fn plan(config: &Config, telemetry: &Arc<Telemetry>, known: &Clients) -> Result<Plan, Error> {
    let mut plan = Plan { targets: Vec::new(), order: Vec::new(), clients: Clients::default() };
    for account in &config.accounts {
        let settings = ClientSettings {
            endpoint: account.endpoint.clone(),
            credentials: account.credentials.clone(),
            api: config.api.clone(),
        };
        let kept = known.0.get(&account.name).filter(|(before, _)| *before == settings);
        let keeps_client = kept.is_some();
        let client = match kept {
            Some((_, client)) => client.clone(),
            None => client(config, account, telemetry)?,
        };
        for (product_type, region) in targets_of(account) {
            let meter = Arc::new(WaitMeter::new(telemetry.observer(&account.name)));
            let api = client.observed_by(Arc::clone(&meter) as Arc<dyn aliyun::RequestObserver>);
            let target = target(config, account, product_type, region, api);
            let TargetSettings { account, name, .. } = &target.settings;
            plan.order.push((Arc::clone(account), Arc::clone(name)));
            plan.targets.push(PlannedTarget { target, meter, keeps_client });
        }
        plan.clients.0.insert(account.name.clone(), (settings, client));
    }
    Ok(plan)
}

/// Makes a client for every account and a runner for every target, to be polled once.
pub(crate) fn polling(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Polling, Error> {
    let Plan { targets, order, clients: _ } = plan(config, telemetry, &Clients::default())?;
    let observer = Arc::new(PollObserver::new(Arc::clone(telemetry))) as Arc<dyn poller::Observer>;
    let (stale_after, time_zone) = (config.poll.stale_after.get(), config.schedule.time_zone.clone());
    let store = Arc::new(SnapshotStore::new(order, stale_after, time_zone));
    let runners = targets
        .into_iter()
        .map(|planned| runner(planned, Arc::clone(&store), Arc::clone(&observer), telemetry))
        .collect();
    Ok(Polling { runners, store })
}

/// The exporter's own metrics; scrapes are counted from 0 in every representation.
pub(crate) fn telemetry() -> Arc<Telemetry> {
    let telemetry = Telemetry::new();
    for Representation { format, encoding, .. } in Representation::all() {
        telemetry.add_representation(format.name(), encoding.name());
    }
    telemetry
}

/// The target's loop.
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

/// What the renderer is told.
pub(crate) fn render_options(config: &Config) -> metrics::options::RenderOptions {
    use metrics::options::{GroupLabel, PseudonymKey, RenderOptions, StateSet, TagSelection, UserLabel};
    RenderOptions {
        group_labels: config
            .labels
            .group
            .iter()
            .map(|label| match label {
                config::GroupLabel::Name => GroupLabel::Name,
                config::GroupLabel::Tag(key) => GroupLabel::Tag(key.clone()),
            })
            .collect(),
        tags: match &config.labels.tags {
            config::Tags::None => TagSelection::None,
            config::Tags::All => TagSelection::All,
            config::Tags::Keys(keys) => TagSelection::Keys(keys.clone()),
        },
        system_tags: config.labels.system_tags,
        users: match &config.collectors.users {
            config::Users::Off => UserLabel::Off,
            config::Users::Hash(key) => UserLabel::Hash(PseudonymKey::new(key.expose().as_bytes())),
            config::Users::Plain => UserLabel::Plain,
        },
        state_set: match config.collectors.stateset {
            config::StateSet::Current => StateSet::Current,
            config::StateSet::Full => StateSet::Full,
        },
        max_series: config.collectors.max_series,
        time_zone: config.schedule.time_zone.clone(),
        node_pools: config.collectors.node_pools,
        nodes: config.collectors.nodes,
    }
}

/// What people are shown of the configuration beside its text.
pub(crate) fn setup(config: &Config) -> telemetry::status::Setup {
    telemetry::status::Setup {
        interval: SignedDuration::try_from(config.poll.interval.get()).unwrap_or(SignedDuration::MAX),
        requests_per_second: config.api.requests_per_second,
        lists_instances: config.collectors.instances != config::Depth::Off,
        time_zone: config.schedule.time_zone.clone(),
    }
}

/// The account's client; its targets share the client's limits and connections.
pub(crate) fn client(
    config: &Config,
    account: &Account,
    telemetry: &Arc<Telemetry>,
) -> Result<aliyun::Client, Error> {
    let source = credentials(config, account, telemetry)?;
    telemetry.credentials_source(&account.name, source.name());
    aliyun::Client::new(client_options(config, &account.endpoint), source, telemetry.observer(&account.name))
        .map_err(|source| Error::Client { account: account.name.clone(), source })
}

/// How clients of this endpoint behave.
pub(crate) fn client_options(config: &Config, endpoint: &Endpoint) -> aliyun::ClientOptions {
    let api = &config.api;
    aliyun::ClientOptions {
        signature: api.signature,
        request_timeout: api.request_timeout.get(),
        connect_timeout: api.connect_timeout.get(),
        max_in_flight: api.max_in_flight,
        requests_per_second: api.requests_per_second,
        max_retries: api.max_retries,
        max_response_bytes: api.max_response_bytes.get(),
        proxy: api.proxy.as_ref().map(|proxy| proxy.expose().to_owned()),
        user_agent: format!("appstreaming-exporter/{}", telemetry::VERSION),
        ..aliyun::ClientOptions::new(endpoint.clone())
    }
}

/// Where the account's credentials come from.
pub(crate) fn credentials(
    config: &Config,
    account: &Account,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn CredentialsSource>, Error> {
    super::credentials::source(account, &client_options(config, &account.endpoint), telemetry)
}

/// Product type and region of each of the account's targets.
pub(crate) fn targets_of(account: &Account) -> impl Iterator<Item = (&str, Option<&str>)> {
    account.product_types.iter().flat_map(|product_type| {
        let every_region = account.regions.is_empty().then_some(None);
        let regions = account.regions.iter().map(|region| Some(region.as_str()));
        every_region.into_iter().chain(regions).map(move |region| (product_type.as_str(), region))
    })
}

/// One of the account's targets.
pub(crate) fn target(
    config: &Config,
    account: &Account,
    product_type: &str,
    region: Option<&str>,
    api: aliyun::Client,
) -> Target {
    let name = match region {
        Some(region) => format!("{product_type}/{region}"),
        None => product_type.to_owned(),
    };
    let settings = TargetSettings {
        account: account.name.as_str().into(),
        name: name.into(),
        product_type: product_type.to_owned(),
        queries: queries(account, product_type, region),
        excluded: account.filter.exclude_group_ids.clone(),
        shard: Shard { index: config.sharding.index, total: config.sharding.total },
        collectors: ListingOptions {
            instances: depth(config.collectors.instances),
            nodes: config.collectors.nodes,
            persistent: depth(config.collectors.persistent),
        },
        timeout: config.poll.timeout.get(),
        page_size: config.poll.page_size,
        // Twice what may be in flight: a listing that folds its last page must not leave a place idle.
        concurrency: config.api.max_in_flight.saturating_mul(2).min(64),
    };
    Target { settings, api: appstreaming::Client::new(api, config.poll.page_size) }
}

/// One listing of all groups, or one for each group that is picked by id.
fn queries(account: &Account, product_type: &str, region: Option<&str>) -> Vec<GroupQuery> {
    let filter = &account.filter;
    let query = |group_id: Option<String>| GroupQuery {
        product_type: product_type.to_owned(),
        region: region.map(str::to_owned),
        group_id,
        filter: GroupFilter {
            group_name: filter.group_name.clone(),
            image_id: filter.image_id.clone(),
            node_instance_type: filter.node_instance_type.clone(),
            office_site_id: filter.office_site_id.clone(),
            tags: filter.tags.clone(),
            status: filter.status.clone(),
            user_group_ids: filter.user_group_ids.clone(),
            excluded_user_group_ids: filter.excluded_user_group_ids.clone(),
        },
    };
    if filter.group_ids.is_empty() {
        vec![query(None)]
    } else {
        filter.group_ids.iter().map(|id| query(Some(id.clone()))).collect()
    }
}

fn depth(depth: config::Depth) -> ListingDepth {
    match depth {
        config::Depth::Off => ListingDepth::Off,
        config::Depth::Aggregate => ListingDepth::Aggregate,
        config::Depth::Detailed => ListingDepth::Detailed,
    }
}

/// A moment of the first poll's start that is not everybody's: from 0 to 1.
pub(crate) fn jitter(interval: Duration) -> PollSchedule {
    PollSchedule::jittered(interval, rand::random())
}
