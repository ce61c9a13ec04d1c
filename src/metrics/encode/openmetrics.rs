//! OpenMetrics text, version 1.0.0; the output is also valid in version 0.0.1.
//!
//! Described at
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.
//! Differences from the Prometheus text format: the family name of a counter has no `_total`,
//! unlike its samples; there are `# UNIT` lines, exemplars and, if a start time is known,
//! `_created` series; double quotes in help texts are escaped; `# EOF` ends a body
//! ([`Syntax::end`](super::Syntax::end)).

use jiff::Timestamp;

use crate::fleet::timestamp::seconds;
use crate::metrics::encode::encoder::{Encoder, Label, Prepared};
use crate::metrics::encode::lines::{self, Lines, Quotes, push_comment, push_labels};
use crate::metrics::encode::number::{push_integer, push_number};
use crate::metrics::family::{Exemplar, Histogram, Metadata, MetricType};

/// Suffix of the samples of counters.
const TOTAL: &str = "_total";

/// Writes OpenMetrics into one growing buffer.
#[derive(Debug, Default)]
pub struct OpenMetricsEncoder {
    lines: Lines,
    /// Suffix of the current family's plain samples: `_total` for counters.
    suffix: &'static str,
}

impl OpenMetricsEncoder {
    /// An encoder with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { lines: Lines::with_capacity(bytes), suffix: "" }
    }

    fn push_created(&mut self, prepared: &Prepared, labels: &[Label<'_>], created: Timestamp) {
        self.lines.push_number("_created", prepared, labels, seconds(created));
    }
}

impl Encoder for OpenMetricsEncoder {
    fn family(&mut self, metadata: &Metadata<'_>) {
        let name = match metadata.metric_type {
            MetricType::Counter => metadata.name.strip_suffix(TOTAL).unwrap_or(metadata.name),
            MetricType::Gauge | MetricType::Histogram => metadata.name,
        };
        self.suffix = if metadata.metric_type == MetricType::Counter { TOTAL } else { "" };
        self.lines.begin_family(name, |out| {
            push_comment(out, "TYPE", name, metadata.metric_type.as_str(), Quotes::Escaped);
            if let Some(unit) = metadata.unit() {
                push_comment(out, "UNIT", name, unit.as_str(), Quotes::Escaped);
            }
            push_comment(out, "HELP", name, metadata.help, Quotes::Escaped);
        });
    }

    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared {
        lines::prepare(before, labels)
    }

    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64) {
        self.lines.push_number(self.suffix, prepared, labels, value);
    }

    fn counter(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64, created: Timestamp) {
        self.number(prepared, labels, value);
        self.push_created(prepared, labels, created);
    }

    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        created: Option<Timestamp>,
    ) {
        for (lower, upper, cumulative) in histogram.intervals() {
            self.lines.push_series("_bucket", prepared, labels, Some(upper));
            push_integer(&mut self.lines.out, cumulative);
            if let Some(exemplar) = histogram.exemplar(lower, upper) {
                push_exemplar(&mut self.lines.out, exemplar);
            }
            self.lines.out.push(b'\n');
        }
        self.lines.push_number("_sum", prepared, labels, histogram.sum);
        self.lines.push_series("_count", prepared, labels, None);
        push_integer(&mut self.lines.out, histogram.count);
        self.lines.out.push(b'\n');
        if let Some(created) = created {
            self.push_created(prepared, labels, created);
        }
    }

    fn has_inline_start_times(&self) -> bool {
        false
    }

    fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8])) {
        self.lines.drain(min_bytes, sink);
    }

    fn finish(&mut self) -> Vec<u8> {
        self.lines.finish()
    }
}

/// Appends ` # {labels} value timestamp`.
fn push_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.extend_from_slice(b" # {");
    let start = out.len();
    for (name, value) in &exemplar.labels {
        push_labels(out, start, &[(name, value)]);
    }
    out.extend_from_slice(b"} ");
    push_number(out, exemplar.value);
    out.push(b' ');
    push_number(out, seconds(exemplar.at));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::encode;
    use crate::metrics::{MetricFamily, Sample, Value};

    fn family(name: &'static str, help: &'static str, metric_type: MetricType, value: Value) -> MetricFamily {
        let labels = vec![("operation".into(), "List".into())];
        MetricFamily {
            name: name.into(),
            help: help.into(),
            metric_type,
            samples: vec![Sample { labels, value }],
        }
    }

    fn encoded(families: &[MetricFamily], created: Option<Timestamp>) -> String {
        let mut encoder = OpenMetricsEncoder::default();
        encode::write_families(families, created, &mut encoder);
        String::from_utf8(encoder.finish()).unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn the_family_name_of_a_counter_has_no_total() {
        let waits = family("a_wait_seconds_total", "Waits.", MetricType::Counter, Value::Number(1.5));
        assert_eq!(
            encoded(std::slice::from_ref(&waits), None),
            "# TYPE a_wait_seconds counter\n# UNIT a_wait_seconds seconds\n# HELP a_wait_seconds Waits.\n\
             a_wait_seconds_total{operation=\"List\"} 1.5\n"
        );
        assert!(
            encoded(&[waits], Some(at(1_500))).ends_with("a_wait_seconds_created{operation=\"List\"} 1.5\n")
        );
    }

    #[test]
    fn a_gauge_has_no_start_time_and_quotes_in_help_are_escaped() {
        let gauge = family("a", "see \"a\"", MetricType::Gauge, Value::Number(f64::INFINITY));
        assert_eq!(
            encoded(&[gauge], Some(at(1_000))),
            "# TYPE a gauge\n# HELP a see \\\"a\\\"\na{operation=\"List\"} +Inf\n"
        );
    }

    #[test]
    fn an_exemplar_follows_its_bucket() {
        let exemplar = |value, id: &str| Exemplar {
            labels: vec![("request_id".into(), id.to_owned())],
            value,
            at: at(1_790_000_000_123),
        };
        let histogram = Histogram {
            buckets: vec![(0.5, 1), (10.0, 3)],
            sum: 57.25,
            count: 4,
            exemplars: vec![exemplar(0.5, "A"), exemplar(50.0, "B")],
            native: None,
        };
        let text = encoded(
            &[family("a_seconds", "A.", MetricType::Histogram, Value::Histogram(histogram))],
            Some(at(0)),
        );
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                r#"a_seconds_bucket{operation="List",le="0.5"} 1 # {request_id="A"} 0.5 1790000000.123"#,
                r#"a_seconds_bucket{operation="List",le="10.0"} 3"#,
                r#"a_seconds_bucket{operation="List",le="+Inf"} 4 # {request_id="B"} 50 1790000000.123"#,
                r#"a_seconds_sum{operation="List"} 57.25"#,
                r#"a_seconds_count{operation="List"} 4"#,
                r#"a_seconds_created{operation="List"} 0"#,
            ]
        );
    }
}
