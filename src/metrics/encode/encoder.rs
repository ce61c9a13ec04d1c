//! The interface of all encoders.

use jiff::Timestamp;

use crate::metrics::family::{Histogram, Metadata, MetricFamily, MetricType, Value};

/// A label's name and its unescaped value.
pub type Label<'a> = (&'a str, &'a str);

/// Labels encoded by [`Encoder::prepare`] for one format.
///
/// Thousands of series begin with the same labels, so these are escaped once and then copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared(pub(super) Vec<u8>);

impl Prepared {
    /// No labels, in every format.
    pub const EMPTY: &'static Self = &Self(Vec::new());

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it contains no labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes families in one format.
///
/// The caller begins a family, writes its samples, then begins the next family. A family without
/// samples is left out of the output. Label names must be valid; label values may be any UTF-8.
pub trait Encoder {
    /// Ends the previous family and begins another.
    fn family(&mut self, metadata: &Metadata<'_>);

    /// Encodes the labels of `before` followed by `labels`.
    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared;

    /// Writes a sample of a gauge or counter, labelled with `prepared` and then `labels`.
    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64);

    /// Like [`number`](Self::number), for a counter that was 0 at `created`. Formats without start
    /// times ignore `created`.
    fn counter(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64, created: Timestamp) {
        let _ = created;
        self.number(prepared, labels, value);
    }

    /// Writes a sample of a histogram that was empty at `created`; `None` if that time is unknown.
    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        created: Option<Timestamp>,
    );

    /// Whether the start time of a counter or histogram is part of its sample, instead of a further
    /// series. The fleet's series have start times only then, because further series would be as
    /// many as the counters.
    fn has_inline_start_times(&self) -> bool;

    /// Passes the bytes that no longer change to `sink`, and removes them, if they are at least
    /// `min_bytes`. Together with the later bytes they are the same as without this call.
    fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8]));

    /// Ends the last family and returns the bytes that were written since the start or the previous
    /// call and not drained.
    ///
    /// The results of several encoders of one format can be concatenated, because the bytes that
    /// end a whole body ([`Syntax::end`](super::Syntax::end)) are not included.
    fn finish(&mut self) -> Vec<u8>;
}

/// Writes `families` in their order. Their counters and histograms have counted since `created`;
/// `None` leaves the start time out.
pub fn write_families(families: &[MetricFamily], created: Option<Timestamp>, encoder: &mut dyn Encoder) {
    let mut labels = Vec::new();
    for family in families {
        encoder.family(&family.metadata());
        for sample in &family.samples {
            labels.clear();
            labels.extend(sample.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
            match (&sample.value, created) {
                (Value::Number(value), Some(created)) if family.metric_type == MetricType::Counter => {
                    encoder.counter(Prepared::EMPTY, &labels, *value, created);
                }
                (Value::Number(value), _) => encoder.number(Prepared::EMPTY, &labels, *value),
                (Value::Histogram(histogram), created) => {
                    encoder.histogram(Prepared::EMPTY, &labels, histogram, created);
                }
            }
        }
    }
}
