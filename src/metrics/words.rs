//! Which unheard-of states are shown by name: at most sixteen a field, over the whole snapshot.
//!
//! A cloud that invents a state for every group must not turn into a series for every group.

use std::collections::BTreeSet;

use crate::fleet::{
    InstanceSummary, PersistentSummary, Snapshot, Tally, Vocabulary,
    vocabulary::{self, ABSENT, MAX_UNKNOWN_VALUES, OTHER},
};

/// What stands before the first and after the last status of an instance in a transition.
const NO_STATUS: [&str; 2] = ["NONE", "GONE"];

/// The words of one field that get series of their own.
#[derive(Debug)]
pub(crate) struct FieldWords {
    vocabulary: &'static Vocabulary,
    unheard_of: BTreeSet<Box<str>>,
}

impl FieldWords {
    fn new(vocabulary: &'static Vocabulary) -> Self {
        Self { vocabulary, unheard_of: BTreeSet::new() }
    }

    /// The known words, in the order in which they are shown.
    pub(crate) fn known(&self) -> &'static [&'static str] {
        self.vocabulary.known
    }

    /// `word` itself where it is known or among the unheard-of ones shown by name, else `OTHER`.
    pub(crate) fn shown<'w>(&self, word: &'w str) -> &'w str {
        let by_name = self.vocabulary.position(word).is_some() || self.unheard_of.contains(word);
        if by_name { word } else { OTHER }
    }

    /// Like [`shown`](Self::shown) for a word that was counted: `UNKNOWN` stands for none at all.
    pub(crate) fn counted<'w>(&self, word: &'w str) -> &'w str {
        if word == ABSENT { word } else { self.shown(word) }
    }

    /// Like [`counted`](Self::counted) for an end of a transition, which may also be `NONE` or `GONE`.
    pub(crate) fn transition_end<'w>(&self, word: &'w str) -> &'w str {
        if NO_STATUS.contains(&word) { word } else { self.counted(word) }
    }

    /// Takes note of a word: the smallest in byte order are kept, whatever the order they come in.
    fn note(&mut self, word: &str) {
        if self.vocabulary.position(word).is_some() || self.unheard_of.contains(word) {
            return;
        }
        let full = self.unheard_of.len() == MAX_UNKNOWN_VALUES;
        if full && self.unheard_of.last().is_some_and(|last| **last < *word) {
            return;
        }
        self.unheard_of.insert(word.into());
        if full {
            self.unheard_of.pop_last();
        }
    }

    fn note_counted(&mut self, tally: &Tally) {
        tally
            .iter()
            .skip(self.known().len())
            .filter(|(word, _)| *word != ABSENT && *word != OTHER)
            .for_each(|(word, _)| self.note(word));
    }
}

/// The words of every enumerated field of one snapshot.
#[derive(Debug)]
pub(crate) struct Words {
    /// `Status` of groups.
    pub(crate) group_status: FieldWords,
    /// `ResourceStatus`.
    pub(crate) resource_status: FieldWords,
    /// `StrategyType`.
    pub(crate) strategy_type: FieldWords,
    /// `Status` of instances.
    pub(crate) instance_status: FieldWords,
    /// `SessionStatus`.
    pub(crate) session_status: FieldWords,
    /// `AppInstancePersistentStatus`.
    pub(crate) persistent_status: FieldWords,
    /// `AppInstanceStatus`.
    pub(crate) persistent_instance_status: FieldWords,
}

impl Words {
    /// Reads every state of the snapshot.
    ///
    /// The instances themselves are not looked at: a word that a group's own tally doesn't show by
    /// name is preceded by sixteen others in that group alone.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut words = Self {
            group_status: FieldWords::new(&vocabulary::GROUP_STATUS),
            resource_status: FieldWords::new(&vocabulary::RESOURCE_STATUS),
            strategy_type: FieldWords::new(&vocabulary::STRATEGY_TYPE),
            instance_status: FieldWords::new(&vocabulary::INSTANCE_STATUS),
            session_status: FieldWords::new(&vocabulary::SESSION_STATUS),
            persistent_status: FieldWords::new(&vocabulary::PERSISTENT_STATUS),
            persistent_instance_status: FieldWords::new(&vocabulary::PERSISTENT_INSTANCE_STATUS),
        };
        for group in &snapshot.groups {
            let facts = &group.group.data;
            facts.status.iter().for_each(|word| words.group_status.note(word));
            facts.resource_status.iter().for_each(|word| words.resource_status.note(word));
            let strategies = facts.node_pools.iter().filter_map(|pool| pool.strategy_type.as_deref());
            strategies.for_each(|word| words.strategy_type.note(word));
            if let Some(instances) = &group.instances {
                words.note_instances(&instances.data);
                let ends = group.counters.transitions.keys().flat_map(|(from, to)| [from, to]);
                ends.filter(|word| ![NO_STATUS[0], NO_STATUS[1], ABSENT, OTHER].contains(&&***word))
                    .for_each(|word| words.instance_status.note(word));
            }
            if let Some(persistent) = &group.persistent {
                words.note_persistent(&persistent.data);
            }
        }
        words
    }

    fn note_instances(&mut self, summary: &InstanceSummary) {
        self.instance_status.note_counted(&summary.statuses);
        self.session_status.note_counted(&summary.session_statuses);
    }

    fn note_persistent(&mut self, summary: &PersistentSummary) {
        self.persistent_status.note_counted(&summary.statuses);
        self.persistent_instance_status.note_counted(&summary.instance_statuses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_smallest_words_are_shown_whatever_their_order() {
        let all: Vec<String> = (0..30).map(|number| format!("STRANGE_{number:02}")).collect();
        for order in [all.iter().collect::<Vec<_>>(), all.iter().rev().collect()] {
            let mut field = FieldWords::new(&vocabulary::GROUP_STATUS);
            order.into_iter().for_each(|word| field.note(word));
            assert_eq!(field.shown("STRANGE_15"), "STRANGE_15");
            assert_eq!(field.shown("STRANGE_16"), "OTHER");
            assert_eq!(field.shown("PUBLISHED"), "PUBLISHED");
        }
    }
}
