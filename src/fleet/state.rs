//! States as words: which ones a field is known to have, and counting by them.
//!
//! What is not here: what a state means for capacity (`capacity`) or for sessions (`transitions`).

use std::borrow::Cow;

use super::Findings;
use super::by_word::ByWord;

/// The documented values of one enumeration of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The API's field name, for findings.
    pub field: &'static str,
    /// The known words, upper case, in the order in which they are shown.
    pub known: &'static [&'static str],
}

/// A field's value, held against the field's vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The field is absent or empty.
    Absent,
    /// A documented word, by its position.
    Known(usize),
    /// Anything else, upper-cased.
    UnheardOf(String),
}

impl Vocabulary {
    /// Where `word` (already upper-cased) stands among the known ones.
    pub fn position(&self, word: &str) -> Option<usize> {
        self.known.iter().position(|known| *known == word)
    }

    /// The known word that `word` is, in whatever ASCII case it is written. Allocates nothing.
    pub fn find_ignore_case(&self, word: &str) -> Option<&'static str> {
        self.position_ignore_case(word).map(|position| self.known[position])
    }

    /// `word` as it is exported: in ASCII upper case. Allocates only when nobody has heard of it.
    pub fn upper_case(&self, word: &str) -> Cow<'static, str> {
        match self.find_ignore_case(word) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(word.to_ascii_uppercase()),
        }
    }

    pub(super) fn classify(&self, word: Option<&str>) -> Word {
        match word {
            None | Some("") => Word::Absent,
            Some(word) => match self.position_ignore_case(word) {
                Some(position) => Word::Known(position),
                None => Word::UnheardOf(word.to_ascii_uppercase()),
            },
        }
    }

    /// [`classify`](Self::classify), with an unheard-of word noted in `findings`.
    pub(super) fn classify_noting(&self, word: Option<&str>, findings: &mut Findings) -> Word {
        let word = self.classify(word);
        if matches!(word, Word::UnheardOf(_)) {
            findings.unknown(self.field);
        }
        word
    }

    fn position_ignore_case(&self, word: &str) -> Option<usize> {
        self.known.iter().position(|known| known.eq_ignore_ascii_case(word))
    }
}

/// The vocabularies of the three operations.
pub mod words {
    use super::Vocabulary;

    /// `Status` of a delivery group. The documented list is known to be incomplete.
    pub static GROUP_STATUS: Vocabulary = Vocabulary {
        field: "Status",
        known: &[
            "PUBLISHED",
            "FAILED",
            "MAINTAIN_FAILED",
            "EXPIRED",
            "MAINTAINING",
            "CEASED",
            "EXPIRED_RECYCLING",
            "DEPLOYING",
        ],
    };
    /// `ResourceStatus` of a delivery group.
    pub static RESOURCE_STATUS: Vocabulary = Vocabulary {
        field: "ResourceStatus",
        known: &["AVAILABLE", "RELEASED", "EXPIRED_IN_7_DAYS", "UNAVAILABLE", "UPGRADING", "CREATING"],
    };
    /// `StrategyType` of a node pool.
    pub static STRATEGY_TYPE: Vocabulary = Vocabulary {
        field: "StrategyType",
        known: &["NODE_FIXED", "NODE_SCALING_BY_SCHEDULE", "NODE_SCALING_BY_USAGE"],
    };
    /// `Status` of an instance.
    pub static INSTANCE_STATUS: Vocabulary = Vocabulary {
        field: "Status",
        known: &[
            "INIT",
            "STARTING",
            "CLOSING",
            "CLOSED",
            "RUNNING",
            "IDLE",
            "BOUND",
            "UNAVAILABLE",
            "DELETED",
        ],
    };
    /// `AppInstanceStatus` of a persistent session: the same words under another field name.
    pub static PERSISTENT_INSTANCE_STATUS: Vocabulary =
        Vocabulary { field: "AppInstanceStatus", known: INSTANCE_STATUS.known };
    /// `SessionStatus` of an instance.
    pub static SESSION_STATUS: Vocabulary =
        Vocabulary { field: "SessionStatus", known: &["CONNECT", "DISCONNECT"] };
    /// `AppInstancePersistentStatus` of a persistent session.
    pub static PERSISTENT_STATUS: Vocabulary = Vocabulary {
        field: "AppInstancePersistentStatus",
        known: &[
            "STARTING",
            "RUNNING",
            "STOPPED",
            "UNAVAILABLE",
            "DELETING",
            "PENDING",
            "STOPPING",
            "DELETED",
            "REBUILDING",
        ],
    };
    /// What an instance or a persistent session without a status is counted under.
    pub const UNKNOWN: &str = "UNKNOWN";
    /// What unheard-of values beyond [`MAX_UNHEARD_OF`] fall together under.
    pub const OTHER: &str = "OTHER";
    /// How many unheard-of values of one field are shown by name.
    pub const MAX_UNHEARD_OF: usize = 16;
}

/// Counts by state: a number for every known word, and for the few that nobody has heard of.
///
/// At most [`words::MAX_UNHEARD_OF`] unheard-of words are kept by name, the smallest in byte order,
/// whatever the order in which they come; the rest is counted under [`words::OTHER`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    counts: ByWord<u64>,
}

impl Tally {
    /// Nothing counted yet: 0 for every known word.
    pub fn new(vocabulary: &'static Vocabulary) -> Self {
        Self { counts: ByWord::new(vocabulary) }
    }

    /// Counts one occurrence of `word`, in any ASCII case; an absent or empty one under
    /// [`words::UNKNOWN`].
    pub fn add(&mut self, word: Option<&str>) {
        let word = self.counts.vocabulary().classify(word);
        self.add_word(&word);
    }

    /// Every known word with its count, also where that is 0, in the vocabulary's order; then the
    /// unheard-of ones in byte order; then [`words::UNKNOWN`] and [`words::OTHER`] where they count
    /// anything. No word comes twice.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let known = self.counts.vocabulary().known.len();
        self.counts
            .iter()
            .enumerate()
            .filter(move |(position, (_, count))| *position < known || **count > 0)
            .map(|(_, (word, count))| (word, *count))
    }

    /// What `word` (upper case) was counted; 0 for one that never came.
    pub fn get(&self, word: &str) -> u64 {
        self.counts.iter().find(|(other, _)| *other == word).map_or(0, |(_, count)| *count)
    }

    /// Everything counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| *count).sum()
    }

    pub(super) fn add_word(&mut self, word: &Word) {
        *self.counts.slot(word) += 1;
    }
}

impl From<ByWord<u64>> for Tally {
    fn from(counts: ByWord<u64>) -> Self {
        Self { counts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::words::{INSTANCE_STATUS, MAX_UNHEARD_OF, SESSION_STATUS};
    use super::*;

    fn tally<S: AsRef<str>>(words: &[S]) -> Tally {
        let mut tally = Tally::new(&INSTANCE_STATUS);
        words.iter().for_each(|word| tally.add(Some(word.as_ref())));
        tally
    }

    #[test]
    fn every_known_word_is_there_before_anything_was_counted() {
        let tally = Tally::new(&SESSION_STATUS);
        assert_eq!(tally.iter().collect::<Vec<_>>(), [("CONNECT", 0), ("DISCONNECT", 0)]);
        assert_eq!(tally.total(), 0);
    }

    #[test]
    fn case_does_not_matter_and_unheard_of_words_are_upper_cased() {
        let tally = tally(&["idle", "IDLE", "Idle", "hibernating"]);
        assert_eq!(tally.get("IDLE"), 3);
        assert_eq!(tally.get("HIBERNATING"), 1);
        assert_eq!(tally.get("hibernating"), 0);
    }

    #[test]
    fn an_absent_or_empty_word_is_unknown() {
        let mut tally = Tally::new(&SESSION_STATUS);
        tally.add(None);
        tally.add(Some(""));
        assert_eq!(tally.iter().last(), Some(("UNKNOWN", 2)));
    }

    #[test]
    fn words_that_the_api_itself_calls_unknown_or_other_make_no_second_entry() {
        let mut tally = tally(&["Unknown", "other"]);
        tally.add(None);
        let counted: Vec<_> = tally.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("UNKNOWN", 2), ("OTHER", 1)]);
    }

    #[test]
    fn a_known_word_costs_no_allocation() {
        assert!(matches!(INSTANCE_STATUS.upper_case("idle"), Cow::Borrowed("IDLE")));
        assert_eq!(INSTANCE_STATUS.upper_case("odd"), "ODD");
        assert_eq!(INSTANCE_STATUS.find_ignore_case("bOuNd"), Some("BOUND"));
        assert_eq!(INSTANCE_STATUS.find_ignore_case("odd"), None);
    }

    proptest! {
        #[test]
        fn the_order_in_which_words_come_does_not_matter(
            (words, shuffled) in proptest::collection::vec("[a-d]{1,3}|idle|BOUND|other|unknown", 0..120)
                .prop_flat_map(|words| (Just(words.clone()), Just(words).prop_shuffle())),
        ) {
            prop_assert_eq!(tally(&words), tally(&shuffled));
        }

        #[test]
        fn unheard_of_words_are_bounded_and_nothing_is_lost(
            words in proptest::collection::vec("[a-z]{1,4}", 0..200),
        ) {
            let tally = tally(&words);
            prop_assert_eq!(tally.total(), words.len() as u64);
            prop_assert!(tally.iter().count() <= INSTANCE_STATUS.known.len() + MAX_UNHEARD_OF + 2);

            let mut expected: Vec<String> = words
                .iter()
                .filter(|word| INSTANCE_STATUS.find_ignore_case(word).is_none())
                .map(|word| word.to_ascii_uppercase())
                .filter(|word| word != "OTHER" && word != "UNKNOWN")
                .collect();
            expected.sort_unstable();
            expected.dedup();
            expected.truncate(MAX_UNHEARD_OF);
            let kept: Vec<&str> = tally
                .iter()
                .map(|(word, _)| word)
                .filter(|word| INSTANCE_STATUS.position(word).is_none() && *word != "OTHER" && *word != "UNKNOWN")
                .collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
