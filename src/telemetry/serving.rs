//! What is served: series by collector, series dropped by the limit, scrapes, sizes of rendered
//! bodies.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use prometheus::IntCounterVec;

use super::collectors;
use crate::metrics::catalogue::Collector;
use crate::metrics::{MetricFamily, MetricType};

/// The labels of a body: its format and its content encoding.
const REPRESENTATION: [&str; 2] = ["format", "encoding"];

/// Series and dropped series by collector, scrapes and body sizes by representation.
pub(super) struct ServingMetrics {
    series: Mutex<BTreeMap<&'static str, u64>>,
    /// The series that were dropped from the last snapshot, by collector.
    dropped_now: Mutex<BTreeMap<&'static str, u64>>,
    dropped: IntCounterVec,
    scrapes: Mutex<BTreeMap<[&'static str; 2], u64>>,
    body_bytes: Mutex<BTreeMap<[&'static str; 2], usize>>,
}

impl ServingMetrics {
    /// The series of every fleet collector, and the dropped ones, are counted from 0.
    pub(super) fn new() -> Self {
        let dropped = collectors::counters("appstreaming_exporter_series_dropped_total", &["collector"]);
        for collector in Collector::FLEET {
            dropped.with_label_values(&[collector.as_str()]);
        }
        Self {
            series: Mutex::new(counts(&BTreeMap::new())),
            dropped_now: Mutex::default(),
            dropped,
            scrapes: Mutex::default(),
            body_bytes: Mutex::default(),
        }
    }

    /// Counts scrapes in this representation from 0.
    pub(super) fn add_representation(&self, format: &'static str, encoding: &'static str) {
        self.scrapes.lock().entry([format, encoding]).or_default();
    }

    /// Sets the series of the last rendered snapshot, and counts the dropped ones.
    pub(super) fn rendered(
        &self,
        series: &BTreeMap<&'static str, u64>,
        dropped: &BTreeMap<&'static str, u64>,
    ) {
        *self.series.lock() = counts(series);
        self.dropped_now.lock().clone_from(dropped);
        for (collector, count) in dropped {
            self.dropped.with_label_values(&[collector]).inc_by(*count);
        }
    }

    /// Replaces the sizes of the last snapshot's bodies.
    pub(super) fn set_body_bytes(&self, sizes: BTreeMap<[&'static str; 2], usize>) {
        *self.body_bytes.lock() = sizes;
    }

    /// Counts a scrape in this representation.
    pub(super) fn scraped(&self, format: &'static str, encoding: &'static str) {
        *self.scrapes.lock().entry([format, encoding]).or_default() += 1;
    }

    /// Series in the last snapshot, by collector.
    pub(super) fn series(&self) -> BTreeMap<&'static str, u64> {
        self.series.lock().clone()
    }

    /// Series that were dropped from the last snapshot, by collector.
    pub(super) fn dropped(&self) -> BTreeMap<&'static str, u64> {
        self.dropped_now.lock().clone()
    }

    /// The present values, except the number of scrapes.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let series = self.series();
        let series = series.iter().map(|(collector, count)| ([*collector], *count as f64));
        let sizes = self.body_bytes.lock().clone();
        let sizes = sizes.iter().map(|(names, bytes)| (*names, *bytes as f64));
        let gauges = [
            collectors::gauges("appstreaming_exporter_series", ["collector"], series),
            collectors::gauges("appstreaming_exporter_snapshot_bytes", REPRESENTATION, sizes),
        ];
        gauges.into_iter().chain(collectors::families(&[&self.dropped])).collect()
    }

    /// The number of scrapes.
    pub(super) fn scrapes(&self) -> MetricFamily {
        let scrapes = self.scrapes.lock();
        let samples = scrapes.iter().map(|(names, count)| (*names, *count as f64));
        let family = collectors::gauges("appstreaming_exporter_scrapes_total", REPRESENTATION, samples);
        MetricFamily { metric_type: MetricType::Counter, ..family }
    }
}

/// The count of every fleet collector; 0 for a collector without series.
fn counts(series: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    let names = Collector::FLEET.map(Collector::as_str);
    names.into_iter().map(|name| (name, series.get(name).copied().unwrap_or_default())).collect()
}
