//! Exposition formats: encoders from samples to bytes, one file for each format.
//!
//! The fleet's families, which are streamed, and the exporter's own
//! [`MetricFamily`](super::MetricFamily) values are written through the same [`Encoder`], so every
//! format contains the same samples. What is not here: which format a scrape gets (`scrape`), and
//! compression (`compress`).

mod count;
mod encoder;
mod lines;
mod number;
mod openmetrics;
mod protobuf;
pub mod text;
mod value_limit;

pub(super) use count::CountingEncoder;
pub use encoder::{Encoder, Label, Prepared, write_families};
pub(super) use value_limit::ValueLimit;

/// An exposition format. Two versions of a format are one variant if the exporter's output is the
/// same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// The Prometheus text format 0.0.4. The exporter's metric names need no quotes, so the output
    /// is also valid in text format 1.0.0.
    Text,
    /// OpenMetrics 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    Protobuf,
}

impl Syntax {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// An encoder whose buffer has a capacity of `bytes`.
    pub fn encoder(self, bytes: usize) -> Box<dyn Encoder + Send> {
        match self {
            Self::Text => Box::new(text::TextEncoder::with_capacity(bytes)),
            Self::OpenMetrics => Box::new(openmetrics::OpenMetricsEncoder::with_capacity(bytes)),
            Self::Protobuf => Box::new(protobuf::ProtobufEncoder::with_capacity(bytes)),
        }
    }

    /// The bytes that end a body, after the output of all its encoders.
    pub const fn end(self) -> &'static [u8] {
        match self {
            Self::Text | Self::Protobuf => b"",
            Self::OpenMetrics => b"# EOF\n",
        }
    }
}
