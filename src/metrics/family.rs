//! Metric families as plain data: what every encoder understands.
//!
//! The fleet's families are streamed through the catalogue instead (there can be millions of samples);
//! this owned form is for the few metrics that the exporter keeps about itself.

use std::borrow::Cow;

use jiff::Timestamp;

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// Goes up and down.
    Gauge,
    /// Only grows.
    Counter,
    /// Cumulative buckets, sum and count.
    Histogram,
}

impl MetricType {
    /// The word for it in every text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// What a family's values are measured in: base units only, as Prometheus asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds, also of Unix timestamps.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
}

impl Unit {
    /// The unit as it ends a name, and as OpenMetrics' `# UNIT` line says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

/// What a family says of itself before its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Full name; counters with their `_total`.
    pub name: &'a str,
    /// One sentence for people.
    pub help: &'a str,
    /// Type.
    pub metric_type: MetricType,
}

impl Metadata<'_> {
    /// The unit, which is the name's ending (before a counter's `_total`): a name that ends in no
    /// base unit counts things and has none.
    pub fn unit(&self) -> Option<Unit> {
        let stem = match self.metric_type {
            MetricType::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            MetricType::Gauge | MetricType::Histogram => self.name,
        };
        let (_, last) = stem.rsplit_once('_')?;
        [Unit::Seconds, Unit::Bytes, Unit::Ratio].into_iter().find(|unit| unit.as_str() == last)
    }
}

/// A family with its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFamily {
    /// Full name; counters with their `_total`.
    pub name: Cow<'static, str>,
    /// One sentence for people.
    pub help: Cow<'static, str>,
    /// Type.
    pub metric_type: MetricType,
    /// Samples, each with its own label set.
    pub samples: Vec<Sample>,
}

impl MetricFamily {
    /// Everything but the samples.
    pub fn metadata(&self) -> Metadata<'_> {
        Metadata { name: &self.name, help: &self.help, metric_type: self.metric_type }
    }
}

/// One series' labels and value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Label names and values, unescaped.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// The value.
    pub value: Value,
}

/// A sample's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of a gauge or counter.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// Observations, counted by how large they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// (upper bound, cumulative count), ascending, without `+Inf`: that is the count.
    pub buckets: Vec<(f64, u64)>,
    /// Sum of all observations.
    pub sum: f64,
    /// Number of all observations.
    pub count: u64,
    /// Single observations worth looking at; of several in one bucket the first is shown.
    pub exemplars: Vec<Exemplar>,
}

/// One observation, and what led to it. Only OpenMetrics and protobuf carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Names and values, unescaped: at most [`Exemplar::MAX_LABEL_CHARACTERS`] together, as OpenMetrics demands.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// What was observed.
    pub value: f64,
    /// When.
    pub at: Timestamp,
}

impl Histogram {
    /// Every bucket with its bounds, `+Inf` last: (above, up to, cumulative count).
    pub fn intervals(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let above = std::iter::once(f64::NEG_INFINITY).chain(self.buckets.iter().map(|(bound, _)| *bound));
        let upto = self.buckets.iter().copied().chain([(f64::INFINITY, self.count)]);
        above.zip(upto).map(|(above, (bound, count))| (above, bound, count))
    }

    /// The exemplar of the bucket between these bounds.
    pub fn exemplar(&self, above: f64, upto: f64) -> Option<&Exemplar> {
        self.exemplars.iter().find(|exemplar| exemplar.value > above && exemplar.value <= upto)
    }
}

impl Exemplar {
    /// OpenMetrics 1.0.0: characters of all names and values of an exemplar's labels.
    pub const MAX_LABEL_CHARACTERS: usize = 128;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_ending_of_the_name() {
        let unit = |name, metric_type| Metadata { name, help: "", metric_type }.unit();
        assert_eq!(unit("a_poll_duration_seconds", MetricType::Histogram), Some(Unit::Seconds));
        assert_eq!(unit("a_wait_seconds_total", MetricType::Counter), Some(Unit::Seconds));
        assert_eq!(unit("a_usage_ratio", MetricType::Gauge), Some(Unit::Ratio));
        assert_eq!(unit("a_snapshot_bytes", MetricType::Gauge), Some(Unit::Bytes));
        assert_eq!(unit("a_group_instances", MetricType::Gauge), None);
    }
}
