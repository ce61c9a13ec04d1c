//! What the serialised forms of the fleet's types share.
//!
//! Every type checks what it is read from, so that no input can cause a panic later: a state comes
//! from a file or from another process, possibly of another version. What is not here: the form of
//! a type with private fields, which is in the type's own file or in `saved.rs` of its folder.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A count above this one is read as this one: sums of such counts do not overflow, and no real
/// count reaches it.
pub(super) const MAX_COUNT: u64 = 1 << 48;
/// Maximum number of names in a list of statuses. A version with another vocabulary may have more
/// documented statuses than this one.
pub(super) const MAX_NAMES: usize = 256;

/// Bytes that are serialised as one byte string: serde's form of a vector is a sequence of numbers.
#[derive(Debug, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    /// A format without byte strings, such as JSON, has a sequence instead.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

/// Reads a count, at most [`MAX_COUNT`].
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(u64::deserialize(deserializer)?.min(MAX_COUNT))
}

/// Like [`count`], for a count that may be unknown.
pub(super) fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(|count| count.min(MAX_COUNT)))
}

/// Reads a sequence; an element that is not above the previous one is an error. Two equal elements
/// would be two series with the same labels.
pub(super) fn ascending<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    is_below: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>, D::Error> {
    let items = Vec::<T>::deserialize(deserializer)?;
    match items.is_sorted_by(is_below) {
        true => Ok(items),
        false => Err(D::Error::custom("elements are not in ascending order")),
    }
}

/// Reads a time for each status, sorted by status.
pub(super) fn times_by_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(Box<str>, Timestamp)>, D::Error> {
    ascending(deserializer, |(one, _), (other, _)| one < other)
}
