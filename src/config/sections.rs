//! Reads all sections except `[[accounts]]`: one line for each key, with its range.
//!
//! What is not here: the defaults (the options of the parts), `[state]` and `[replicas]`
//! (`replicas`), and `[[accounts]]` (`account`, `credentials`).

use std::time::Duration;

use jiff::tz::TimeZone;

use super::account::{self, Api};
use super::entry::Kind;
use super::model::Config;
use super::replicas;
use super::secret::{is_proxy_url, redact_proxy_url};
use super::section::{MAX_DURATION, ONE_SECOND, SectionReader};
use super::toml_text::quoted;
use crate::aliyun::{PROXY_RULE, SignatureVersion};
use crate::appstreaming::MAX_PAGE_SIZE;
use crate::document::format_duration;
use crate::lifecycle::DEFAULT_SHUTDOWN_GRACE;
use crate::metrics::options::{
    DEFAULT_TIME_ZONE_NAME, GroupLabel, PseudonymKey, RenderOptions, StateSet, TagSelection, UserLabel,
};
use crate::poller::Shard;
use crate::poller::options::{ListingDepth, ListingOptions, PollOptions, default_stale_after};
use crate::replica::options::ReplicaSetup;

const ONE_MILLISECOND: Duration = Duration::from_millis(1);

const SIGNATURES: [(&str, SignatureVersion); 2] =
    [("v3", SignatureVersion::V3), ("v2", SignatureVersion::V2)];
const DEPTHS: [(&str, ListingDepth); 3] = [
    ("off", ListingDepth::Off),
    ("aggregate", ListingDepth::Aggregate),
    ("detailed", ListingDepth::Detailed),
];
const STATE_SETS: [(&str, StateSet); 2] = [("current", StateSet::Current), ("full", StateSet::Full)];

const SHARD_INDEX: &str = "index";
/// The value of `sharding.index` for the number at the end of the host's name.
const HOST_NAME: &str = "hostname";

/// Reads all sections. The result is valid only if no problem was reported.
pub(super) fn read(root: &SectionReader<'_>, host_name: Option<&str>) -> Option<Config> {
    let (poll, shutdown_grace) = poll(&root.section("poll"));
    let mut api = api(&root.section("api"));
    let (mut listing, mut render) = (ListingOptions::default(), RenderOptions::default());
    collectors(&root.section("collectors"), &mut listing, &mut render);
    labels(&root.section("labels"), &mut render);
    schedule(&root.section("schedule"), &mut render);
    let sharding = root.section("sharding");
    let shard = shard(&sharding, host_name);
    // The rate is that of the account, whose requests the shards share.
    api.client.requests_per_second /= f64::from(shard.total);
    let state = replicas::state(&root.section("state"));
    let replicas = replicas::replicas(&root.section("replicas"), host_name);
    if replicas.setup == ReplicaSetup::Off {
        warn_of_same_shard(&sharding, shard, host_name);
    }
    let accounts = account::accounts(root, &api)?;
    let entries = Vec::new();
    Some(Config { poll, shutdown_grace, listing, render, shard, state, replicas, accounts, entries })
}

fn poll(section: &SectionReader<'_>) -> (PollOptions, Duration) {
    const STALE_AFTER: &str = "stale_after";
    let mut poll = PollOptions::default();
    section.duration("interval", &mut poll.interval, ONE_SECOND..=MAX_DURATION);
    section.duration("timeout", &mut poll.timeout, ONE_MILLISECOND..=MAX_DURATION);
    poll.stale_after = default_stale_after(poll.interval);
    section.duration(STALE_AFTER, &mut poll.stale_after, Duration::from_secs(5)..=MAX_DURATION);
    section.integer("page_size", &mut poll.page_size, 1..=MAX_PAGE_SIZE);
    let persistent_interval = &mut poll.persistent_interval;
    section.optional_duration("persistent_interval", persistent_interval, ONE_SECOND..=MAX_DURATION);
    let mut shutdown_grace = DEFAULT_SHUTDOWN_GRACE;
    section.duration("shutdown_grace", &mut shutdown_grace, Duration::ZERO..=MAX_DURATION);

    // Before a poll publishes new data, the previous data is as old as one interval and the
    // duration of the poll, which may be half an interval.
    if section.is_set(STALE_AFTER) && poll.stale_after < poll.interval * 3 / 2 {
        let [stale_after, interval] = [poll.stale_after, poll.interval].map(format_duration);
        let message = format!(
            "{stale_after} is too short for polls that start every {interval}: series will disappear and \
             reappear; use at least three intervals"
        );
        section.warning(STALE_AFTER, message);
    }
    (poll, shutdown_grace)
}

fn api(section: &SectionReader<'_>) -> Api {
    const CONNECT_TIMEOUT: &str = "connect_timeout";
    let mut api = Api::default();
    let client = &mut api.client;
    section.choice("signature", &mut client.signature, &SIGNATURES);
    section.duration("request_timeout", &mut client.request_timeout, ONE_MILLISECOND..=MAX_DURATION);
    section.duration(CONNECT_TIMEOUT, &mut client.connect_timeout, ONE_MILLISECOND..=MAX_DURATION);
    section.integer("max_in_flight", &mut client.max_in_flight, 1..=10_000);
    section.positive("requests_per_second", &mut client.requests_per_second, 100_000.0);
    section.integer("max_retries", &mut client.max_retries, 0..=100);
    section.size("max_response_bytes", &mut client.max_response_bytes, 1..=1 << 40);
    client.proxy = proxy(section);
    section.boolean("allow_http", &mut api.allow_http);

    let client = &api.client;
    if section.is_set(CONNECT_TIMEOUT) && client.connect_timeout > client.request_timeout {
        let timeout = format_duration(client.request_timeout);
        let message = format!("is longer than request_timeout, which ends every request after {timeout}");
        section.warning(CONNECT_TIMEOUT, message);
    }
    api
}

fn proxy(section: &SectionReader<'_>) -> Option<String> {
    const PROXY: &str = "proxy";
    let url = section.secret(PROXY)?;
    if !is_proxy_url(url.expose()) {
        section.problem(PROXY, PROXY_RULE);
        return None;
    }
    section.record(PROXY, Kind::Secret, quoted(&redact_proxy_url(url.expose())));
    Some(url.expose().to_owned())
}

fn collectors(section: &SectionReader<'_>, listing: &mut ListingOptions, render: &mut RenderOptions) {
    section.boolean("node_pools", &mut render.node_pools);
    section.choice("instances", &mut listing.instances, &DEPTHS);
    section.boolean("nodes", &mut render.nodes);
    listing.nodes = render.nodes;
    section.boolean("transitions", &mut render.transitions);
    section.boolean("lifecycle", &mut render.lifecycle);
    section.choice("persistent", &mut listing.persistent, &DEPTHS);
    render.users = users(section);
    section.choice("stateset", &mut render.state_set, &STATE_SETS);
    section.integer("max_series", &mut render.max_series, 1..=1_000_000_000);
}

fn users(section: &SectionReader<'_>) -> UserLabel {
    const KEY: &str = "user_hash_key";
    #[derive(Clone, Copy, PartialEq)]
    enum Choice {
        Off,
        Hash,
        Plain,
    }
    let mut choice = Choice::Off;
    let choices = [("off", Choice::Off), ("hash", Choice::Hash), ("plain", Choice::Plain)];
    section.choice("users", &mut choice, &choices);
    let key = section.secret(KEY);
    match (choice, key) {
        (Choice::Off, _) => UserLabel::Off,
        (Choice::Plain, _) => UserLabel::Plain,
        (Choice::Hash, Some(key)) => UserLabel::Hash(PseudonymKey::new(key.expose().as_bytes())),
        (Choice::Hash, None) => {
            if !section.is_filled(KEY) {
                let rule = "any secret text, or file:PATH or env:NAME";
                section.problem(KEY, format!("is required for users = \"hash\": {rule}"));
            }
            UserLabel::Off
        }
    }
}

fn labels(section: &SectionReader<'_>, render: &mut RenderOptions) {
    const GROUP: &str = "group";
    let (mut group, mut tags) = (Vec::new(), Vec::new());
    section.texts(GROUP, &mut group);
    section.texts("tags", &mut tags);
    section.boolean("system_tags", &mut render.system_tags);
    // The shortest limit leaves ids, statuses and addresses whole.
    section.integer("max_value_length", &mut render.max_value_length, 64..=1_000_000);

    let group_label = |text: String| match text.strip_prefix("tag:") {
        Some(key) if !key.is_empty() => Some(GroupLabel::Tag(key.to_owned())),
        _ if text == "name" => Some(GroupLabel::Name),
        _ => {
            section.problem(GROUP, format!("{text:?} must be name, or tag:KEY with the key of a tag"));
            None
        }
    };
    render.group_labels = group.into_iter().filter_map(group_label).collect();
    render.tags = match tags {
        _ if tags.is_empty() => TagSelection::None,
        _ if tags.iter().any(|key| key == "*") => TagSelection::All,
        _ => TagSelection::Keys(tags),
    };
}

fn schedule(section: &SectionReader<'_>, render: &mut RenderOptions) {
    const TIME_ZONE: &str = "time_zone";
    let name = section.text_or(TIME_ZONE, || Some(DEFAULT_TIME_ZONE_NAME.to_owned()));
    let name = name.unwrap_or_default();
    match TimeZone::get(&name) {
        Ok(time_zone) => render.time_zone = time_zone,
        Err(_) => {
            let message =
                format!("{name:?} is not a known time zone: use a name such as Asia/Shanghai or UTC");
            section.problem(TIME_ZONE, message);
        }
    }
}

fn shard(section: &SectionReader<'_>, host_name: Option<&str>) -> Shard {
    let mut shard = Shard::default();
    let index = section.ordinal(SHARD_INDEX);
    section.integer("total", &mut shard.total, 1..=10_000);
    match shard_index(index.as_deref(), shard.total, host_name) {
        Ok(index) => shard.index = index,
        Err(message) => section.problem(SHARD_INDEX, message),
    }
    section.record(SHARD_INDEX, Kind::Ordinal, shard.index.to_string());
    shard
}

fn shard_index(text: Option<&str>, total: u32, host_name: Option<&str>) -> Result<u32, String> {
    const RULE: &str = "a whole number from 0, or \"hostname\"";
    let index = match text {
        None if total > 1 => return Err(format!("is required where sharding.total is {total}: {RULE}")),
        None => 0,
        // A StatefulSet of twice as many pods is two replicas of each shard.
        Some(HOST_NAME) => ordinal_of(host_name).map(|ordinal| ordinal % total).ok_or_else(|| {
            let name = host_name.map_or_else(|| "is unknown".to_owned(), |name| format!("is {name:?}"));
            format!("the host name {name}; it must end in a number, as in a pod of a StatefulSet")
        })?,
        Some(text) => text.parse().map_err(|_| format!("must be {RULE}"))?,
    };
    if index >= total {
        return Err(format!("the index {index} must be below sharding.total, which is {total}"));
    }
    Ok(index)
}

/// Warns if a StatefulSet has more pods than shards and nothing makes the second pod of a shard its
/// standby.
fn warn_of_same_shard(section: &SectionReader<'_>, shard: Shard, host_name: Option<&str>) {
    let Some(ordinal) = ordinal_of(host_name).filter(|ordinal| *ordinal >= shard.total) else { return };
    if section.is_text(SHARD_INDEX, HOST_NAME) {
        let Shard { index, total } = shard;
        let message = format!(
            "the ordinal {ordinal} is the second replica of shard {index} of {total}, and replicas.mode is off: \
             both poll the same groups"
        );
        section.warning(SHARD_INDEX, message);
    }
}

/// The number at the end of the name of a StatefulSet's pod: 2 for `appstreaming-exporter-2`.
fn ordinal_of(host_name: Option<&str>) -> Option<u32> {
    // A fully qualified name starts with the pod's name.
    let pod = host_name?.split('.').next()?;
    let (_, ordinal) = pod.rsplit_once('-')?;
    ordinal.bytes().all(|byte| byte.is_ascii_digit()).then(|| ordinal.parse().ok())?
}
