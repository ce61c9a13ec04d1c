//! The families of metrics that the exporter keeps about itself.

use crate::metrics::catalogue::family::{Family, Section};

/// Upper bounds of `appstreaming_exporter_poll_duration_seconds`, in seconds: from a poll of a
/// small account to a poll that times out after the default of `poll.timeout`.
pub const POLL_DURATION_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Upper bounds of `appstreaming_exporter_api_request_duration_seconds`, in seconds: from a request
/// to the nearest region to the default timeout of requests.
pub const REQUEST_DURATION_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) const SECTION: Section = Section {
    title: "The exporter itself",
    introduction: "These metrics are kept while the exporter runs, do not depend on the fleet, and are \
        served even before the first poll has ended. The filters `account`, `region_id` and `group_id` do \
        not apply to them. A scrape with `collect[]` gets them only if `exporter` is one of its values.",
    families: FAMILIES,
};

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_exporter_build_info",
        help: "Version, git commit and compiler of the exporter; always 1.",
        source: "the build",
        labels: &["version", "revision", "rustc"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_polls_total",
        help: "Finished polls of the target, by result.",
        source: "polls",
        labels: &["account", "target", "result"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_poll_duration_seconds",
        help: "Duration of polls in seconds, including the time spent waiting for the rate limit.",
        source: "polls",
        bounds: POLL_DURATION_BUCKETS,
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
        help: "API requests by outcome: OK, the API's error code, or timeout, connect, protocol; a retry counts as another request.",
        source: "API requests",
        labels: &["account", "operation", "code"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_api_request_duration_seconds",
        help: "Duration of API requests in seconds from sending to the last byte of the response, without the time spent waiting for the rate limit.",
        source: "API requests",
        labels: &["operation"],
        bounds: REQUEST_DURATION_BUCKETS,
        ..Family::HISTOGRAM
    },
    Family {
        name: "appstreaming_exporter_api_retries_total",
        help: "API requests that repeated a failed request.",
        source: "API requests",
        labels: &["operation"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_api_rate_limit",
        help: "Current limit of API requests per second; below api.requests_per_second, or a shard's share of it, after the API has throttled requests.",
        source: "rate limit",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_api_in_flight",
        help: "API requests in flight.",
        source: "API requests",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_api_limiter_wait_seconds_total",
        help: "Time in seconds that API requests have waited for the rate limit and for api.max_in_flight.",
        source: "rate limit",
        labels: &["account"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_poll_planned_requests",
        help: "API requests that the last poll of the account needs, from the sizes of its last listings; persistent sessions count only where the poll lists them.",
        source: "polls",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_paging_inconsistencies_total",
        help: "How often the pages of a listing did not match the number of entries that the API reported; such a listing is fetched again, up to three times in total, and then published.",
        source: "listings",
        labels: &["operation"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_unknown_values_total",
        help: "Values of this field that the API documentation does not list; at most 16 of them are exported by name, the others as OTHER.",
        source: "API responses",
        labels: &["field"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_unparsable_fields_total",
        help: "Values of this field that could not be parsed; their metrics have no sample.",
        source: "API responses",
        labels: &["field"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_credentials_expiry_timestamp_seconds",
        help: "Expiry time of the credentials in use, in Unix seconds; no sample if they do not expire.",
        source: "credentials",
        labels: &["account"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_credentials_refreshes_total",
        help: "Attempts to obtain credentials, by result.",
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
        help: "Time at which the active configuration was loaded, in Unix seconds.",
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
        help: "Series dropped because a snapshot had more than collectors.max_series, by collector.",
        source: "rendering",
        labels: &["collector"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_scrapes_total",
        help: "Scrapes served, by exposition format and content encoding.",
        source: "HTTP requests",
        labels: &["format", "encoding"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_snapshot_bytes",
        help: "Size in bytes of the last rendered snapshot, for each exposition format and content encoding that was requested.",
        source: "rendering",
        labels: &["format", "encoding"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_poll_interval_seconds",
        help: "The setting poll.interval in seconds.",
        source: "configuration",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_shard_info",
        help: "The exporter's shard, from 0, and the number of shards; always 1.",
        source: "configuration",
        labels: &["shard", "shards"],
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_replica_active",
        help: "Whether this replica is the active one, which polls: 1 or 0; 1 if the exporter has no replicas.",
        source: "replicas",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_state_timestamp_seconds",
        help: "Time at which the snapshot that is served was published, by this replica or by the active one, in Unix seconds; no sample before the first snapshot.",
        source: "replicas",
        ..Family::GAUGE
    },
    Family {
        name: "appstreaming_exporter_state_restores_total",
        help: "First restores of a state after a start or a takeover, by source (file or peer) and result (ok, stale, damaged, foreign or version).",
        source: "state",
        labels: &["source", "result"],
        ..Family::COUNTER
    },
    Family {
        name: "appstreaming_exporter_takeovers_total",
        help: "How often this replica was a standby and became active.",
        source: "replicas",
        ..Family::COUNTER
    },
];
