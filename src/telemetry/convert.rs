//! From the `prometheus` crate's data model to ours.

use std::borrow::Cow;

use prometheus::proto;

use crate::metrics::{Histogram, Kind, MetricFamily, Sample, Value};

pub(super) fn family(family: &proto::MetricFamily) -> MetricFamily {
    let kind = match family.get_field_type() {
        proto::MetricType::COUNTER => Kind::Counter,
        proto::MetricType::HISTOGRAM => Kind::Histogram,
        // This room registers counters, gauges and histograms only.
        _ => Kind::Gauge,
    };
    MetricFamily {
        name: Cow::Owned(family.name().to_owned()),
        help: Cow::Owned(family.help().to_owned()),
        kind,
        samples: family.get_metric().iter().map(|metric| sample(kind, metric)).collect(),
    }
}

fn sample(kind: Kind, metric: &proto::Metric) -> Sample {
    let labels = metric.get_label().iter();
    Sample {
        labels: labels.map(|pair| (Cow::Owned(pair.name().to_owned()), pair.value().to_owned())).collect(),
        value: match kind {
            Kind::Gauge => Value::Number(metric.get_gauge().get_value()),
            Kind::Counter => Value::Number(metric.get_counter().get_value()),
            Kind::Histogram => histogram(metric.get_histogram()),
        },
    }
}

/// Their buckets are cumulative already; ours have no `+Inf`, for that is the count.
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
    })
}
