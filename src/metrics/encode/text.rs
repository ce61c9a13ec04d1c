//! The Prometheus text format, version 0.0.4.
//!
//! Described at <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use jiff::Timestamp;

use crate::metrics::encode::encoder::{Encoder, Label, Prepared, write_families};
use crate::metrics::encode::lines::{self, Lines, Quotes, push_comment};
use crate::metrics::encode::number::push_integer;
use crate::metrics::family::{Histogram, Metadata, MetricFamily};

/// Writes text format 0.0.4 into one growing buffer.
#[derive(Debug, Default)]
pub struct TextEncoder(Lines);

impl TextEncoder {
    /// An encoder with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Lines::with_capacity(bytes))
    }
}

impl Encoder for TextEncoder {
    fn family(&mut self, metadata: &Metadata<'_>) {
        self.0.begin_family(metadata.name, |out| {
            push_comment(out, "HELP", metadata.name, metadata.help, Quotes::Kept);
            push_comment(out, "TYPE", metadata.name, metadata.metric_type.as_str(), Quotes::Kept);
        });
    }

    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared {
        lines::prepare(before, labels)
    }

    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64) {
        self.0.push_number("", prepared, labels, value);
    }

    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        _created: Option<Timestamp>,
    ) {
        for (_, upper, cumulative) in histogram.intervals() {
            self.0.push_series("_bucket", prepared, labels, Some(upper));
            push_integer(&mut self.0.out, cumulative);
            self.0.out.push(b'\n');
        }
        self.0.push_number("_sum", prepared, labels, histogram.sum);
        self.0.push_series("_count", prepared, labels, None);
        push_integer(&mut self.0.out, histogram.count);
        self.0.out.push(b'\n');
    }

    fn has_inline_start_times(&self) -> bool {
        false
    }

    fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8])) {
        self.0.drain(min_bytes, sink);
    }

    fn finish(&mut self) -> Vec<u8> {
        self.0.finish()
    }
}

/// Encodes `families` in text format 0.0.4.
pub fn encode(families: &[MetricFamily]) -> Vec<u8> {
    let mut encoder = TextEncoder::default();
    write_families(families, None, &mut encoder);
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MetricType, Sample, Value};

    fn family(name: &'static str, metric_type: MetricType, samples: Vec<Sample>) -> MetricFamily {
        MetricFamily { name: name.into(), help: "Help.".into(), metric_type, samples }
    }

    fn encoded(families: &[MetricFamily]) -> String {
        String::from_utf8(encode(families)).unwrap()
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_up_to_infinity_then_sum_and_count() {
        let buckets = vec![(0.5, 1), (10.0, 3)];
        let value = Value::Histogram(Histogram { buckets, sum: 7.25, count: 4, ..Histogram::default() });
        let labels = vec![("operation".into(), "List".into())];
        assert_eq!(
            encoded(&[family("a_seconds", MetricType::Histogram, vec![Sample { labels, value }])]),
            "# HELP a_seconds Help.\n\
             # TYPE a_seconds histogram\n\
             a_seconds_bucket{operation=\"List\",le=\"0.5\"} 1\n\
             a_seconds_bucket{operation=\"List\",le=\"10.0\"} 3\n\
             a_seconds_bucket{operation=\"List\",le=\"+Inf\"} 4\n\
             a_seconds_sum{operation=\"List\"} 7.25\n\
             a_seconds_count{operation=\"List\"} 4\n"
        );
    }

    #[test]
    fn a_family_without_samples_is_left_out() {
        let number = Sample { labels: Vec::new(), value: Value::Number(1.0) };
        let none = |name| family(name, MetricType::Gauge, Vec::new());
        let families = [none("a"), none("b"), family("c", MetricType::Gauge, vec![number]), none("d")];
        assert_eq!(encoded(&families), "# HELP c Help.\n# TYPE c gauge\nc 1\n");
        assert_eq!(encoded(&[none("a")]), "");
    }

    #[test]
    fn characters_that_would_break_a_line_are_escaped() {
        let labels = vec![("a".into(), "back\\slash \"quote\" new\nline".into())];
        let value = Value::Number(f64::INFINITY);
        let mut family = family("c_total", MetricType::Counter, vec![Sample { labels, value }]);
        family.help = "a \\ \"b\"\nc".into();
        assert_eq!(
            encoded(&[family]),
            "# HELP c_total a \\\\ \"b\"\\nc\n\
             # TYPE c_total counter\n\
             c_total{a=\"back\\\\slash \\\"quote\\\" new\\nline\"} +Inf\n"
        );
    }

    #[test]
    fn prepared_labels_come_first() {
        let mut encoder = TextEncoder::default();
        let account = encoder.prepare(Prepared::EMPTY, &[("account", "a\"b")]);
        let group = encoder.prepare(&account, &[("group_id", "g")]);
        encoder.family(&family("c", MetricType::Gauge, Vec::new()).metadata());
        encoder.number(&account, &[], 1.0);
        encoder.number(&group, &[("status", "IDLE")], 0.5);
        assert_eq!(
            String::from_utf8(encoder.finish()).unwrap(),
            "# HELP c Help.\n# TYPE c gauge\n\
             c{account=\"a\\\"b\"} 1\n\
             c{account=\"a\\\"b\",group_id=\"g\",status=\"IDLE\"} 0.5\n"
        );
    }
}
