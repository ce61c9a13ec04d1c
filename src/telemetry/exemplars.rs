//! The exemplars of the latency histogram: the last request of each operation in each bucket.
//!
//! The `prometheus` crate has no exemplars, so they are kept here and added to its families. The
//! exemplar carries the request id, which Alibaba Cloud's support asks for first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::aliyun::AttemptOutcome;
use crate::metrics::catalogue::REQUEST_DURATION_BUCKETS;
use crate::metrics::{Exemplar, MetricFamily, Value};

/// The label of every exemplar.
const LABEL: &str = "request_id";

/// The last request of each operation in each bucket.
#[derive(Debug, Default)]
pub(super) struct Exemplars(Mutex<BTreeMap<&'static str, Buckets>>);

/// One slot a bucket, `+Inf` last.
type Buckets = [Option<Exemplar>; REQUEST_DURATION_BUCKETS.len() + 1];

impl Exemplars {
    /// Records an attempt that ended at `at`. An attempt without a request id, or with one that is
    /// too long for an exemplar, is ignored.
    pub(super) fn record(&self, outcome: &AttemptOutcome<'_>, at: Timestamp) {
        let Some(id) = outcome.request_id else { return };
        if id.is_empty() || LABEL.len() + id.chars().count() > Exemplar::MAX_LABEL_CHARACTERS {
            return;
        }
        let value = outcome.took.as_secs_f64();
        let bucket = REQUEST_DURATION_BUCKETS.partition_point(|bound| *bound < value);
        let exemplar = Exemplar { labels: vec![(LABEL.into(), id.to_owned())], value, at };
        self.0.lock().entry(outcome.operation).or_default()[bucket] = Some(exemplar);
    }

    /// Adds the exemplars to the samples of the latency histogram.
    pub(super) fn add_to(&self, family: &mut MetricFamily) {
        let operations = self.0.lock();
        for sample in &mut family.samples {
            let operation = sample.labels.iter().find(|(name, _)| name == "operation");
            let buckets = operation.and_then(|(_, operation)| operations.get(&**operation));
            if let (Some(buckets), Value::Histogram(histogram)) = (buckets, &mut sample.value) {
                histogram.exemplars = buckets.iter().flatten().cloned().collect();
            }
        }
    }
}
