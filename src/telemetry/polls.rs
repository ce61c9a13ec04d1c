//! Polls: results, durations, overruns, and what was wrong with the data of responses.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus::{HistogramVec, IntCounter, IntCounterVec};

use super::{RESULTS, collectors};
use crate::fleet::{DecodeIssues, operation};
use crate::metrics::MetricFamily;
use crate::metrics::catalogue::POLL_DURATION_BUCKETS;

/// The number of overruns whose time is kept.
const MAX_OVERRUN_TIMES: usize = 10;

/// Results and durations of polls, and defects of the data.
pub(super) struct PollMetrics {
    finished: IntCounterVec,
    durations: HistogramVec,
    overruns: IntCounter,
    /// When the last overruns ended, the oldest first.
    overrun_times: Mutex<VecDeque<Timestamp>>,
    inconsistencies: IntCounterVec,
    unknown: IntCounterVec,
    unparsable: IntCounterVec,
}

impl PollMetrics {
    /// Metrics without targets. Series whose labels are known in advance start at 0.
    pub(super) fn new() -> Self {
        let duration = "appstreaming_exporter_poll_duration_seconds";
        let inconsistencies = "appstreaming_exporter_paging_inconsistencies_total";
        let polls = Self {
            finished: collectors::counters(
                "appstreaming_exporter_polls_total",
                &["account", "target", "result"],
            ),
            durations: collectors::durations(duration, &[], POLL_DURATION_BUCKETS),
            overruns: collectors::counter("appstreaming_exporter_poll_overruns_total"),
            overrun_times: Mutex::default(),
            inconsistencies: collectors::counters(inconsistencies, &["operation"]),
            unknown: collectors::counters("appstreaming_exporter_unknown_values_total", &["field"]),
            unparsable: collectors::counters("appstreaming_exporter_unparsable_fields_total", &["field"]),
        };
        polls.durations.with_label_values::<&str>(&[]);
        for operation in operation::ALL {
            polls.inconsistencies.with_label_values(&[operation]);
        }
        polls
    }

    /// Adds a target, whose polls are counted from 0.
    pub(super) fn add_target(&self, account: &str, target: &str) {
        for result in RESULTS {
            self.finished.with_label_values(&[account, target, result]);
        }
    }

    /// Removes the series of a target.
    pub(super) fn forget_target(&self, account: &str, target: &str) {
        for result in RESULTS {
            // An error means that there was no such series.
            let _ = self.finished.remove_label_values(&[account, target, result]);
        }
    }

    /// Counts a poll that ended.
    pub(super) fn finished(&self, account: &str, target: &str, succeeded: bool, took: Duration) {
        self.finished.with_label_values(&[account, target, super::result(succeeded)]).inc();
        self.durations.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    /// Counts a poll that took longer than the poll interval and ended at `at`.
    pub(super) fn overrun(&self, at: Timestamp) {
        self.overruns.inc();
        let mut times = self.overrun_times.lock();
        if times.len() == MAX_OVERRUN_TIMES {
            times.pop_front();
        }
        times.push_back(at);
    }

    /// When the last overruns ended, the oldest first.
    pub(super) fn overrun_times(&self) -> Vec<Timestamp> {
        self.overrun_times.lock().iter().copied().collect()
    }

    /// The number of overruns since the start.
    pub(super) fn overruns(&self) -> u64 {
        self.overruns.get()
    }

    /// Counts inconsistent passes over a listing.
    pub(super) fn inconsistencies(&self, operation: &str, passes: u64) {
        self.inconsistencies.with_label_values(&[operation]).inc_by(passes);
    }

    /// Counts unknown values and unparsable fields.
    pub(super) fn findings(&self, findings: &DecodeIssues) {
        for (counters, found) in
            [(&self.unknown, &findings.unknown), (&self.unparsable, &findings.unparsable)]
        {
            for (field, count) in found {
                counters.with_label_values(&[field]).inc_by(*count);
            }
        }
    }

    /// The present values.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let Self { finished, durations, overruns, inconsistencies, unknown, unparsable, .. } = self;
        collectors::families(&[finished, durations, overruns, inconsistencies, unknown, unparsable])
    }
}
