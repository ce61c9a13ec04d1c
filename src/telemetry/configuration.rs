//! The active configuration: its poll interval and its shard, whether the last attempt to load it
//! succeeded, and the time of the last success.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::collectors;
use super::status::Setup;
use crate::fleet::timestamp::seconds;
use crate::metrics::MetricFamily;

/// The last attempt. There is no sample before the first attempt, because 0 would mean a failure.
#[derive(Default)]
pub(super) struct ConfigLoads(Mutex<LastLoad>);

#[derive(Clone, Copy, Default)]
struct LastLoad {
    succeeded: Option<bool>,
    succeeded_at: Option<Timestamp>,
}

impl ConfigLoads {
    /// Records an attempt that ended at `at`.
    pub(super) fn record(&self, succeeded: bool, at: Timestamp) {
        let mut last = self.0.lock();
        last.succeeded = Some(succeeded);
        if succeeded {
            last.succeeded_at = Some(at);
        }
    }

    /// Whether the last attempt failed.
    pub(super) fn last_failed(&self) -> bool {
        self.0.lock().succeeded == Some(false)
    }

    /// The present values; empty before the first attempt.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let LastLoad { succeeded, succeeded_at } = *self.0.lock();
        let succeeded = succeeded.map(|succeeded| {
            let value = if succeeded { 1.0 } else { 0.0 };
            collectors::gauge("appstreaming_exporter_config_last_reload_successful", value)
        });
        let succeeded_at = succeeded_at.map(|at| {
            let name = "appstreaming_exporter_config_last_reload_success_timestamp_seconds";
            collectors::gauge(name, seconds(at))
        });
        succeeded.into_iter().chain(succeeded_at).collect()
    }
}

/// The settings that alerts and dashboards calculate with.
#[derive(Default)]
pub(super) struct Settings(Mutex<Option<(SignedDuration, u32, u32)>>);

impl Settings {
    /// Replaces the settings.
    pub(super) fn set(&self, setup: &Setup) {
        *self.0.lock() = Some((setup.interval, setup.shard_index, setup.shards));
    }

    /// The present values; empty before a configuration is active.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let Some((interval, shard, shards)) = *self.0.lock() else { return Vec::new() };
        let interval = interval.as_secs_f64();
        let shard = ([shard.to_string(), shards.to_string()], 1.0);
        vec![
            collectors::gauge("appstreaming_exporter_poll_interval_seconds", interval),
            collectors::gauges("appstreaming_exporter_shard_info", ["shard", "shards"], [shard]),
        ]
    }
}
