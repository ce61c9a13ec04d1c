//! What changed between two polls: status transitions, and sessions that began or ended.
//!
//! What is not here: the choice of the two listings (`poller`). A group's first listing is only the
//! baseline for the second. A failed poll keeps the previous index, so an outage causes no
//! transitions.

use std::collections::{BTreeMap, BTreeSet};

use super::statuses::{StatusId, StatusNames};
use super::vocabulary::{ABSENT, INSTANCE_STATUS, MAX_UNKNOWN_VALUES, OTHER};

/// Origin of a transition of an instance that was not listed before.
const NONE: &str = "NONE";
/// Destination of a transition of an instance that is no longer listed.
const GONE: &str = "GONE";
/// Stored instead of a user's hash where no user is bound.
const NO_USER: u32 = 0;

/// The instances of one listing, reduced to the data from which the next poll finds changes.
///
/// 16 bytes an instance: the hash of its id, its status, and half the hash of its user. Sorted by
/// the hash of the id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceIndex {
    entries: Box<[IndexEntry]>,
    names: StatusNames,
}

/// One instance in an [`InstanceIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IndexEntry {
    /// The hash of the instance's id.
    id: u64,
    binding: Binding,
}

/// An instance's status and user, as far as the next poll needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binding {
    status: StatusId,
    /// Half the hash of the user's name, or [`NO_USER`].
    user: u32,
}

/// Counters of one group since it was first listed; they only grow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionCounters {
    /// Instances that changed their status between two polls, by (from, to). `NONE` and `GONE` mark
    /// instances that appeared or vanished. Contains only pairs that occurred. At most
    /// [`MAX_UNKNOWN_VALUES`] unknown statuses are kept by name; further ones count as [`OTHER`].
    pub transitions: BTreeMap<(Box<str>, Box<str>), u64>,
    /// User bindings that began.
    pub sessions_started: u64,
    /// User bindings that ended.
    pub sessions_ended: u64,
}

impl Binding {
    /// The binding of an instance; `user` is the hash of the bound user's name.
    pub(super) fn new(status: StatusId, user: Option<u64>) -> Self {
        // Half of the hash suffices to distinguish successive users of one instance. A user's hash
        // must not equal NO_USER.
        let user = user.map_or(NO_USER, |hash| ((hash >> 32) as u32).max(NO_USER + 1));
        Self { status, user }
    }
}

impl InstanceIndex {
    /// The index of `instances`, which are pairs of the hash of an id and the instance's binding,
    /// each instance once, in any order. The bindings have provisional status ids; `final_id` maps
    /// these to the ids of `names`.
    pub(super) fn new(
        instances: impl IntoIterator<Item = (u64, Binding)>,
        final_id: impl Fn(StatusId) -> StatusId,
        names: StatusNames,
    ) -> Self {
        let mut entries: Box<[IndexEntry]> = instances
            .into_iter()
            .map(|(id, binding)| IndexEntry {
                id,
                binding: Binding { status: final_id(binding.status), ..binding },
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        Self { entries, names }
    }

    /// The number of instances.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no instance was listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl SessionCounters {
    /// Counts what changed between two successive listings of the same group.
    ///
    /// A bound user on a new instance is a session that started. A bound user on a vanished
    /// instance is a session that ended. An instance that changed its user is both. A change
    /// between two statuses that are both counted as [`OTHER`] is not detected.
    pub fn advance(&mut self, previous: &InstanceIndex, next: &InstanceIndex) {
        // A table of statuses before (rows) and after (columns); index 0 stands for "not listed",
        // and status `id` has index `id + 1`.
        let columns = next.names.len() + 1;
        let mut moves = vec![0_u64; (previous.names.len() + 1) * columns];
        for (before, after) in pairs(&previous.entries, &next.entries) {
            let row = before.map_or(0, |before| before.status as usize + 1);
            let column = after.map_or(0, |after| after.status as usize + 1);
            moves[row * columns + column] += 1;
            self.count_sessions(before, after);
        }

        // Sorted by name, so that the choice of the statuses that are kept by name does not depend
        // on their ids.
        let mut transitions = BTreeMap::new();
        for (cell, count) in moves.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let from = status_name(&previous.names, cell / columns, NONE);
            let to = status_name(&next.names, cell % columns, GONE);
            if from != to {
                *transitions.entry((from, to)).or_insert(0) += count;
            }
        }
        self.count_transitions(&transitions);
    }

    fn count_sessions(&mut self, before: Option<&Binding>, after: Option<&Binding>) {
        let user_before = before.map_or(NO_USER, |before| before.user);
        let user_after = after.map_or(NO_USER, |after| after.user);
        if user_before != user_after {
            self.sessions_ended += u64::from(user_before != NO_USER);
            self.sessions_started += u64::from(user_after != NO_USER);
        }
    }

    fn count_transitions(&mut self, transitions: &BTreeMap<(&str, &str), u64>) {
        let mut named: BTreeSet<Box<str>> = self
            .transitions
            .keys()
            .flat_map(|(from, to)| [from, to])
            .filter(|status| is_unknown(status))
            .cloned()
            .collect();
        let mut name_or_other = |status: &str| -> Box<str> {
            if is_unknown(status) && !named.contains(status) {
                if named.len() >= MAX_UNKNOWN_VALUES {
                    return OTHER.into();
                }
                named.insert(status.into());
            }
            status.into()
        };
        for ((from, to), count) in transitions {
            *self.transitions.entry((name_or_other(from), name_or_other(to))).or_default() += count;
        }
    }
}

/// Every instance of either listing, with its binding before and after; `None` where it was not
/// listed. Both inputs must be sorted by id.
fn pairs<'a>(
    before: &'a [IndexEntry],
    after: &'a [IndexEntry],
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

/// The status of a row or column of the table; `not_listed` for index 0.
fn status_name<'a>(names: &'a StatusNames, index: usize, not_listed: &'static str) -> &'a str {
    match index.checked_sub(1) {
        None => not_listed,
        // Lossless: the index was computed from a `StatusId`.
        Some(id) => names.name(id as StatusId),
    }
}

fn is_unknown(status: &str) -> bool {
    INSTANCE_STATUS.position(status).is_none() && ![ABSENT, OTHER, NONE, GONE].contains(&status)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::{DecodeIssues, FoldOptions, InstanceFold, InstanceRecord};

    type Listed<'a> = (&'a str, &'a str, Option<&'a str>);

    fn index(instances: &[Listed<'_>]) -> InstanceIndex {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (id, status, user) in instances {
            let record = InstanceRecord {
                id: (*id).into(),
                status: Some((*status).into()),
                end_user_id: user.map(Into::into),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        fold.finish(instances.len() as u64).index
    }

    fn counters(before: &[Listed<'_>], after: &[Listed<'_>]) -> SessionCounters {
        let mut counters = SessionCounters::default();
        counters.advance(&index(before), &index(after));
        counters
    }

    fn transitions(counters: &SessionCounters) -> Vec<(&str, &str, u64)> {
        counters.transitions.iter().map(|((from, to), count)| (&**from, &**to, *count)).collect()
    }

    #[test]
    fn an_instance_takes_16_bytes() {
        assert_eq!(size_of::<IndexEntry>(), 16);
    }

    #[test]
    fn an_unchanged_listing_has_no_transitions() {
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
    fn an_unknown_status_is_the_same_in_both_listings() {
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
    fn an_instance_that_appears_or_vanishes_with_a_user_counts_as_a_session() {
        let seen = counters(&[("a", "BOUND", Some("u"))], &[("b", "BOUND", Some("u"))]);
        assert_eq!((seen.sessions_started, seen.sessions_ended), (1, 1));
        assert_eq!(transitions(&seen), [("BOUND", "GONE", 1), ("NONE", "BOUND", 1)]);
    }

    #[test]
    fn unknown_statuses_are_bounded_over_all_polls() {
        let mut counters = SessionCounters::default();
        let mut previous = index(&[("a", "IDLE", None)]);
        for poll in 0..100 {
            let next = index(&[("a", &format!("odd{poll:03}"), None)]);
            counters.advance(&previous, &next);
            previous = next;
        }
        let statuses: BTreeSet<_> = counters.transitions.keys().flat_map(|(from, to)| [from, to]).collect();
        assert_eq!(statuses.len(), MAX_UNKNOWN_VALUES + 2, "{statuses:?}");
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
