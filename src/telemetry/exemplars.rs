//! Which requests the latency histogram's buckets are exemplified by: the last one of each.
//!
//! The `prometheus` crate keeps none, so they are kept here and put on what it gathers. A request id is
//! what the cloud's support asks for first.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::aliyun::AttemptOutcome;
use crate::metrics::catalogue::REQUEST_DURATION_BUCKETS;
use crate::metrics::{Exemplar, MetricFamily, Value};

/// The label of every exemplar.
const LABEL: &str = "request_id";

/// The last request of each operation in each bucket, `+Inf` last.
#[derive(Debug, Default)]
pub(super) struct Exemplars(Mutex<BTreeMap<&'static str, Buckets>>);

type Buckets = [Option<Exemplar>; REQUEST_DURATION_BUCKETS.len() + 1];

impl Exemplars {
    /// An attempt ended at `at`. One without a request id, or with one that is too long for an exemplar,
    /// exemplifies nothing.
    pub(super) fn finished(&self, outcome: &AttemptOutcome<'_>, at: Timestamp) {
        let Some(id) = outcome.request_id else { return };
        if id.is_empty() || LABEL.len() + id.chars().count() > Exemplar::MOST_CHARACTERS {
            return;
        }
        let value = outcome.took.as_secs_f64();
        let bucket = REQUEST_DURATION_BUCKETS.partition_point(|bound| *bound < value);
        let exemplar = Exemplar { labels: vec![(LABEL.into(), id.to_owned())], value, at };
        let mut operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        operations.entry(outcome.operation).or_default()[bucket] = Some(exemplar);
    }

    /// Puts them on the samples of the latency histogram.
    pub(super) fn put_on(&self, family: &mut MetricFamily) {
        let operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for sample in &mut family.samples {
            let operation = sample.labels.iter().find(|(name, _)| name == "operation");
            let buckets = operation.and_then(|(_, operation)| operations.get(operation.as_str()));
            if let (Some(buckets), Value::Histogram(histogram)) = (buckets, &mut sample.value) {
                histogram.exemplars = buckets.iter().flatten().cloned().collect();
            }
        }
    }
}
