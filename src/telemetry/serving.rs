//! What is served: series by collector, what a limit took away, scrapes, sizes of bodies.

use std::collections::BTreeMap;

use prometheus::{IntCounterVec, IntGaugeVec};

use super::Maker;
use crate::metrics::catalogue::Collector;
use crate::scrape::negotiation::Representation;

pub(super) struct Serving {
    series: IntGaugeVec,
    dropped: IntCounterVec,
    scrapes: IntCounterVec,
    snapshot_bytes: IntGaugeVec,
}

impl Serving {
    pub(super) fn new(make: &Maker<'_>) -> Serving {
        let representation = ["format", "encoding"];
        let serving = Serving {
            series: make.gauges("appstreaming_exporter_series", &["collector"]),
            dropped: make.counters("appstreaming_exporter_series_dropped_total", &["collector"]),
            scrapes: make.counters("appstreaming_exporter_scrapes_total", &representation),
            snapshot_bytes: make.gauges("appstreaming_exporter_snapshot_bytes", &representation),
        };
        for collector in Collector::FLEET {
            serving.series.with_label_values(&[collector.as_str()]);
            serving.dropped.with_label_values(&[collector.as_str()]);
        }
        for Representation { format, encoding, .. } in Representation::all() {
            serving.scrapes.with_label_values(&[format.name(), encoding.name()]);
        }
        serving
    }

    pub(super) fn exposition(
        &self,
        series: &BTreeMap<&'static str, u64>,
        dropped: &BTreeMap<&'static str, u64>,
    ) {
        for collector in Collector::FLEET.map(Collector::as_str) {
            let count = series.get(collector).copied().unwrap_or_default();
            self.series.with_label_values(&[collector]).set(super::signed(count));
        }
        for (collector, count) in dropped {
            self.dropped.with_label_values(&[collector]).inc_by(*count);
        }
    }

    pub(super) fn snapshot_bytes(&self, format: &str, encoding: &str, bytes: Option<usize>) {
        let labels = [format, encoding];
        match bytes {
            Some(bytes) => self.snapshot_bytes.with_label_values(&labels).set(super::signed(bytes as u64)),
            // There may be none to remove, which is as good.
            None => drop(self.snapshot_bytes.remove_label_values(&labels)),
        }
    }

    pub(super) fn scraped(&self, format: &str, encoding: &str) {
        self.scrapes.with_label_values(&[format, encoding]).inc();
    }
}
