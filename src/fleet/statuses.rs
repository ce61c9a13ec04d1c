//! Instance statuses as small numbers, while pages arrive and in what is kept afterwards.
//!
//! An instance's status must fit in a few bytes, also one that nobody has heard of; which of those
//! keep their name is known only at the end. So pages are folded with provisional codes, and the end
//! translates them.

use std::sync::Arc;

use jiff::Timestamp;

use super::Tally;
use super::by_word::{ByWord, Mergeable};
use super::state::{Word, words};

/// The number of a status. Only the [`StatusNames`] that came with it can read it.
pub(super) type Code = u32;

const UNKNOWN: Code = 0;
const OTHER: Code = 1;
const FIRST_KNOWN: Code = 2;
const FIRST_UNHEARD_OF: Code = FIRST_KNOWN + words::INSTANCE_STATUS.known.len() as Code;

/// Counts statuses, and finds the oldest modification in each.
#[derive(Debug)]
pub(super) struct StatusFold {
    facts: ByWord<Facts>,
    next_code: Code,
}

/// What is known of the instances in one status.
#[derive(Debug, Clone, Default)]
struct Facts {
    instances: u64,
    oldest_modified: Option<Timestamp>,
    code: Option<Code>,
}

/// What [`StatusFold`] arrives at.
#[derive(Debug)]
pub(super) struct Statuses {
    /// Instances by status.
    pub(super) tally: Tally,
    /// The oldest modification in each status that has one, sorted by word.
    pub(super) oldest_modified: Vec<(Box<str>, Timestamp)>,
    /// The names of final codes.
    pub(super) names: StatusNames,
    /// Provisional code, final code: for unheard-of words that kept their name.
    kept: Vec<(Code, Code)>,
}

/// The words behind final codes: which code a word has depends on nothing but the words listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct StatusNames {
    unheard_of: Arc<[Box<str>]>,
}

impl StatusFold {
    pub(super) fn new() -> Self {
        let mut facts = ByWord::<Facts>::new(&words::INSTANCE_STATUS);
        facts.slot(&Word::Absent).code = Some(UNKNOWN);
        facts.slot(&Word::UnheardOf(words::OTHER.into())).code = Some(OTHER);
        for (position, code) in (0..words::INSTANCE_STATUS.known.len()).zip(FIRST_KNOWN..) {
            facts.slot(&Word::Known(position)).code = Some(code);
        }
        Self { facts, next_code: FIRST_UNHEARD_OF }
    }

    /// Counts one instance; the answer is its status's provisional code.
    pub(super) fn add(&mut self, status: &Word, modified: Option<Timestamp>) -> Code {
        let facts = self.facts.slot(status);
        facts.instances += 1;
        facts.oldest_modified = oldest(facts.oldest_modified, modified);
        *facts.code.get_or_insert_with(|| {
            let code = self.next_code;
            self.next_code += 1;
            code
        })
    }

    pub(super) fn finish(self) -> Statuses {
        let mut oldest_modified: Vec<(Box<str>, Timestamp)> = self
            .facts
            .iter()
            .filter_map(|(word, facts)| Some((word.into(), facts.oldest_modified?)))
            .collect();
        oldest_modified.sort_unstable();
        Statuses {
            tally: self.facts.map(|facts| facts.instances).into(),
            oldest_modified,
            names: StatusNames { unheard_of: self.facts.unheard_of().map(|(word, _)| word.into()).collect() },
            kept: self
                .facts
                .unheard_of()
                .zip(FIRST_UNHEARD_OF..)
                .filter_map(|((_, facts), code)| Some((facts.code?, code)))
                .collect(),
        }
    }
}

impl Mergeable for Facts {
    fn absorb(&mut self, other: Self) {
        self.instances += other.instances;
        self.oldest_modified = oldest(self.oldest_modified, other.oldest_modified);
    }
}

impl Statuses {
    /// The final code for a provisional one.
    pub(super) fn translate(&self, provisional: Code) -> Code {
        if provisional < FIRST_UNHEARD_OF {
            return provisional;
        }
        self.kept.iter().find(|(kept, _)| *kept == provisional).map_or(OTHER, |(_, code)| *code)
    }
}

impl StatusNames {
    /// How many codes there are; each is smaller.
    pub(super) fn len(&self) -> usize {
        FIRST_UNHEARD_OF as usize + self.unheard_of.len()
    }

    /// The word that `code`, a final one, stands for.
    pub(super) fn word(&self, code: Code) -> &str {
        match code {
            UNKNOWN => words::UNKNOWN,
            OTHER => words::OTHER,
            FIRST_KNOWN..FIRST_UNHEARD_OF => words::INSTANCE_STATUS.known[(code - FIRST_KNOWN) as usize],
            FIRST_UNHEARD_OF.. => &self.unheard_of[(code - FIRST_UNHEARD_OF) as usize],
        }
    }
}

fn oldest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
