//! Metric families as plain data, which every encoder accepts.
//!
//! This owned form is for the few metrics that the exporter keeps about itself. The fleet's
//! families can have millions of samples and are streamed through the catalogue instead.

use std::borrow::Cow;

use jiff::Timestamp;

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// A value that can increase and decrease.
    Gauge,
    /// A value that only increases; a restart resets it to 0.
    Counter,
    /// Cumulative buckets, sum and count.
    Histogram,
}

impl MetricType {
    /// The name of the type in the text formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// The unit of a family's values: one of Prometheus's base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds, including Unix timestamps.
    Seconds,
    /// Bytes.
    Bytes,
    /// A quotient; 1 is 100 %.
    Ratio,
}

impl Unit {
    /// The suffix of names in this unit, and the value of OpenMetrics's `# UNIT` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

/// The name, help text and type of a family, which every format writes with its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The full name, which ends in `_total` for a counter.
    pub name: &'a str,
    /// The `# HELP` text.
    pub help: &'a str,
    /// The type.
    pub metric_type: MetricType,
}

impl Metadata<'_> {
    /// The unit, taken from the end of the name (before a counter's `_total`). `None` for a count
    /// of objects, whose name does not end in a base unit.
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
    /// The full name, which ends in `_total` for a counter.
    pub name: Cow<'static, str>,
    /// The `# HELP` text.
    pub help: Cow<'static, str>,
    /// The type.
    pub metric_type: MetricType,
    /// Samples, each with its own label set.
    pub samples: Vec<Sample>,
}

impl MetricFamily {
    /// The family without its samples.
    pub fn metadata(&self) -> Metadata<'_> {
        Metadata { name: &self.name, help: &self.help, metric_type: self.metric_type }
    }
}

/// The labels and the value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Label names and values, unescaped.
    pub labels: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The value.
    pub value: Value,
}

/// A sample's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The value of a gauge or counter.
    Number(f64),
    /// The value of a histogram.
    Histogram(Histogram),
}

/// Observations, counted in buckets by their value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Upper bound and cumulative count of each bucket, ascending. The bucket `+Inf` is left out,
    /// because its count equals `count`.
    pub buckets: Vec<(f64, u64)>,
    /// Sum of all observations.
    pub sum: f64,
    /// Number of all observations.
    pub count: u64,
    /// Exemplars; of several in one bucket the first is written.
    pub exemplars: Vec<Exemplar>,
    /// The same observations in exponential buckets; only protobuf contains them.
    pub native: Option<NativeBuckets>,
}

/// The buckets of a native histogram without negative observations.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeBuckets {
    /// The resolution: each power of two has 2^`schema` buckets.
    pub schema: i32,
    /// Upper bound of the observations that count as 0, inclusive.
    pub zero_threshold: f64,
    /// Number of observations that count as 0.
    pub zeros: u64,
    /// Index and count of each bucket that is not empty, in ascending order. The bucket `i` contains
    /// the observations up to 2^(i / 2^`schema`), above the bound of the bucket before.
    pub buckets: Vec<(i32, u64)>,
}

/// One observation with labels that identify its cause. Only OpenMetrics and protobuf contain
/// exemplars.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Names and values, unescaped: at most [`Exemplar::MAX_LABEL_CHARACTERS`] together, as
    /// OpenMetrics requires.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// The observed value.
    pub value: f64,
    /// Time of the observation.
    pub at: Timestamp,
}

impl Histogram {
    /// Every bucket as exclusive lower bound, inclusive upper bound and cumulative count; `+Inf` is
    /// last.
    pub fn intervals(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let lower = std::iter::once(f64::NEG_INFINITY).chain(self.buckets.iter().map(|(bound, _)| *bound));
        let upper = self.buckets.iter().copied().chain([(f64::INFINITY, self.count)]);
        lower.zip(upper).map(|(lower, (upper, count))| (lower, upper, count))
    }

    /// The first exemplar in the bucket with this exclusive lower and inclusive upper bound.
    pub fn exemplar(&self, lower: f64, upper: f64) -> Option<&Exemplar> {
        self.exemplars.iter().find(|exemplar| exemplar.value > lower && exemplar.value <= upper)
    }
}

impl Exemplar {
    /// Limit of OpenMetrics 1.0.0 for all label names and values of an exemplar together, in
    /// characters.
    pub const MAX_LABEL_CHARACTERS: usize = 128;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_family_is_the_end_of_its_name() {
        let unit = |name, metric_type| Metadata { name, help: "", metric_type }.unit();
        assert_eq!(unit("a_poll_duration_seconds", MetricType::Histogram), Some(Unit::Seconds));
        assert_eq!(unit("a_wait_seconds_total", MetricType::Counter), Some(Unit::Seconds));
        assert_eq!(unit("a_usage_ratio", MetricType::Gauge), Some(Unit::Ratio));
        assert_eq!(unit("a_snapshot_bytes", MetricType::Gauge), Some(Unit::Bytes));
        assert_eq!(unit("a_group_instances", MetricType::Gauge), None);
    }
}
