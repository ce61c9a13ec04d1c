//! From samples to bytes, one file a format.
//!
//! Both the streamed families of the fleet and the owned [`MetricFamily`] list go through the same
//! [`Encoder`], so every format carries the same samples. What is not here: which format somebody gets
//! (`http`), and compression (`pack`).

mod count;
mod lines;
mod number;
pub mod openmetrics;
pub mod protobuf;
pub mod text;

use jiff::Timestamp;

pub(crate) use count::CountingEncoder;

use super::{Heading, Histogram, Kind, MetricFamily, Value};

/// A way to write samples down. Versions of a format that don't differ in what we write share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// The Prometheus text format, 0.0.4. Our names are valid in it as they stand, so that this is also
    /// the text format 1.0.0, whose quoted names are for others.
    Text,
    /// OpenMetrics, 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf,
}

impl Syntax {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// An encoder with room for `bytes`.
    pub fn encoder(self, bytes: usize) -> Box<dyn Encoder> {
        match self {
            Self::Text => Box::new(text::TextEncoder::with_capacity(bytes)),
            Self::OpenMetrics => Box::new(openmetrics::OpenMetricsEncoder::with_capacity(bytes)),
            Self::Protobuf => Box::new(protobuf::ProtobufEncoder::with_capacity(bytes)),
        }
    }

    /// What ends a whole body, once, behind everything that encoders have handed out.
    pub const fn end(self) -> &'static [u8] {
        match self {
            Self::Text | Self::Protobuf => b"",
            Self::OpenMetrics => b"# EOF\n",
        }
    }
}

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

    /// Like [`number`](Self::number) for a counter that is known to have been 0 at `created`, in formats
    /// that can say so.
    fn counter(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64, created: Timestamp) {
        let _ = created;
        self.number(prepared, labels, value);
    }

    /// A sample of a histogram, empty at `created` where that is known.
    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        created: Option<Timestamp>,
    );

    /// Ends the last family and hands out everything written since the start.
    ///
    /// What two encoders of a format hand out may be put one behind the other. So what ends a whole
    /// body ([`Syntax::end`]) is not in it.
    fn finish(&mut self) -> Vec<u8>;
}

/// Writes owned families in the order given, whose counters and histograms count since `created`.
pub fn families(families: &[MetricFamily], created: Option<Timestamp>, encoder: &mut dyn Encoder) {
    let mut labels = Vec::new();
    for family in families {
        encoder.family(&family.heading());
        for sample in &family.samples {
            labels.clear();
            labels.extend(sample.labels.iter().map(|(name, value)| (name.as_ref(), value.as_str())));
            match (&sample.value, created) {
                (Value::Number(value), Some(created)) if family.kind == Kind::Counter => {
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
