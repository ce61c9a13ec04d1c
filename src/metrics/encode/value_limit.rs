//! An encoder that shortens label values before another encoder writes them.
//!
//! A Prometheus server with a limit on the length of label values rejects the whole scrape if one
//! value is longer. One long name in the cloud would therefore hide every group.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::metrics::encode::encoder::{Encoder, Label, Prepared};
use crate::metrics::family::{Histogram, Metadata};

/// The last character of a label value that was shortened.
pub(crate) const CUT_MARK: char = '…';

/// Passes everything to another encoder, with label values of at most `max_length` characters.
pub(crate) struct ValueLimit<'a> {
    encoder: &'a mut dyn Encoder,
    max_length: usize,
}

impl<'a> ValueLimit<'a> {
    /// A limit of `max_length` characters, which is at least 1.
    pub(crate) fn new(encoder: &'a mut dyn Encoder, max_length: usize) -> Self {
        Self { encoder, max_length }
    }
}

impl Encoder for ValueLimit<'_> {
    fn family(&mut self, metadata: &Metadata<'_>) {
        self.encoder.family(metadata);
    }

    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared {
        with_limit(labels, self.max_length, |labels| self.encoder.prepare(before, labels))
    }

    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64) {
        with_limit(labels, self.max_length, |labels| self.encoder.number(prepared, labels, value));
    }

    fn counter(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64, created: Timestamp) {
        with_limit(labels, self.max_length, |labels| self.encoder.counter(prepared, labels, value, created));
    }

    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        created: Option<Timestamp>,
    ) {
        with_limit(labels, self.max_length, |labels| {
            self.encoder.histogram(prepared, labels, histogram, created);
        });
    }

    fn has_inline_start_times(&self) -> bool {
        self.encoder.has_inline_start_times()
    }

    fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8])) {
        self.encoder.drain(min_bytes, sink);
    }

    fn finish(&mut self) -> Vec<u8> {
        self.encoder.finish()
    }
}

/// Calls `write` with `labels`, whose values are shortened to `max_length` characters.
fn with_limit<R>(labels: &[Label<'_>], max_length: usize, write: impl FnOnce(&[Label<'_>]) -> R) -> R {
    // A value has at least as many bytes as characters, so most values need no counting.
    if labels.iter().all(|(_, value)| value.len() <= max_length) {
        return write(labels);
    }
    let values: Vec<_> = labels.iter().map(|(name, value)| (*name, shorten(value, max_length))).collect();
    let labels: Vec<Label<'_>> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    write(&labels)
}

/// The first characters of `value` and [`CUT_MARK`], together `max_length` characters, if `value`
/// is longer than that.
fn shorten(value: &str, max_length: usize) -> Cow<'_, str> {
    if value.chars().nth(max_length).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.chars().take(max_length.saturating_sub(1)).chain([CUT_MARK]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_within_the_limit_is_unchanged() {
        assert_eq!(shorten("", 4), "");
        assert_eq!(shorten("four", 4), "four");
        assert_eq!(shorten("无影云应", 4), "无影云应");
    }

    #[test]
    fn a_longer_value_ends_with_the_mark_at_the_limit() {
        assert_eq!(shorten("fives", 4), "fiv…");
        assert_eq!(shorten("无影云应用", 4), "无影云…");
        assert_eq!(shorten("ab", 1), "…");
    }
}
