//! The common part of the two text formats: one line for each sample, `name{label="value"} number`.

use crate::metrics::encode::encoder::{Label, Prepared};
use crate::metrics::encode::number::{push_float, push_number};

/// The lines of all families in one growing buffer.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The lines since the start or since the last call of [`finish`](Self::finish).
    pub(super) out: Vec<u8>,
    /// Name of the current family's samples, without suffix.
    name: Vec<u8>,
    /// Start and end of the current family's metadata lines in `out`.
    metadata: (usize, usize),
}

/// Whether double quotes are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// In label values, and in the help texts of OpenMetrics.
    Escaped,
    /// In the help texts of the Prometheus text format, which has no escape for quotes there.
    Kept,
}

impl Lines {
    /// No lines, with room for `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Ends the previous family and begins one whose samples are called `name`. `write_metadata`
    /// appends its metadata lines.
    pub(super) fn begin_family(&mut self, name: &str, write_metadata: impl FnOnce(&mut Vec<u8>)) {
        self.end_family();
        self.name.clear();
        self.name.extend_from_slice(name.as_bytes());
        let start = self.out.len();
        write_metadata(&mut self.out);
        self.metadata = (start, self.out.len());
    }

    /// Removes the current family's metadata if the family has no samples.
    fn end_family(&mut self) {
        let (start, end) = self.metadata;
        if self.out.len() == end {
            self.out.truncate(start);
        }
    }

    /// Writes a line up to its value: `name{labels} `. A bucket's upper bound becomes the last
    /// label, `le`.
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
                // A whole number gets a fraction, as in `10.0`: Prometheus does the same to the
                // bounds of protobuf, and the labels of a series must not depend on the format.
                push_float(out, bound);
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
    }

    /// Writes the whole line of a sample.
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

    /// Passes the bytes that no longer change to `sink`, and removes them, if they are at least
    /// `min_bytes`.
    pub(super) fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8])) {
        let (start, end) = self.metadata;
        // Metadata may still be removed until a sample follows.
        let settled = if self.out.len() > end { self.out.len() } else { start };
        if settled >= min_bytes {
            sink(&self.out[..settled]);
            self.out.drain(..settled);
            self.metadata = (start.saturating_sub(settled), end.saturating_sub(settled));
        }
    }

    /// Ends the last family and returns the lines since the start or the previous call that were not
    /// drained.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.end_family();
        self.metadata = (0, 0);
        std::mem::take(&mut self.out)
    }
}

/// The labels of `before` followed by `labels`, escaped and separated by commas.
pub(super) fn prepare(before: &Prepared, labels: &[Label<'_>]) -> Prepared {
    let mut bytes = before.0.clone();
    push_labels(&mut bytes, 0, labels);
    Prepared(bytes)
}

/// Appends `name="value"` for each label, separated by commas. The list of labels starts at
/// position `start` of `out` and may already contain labels.
pub(super) fn push_labels(out: &mut Vec<u8>, start: usize, labels: &[Label<'_>]) {
    for (name, value) in labels {
        push_separator(out, start);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        push_escaped(out, value, Quotes::Escaped);
        out.push(b'"');
    }
}

fn push_separator(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b',');
    }
}

/// Appends `text` with backslash and newline escaped, and double quotes as `quotes` requires.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str, quotes: Quotes) {
    let bytes = text.as_bytes();
    // Reads every byte on purpose: nearly all texts need no escape, and the compiler vectorises a
    // loop without an early exit.
    if !bytes.iter().fold(false, |found, byte| found | matches!(byte, b'\\' | b'"' | b'\n')) {
        return out.extend_from_slice(bytes);
    }
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'"' if quotes == Quotes::Escaped => out.extend_from_slice(br#"\""#),
            other => out.push(*other),
        }
    }
}

/// Appends a metadata line: `# KEYWORD name ` and the escaped rest.
pub(super) fn push_comment(out: &mut Vec<u8>, keyword: &str, name: &str, rest: &str, quotes: Quotes) {
    for part in ["# ", keyword, " ", name, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    push_escaped(out, rest, quotes);
    out.push(b'\n');
}
