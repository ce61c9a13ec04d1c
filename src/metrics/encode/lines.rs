//! What the two text formats share: one line a sample, `name{label="value"} number`.

use crate::metrics::encode::encoder::{Label, Prepared};
use crate::metrics::encode::number::{push_float, push_number};

/// Lines of families, one behind the other, in one growing buffer.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) out: Vec<u8>,
    /// What the samples of the family begun last are called, without any suffix.
    name: Vec<u8>,
    /// Where the heading of that family begins, and where it ends.
    heading: (usize, usize),
}

/// Whether help texts escape quotes: OpenMetrics demands it, the Prometheus text format has none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    Escaped,
    Kept,
}

impl Lines {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Ends the family before; `write` writes the heading of the next, whose samples are called `name`.
    pub(super) fn begin_family(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.end_family();
        self.name.clear();
        self.name.extend_from_slice(name.as_bytes());
        let start = self.out.len();
        write(&mut self.out);
        self.heading = (start, self.out.len());
    }

    /// Takes back the heading of a family that got no sample.
    fn end_family(&mut self) {
        let (start, end) = self.heading;
        if self.out.len() == end {
            self.out.truncate(start);
        }
    }

    /// Writes `name{labels} ` up to the value, with a bucket's upper bound as last label.
    pub(super) fn push_series(
        &mut self,
        suffix: &str,
        prepared: &Prepared,
        labels: &[Label<'_>],
        bound: Option<f64>,
    ) {
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
                // With its fraction, `10.0`: that is what Prometheus makes of it in the other formats,
                // and a series must not change its labels with the format.
                push_float(out, bound);
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
    }

    /// A whole line.
    pub(super) fn push_number(
        &mut self,
        suffix: &str,
        prepared: &Prepared,
        labels: &[Label<'_>],
        value: f64,
    ) {
        self.push_series(suffix, prepared, labels, None);
        push_number(&mut self.out, value);
        self.out.push(b'\n');
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.end_family();
        self.heading = (0, 0);
        std::mem::take(&mut self.out)
    }
}

/// Labels as they are copied into every series.
pub(super) fn prepare(before: &Prepared, labels: &[Label<'_>]) -> Prepared {
    let mut bytes = before.0.clone();
    push_labels(&mut bytes, 0, labels);
    Prepared(bytes)
}

/// Appends `name="value"` for each label, with commas between them and after what is there since `start`.
pub(super) fn push_labels(out: &mut Vec<u8>, start: usize, labels: &[Label<'_>]) {
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
        push_escaped(out, value, Quotes::Escaped);
    } else {
        out.extend_from_slice(bytes);
    }
}

/// Appends a text with backslash and newline escaped, and quotes if they are.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str, quotes: Quotes) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'"' if quotes == Quotes::Escaped => out.extend_from_slice(br#"\""#),
            other => out.push(other),
        }
    }
}

/// Appends a heading's line: `# KEYWORD name ` and, escaped, the rest.
pub(super) fn push_comment(out: &mut Vec<u8>, keyword: &str, name: &str, rest: &str, quotes: Quotes) {
    for part in ["# ", keyword, " ", name, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    push_escaped(out, rest, quotes);
    out.push(b'\n');
}
