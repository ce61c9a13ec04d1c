//! Something kept for every word of a vocabulary, and for the few that nobody has heard of.

use std::collections::BTreeMap;

use super::Vocabulary;
use super::state::{Word, words};

/// What is kept for one word: it starts as the default, and the default must be neutral in `absorb`.
pub(super) trait Mergeable: Default {
    /// Takes in what was kept for another word, which loses its name.
    fn absorb(&mut self, other: Self);
}

impl Mergeable for u64 {
    fn absorb(&mut self, other: Self) {
        *self += other;
    }
}

/// One slot per known word, at most [`words::MAX_UNHEARD_OF`] more for unheard-of ones, one for the
/// rest of those ([`words::OTHER`]) and one for values that are absent ([`words::UNKNOWN`]).
///
/// The unheard-of words that keep their name are the smallest in byte order. A word that had to make
/// room never comes back, since the words that displaced it stay or are displaced by smaller ones:
/// so neither names nor contents depend on the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ByWord<T> {
    vocabulary: &'static Vocabulary,
    known: Box<[T]>,
    unheard_of: BTreeMap<Box<str>, T>,
    unknown: T,
    other: T,
}

impl<T: Mergeable> ByWord<T> {
    /// Every slot at its default.
    pub(super) fn new(vocabulary: &'static Vocabulary) -> Self {
        Self {
            vocabulary,
            known: vocabulary.known.iter().map(|_| T::default()).collect(),
            unheard_of: BTreeMap::new(),
            unknown: T::default(),
            other: T::default(),
        }
    }

    pub(super) fn vocabulary(&self) -> &'static Vocabulary {
        self.vocabulary
    }

    /// The slot in which `word` is kept.
    pub(super) fn slot(&mut self, word: &Word) -> &mut T {
        match word {
            Word::Absent => &mut self.unknown,
            Word::Known(position) => &mut self.known[*position],
            Word::UnheardOf(word) => self.unheard_of_slot(word),
        }
    }

    /// Known words in the vocabulary's order, unheard-of ones in byte order, then
    /// [`words::UNKNOWN`] and [`words::OTHER`].
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let known = self.vocabulary.known.iter().copied().zip(&self.known);
        let unheard_of = self.unheard_of.iter().map(|(word, kept)| (&**word, kept));
        known.chain(unheard_of).chain([(words::UNKNOWN, &self.unknown), (words::OTHER, &self.other)])
    }

    /// The unheard-of words that keep their name, in byte order.
    pub(super) fn unheard_of(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.unheard_of.iter().map(|(word, kept)| (&**word, kept))
    }

    /// The same words with something else kept for each.
    pub(super) fn map<U: Mergeable>(&self, convert: impl Fn(&T) -> U) -> ByWord<U> {
        ByWord {
            vocabulary: self.vocabulary,
            known: self.known.iter().map(&convert).collect(),
            unheard_of: self.unheard_of.iter().map(|(word, kept)| (word.clone(), convert(kept))).collect(),
            unknown: convert(&self.unknown),
            other: convert(&self.other),
        }
    }

    fn unheard_of_slot(&mut self, word: &str) -> &mut T {
        // The API may use our own words: then they mean the same, and must not be shown twice.
        match word {
            words::UNKNOWN => return &mut self.unknown,
            words::OTHER => return &mut self.other,
            _ => {}
        }
        if self.unheard_of.len() >= words::MAX_UNHEARD_OF && !self.unheard_of.contains_key(word) {
            match self.unheard_of.last_entry() {
                Some(largest) if **largest.key() > *word => self.other.absorb(largest.remove()),
                _ => return &mut self.other,
            }
        }
        self.unheard_of.entry(word.into()).or_default()
    }
}
