//! A value for every status of a vocabulary, and for a bounded number of unknown statuses.

use std::collections::BTreeMap;

use super::vocabulary::{ABSENT, EnumValue, MAX_UNKNOWN_VALUES, OTHER, Vocabulary};

/// A value of a [`StatusMap`]. Merging the default value must change nothing.
pub(super) trait Mergeable: Default {
    /// Adds the value of a status that is no longer kept by name.
    fn merge(&mut self, other: Self);
}

impl Mergeable for u64 {
    fn merge(&mut self, other: Self) {
        *self += other;
    }
}

/// One value for each known status, for at most [`MAX_UNKNOWN_VALUES`] unknown ones, for all other
/// unknown ones together ([`OTHER`]), and for absent statuses ([`ABSENT`]).
///
/// The unknown statuses that are kept by name are the smallest in byte order. A smaller status
/// displaces the largest one, which can never return, because the kept statuses only become
/// smaller. So neither names nor values depend on the order in which statuses arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusMap<T> {
    vocabulary: &'static Vocabulary,
    known: Box<[T]>,
    unknown: BTreeMap<Box<str>, T>,
    absent: T,
    other: T,
}

impl<T: Mergeable> StatusMap<T> {
    /// A map in which every value is the default.
    pub(super) fn new(vocabulary: &'static Vocabulary) -> Self {
        Self {
            vocabulary,
            known: vocabulary.known.iter().map(|_| T::default()).collect(),
            unknown: BTreeMap::new(),
            absent: T::default(),
            other: T::default(),
        }
    }

    /// The vocabulary of the field.
    pub(super) fn vocabulary(&self) -> &'static Vocabulary {
        self.vocabulary
    }

    /// The value for `status`.
    pub(super) fn get_mut(&mut self, status: &EnumValue) -> &mut T {
        match status {
            EnumValue::Absent => &mut self.absent,
            EnumValue::Known(position) => &mut self.known[*position],
            EnumValue::Unknown(status) => self.unknown_mut(status),
        }
    }

    /// Known statuses in the vocabulary's order, unknown ones in byte order, then [`ABSENT`] and
    /// [`OTHER`].
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let known = self.vocabulary.known.iter().copied().zip(&self.known);
        known.chain(self.unknown()).chain([(ABSENT, &self.absent), (OTHER, &self.other)])
    }

    /// The unknown statuses that are kept by name, in byte order.
    pub(super) fn unknown(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.unknown.iter().map(|(status, value)| (&**status, value))
    }

    /// The same statuses with converted values.
    pub(super) fn map<U: Mergeable>(&self, convert: impl Fn(&T) -> U) -> StatusMap<U> {
        StatusMap {
            vocabulary: self.vocabulary,
            known: self.known.iter().map(&convert).collect(),
            unknown: self.unknown.iter().map(|(status, value)| (status.clone(), convert(value))).collect(),
            absent: convert(&self.absent),
            other: convert(&self.other),
        }
    }

    fn unknown_mut(&mut self, status: &str) -> &mut T {
        // The API may send a status that equals one of our own label values. Both count together,
        // because they would be the same series.
        match status {
            ABSENT => return &mut self.absent,
            OTHER => return &mut self.other,
            _ => {}
        }
        if self.unknown.len() >= MAX_UNKNOWN_VALUES && !self.unknown.contains_key(status) {
            match self.unknown.last_entry() {
                Some(largest) if **largest.key() > *status => self.other.merge(largest.remove()),
                _ => return &mut self.other,
            }
        }
        self.unknown.entry(status.into()).or_default()
    }
}
