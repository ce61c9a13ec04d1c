//! What the exporter keeps about itself.

use crate::metrics::catalogue::family::{Family, Section};

/// Upper bounds of `appstreaming_exporter_poll_duration_seconds`, seconds: from a small account to a poll
/// that is given up.
pub const POLL_DURATION_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Upper bounds of `appstreaming_exporter_api_request_duration_seconds`, seconds: from the nearest
/// region to the default request timeout.
pub const REQUEST_DURATION_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) const SECTION: Section = Section {
    title: "The exporter itself",
    introduction: "Kept as the exporter runs, apart from the fleet: these are there before the first poll \
        has ended. `account`, `region_id` and `group_id` don't narrow them; with `collect[]` they are there if \
        it names `exporter`.",
    families: FAMILIES,
};

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_exporter_build_info",
        help: "What the exporter was built from; always 1.",
        source: "the build",
        labels: &["version", "revision", "rustc"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_polls_total",
        help: "Polls of the target that ended, by result.",
        source: "polls",
        labels: &["account", "target", "result"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_poll_duration_seconds",
        help: "How long polls took from start to end, waiting for the rate limit included.",
        source: "polls",
        ..Family::HISTOGRAM
    },
    Family {
        name: "appstreaming_exporter_poll_overruns_total",
        help: "Polls that were still running when the next one was due.",
        source: "polls",
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_api_requests_total",
        help: "Attempts at the API by outcome: OK, the API's error code, or timeout, connect, protocol.",
        source: "API requests",
        labels: &["account", "operation", "code"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_api_request_duration_seconds",
        help: "How long attempts at the API took from sending to the last byte, waiting for the rate limit not included.",
        source: "API requests",
        labels: &["operation"],
        ..Family::HISTOGRAM
    },
    Family {
        name: "appstreaming_exporter_api_retries_total",
        help: "Attempts at the API that repeated a failed one.",
        source: "API requests",
        labels: &["operation"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_api_rate_limit",
        help: "Requests per second allowed now; lower than configured after the API has throttled.",
        source: "rate limit",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_api_in_flight",
        help: "API requests that are being answered now.",
        source: "API requests",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_api_limiter_wait_seconds_total",
        help: "Time that API requests have waited for the rate limit.",
        source: "rate limit",
        labels: &["account"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_poll_planned_requests",
        help: "API requests that one poll of the account takes, by the fleet seen last.",
        source: "polls",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_paging_inconsistencies_total",
        help: "Listings published although their pages didn't agree with the number of entries reported.",
        source: "listings",
        labels: &["operation"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_unknown_values_total",
        help: "Values of this field that are on no documented list; they are served as they are.",
        source: "API answers",
        labels: &["field"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_unparsable_fields_total",
        help: "Values of this field that could not be read; their metrics have no sample.",
        source: "API answers",
        labels: &["field"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_credentials_expiry_timestamp_seconds",
        help: "When the credentials in use expire; no sample for those that don't.",
        source: "credentials",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_credentials_refreshes_total",
        help: "Attempts to get credentials, by result.",
        source: "credentials",
        labels: &["account", "result"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_config_last_reload_successful",
        help: "Whether the last attempt to load the configuration succeeded: 1 or 0.",
        source: "configuration",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_config_last_reload_success_timestamp_seconds",
        help: "When the configuration in force was loaded.",
        source: "configuration",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_series",
        help: "Series in the fleet's last snapshot, by collector.",
        source: "rendering",
        labels: &["collector"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_series_dropped_total",
        help: "Series left out because a snapshot had more than collectors.max_series, by collector.",
        source: "rendering",
        labels: &["collector"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_scrapes_total",
        help: "Scrapes answered, by exposition format and content encoding.",
        source: "HTTP requests",
        labels: &["format", "encoding"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_snapshot_bytes",
        help: "Size of the fleet's last snapshot in each exposition format and content encoding that somebody asked for.",
        source: "rendering",
        labels: &["format", "encoding"],
        ..Family::GAUGE
    },
];
