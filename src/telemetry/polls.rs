//! Polls: how they went, how long they took, what reading the answers brought up.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::Maker;
use crate::fleet::{DecodeIssues, operation};
use crate::metrics::catalogue::POLL_DURATION_BUCKETS;

pub(super) struct Polls {
    finished: IntCounterVec,
    durations: HistogramVec,
    overruns: IntCounter,
    planned: IntGaugeVec,
    inconsistencies: IntCounterVec,
    unknown: IntCounterVec,
    unparsable: IntCounterVec,
}

impl Polls {
    pub(super) fn new(make: &Maker<'_>) -> Polls {
        let polls = Polls {
            finished: make.counters("appstreaming_exporter_polls_total", &["account", "target", "result"]),
            durations: make.durations(
                "appstreaming_exporter_poll_duration_seconds",
                &[],
                POLL_DURATION_BUCKETS,
            ),
            overruns: make.counter("appstreaming_exporter_poll_overruns_total"),
            planned: make.gauges("appstreaming_exporter_poll_planned_requests", &["account"]),
            inconsistencies: make
                .counters("appstreaming_exporter_paging_inconsistencies_total", &["operation"]),
            unknown: make.counters("appstreaming_exporter_unknown_values_total", &["field"]),
            unparsable: make.counters("appstreaming_exporter_unparsable_fields_total", &["field"]),
        };
        polls.durations.with_label_values::<&str>(&[]);
        for operation in operation::ALL {
            polls.inconsistencies.with_label_values(&[operation]);
        }
        polls
    }

    pub(super) fn account(&self, account: &str) {
        self.planned.with_label_values(&[account]);
    }

    pub(super) fn target(&self, account: &str, target: &str) {
        for result in [super::result(true), super::result(false)] {
            self.finished.with_label_values(&[account, target, result]);
        }
    }

    // What is removed below may never have been there: then there is nothing to do.

    pub(super) fn forget_target(&self, account: &str, target: &str) {
        for result in [super::result(true), super::result(false)] {
            let _ = self.finished.remove_label_values(&[account, target, result]);
        }
    }

    pub(super) fn forget_account(&self, account: &str) {
        let _ = self.planned.remove_label_values(&[account]);
    }

    pub(super) fn finished(&self, account: &str, target: &str, succeeded: bool, took: Duration) {
        self.finished.with_label_values(&[account, target, super::result(succeeded)]).inc();
        self.durations.with_label_values::<&str>(&[]).observe(took.as_secs_f64());
    }

    pub(super) fn overrun(&self) {
        self.overruns.inc();
    }

    pub(super) fn planned(&self, account: &str, requests: u64) {
        self.planned.with_label_values(&[account]).set(super::signed(requests));
    }

    pub(super) fn inconsistencies(&self, operation: &str, listings: u64) {
        self.inconsistencies.with_label_values(&[operation]).inc_by(listings);
    }

    pub(super) fn findings(&self, findings: &DecodeIssues) {
        for (counters, found) in
            [(&self.unknown, &findings.unknown), (&self.unparsable, &findings.unparsable)]
        {
            for (field, count) in found {
                counters.with_label_values(&[field]).inc_by(*count);
            }
        }
    }
}
