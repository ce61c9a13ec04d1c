//! What the exporter keeps about itself.

use super::{Chapter, Collector, Extract, Family};
use crate::metrics::Kind;

/// Upper bounds of `appstreaming_exporter_poll_duration_seconds`, seconds: from a small account to a poll
/// that is given up.
pub const POLL_DURATION_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Upper bounds of `appstreaming_exporter_api_request_duration_seconds`, seconds: from the nearest
/// region to the default request timeout.
pub const REQUEST_DURATION_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) const CHAPTER: Chapter = Chapter {
    title: "The exporter itself",
    introduction: "Kept as the exporter runs, apart from the fleet: these are there before the first poll \
        has ended. `account`, `region_id` and `group_id` don't narrow them; with `collect[]` they are there if \
        it names `exporter`.",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
) -> Family {
    Family::new(Collector::Exporter, Kind::Gauge, name, own_labels, source, help, Extract::Kept)
}

const fn counter(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
) -> Family {
    Family::new(Collector::Exporter, Kind::Counter, name, own_labels, source, help, Extract::Kept)
}

const fn histogram(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
) -> Family {
    Family::new(Collector::Exporter, Kind::Histogram, name, own_labels, source, help, Extract::Kept)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_exporter_build_info",
        &["version", "revision", "rustc"],
        "the build",
        "What the exporter was built from; always 1.",
    ),
    counter(
        "appstreaming_exporter_polls_total",
        &["account", "target", "result"],
        "polls",
        "Polls of the target that ended, by result.",
    ),
    histogram(
        "appstreaming_exporter_poll_duration_seconds",
        &[],
        "polls",
        "How long polls took from start to end, waiting for the rate limit included.",
    ),
    counter(
        "appstreaming_exporter_poll_overruns_total",
        &[],
        "polls",
        "Polls that were still running when the next one was due.",
    ),
    counter(
        "appstreaming_exporter_api_requests_total",
        &["account", "operation", "code"],
        "API requests",
        "Attempts at the API by outcome: OK, the API's error code, or timeout, connect, protocol.",
    ),
    histogram(
        "appstreaming_exporter_api_request_duration_seconds",
        &["operation"],
        "API requests",
        "How long attempts at the API took from sending to the last byte, waiting for the rate limit not included.",
    ),
    counter(
        "appstreaming_exporter_api_retries_total",
        &["operation"],
        "API requests",
        "Attempts at the API that repeated a failed one.",
    ),
    gauge(
        "appstreaming_exporter_api_rate_limit",
        &["account"],
        "rate limit",
        "Requests per second allowed now; lower than configured after the API has throttled.",
    ),
    gauge(
        "appstreaming_exporter_api_in_flight",
        &[],
        "API requests",
        "API requests that are being answered now.",
    ),
    counter(
        "appstreaming_exporter_api_limiter_wait_seconds_total",
        &["account"],
        "rate limit",
        "Time that API requests have waited for the rate limit.",
    ),
    gauge(
        "appstreaming_exporter_poll_planned_requests",
        &["account"],
        "polls",
        "API requests that one poll of the account takes, by the fleet seen last.",
    ),
    counter(
        "appstreaming_exporter_paging_inconsistencies_total",
        &["operation"],
        "listings",
        "Listings published although their pages didn't agree with the number of entries reported.",
    ),
    counter(
        "appstreaming_exporter_unknown_values_total",
        &["field"],
        "API answers",
        "Values of this field that are on no documented list; they are served as they are.",
    ),
    counter(
        "appstreaming_exporter_unparsable_fields_total",
        &["field"],
        "API answers",
        "Values of this field that could not be read; their metrics have no sample.",
    ),
    gauge(
        "appstreaming_exporter_credentials_expiry_timestamp_seconds",
        &["account"],
        "credentials",
        "When the credentials in use expire; no sample for those that don't.",
    ),
    counter(
        "appstreaming_exporter_credentials_refreshes_total",
        &["account", "result"],
        "credentials",
        "Attempts to get credentials, by result.",
    ),
    gauge(
        "appstreaming_exporter_config_last_reload_successful",
        &[],
        "configuration",
        "Whether the last attempt to load the configuration succeeded: 1 or 0.",
    ),
    gauge(
        "appstreaming_exporter_config_last_reload_success_timestamp_seconds",
        &[],
        "configuration",
        "When the configuration in force was loaded.",
    ),
    gauge(
        "appstreaming_exporter_series",
        &["collector"],
        "rendering",
        "Series in the fleet's last snapshot, by collector.",
    ),
    counter(
        "appstreaming_exporter_series_dropped_total",
        &["collector"],
        "rendering",
        "Series left out because a snapshot had more than collectors.max_series, by collector.",
    ),
    counter(
        "appstreaming_exporter_scrapes_total",
        &["format", "encoding"],
        "HTTP requests",
        "Scrapes answered, by exposition format and content encoding.",
    ),
    gauge(
        "appstreaming_exporter_snapshot_bytes",
        &["format", "encoding"],
        "rendering",
        "Size of the fleet's last snapshot in each exposition format and content encoding that somebody asked for.",
    ),
];
