//! What changed between two polls: status transitions, and sessions that began or ended.
//!
//! What is not here: which two listings to compare. A group's first listing is the baseline and has
//! nothing to be compared with; a failed poll leaves the last trace in place, so that an outage
//! causes no transitions by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::state::words;
use super::statuses::{Code, StatusNames};

/// Stands for "not listed before" in a transition.
const NONE: &str = "NONE";
/// Stands for "not listed any more" in a transition.
const GONE: &str = "GONE";
/// What is kept in place of a user's hash where no user is bound.
const NOBODY: u32 = 0;

/// What one poll leaves for the next: per instance a hash of its id, its status and a hash of its
/// user, 16 bytes together, sorted by id. Comparable only within one process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    entries: Box<[Entry]>,
    names: StatusNames,
}

/// One instance in a [`Trace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: u64,
    binding: Binding,
}

/// An instance's status and user, as far as the next poll needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    status: Code,
    user: u32,
}

/// Counters of one group since it was first seen; they only grow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionCounters {
    /// Instances seen to change status between two polls, by (from, to); `NONE` and `GONE` mark
    /// instances that appeared or vanished. Only pairs that happened. At most
    /// [`words::MAX_UNHEARD_OF`] unheard-of words occur; further ones are [`words::OTHER`].
    pub transitions: BTreeMap<(Box<str>, Box<str>), u64>,
    /// User bindings that began.
    pub sessions_started: u64,
    /// User bindings that ended.
    pub sessions_ended: u64,
}

impl Binding {
    /// `user` is the hash of the bound user's name.
    pub(super) fn new(status: Code, user: Option<u64>) -> Self {
        // Half of the hash is enough to tell a user from the next one on the same instance; NOBODY
        // is kept free.
        let user = user.map_or(NOBODY, |hash| ((hash >> 32) as u32).max(NOBODY + 1));
        Self { status, user }
    }
}

impl Trace {
    /// `instances` by the hash of their id, each once, in any order; `translate` makes final codes,
    /// which `names` can read, of provisional ones.
    pub(super) fn new(
        instances: impl IntoIterator<Item = (u64, Binding)>,
        translate: impl Fn(Code) -> Code,
        names: StatusNames,
    ) -> Self {
        let mut entries: Box<[Entry]> = instances
            .into_iter()
            .map(|(id, binding)| Entry {
                id,
                binding: Binding { status: translate(binding.status), ..binding },
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        Self { entries, names }
    }

    /// Instances in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no instance was listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl SessionCounters {
    /// Counts what changed between two listings of the same group, one poll after the other.
    ///
    /// A user who is bound and an instance that appears is a session that started, one that vanishes
    /// a session that ended, and an instance that is bound to another user is both. A change between
    /// two statuses that are both too many to keep their name is not seen.
    pub fn advance(&mut self, previous: &Trace, next: &Trace) {
        // Statuses before and after, as a table: its first row and column stand for "not listed".
        let columns = next.names.len() + 1;
        let mut moves = vec![0_u64; (previous.names.len() + 1) * columns];
        for (before, after) in pairs(&previous.entries, &next.entries) {
            let row = before.map_or(0, |before| before.status as usize + 1);
            let column = after.map_or(0, |after| after.status as usize + 1);
            moves[row * columns + column] += 1;

            let user_before = before.map_or(NOBODY, |before| before.user);
            let user_after = after.map_or(NOBODY, |after| after.user);
            if user_before != user_after {
                self.sessions_ended += u64::from(user_before != NOBODY);
                self.sessions_started += u64::from(user_after != NOBODY);
            }
        }

        // Sorted, so that which words still get a name of their own depends on no order of codes.
        let mut transitions = BTreeMap::new();
        for (cell, count) in moves.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let from = name(&previous.names, cell / columns, NONE);
            let to = name(&next.names, cell % columns, GONE);
            if from != to {
                *transitions.entry((from, to)).or_insert(0) += count;
            }
        }
        self.count(&transitions);
    }

    fn count(&mut self, transitions: &BTreeMap<(&str, &str), u64>) {
        let mut named: BTreeSet<Box<str>> = self
            .transitions
            .keys()
            .flat_map(|(from, to)| [from, to])
            .filter(|word| is_unheard_of(word))
            .cloned()
            .collect();
        let mut bounded = |word: &str| -> Box<str> {
            if is_unheard_of(word) && !named.contains(word) {
                if named.len() >= words::MAX_UNHEARD_OF {
                    return words::OTHER.into();
                }
                named.insert(word.into());
            }
            word.into()
        };
        for ((from, to), count) in transitions {
            *self.transitions.entry((bounded(from), bounded(to))).or_default() += count;
        }
    }
}

/// Every instance of either listing, with what it was before and what it is after.
fn pairs<'a>(
    before: &'a [Entry],
    after: &'a [Entry],
) -> impl Iterator<Item = (Option<&'a Binding>, Option<&'a Binding>)> {
    let mut before = before.iter().peekable();
    let mut after = after.iter().peekable();
    std::iter::from_fn(move || {
        let (old, new) = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(old), Some(new)) if old.id == new.id => (before.next(), after.next()),
            (Some(old), Some(new)) if old.id < new.id => (before.next(), None),
            (Some(_), None) => (before.next(), None),
            (_, Some(_)) => (None, after.next()),
        };
        Some((old.map(|entry| &entry.binding), new.map(|entry| &entry.binding)))
    })
}

/// The word of a row or column of the table; `absent` for the first.
fn name<'a>(names: &'a StatusNames, index: usize, absent: &'static str) -> &'a str {
    match index.checked_sub(1) {
        None => absent,
        // Made from a code, which is a `u32`.
        Some(code) => names.word(code as Code),
    }
}

fn is_unheard_of(word: &str) -> bool {
    words::INSTANCE_STATUS.position(word).is_none()
        && ![words::UNKNOWN, words::OTHER, NONE, GONE].contains(&word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Findings, FoldOptions, InstanceFold, InstanceRecord};
    use super::*;

    type Listed<'a> = (&'a str, &'a str, Option<&'a str>);

    fn trace(instances: &[Listed<'_>]) -> Trace {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (id, status, user) in instances {
            let record =
                InstanceRecord { id, status: Some(status), end_user_id: *user, ..InstanceRecord::default() };
            fold.add(&record, &mut Findings::default());
        }
        fold.finish(instances.len() as u64).trace
    }

    fn counters(before: &[Listed<'_>], after: &[Listed<'_>]) -> SessionCounters {
        let mut counters = SessionCounters::default();
        counters.advance(&trace(before), &trace(after));
        counters
    }

    fn transitions(counters: &SessionCounters) -> Vec<(&str, &str, u64)> {
        counters.transitions.iter().map(|((from, to), count)| (&**from, &**to, *count)).collect()
    }

    #[test]
    fn an_instance_takes_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn nothing_changed_is_no_transition() {
        let listing = [("a", "BOUND", Some("u")), ("b", "idle", None)];
        assert_eq!(counters(&listing, &listing), SessionCounters::default());
    }

    #[test]
    fn changed_new_and_vanished_instances_are_counted_by_pair() {
        let seen = counters(
            &[("a", "idle", None), ("b", "IDLE", None), ("c", "RUNNING", None)],
            &[("a", "BOUND", None), ("b", "BOUND", None), ("d", "odd", None)],
        );
        assert_eq!(transitions(&seen), [("IDLE", "BOUND", 2), ("NONE", "ODD", 1), ("RUNNING", "GONE", 1)]);
    }

    #[test]
    fn unheard_of_words_are_the_same_whatever_else_is_listed() {
        let seen = counters(&[("a", "zeta", None)], &[("a", "Zeta", None), ("b", "alpha", None)]);
        assert_eq!(transitions(&seen), [("NONE", "ALPHA", 1)]);
    }

    #[test]
    fn a_binding_that_begins_or_ends_is_a_session() {
        let free = [("a", "IDLE", None)];
        let bound = [("a", "BOUND", Some("u"))];
        let started = counters(&free, &bound);
        assert_eq!((started.sessions_started, started.sessions_ended), (1, 0));
        let ended = counters(&bound, &free);
        assert_eq!((ended.sessions_started, ended.sessions_ended), (0, 1));
    }

    #[test]
    fn another_user_on_the_same_instance_ends_one_session_and_starts_one() {
        let seen = counters(&[("a", "BOUND", Some("u"))], &[("a", "BOUND", Some("v"))]);
        assert_eq!((seen.sessions_started, seen.sessions_ended), (1, 1));
        assert!(seen.transitions.is_empty());
    }

    #[test]
    fn appearing_or_vanishing_with_a_user_counts() {
        let seen = counters(&[("a", "BOUND", Some("u"))], &[("b", "BOUND", Some("u"))]);
        assert_eq!((seen.sessions_started, seen.sessions_ended), (1, 1));
        assert_eq!(transitions(&seen), [("BOUND", "GONE", 1), ("NONE", "BOUND", 1)]);
    }

    #[test]
    fn unheard_of_words_are_bounded_over_all_polls() {
        let mut counters = SessionCounters::default();
        let mut previous = trace(&[("a", "IDLE", None)]);
        for poll in 0..100 {
            let next = trace(&[("a", &format!("odd{poll:03}"), None)]);
            counters.advance(&previous, &next);
            previous = next;
        }
        let words: BTreeSet<_> = counters.transitions.keys().flat_map(|(from, to)| [from, to]).collect();
        assert_eq!(words.len(), words::MAX_UNHEARD_OF + 2, "{words:?}");
        assert_eq!(counters.transitions.values().sum::<u64>(), 100);
    }

    proptest! {
        #[test]
        fn started_less_ended_is_the_change_in_bound_instances(
            before in listing(), after in listing(),
        ) {
            let seen = counters(&borrow(&before), &borrow(&after));
            let bound = |listing: &Owned| listing.values().filter(|(_, user)| user.is_some()).count() as i64;
            prop_assert_eq!(
                seen.sessions_started as i64 - seen.sessions_ended as i64,
                bound(&after) - bound(&before)
            );
        }

        #[test]
        fn transitions_explain_the_new_counts_by_status(before in listing(), after in listing()) {
            let seen = counters(&borrow(&before), &borrow(&after));
            for status in ["IDLE", "BOUND", "ODD"] {
                let count = |listing: &Owned| listing.values().filter(|(other, _)| *other == status).count() as i64;
                let moved: i64 = seen
                    .transitions
                    .iter()
                    .map(|((from, to), count)| {
                        *count as i64 * (i64::from(&**to == status) - i64::from(&**from == status))
                    })
                    .sum();
                prop_assert_eq!(count(&before) + moved, count(&after));
            }
        }
    }

    type Owned = BTreeMap<String, (&'static str, Option<&'static str>)>;

    fn listing() -> impl Strategy<Value = Owned> {
        let status = prop_oneof![Just("IDLE"), Just("BOUND"), Just("ODD")];
        let user = prop_oneof![Just(None), Just(Some("u")), Just(Some("v"))];
        proptest::collection::btree_map("[a-f]", (status, user), 0..6)
    }

    fn borrow(listing: &Owned) -> Vec<Listed<'_>> {
        listing.iter().map(|(id, (status, user))| (&**id, *status, *user)).collect()
    }
}
