//! The configuration in force: whether the last reading of it was good, and when the last good one was.

use jiff::Timestamp;
use prometheus::{GaugeVec, IntGaugeVec};

use super::Maker;
use crate::fleet::timestamp::seconds;

/// Gauges without labels that don't exist until they are set: 0 would be a time and a failure.
pub(super) struct Configuration {
    successful: IntGaugeVec,
    success: GaugeVec,
}

impl Configuration {
    pub(super) fn new(make: &Maker<'_>) -> Configuration {
        let success = "appstreaming_exporter_config_last_reload_success_timestamp_seconds";
        Configuration {
            successful: make.gauges("appstreaming_exporter_config_last_reload_successful", &[]),
            success: make.fractional_gauges(success, &[]),
        }
    }

    pub(super) fn loaded(&self, succeeded: bool, at: Timestamp) {
        self.successful.with_label_values::<&str>(&[]).set(i64::from(succeeded));
        if succeeded {
            self.success.with_label_values::<&str>(&[]).set(seconds(at));
        }
    }
}
