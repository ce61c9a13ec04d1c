//! The pen that the catalogue's extractors write with.

use super::encode::{Encoder, Label, Prepared};
use super::words::FieldWords;
use crate::fleet::{Tally, vocabulary::OTHER};

/// Writes the samples of one family for one row: every sample begins with the row's own labels.
pub(crate) struct Series<'a> {
    encoder: &'a mut dyn Encoder,
    row: &'a Prepared,
    /// Whether label values matter; they don't to somebody who only counts.
    pub(crate) labels_matter: bool,
}

impl<'a> Series<'a> {
    pub(crate) fn new(encoder: &'a mut dyn Encoder, row: &'a Prepared, labels_matter: bool) -> Self {
        Self { encoder, row, labels_matter }
    }

    /// One sample.
    pub(crate) fn put(&mut self, labels: &[Label<'_>], value: f64) {
        self.encoder.number(self.row, labels, value);
    }

    /// One sample, if there is a value.
    pub(crate) fn put_some(&mut self, labels: &[Label<'_>], value: Option<f64>) {
        if let Some(value) = value {
            self.put(labels, value);
        }
    }

    /// A whole state set under `label`: 0 or 1 for every known word, and a 1 more where `current` is
    /// none of them. Nothing where there is no state.
    pub(crate) fn state_set(&mut self, label: &'static str, words: &FieldWords, current: Option<&str>) {
        let Some(current) = current else { return };
        let mut known = false;
        for word in words.known() {
            let is = *word == current;
            known |= is;
            self.put(&[(label, word)], f64::from(u8::from(is)));
        }
        if !known {
            self.put(&[(label, words.shown(current))], 1.0);
        }
    }

    /// The state of one of many things, told apart by `id`: the current state alone, or with `full` a
    /// whole state set.
    pub(crate) fn state_of(
        &mut self,
        id: Label<'_>,
        label: &'static str,
        words: &FieldWords,
        current: Option<&str>,
        full: bool,
    ) {
        let Some(current) = current else { return };
        if full {
            for word in words.known().iter().filter(|word| **word != current) {
                self.put(&[id, (label, word)], 0.0);
            }
        }
        self.put(&[id, (label, words.counted(current))], 1.0);
    }

    /// A number for every known word of `tally`, and for the others it has.
    pub(crate) fn counts(&mut self, label: &'static str, words: &FieldWords, tally: &Tally) {
        let mut beyond = 0;
        for (word, count) in tally.iter() {
            let shown = words.counted(word);
            if shown == OTHER {
                beyond += count;
            } else {
                self.put(&[(label, shown)], count as f64);
            }
        }
        if beyond > 0 {
            self.put(&[(label, OTHER)], beyond as f64);
        }
    }
}
