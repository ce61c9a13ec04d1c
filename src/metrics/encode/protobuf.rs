//! Protobuf: `io.prometheus.client.MetricFamily` messages, each preceded by its length as a varint.
//!
//! Field numbers are those published in
//! <https://github.com/prometheus/client_model/blob/v0.6.2/io/prometheus/client/metrics.proto>;
//! they are written as literals where they are used. There are no generated message types, because
//! a fleet's samples are streamed and the common labels of series are copied as bytes. The names of
//! counters keep `_total`, as Prometheus expects in this format.

use jiff::Timestamp;

use crate::metrics::encode::encoder::{Encoder, Label, Prepared};
use crate::metrics::family::{Exemplar, Histogram, Metadata, MetricType, NativeBuckets, Unit};

/// Bytes reserved for the length of a family, which is known only at its end: a varint of 5 bytes,
/// 7 bits each, is enough for 32 GiB.
const MAX_LENGTH_BYTES: usize = 5;

/// Writes delimited messages into one growing buffer.
#[derive(Debug)]
pub struct ProtobufEncoder {
    out: Vec<u8>,
    /// Type of the current family.
    metric_type: MetricType,
    /// Unit of the current family, which is written after its samples.
    unit: Option<Unit>,
    /// In `out`, the start of the current family, including the bytes reserved for its length, and
    /// the end of its metadata.
    metadata: (usize, usize),
}

/// Wire type of varints.
const VARINT: u8 = 0;
/// Wire type of doubles, which take eight bytes.
const DOUBLE: u8 = 1;
/// Wire type of strings and messages, which are preceded by their length.
const LENGTH: u8 = 2;

/// The tag before a field whose number is below 16, so that the tag is one byte.
const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// Bytes of a message with one double, such as `Gauge` and `Counter`: a tag and the double.
const NUMBER_BYTES: usize = 1 + size_of::<f64>();

impl ProtobufEncoder {
    /// An encoder with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), metric_type: MetricType::Gauge, unit: None, metadata: (0, 0) }
    }

    /// Writes the family's unit after its samples and its length before it. Removes the metadata of
    /// a family without samples.
    fn end_family(&mut self) {
        let (start, end) = self.metadata;
        if self.out.len() == end {
            self.out.truncate(start);
            return;
        }
        if let Some(unit) = self.unit {
            push_bytes(&mut self.out, 5, unit.as_str().as_bytes());
        }
        let message = start + MAX_LENGTH_BYTES..self.out.len();
        let mut length = Vec::with_capacity(MAX_LENGTH_BYTES);
        push_varint(&mut length, message.len() as u64);
        let message_start = start + length.len();
        let message_end = message_start + message.len();
        self.out[start..message_start].copy_from_slice(&length);
        self.out.copy_within(message, message_start);
        self.out.truncate(message_end);
    }

    /// Begins a `Metric` (field 4 of `MetricFamily`) with its labels (field 1). The caller appends
    /// the value, which takes `value_bytes`.
    fn begin_metric(&mut self, prepared: &Prepared, labels: &[Label<'_>], value_bytes: usize) {
        let label_bytes: usize = labels.iter().map(|label| field_bytes(pair_bytes(label))).sum();
        self.out.push(tag(4, LENGTH));
        push_varint(&mut self.out, (prepared.len() + label_bytes + value_bytes) as u64);
        self.out.extend_from_slice(&prepared.0);
        push_labels(&mut self.out, 1, labels);
    }
}

impl Encoder for ProtobufEncoder {
    fn family(&mut self, metadata: &Metadata<'_>) {
        self.end_family();
        (self.metric_type, self.unit) = (metadata.metric_type, metadata.unit());
        let start = self.out.len();
        let out = &mut self.out;
        out.extend_from_slice(&[0; MAX_LENGTH_BYTES]);
        push_bytes(out, 1, metadata.name.as_bytes());
        push_bytes(out, 2, metadata.help.as_bytes());
        // The numbers of the enumeration `MetricType`.
        let metric_type = match metadata.metric_type {
            MetricType::Counter => 0,
            MetricType::Gauge => 1,
            MetricType::Histogram => 4,
        };
        push_varint_field(out, 3, metric_type);
        self.metadata = (start, out.len());
    }

    fn prepare(&self, before: &Prepared, labels: &[Label<'_>]) -> Prepared {
        let mut bytes = before.0.clone();
        push_labels(&mut bytes, 1, labels);
        Prepared(bytes)
    }

    fn number(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64) {
        self.begin_metric(prepared, labels, field_bytes(NUMBER_BYTES));
        // `counter` or `gauge` of `Metric`. A length below 128 is one byte.
        let field = if self.metric_type == MetricType::Counter { 3 } else { 2 };
        self.out.extend_from_slice(&[tag(field, LENGTH), NUMBER_BYTES as u8]);
        push_double(&mut self.out, 1, value);
    }

    fn counter(&mut self, prepared: &Prepared, labels: &[Label<'_>], value: f64, created: Timestamp) {
        let mut counter = Vec::with_capacity(32);
        push_double(&mut counter, 1, value);
        push_timestamp(&mut counter, 3, created);
        self.begin_metric(prepared, labels, field_bytes(counter.len()));
        push_bytes(&mut self.out, 3, &counter);
    }

    fn histogram(
        &mut self,
        prepared: &Prepared,
        labels: &[Label<'_>],
        histogram: &Histogram,
        created: Option<Timestamp>,
    ) {
        let message = histogram_message(histogram, created);
        self.begin_metric(prepared, labels, field_bytes(message.len()));
        push_bytes(&mut self.out, 7, &message);
    }

    fn has_inline_start_times(&self) -> bool {
        true
    }

    fn drain(&mut self, min_bytes: usize, sink: &mut dyn FnMut(&[u8])) {
        // The length of the current family is not known yet.
        let (start, end) = self.metadata;
        if start >= min_bytes {
            sink(&self.out[..start]);
            self.out.drain(..start);
            self.metadata = (0, end - start);
        }
    }

    fn finish(&mut self) -> Vec<u8> {
        self.end_family();
        self.metadata = (0, 0);
        std::mem::take(&mut self.out)
    }
}

/// A `Histogram` message, including the bucket with bound `+Inf`.
fn histogram_message(histogram: &Histogram, created: Option<Timestamp>) -> Vec<u8> {
    let mut message = Vec::new();
    push_varint_field(&mut message, 1, histogram.count);
    push_double(&mut message, 2, histogram.sum);
    for (lower, upper, cumulative) in histogram.intervals() {
        let mut bucket = Vec::new();
        push_varint_field(&mut bucket, 1, cumulative);
        push_double(&mut bucket, 2, upper);
        if let Some(exemplar) = histogram.exemplar(lower, upper) {
            push_bytes(&mut bucket, 3, &exemplar_message(exemplar));
        }
        push_bytes(&mut message, 3, &bucket);
    }
    if let Some(native) = &histogram.native {
        push_native(&mut message, native);
    }
    if let Some(created) = created {
        push_timestamp(&mut message, 15, created);
    }
    message
}

/// Appends the fields of a native histogram: the resolution, the bucket around 0, and the others as
/// spans of successive indices with the difference of each count from the previous one.
fn push_native(message: &mut Vec<u8>, native: &NativeBuckets) {
    push_varint_field(message, 5, zigzag(native.schema.into()));
    // Also marks a histogram without observations as a native one.
    push_double(message, 6, native.zero_threshold);
    push_varint_field(message, 7, native.zeros);
    let mut next = 0;
    for span in native.buckets.chunk_by(|(index, _), (following, _)| index + 1 == *following) {
        let mut fields = Vec::new();
        push_varint_field(&mut fields, 1, zigzag(i64::from(span[0].0) - next));
        push_varint_field(&mut fields, 2, span.len() as u64);
        push_bytes(message, 12, &fields);
        next = i64::from(span[0].0) + span.len() as i64;
    }
    let mut previous = 0;
    for (_, count) in &native.buckets {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        push_varint_field(message, 13, zigzag(count - previous));
        previous = count;
    }
}

/// The encoding of a signed number in a field of type `sint32` or `sint64`.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// An `Exemplar` message.
fn exemplar_message(exemplar: &Exemplar) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &exemplar.labels {
        push_labels(&mut message, 1, &[(name, value)]);
    }
    push_double(&mut message, 2, exemplar.value);
    push_timestamp(&mut message, 3, exemplar.at);
    message
}

/// Appends each label as a `LabelPair` in this field.
fn push_labels(out: &mut Vec<u8>, field: u8, labels: &[Label<'_>]) {
    for label in labels {
        out.push(tag(field, LENGTH));
        push_varint(out, pair_bytes(label) as u64);
        push_bytes(out, 1, label.0.as_bytes());
        push_bytes(out, 2, label.1.as_bytes());
    }
}

/// Bytes of a `LabelPair`, without its tag and length.
fn pair_bytes((name, value): &Label<'_>) -> usize {
    field_bytes(name.len()) + field_bytes(value.len())
}

/// Bytes of a field whose content takes `content_bytes`, including its tag and length.
fn field_bytes(content_bytes: usize) -> usize {
    1 + varint_bytes(content_bytes as u64) + content_bytes
}

/// Appends a field that contains a string or an encoded message.
fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(tag(field, LENGTH));
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(tag(field, DOUBLE));
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field that contains a non-negative whole number or the number of an enumeration's
/// value.
fn push_varint_field(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(tag(field, VARINT));
    push_varint(out, value);
}

/// Appends a field that contains a `google.protobuf.Timestamp`. Times before 1970, which do not
/// occur, become 1970.
fn push_timestamp(out: &mut Vec<u8>, field: u8, at: Timestamp) {
    let at = at.max(Timestamp::UNIX_EPOCH);
    let mut message = Vec::new();
    push_varint_field(&mut message, 1, at.as_second().unsigned_abs());
    push_varint_field(&mut message, 2, at.subsec_nanosecond().unsigned_abs().into());
    push_bytes(out, field, &message);
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of `value` as a varint.
fn varint_bytes(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metadata(name: &'static str, metric_type: MetricType) -> Metadata<'static> {
        Metadata { name, help: "H", metric_type }
    }

    #[test]
    fn a_gauge_to_the_byte() {
        let mut encoder = ProtobufEncoder::with_capacity(0);
        let account = encoder.prepare(Prepared::EMPTY, &[("a", "x")]);
        encoder.family(&metadata("m_seconds", MetricType::Gauge));
        encoder.number(&account, &[("b", "")], 1.0);
        let expected = [
            &[53][..],
            b"\x0a\x09m_seconds\x12\x01H\x18\x01",
            b"\x22\x1a",
            b"\x0a\x06\x0a\x01a\x12\x01x",
            b"\x0a\x05\x0a\x01b\x12\x00",
            b"\x12\x09\x09\0\0\0\0\0\0\xf0\x3f",
            b"\x2a\x07seconds",
        ]
        .concat();
        assert_eq!(encoder.finish(), expected);
    }

    #[test]
    fn a_family_without_samples_is_left_out() {
        let mut encoder = ProtobufEncoder::with_capacity(0);
        encoder.family(&metadata("a", MetricType::Gauge));
        assert!(encoder.finish().is_empty());
        let alone = |encoder: &mut ProtobufEncoder| {
            encoder.family(&metadata("b_total", MetricType::Counter));
            encoder.number(Prepared::EMPTY, &[], 2.0);
        };
        alone(&mut encoder);
        let expected = encoder.finish();
        encoder.family(&metadata("a", MetricType::Gauge));
        alone(&mut encoder);
        encoder.family(&metadata("c", MetricType::Histogram));
        assert_eq!(encoder.finish(), expected);
    }

    proptest! {
        #[test]
        fn varint_bytes_is_the_length_of_the_varint(value in any::<u64>(), shift in 0..64_u32) {
            let mut out = Vec::new();
            push_varint(&mut out, value >> shift);
            prop_assert_eq!(out.len(), varint_bytes(value >> shift));
        }
    }
}
