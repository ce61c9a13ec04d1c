//! From a validated configuration to the parts that poll: one client an account, one runner a target.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{Error, reporter::Reporter};
use crate::{
    aliyun::{self, Endpoint, credentials::Source},
    appstreaming::{self, GroupFilter, GroupQuery},
    config::{self, Account, Config},
    http, metrics,
    poller::{self, Board, Meter, Runner, Shard, Target, TargetState},
    telemetry::{self, Telemetry},
};

/// Everything that polls, ready to be set going.
pub(super) struct Polling {
    /// One per target, in configuration order.
    pub runners: Vec<Runner>,
    /// Where they leave their results.
    pub board: Arc<Board>,
}

/// Makes a client for every account and a runner for every target.
pub(super) fn polling(config: &Config, telemetry: &Arc<Telemetry>) -> Result<Polling, Error> {
    let reporter = Arc::new(Reporter::new(Arc::clone(telemetry)));
    let mut targets = Vec::new();
    for account in &config.accounts {
        let client = client(config, account, telemetry)?;
        for (product_type, region) in targets_of(account) {
            let meter = Arc::new(Meter::new(telemetry.observer(&account.name)));
            let api = client.observed_by(Arc::clone(&meter) as Arc<dyn aliyun::Observer>);
            targets.push((target(config, account, product_type, region, api), meter));
        }
    }
    let states = targets
        .iter()
        .map(|(target, _)| TargetState::new(Arc::clone(&target.account), Arc::clone(&target.name)))
        .collect();
    let stale_after = SignedDuration::try_from(config.poll.stale_after.get()).unwrap_or(SignedDuration::MAX);
    let board = Arc::new(Board::new(states, stale_after, config.schedule.time_zone.clone()));
    let runners = targets
        .into_iter()
        .enumerate()
        .map(|(index, (target, meter))| {
            telemetry.target(&target.account, &target.name);
            let (board, observer) = (Arc::clone(&board), Arc::clone(&reporter) as Arc<dyn poller::Observer>);
            Runner { target, index, board, observer, meter }
        })
        .collect();
    Ok(Polling { runners, board })
}

/// What the renderer is told.
pub(super) fn render_options(config: &Config) -> metrics::RenderOptions {
    use metrics::{GroupLabel, TagSelection, UserKey, Users};
    metrics::RenderOptions {
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
            config::Users::Off => Users::Off,
            config::Users::Hash(key) => Users::Hash(UserKey::new(key.expose().as_bytes())),
            config::Users::Plain => Users::Plain,
        },
        full_statesets: config.collectors.stateset == config::StateSet::Full,
        max_series: config.collectors.max_series,
        time_zone: config.schedule.time_zone.clone(),
        node_pools: config.collectors.node_pools,
        nodes: config.collectors.nodes,
    }
}

/// What people are shown of the configuration beside its text.
pub(super) fn setup(config: &Config) -> http::insight::Setup {
    http::insight::Setup {
        interval: SignedDuration::try_from(config.poll.interval.get()).unwrap_or(SignedDuration::MAX),
        requests_per_second: config.api.requests_per_second,
        lists_instances: config.collectors.instances != config::Depth::Off,
        time_zone: config.schedule.time_zone.clone(),
    }
}

/// The account's client; its targets share the client's limits and connections.
pub(super) fn client(
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
pub(super) fn client_options(config: &Config, endpoint: &Endpoint) -> aliyun::Options {
    let api = &config.api;
    aliyun::Options {
        signature: api.signature,
        request_timeout: api.request_timeout.get(),
        connect_timeout: api.connect_timeout.get(),
        max_in_flight: api.max_in_flight,
        requests_per_second: api.requests_per_second,
        max_retries: api.max_retries,
        max_response_bytes: api.max_response_bytes.get(),
        proxy: api.proxy.as_ref().map(|proxy| proxy.expose().to_owned()),
        user_agent: format!("appstreaming-exporter/{}", telemetry::VERSION),
        ..aliyun::Options::new(endpoint.clone())
    }
}

/// Where the account's credentials come from.
pub(super) fn credentials(
    config: &Config,
    account: &Account,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn Source>, Error> {
    super::credentials::source(account, &client_options(config, &account.endpoint), telemetry)
}

/// Product type and region of each of the account's targets.
pub(super) fn targets_of(account: &Account) -> impl Iterator<Item = (&str, Option<&str>)> {
    account.product_types.iter().flat_map(|product_type| {
        let every_region = account.regions.is_empty().then_some(None);
        let regions = account.regions.iter().map(|region| Some(region.as_str()));
        every_region.into_iter().chain(regions).map(move |region| (product_type.as_str(), region))
    })
}

/// One of the account's targets.
pub(super) fn target(
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
    Target {
        account: account.name.as_str().into(),
        name: name.into(),
        product_type: product_type.to_owned(),
        queries: queries(account, product_type, region),
        excluded: account.filter.exclude_group_ids.clone(),
        shard: Shard { index: config.sharding.index, total: config.sharding.total },
        collectors: poller::Collectors {
            instances: depth(config.collectors.instances),
            nodes: config.collectors.nodes,
            persistent: depth(config.collectors.persistent),
        },
        timeout: config.poll.timeout.get(),
        page_size: config.poll.page_size,
        // Twice what may be in flight: a listing that folds its last page must not leave a place idle.
        concurrency: config.api.max_in_flight.saturating_mul(2).min(64),
        api: appstreaming::Client::new(api, config.poll.page_size),
    }
}

/// One listing of all groups, or one for each group that is picked by id.
fn queries(account: &Account, product_type: &str, region: Option<&str>) -> Vec<GroupQuery> {
    let filter = &account.filter;
    let query = |group_id: Option<String>| GroupQuery {
        product_type: product_type.to_owned(),
        region: region.map(str::to_owned),
        filter: GroupFilter {
            group_id,
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

fn depth(depth: config::Depth) -> poller::Depth {
    match depth {
        config::Depth::Off => poller::Depth::Off,
        config::Depth::Aggregate => poller::Depth::Aggregate,
        config::Depth::Detailed => poller::Depth::Detailed,
    }
}

/// A moment of the first poll's start that is not everybody's: from 0 to 1.
pub(super) fn jitter(interval: Duration) -> poller::Schedule {
    poller::Schedule::jittered(interval, rand::random())
}
