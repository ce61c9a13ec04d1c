//! The `prometheus` crate's counters and histograms, and their conversion to [`MetricFamily`].
//!
//! Help texts come from the catalogue. There is no registry: every module of this room keeps its
//! collectors and returns their families.

use std::borrow::Cow;

use prometheus::core::Collector;
use prometheus::{CounterVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, proto};

use crate::metrics::{Histogram, MetricFamily, MetricType, Sample, Value, catalogue};

/// Names and labels are constants of this room, so creating a collector cannot fail; every test
/// that creates a `Telemetry` proves it.
const CONSTANT: &str = "the names and labels of our own metrics are valid";

/// A counter without labels.
pub(super) fn counter(name: &str) -> IntCounter {
    IntCounter::with_opts(options(name)).expect(CONSTANT)
}

/// A counter with labels.
pub(super) fn counters(name: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(options(name), labels).expect(CONSTANT)
}

/// A counter with labels and fractional values, such as seconds.
pub(super) fn fractional_counters(name: &str, labels: &[&str]) -> CounterVec {
    CounterVec::new(options(name), labels).expect(CONSTANT)
}

/// A histogram of durations in seconds; `bounds` are the upper bounds of its buckets.
pub(super) fn durations(name: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
    let options = HistogramOpts::from(options(name)).buckets(bounds.to_vec());
    HistogramVec::new(options, labels).expect(CONSTANT)
}

fn options(name: &str) -> Opts {
    Opts::new(name, help(name))
}

/// The catalogue's help text. A test proves that the catalogue describes every family of this room.
pub(super) fn help(name: &str) -> &'static str {
    catalogue::help(name).expect("the catalogue describes all of the exporter's own metrics")
}

/// The present values of counters and histograms, sorted by label values.
pub(super) fn families(collectors: &[&dyn Collector]) -> Vec<MetricFamily> {
    collectors.iter().flat_map(|collector| collector.collect()).map(|family| convert(&family)).collect()
}

/// A gauge without labels.
pub(super) fn gauge(name: &'static str, value: f64) -> MetricFamily {
    gauges::<0, &'static str>(name, [], [([], value)])
}

/// A gauge with labels: label values and value of each sample.
pub(super) fn gauges<const N: usize, L: Into<Cow<'static, str>>>(
    name: &'static str,
    labels: [&'static str; N],
    samples: impl IntoIterator<Item = ([L; N], f64)>,
) -> MetricFamily {
    let sample = |(values, value): ([L; N], f64)| Sample {
        labels: labels.map(Cow::Borrowed).into_iter().zip(values.map(Into::into)).collect(),
        value: Value::Number(value),
    };
    MetricFamily {
        name: Cow::Borrowed(name),
        help: Cow::Borrowed(help(name)),
        metric_type: MetricType::Gauge,
        samples: samples.into_iter().map(sample).collect(),
    }
}

fn convert(family: &proto::MetricFamily) -> MetricFamily {
    let is_histogram = family.get_field_type() == proto::MetricType::HISTOGRAM;
    let metric_type = if is_histogram { MetricType::Histogram } else { MetricType::Counter };
    let mut samples: Vec<Sample> =
        family.get_metric().iter().map(|metric| sample(metric_type, metric)).collect();
    samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    MetricFamily {
        name: Cow::Owned(family.name().to_owned()),
        help: Cow::Owned(family.help().to_owned()),
        metric_type,
        samples,
    }
}

fn sample(metric_type: MetricType, metric: &proto::Metric) -> Sample {
    let labels = metric.get_label().iter();
    Sample {
        labels: labels
            .map(|pair| (Cow::Owned(pair.name().to_owned()), Cow::Owned(pair.value().to_owned())))
            .collect(),
        value: match metric_type {
            MetricType::Histogram => histogram(metric.get_histogram()),
            MetricType::Counter | MetricType::Gauge => Value::Number(metric.get_counter().get_value()),
        },
    }
}

/// Both data models have cumulative buckets; ours leaves out the bucket `+Inf`, whose value is the
/// count.
fn histogram(histogram: &proto::Histogram) -> Value {
    let buckets = histogram.get_bucket().iter();
    Value::Histogram(Histogram {
        buckets: buckets
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .filter(|(bound, _)| bound.is_finite())
            .collect(),
        sum: histogram.get_sample_sum(),
        count: histogram.get_sample_count(),
        exemplars: Vec::new(),
        native: None,
    })
}
