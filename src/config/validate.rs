//! The rules of each section but the accounts, and its defaults beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use figment::value::{Dict, Value};
use jiff::tz::TimeZone;

use super::account;
use super::model::{
    Api, Collectors, Config, Depth, GroupLabel, Labels, Poll, Schedule, Sharding, StateSet, Tags, Users,
};
use super::reader::{SectionReader, reject_unknown_keys};
use super::secret::Proxy;
use super::sourced::Sourced;
use crate::aliyun::SignatureVersion;
use crate::document::{Diagnostics, format_duration};

/// Far beyond every use, and far from where adding it to a clock would overflow.
const LONGEST: Duration = Duration::from_hours(8784);

/// Reads everything; what is wrong stays with the reader, and then the result is worth nothing.
pub(super) fn config(
    diagnostics: &Diagnostics<'_>,
    values: &Dict,
    environment: &BTreeMap<String, String>,
    host_name: Option<&str>,
) -> Option<Config> {
    reject_unknown_keys(diagnostics, &Value::from(values.clone()), "");
    let root = SectionReader::root(diagnostics, values, environment);
    let poll = poll(&root.section("poll"));
    let api = api(&root.section("api"));
    let collectors = collectors(&root.section("collectors"));
    let labels = labels(&root.section("labels"));
    let schedule = schedule(&root.section("schedule"));
    let sharding = sharding(&root.section("sharding"), host_name);
    let accounts = account::accounts(&root, api.allow_http)?;
    Some(Config { poll, api, collectors, labels, schedule, sharding, accounts })
}

fn poll(table: &SectionReader<'_>) -> Poll {
    const STALE_AFTER: &str = "stale_after";
    let interval = table.duration("interval", "60s", Duration::from_secs(1)..=LONGEST);
    let mut stale_after = table.duration(STALE_AFTER, "5m", Duration::from_secs(5)..=LONGEST);
    if table.is_set(STALE_AFTER) {
        // A poll takes its time: data that is fetched every minute may well be a minute and a half old.
        if stale_after.get() < interval.get() * 3 / 2 {
            let message = format!(
                "{stale_after} leaves little time for a poll that starts every {interval}: series will come and go; \
                 three intervals are a good choice"
            );
            table.warning(STALE_AFTER, message);
        }
    } else {
        // Whoever polls every ten minutes doesn't want data to vanish after five.
        let three_polls = interval.get() * 3;
        if three_polls > stale_after.get() {
            stale_after = Sourced::new(three_polls, format_duration(three_polls));
        }
    }
    Poll {
        interval,
        timeout: table.duration("timeout", "5m", Duration::from_millis(1)..=LONGEST),
        stale_after,
        page_size: table.integer("page_size", 100, 1..=100),
        shutdown_grace: table.duration("shutdown_grace", "5s", Duration::ZERO..=LONGEST),
    }
}

fn api(table: &SectionReader<'_>) -> Api {
    const PROXY: &str = "proxy";
    let proxy = table.secret(PROXY).and_then(|url| {
        let proxy = Proxy::parse(url.expose());
        if proxy.is_none() {
            table.problem(PROXY, "must be a URL such as http://proxy.example:3128");
        }
        proxy
    });
    let request_timeout = table.duration("request_timeout", "10s", Duration::from_millis(1)..=LONGEST);
    let connect_timeout = table.duration("connect_timeout", "5s", Duration::from_millis(1)..=LONGEST);
    if table.is_set("connect_timeout") && connect_timeout.get() > request_timeout.get() {
        let message =
            format!("is longer than request_timeout, which ends every request after {request_timeout}");
        table.warning("connect_timeout", message);
    }
    Api {
        signature: table.choice(
            "signature",
            SignatureVersion::V3,
            &[("v3", SignatureVersion::V3), ("v2", SignatureVersion::V2)],
        ),
        request_timeout,
        connect_timeout,
        max_in_flight: table.integer("max_in_flight", 8, 1..=10_000),
        requests_per_second: table.positive("requests_per_second", 20.0, 5_000.0),
        max_retries: table.integer("max_retries", 3, 0..=100),
        max_response_bytes: table.size("max_response_bytes", "16MiB", 1..=1 << 40),
        allow_http: table.boolean("allow_http", false),
        proxy,
    }
}

fn collectors(table: &SectionReader<'_>) -> Collectors {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Off,
        Hash,
        Plain,
    }
    const KEY: &str = "user_hash_key";
    let key = table.secret(KEY);
    let users = match table.choice(
        "users",
        Word::Off,
        &[("off", Word::Off), ("hash", Word::Hash), ("plain", Word::Plain)],
    ) {
        Word::Off => Users::Off,
        Word::Plain => Users::Plain,
        Word::Hash => match key {
            Some(key) => Users::Hash(key),
            None => {
                if !table.is_filled(KEY) {
                    let rule = "any text that is kept secret, or file:PATH or env:NAME";
                    table.problem(KEY, format!("is needed for users = \"hash\": {rule}"));
                }
                Users::Off
            }
        },
    };
    Collectors {
        node_pools: table.boolean("node_pools", true),
        instances: table.choice("instances", Depth::Aggregate, &Depth::WORDS),
        nodes: table.boolean("nodes", true),
        persistent: table.choice("persistent", Depth::Aggregate, &Depth::WORDS),
        users,
        stateset: table.choice(
            "stateset",
            StateSet::Current,
            &[("current", StateSet::Current), ("full", StateSet::Full)],
        ),
        max_series: table.integer("max_series", 2_000_000, 1..=1_000_000_000),
    }
}

fn labels(table: &SectionReader<'_>) -> Labels {
    const GROUP: &str = "group";
    let group_label = |text: String| match text.strip_prefix("tag:") {
        Some(key) if !key.is_empty() => Some(GroupLabel::Tag(key.to_owned())),
        _ if text == "name" => Some(GroupLabel::Name),
        _ => {
            table.problem(GROUP, format!("{text:?} must be name, or tag:KEY with the key of a tag"));
            None
        }
    };
    let tags = table.texts("tags");
    Labels {
        group: table.texts(GROUP).into_iter().filter_map(group_label).collect(),
        tags: match tags {
            _ if tags.is_empty() => Tags::None,
            _ if tags.iter().any(|key| key == "*") => Tags::All,
            _ => Tags::Keys(tags),
        },
        system_tags: table.boolean("system_tags", false),
    }
}

fn schedule(table: &SectionReader<'_>) -> Schedule {
    const TIME_ZONE: &str = "time_zone";
    let time_zone_name = table.text(TIME_ZONE).unwrap_or_else(|| "Asia/Shanghai".to_owned());
    let time_zone = TimeZone::get(&time_zone_name).unwrap_or_else(|_| {
        let message =
            format!("{time_zone_name:?} is no known time zone: write a name such as Asia/Shanghai or UTC");
        table.problem(TIME_ZONE, message);
        TimeZone::UTC
    });
    Schedule { time_zone, time_zone_name }
}

fn sharding(table: &SectionReader<'_>, host_name: Option<&str>) -> Sharding {
    const INDEX: &str = "index";
    const RULE: &str = "must be a whole number from 0, or \"hostname\"";
    let total = table.integer("total", 1, 1..=10_000);
    let index = match table.scalar(INDEX).map(|text| text.trim().parse::<u32>().map_err(|_| text)) {
        None => 0,
        Some(Ok(index)) => index,
        Some(Err(text)) if text.trim() == "hostname" => ordinal_of(host_name).unwrap_or_else(|| {
            let name = host_name.map_or_else(|| "is unknown".to_owned(), |name| format!("is {name:?}"));
            table.problem(
                INDEX,
                format!("the host name {name}, which doesn't end in a number as a StatefulSet pod's does"),
            );
            0
        }),
        Some(Err(_)) => {
            table.problem(INDEX, RULE);
            0
        }
    };
    if index >= total {
        let name = if table.is_set(INDEX) { INDEX } else { "total" };
        table.problem(name, format!("the index {index} must be below the total, which is {total}"));
    }
    Sharding { index, total }
}

/// The number at the end of a StatefulSet pod's name: `appstreaming-exporter-2` is 2.
fn ordinal_of(host_name: Option<&str>) -> Option<u32> {
    // A fully qualified name has the pod's name in front.
    let pod = host_name?.split('.').next()?;
    let (_, ordinal) = pod.rsplit_once('-')?;
    ordinal.bytes().all(|byte| byte.is_ascii_digit()).then(|| ordinal.parse().ok())?
}
