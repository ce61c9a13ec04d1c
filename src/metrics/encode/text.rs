//! The Prometheus text format, version 0.0.4.
//!
//! Described at <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use super::number::{push_integer, push_number};
use super::{Encoder, Heading, Label, Prepared};
use crate::metrics::MetricFamily;

/// Writes text format 0.0.4 into one growing buffer.
#[derive(Debug, Default)]
pub struct TextEncoder {
    out: Vec<u8>,
    /// The name of the family begun last.
    name: Vec<u8>,
    /// Where the heading of that family begins, and where it ends.
    heading: (usize, usize),
}

impl TextEncoder {
    /// An encoder with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    fn end_family(&mut self) {
        let (start, end) = self.heading;
        if self.out.len() == end {
            self.out.truncate(start);
        }
    }

    /// Writes `name{labels} ` up to the value, with the bucket's upper bound as last label.
    fn push_series(&mut self, suffix: &str, prepared: &Prepared, labels: &[Label<'_>], bound: Option<f64>) {
        let out = &mut self.out;
        out.extend_from_slice(&self.name);
        out.extend_from_slice(suffix.as_bytes());
        if !(prepared.is_empty() && labels.is_empty() && bound.is_none()) {
            out.push(b'{');
            let start = out.len();
            out.extend_from_slice(&prepared.0);
            push_labels(out, start, labels);
            if let Some(bound) = bound {
                push_separator(out, start);
                out.extend_from_slice(b"le=\"");
                push_number(out, bound);
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
    }
}

impl Encoder for TextEncoder {
    fn family(&mut self, heading: &Heading<'_>) {
        self.end_family();
        self.name.clear();
        self.name.extend_from_slice(heading.name.as_bytes());
        let start = self.out.len();
        let out = &mut self.out;
        out.extend_from_slice(b"# HELP ");
        out.extend_from_slice(&self.name);
        out.push(b' ');
        push_help(out, heading.help);
        out.extend_from_slice(b"\n# TYPE ");
        out.extend_from_slice(&self.name);
        out.push(b' ');
        out.extend_from_slice(heading.kind.as_str().as_bytes());
        out.push(b'\n');
        self.heading = (start, out.len());
    }

    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared {
        let mut bytes = before.0.clone();
        push_labels(&mut bytes, 0, labels);
        Prepared(bytes)
    }

    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64) {
        self.push_series("", prepared, labels, None);
        push_number(&mut self.out, value);
        self.out.push(b'\n');
    }

    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
    ) {
        for (bound, cumulative) in buckets.iter().copied().chain([(f64::INFINITY, count)]) {
            self.push_series("_bucket", prepared, labels, Some(bound));
            push_integer(&mut self.out, cumulative);
            self.out.push(b'\n');
        }
        self.push_series("_sum", prepared, labels, None);
        push_number(&mut self.out, sum);
        self.out.push(b'\n');
        self.push_series("_count", prepared, labels, None);
        push_integer(&mut self.out, count);
        self.out.push(b'\n');
    }

    fn finish(&mut self) -> Vec<u8> {
        self.end_family();
        self.heading = (0, 0);
        std::mem::take(&mut self.out)
    }
}

/// The families as text format 0.0.4.
pub fn encode(families: &[MetricFamily]) -> Vec<u8> {
    let mut encoder = TextEncoder::default();
    super::families(families, &mut encoder);
    encoder.finish()
}

/// Appends `name="value"` for each label, with commas between them and after what is there since `start`.
fn push_labels(out: &mut Vec<u8>, start: usize, labels: &[Label<'_>]) {
    for (name, value) in labels {
        push_separator(out, start);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        push_label_value(out, value);
        out.push(b'"');
    }
}

fn push_separator(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

/// Appends a label value with backslash, quote and newline escaped.
fn push_label_value(out: &mut Vec<u8>, value: &str) {
    let bytes = value.as_bytes();
    // Looks at every byte on purpose: without an early exit the compiler makes it a vector loop, and
    // nearly all values need no escape.
    if bytes.iter().fold(false, |found, byte| found | matches!(byte, b'\\' | b'"' | b'\n')) {
        for byte in bytes {
            match byte {
                b'\\' => out.extend_from_slice(br"\\"),
                b'"' => out.extend_from_slice(br#"\""#),
                b'\n' => out.extend_from_slice(br"\n"),
                other => out.push(*other),
            }
        }
    } else {
        out.extend_from_slice(bytes);
    }
}

/// Appends a help text with backslash and newline escaped; quotes stay.
fn push_help(out: &mut Vec<u8>, help: &str) {
    for byte in help.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Kind, Sample, Value};

    fn family(name: &'static str, kind: Kind, samples: Vec<Sample>) -> MetricFamily {
        MetricFamily { name: name.into(), help: "Help.".into(), kind, samples }
    }

    fn encoded(families: &[MetricFamily]) -> String {
        String::from_utf8(encode(families)).unwrap()
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_up_to_infinity_then_sum_and_count() {
        let value = Value::Histogram { buckets: vec![(0.5, 1), (10.0, 3)], sum: 7.25, count: 4 };
        let labels = vec![("operation".into(), "List".to_owned())];
        assert_eq!(
            encoded(&[family("a_seconds", Kind::Histogram, vec![Sample { labels, value }])]),
            "# HELP a_seconds Help.\n\
             # TYPE a_seconds histogram\n\
             a_seconds_bucket{operation=\"List\",le=\"0.5\"} 1\n\
             a_seconds_bucket{operation=\"List\",le=\"10\"} 3\n\
             a_seconds_bucket{operation=\"List\",le=\"+Inf\"} 4\n\
             a_seconds_sum{operation=\"List\"} 7.25\n\
             a_seconds_count{operation=\"List\"} 4\n"
        );
    }

    #[test]
    fn a_family_without_samples_leaves_no_trace_wherever_it_stands() {
        let number = Sample { labels: Vec::new(), value: Value::Number(1.0) };
        let none = |name| family(name, Kind::Gauge, Vec::new());
        let families = [none("a"), none("b"), family("c", Kind::Gauge, vec![number]), none("d")];
        assert_eq!(encoded(&families), "# HELP c Help.\n# TYPE c gauge\nc 1\n");
        assert_eq!(encoded(&[none("a")]), "");
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        let labels = vec![("a".into(), "back\\slash \"quote\" new\nline".to_owned())];
        let value = Value::Number(f64::INFINITY);
        let mut family = family("c_total", Kind::Counter, vec![Sample { labels, value }]);
        family.help = "a \\ \"b\"\nc".into();
        assert_eq!(
            encoded(&[family]),
            "# HELP c_total a \\\\ \"b\"\\nc\n\
             # TYPE c_total counter\n\
             c_total{a=\"back\\\\slash \\\"quote\\\" new\\nline\"} +Inf\n"
        );
    }

    #[test]
    fn prepared_labels_go_before_the_others() {
        let mut encoder = TextEncoder::default();
        let account = encoder.prepare(Prepared::EMPTY, &[("account", "a\"b")]);
        let group = encoder.prepare(&account, &[("group_id", "g")]);
        encoder.family(&family("c", Kind::Gauge, Vec::new()).heading());
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
