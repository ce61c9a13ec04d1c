//! The writer that the catalogue's extractors use to write the samples of one row: of a group or a
//! node pool.

use jiff::Timestamp;

use crate::fleet::vocabulary::OTHER;
use crate::fleet::{DurationHistogram, Tally};
use crate::metrics::encode::{Encoder, Label, Prepared};
use crate::metrics::family::{Histogram, NativeBuckets};
use crate::metrics::label_values::FieldValues;

/// Writes the samples of one family for one row. Every sample begins with the row's labels.
pub(super) struct SampleWriter<'a> {
    encoder: &'a mut dyn Encoder,
    row_labels: &'a Prepared,
    /// The start time of the family's series: of counters and histograms, in formats in which it is
    /// part of a sample.
    start: Option<Timestamp>,
    /// Whether the encoder uses label values. False while series are only counted, so that an
    /// extractor can leave out a label value that is expensive to compute.
    pub(super) needs_label_values: bool,
}

impl<'a> SampleWriter<'a> {
    /// A writer for the row whose labels are `row_labels`.
    pub(super) fn new(
        encoder: &'a mut dyn Encoder,
        row_labels: &'a Prepared,
        start: Option<Timestamp>,
        needs_label_values: bool,
    ) -> Self {
        Self { encoder, row_labels, start, needs_label_values }
    }

    /// Writes one sample, with `labels` after the row's labels.
    pub(super) fn write(&mut self, labels: &[Label<'_>], value: f64) {
        match self.start {
            Some(start) => self.encoder.counter(self.row_labels, labels, value, start),
            None => self.encoder.number(self.row_labels, labels, value),
        }
    }

    /// Writes a histogram, with the row's labels.
    pub(super) fn write_histogram(&mut self, durations: &DurationHistogram) {
        let histogram = Histogram {
            buckets: durations.buckets().collect(),
            sum: durations.sum(),
            count: durations.count(),
            exemplars: Vec::new(),
            native: Some(NativeBuckets {
                schema: DurationHistogram::SCHEMA,
                zero_threshold: DurationHistogram::ZERO_THRESHOLD,
                zeros: durations.zeros(),
                buckets: durations.exponential().collect(),
            }),
        };
        self.encoder.histogram(self.row_labels, &[], &histogram, self.start);
    }

    /// Like [`write`](Self::write); writes nothing without a value.
    pub(super) fn write_some(&mut self, labels: &[Label<'_>], value: Option<f64>) {
        if let Some(value) = value {
            self.write(labels, value);
        }
    }

    /// Writes a whole state set: a sample of 0 or 1 for every known value of `label`, and a further
    /// sample of 1 if `current` is unknown. Writes nothing if `current` is absent.
    pub(super) fn write_state_set(
        &mut self,
        label: &'static str,
        values: &FieldValues,
        current: Option<&str>,
    ) {
        let Some(current) = current else { return };
        let mut is_known = false;
        for value in values.known() {
            let is_current = *value == current;
            is_known |= is_current;
            self.write(&[(label, value)], f64::from(u8::from(is_current)));
        }
        if !is_known {
            self.write(&[(label, values.label_value(current))], 1.0);
        }
    }

    /// Writes the state of the object that `id` identifies: a 1 for the current value, and with
    /// `full` also a 0 for every other known value. Writes nothing if `current` is absent.
    pub(super) fn write_state(
        &mut self,
        id: Label<'_>,
        label: &'static str,
        values: &FieldValues,
        current: Option<&str>,
        full: bool,
    ) {
        let Some(current) = current else { return };
        if full {
            for value in values.known().iter().filter(|value| **value != current) {
                self.write(&[id, (label, value)], 0.0);
            }
        }
        self.write(&[id, (label, values.tally_label_value(current))], 1.0);
    }

    /// Writes a count for every known value, for each unknown value in `tally` that is a label
    /// value, and under `OTHER` the sum of the remaining counts if it is above 0.
    pub(super) fn write_counts(&mut self, label: &'static str, values: &FieldValues, tally: &Tally) {
        let mut other = 0;
        for (value, count) in tally.iter() {
            let label_value = values.tally_label_value(value);
            if label_value == OTHER {
                other += count;
            } else {
                self.write(&[(label, label_value)], count as f64);
            }
        }
        if other > 0 {
            self.write(&[(label, OTHER)], other as f64);
        }
    }
}
