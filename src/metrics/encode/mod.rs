//! From samples to bytes, one file a format.
//!
//! Both the streamed families of the fleet and the owned [`MetricFamily`] list go through the same
//! [`Encoder`], so every format carries the same samples. What is not here: which format somebody gets,
//! and compression (`http`).

mod count;
mod number;
pub mod text;

pub(crate) use count::CountingEncoder;

use super::{Heading, MetricFamily, Value};

/// A label's name and its unescaped value.
pub type Label<'a> = (&'a str, &'a str);

/// Labels in the bytes of one format, made by [`Encoder::prepare`] and only good for that format.
///
/// Thousands of series begin with the same labels: these are escaped once and copied from then on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared(Vec<u8>);

impl Prepared {
    /// No labels, in every format.
    pub const EMPTY: &'static Self = &Self(Vec::new());

    /// How many bytes every series that begins with these labels spends on them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes families in one format.
///
/// The caller begins a family, then writes its samples, then begins the next. A family that gets no
/// sample leaves no trace. Label names are taken to be valid; label values may be any UTF-8.
pub trait Encoder {
    /// Ends the family before and begins another.
    fn family(&mut self, heading: &Heading<'_>);

    /// The labels of `before` followed by `labels`, ready to be copied.
    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared;

    /// A sample of a gauge or counter, labelled with `prepared` and then `labels`.
    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64);

    /// A sample of a histogram: cumulative counts by ascending upper bound (without `+Inf`), the sum
    /// of all observations and their number.
    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
    );

    /// Ends the last family and hands out everything written since the start.
    ///
    /// What two encoders of a format hand out may be put one behind the other. So a mark that ends a
    /// whole body (OpenMetrics' `# EOF`) is not in it.
    fn finish(&mut self) -> Vec<u8>;
}

/// Writes owned families in the order given.
pub fn families(families: &[MetricFamily], encoder: &mut dyn Encoder) {
    let mut labels = Vec::new();
    for family in families {
        encoder.family(&family.heading());
        for sample in &family.samples {
            labels.clear();
            labels.extend(sample.labels.iter().map(|(name, value)| (name.as_ref(), value.as_str())));
            match &sample.value {
                Value::Number(value) => encoder.number(Prepared::EMPTY, &labels, *value),
                Value::Histogram { buckets, sum, count } => {
                    encoder.histogram(Prepared::EMPTY, &labels, buckets, *sum, *count);
                }
            }
        }
    }
}
