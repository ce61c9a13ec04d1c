//! An encoder that counts series without writing them, to apply `max_series` before rendering.

use jiff::Timestamp;

use crate::metrics::encode::encoder::{Encoder, Label, Prepared};
use crate::metrics::family::{Histogram, Metadata};

/// Counts series; its output is always empty.
#[derive(Debug, Default)]
pub(crate) struct CountingEncoder {
    /// Number of series so far. A histogram is as many as it has in the text formats.
    pub(crate) series: u64,
}

impl Encoder for CountingEncoder {
    fn family(&mut self, _metadata: &Metadata<'_>) {}

    fn prepare(&self, _before: &Prepared, _labels: &[Label<'_>]) -> Prepared {
        Prepared::default()
    }

    fn number(&mut self, _prepared: &Prepared, _labels: &[Label<'_>], _value: f64) {
        self.series += 1;
    }

    fn histogram(
        &mut self,
        _prepared: &Prepared,
        _labels: &[Label<'_>],
        histogram: &Histogram,
        _created: Option<Timestamp>,
    ) {
        // The bucket without an upper bound, the sum and the count.
        self.series += histogram.buckets.len() as u64 + 3;
    }

    fn has_inline_start_times(&self) -> bool {
        false
    }

    fn drain(&mut self, _min_bytes: usize, _sink: &mut dyn FnMut(&[u8])) {}

    fn finish(&mut self) -> Vec<u8> {
        Vec::new()
    }
}
