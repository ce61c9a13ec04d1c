use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fleet::{DecodeIssues, FoldOptions, InstanceFold, InstanceRecord};

/// An instance of a listing: its id, its status, its user and its session status.
type Listed<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn record<'a>((id, status, user, session): Listed<'a>) -> InstanceRecord<'a> {
    InstanceRecord {
        id: id.into(),
        status: Some(status.into()),
        end_user_id: user.map(Into::into),
        session_status: session.map(Into::into),
        ..InstanceRecord::default()
    }
}

fn listed<'a>(records: impl IntoIterator<Item = InstanceRecord<'a>>) -> ListedInstances {
    let mut fold = InstanceFold::new(FoldOptions::default());
    for record in records {
        fold.add(&record, &mut DecodeIssues::default());
    }
    fold.finish(0).listed
}

/// A group whose listings are compared: the first one ends at second 0, the next ones every 60
/// seconds.
struct Group {
    counters: GroupCounters,
    index: InstanceIndex,
    now: i64,
}

impl Group {
    fn first<'a>(records: impl IntoIterator<Item = InstanceRecord<'a>>) -> Self {
        let index = InstanceIndex::baseline(listed(records), at(0));
        Self { counters: GroupCounters::new(at(0)), index, now: 0 }
    }

    fn next<'a>(mut self, records: impl IntoIterator<Item = InstanceRecord<'a>>) -> Self {
        let previous = at(self.now);
        self.now += 60;
        self.index = self.counters.advance(&self.index, previous, listed(records), at(self.now));
        self
    }
}

/// The counters after two listings without sessions statuses.
fn compare(before: &[(&str, &str, Option<&str>)], after: &[(&str, &str, Option<&str>)]) -> GroupCounters {
    let records = |listing: &[(&str, &str, Option<&str>)]| -> Vec<_> {
        listing
            .iter()
            .map(|(id, status, user)| InstanceRecord {
                id: (*id).to_owned().into(),
                status: Some((*status).to_owned().into()),
                end_user_id: user.map(|user| user.to_owned().into()),
                ..InstanceRecord::default()
            })
            .collect()
    };
    Group::first(records(before)).next(records(after)).counters
}

fn transitions(counters: &GroupCounters) -> Vec<(&str, &str, u64)> {
    let mut all: Vec<_> = counters.transitions().collect();
    all.sort_unstable();
    all
}

fn entered(counters: &GroupCounters, status: &str) -> u64 {
    counters.entered().find(|(name, _)| *name == status).map_or(0, |(_, count)| count)
}

#[test]
fn an_instance_takes_24_bytes() {
    assert_eq!(size_of::<IndexEntry>(), 24);
}

#[test]
fn every_known_status_has_a_count_from_the_first_listing_on() {
    let counters = GroupCounters::new(at(0));
    let names: Vec<_> = counters.entered().collect();
    assert_eq!(names.len(), INSTANCE_STATUS.known.len());
    assert!(names.iter().all(|(_, count)| *count == 0));
}

#[test]
fn an_unchanged_listing_counts_nothing() {
    let listing = [("a", "BOUND", Some("u")), ("b", "idle", None)];
    assert_eq!(compare(&listing, &listing), GroupCounters::new(at(0)));
}

#[test]
fn changed_new_and_vanished_instances_are_counted_by_pair_and_by_the_status_they_enter() {
    let seen = compare(
        &[("a", "idle", None), ("b", "IDLE", None), ("c", "RUNNING", None)],
        &[("a", "BOUND", None), ("b", "BOUND", None), ("d", "odd", None)],
    );
    assert_eq!(transitions(&seen), [("IDLE", "BOUND", 2), ("NONE", "ODD", 1), ("RUNNING", "GONE", 1)]);
    assert_eq!((entered(&seen, "BOUND"), entered(&seen, "ODD"), entered(&seen, "GONE")), (2, 1, 0));
}

#[test]
fn an_unknown_status_is_the_same_in_both_listings() {
    let seen = compare(&[("a", "zeta", None)], &[("a", "Zeta", None), ("b", "alpha", None)]);
    assert_eq!(transitions(&seen), [("NONE", "ALPHA", 1)]);
}

#[test]
fn a_binding_that_begins_or_ends_is_a_session() {
    let free = [("a", "IDLE", None)];
    let bound = [("a", "BOUND", Some("u"))];
    let started = compare(&free, &bound);
    assert_eq!((started.sessions_started, started.sessions_ended), (1, 0));
    let ended = compare(&bound, &free);
    assert_eq!((ended.sessions_started, ended.sessions_ended), (0, 1));
}

#[test]
fn another_user_on_the_same_instance_ends_one_session_and_starts_one() {
    let seen = compare(&[("a", "BOUND", Some("u"))], &[("a", "BOUND", Some("v"))]);
    assert_eq!((seen.sessions_started, seen.sessions_ended), (1, 1));
    assert!(transitions(&seen).is_empty());
}

#[test]
fn an_instance_that_appears_or_vanishes_with_a_user_counts_as_a_session() {
    let seen = compare(&[("a", "BOUND", Some("u"))], &[("b", "BOUND", Some("u"))]);
    assert_eq!((seen.sessions_started, seen.sessions_ended), (1, 1));
    assert_eq!(transitions(&seen), [("BOUND", "GONE", 1), ("NONE", "BOUND", 1)]);
}

#[test]
fn only_the_same_user_on_the_same_instance_disconnects_and_reconnects() {
    let session = |user, status| [record(("a", "BOUND", user, Some(status)))];
    let seen = Group::first(session(Some("u"), "CONNECT"))
        .next(session(Some("u"), "DISCONNECT"))
        .next(session(Some("u"), "DISCONNECT"))
        .next(session(Some("u"), "CONNECT"))
        .counters;
    assert_eq!((seen.disconnects, seen.reconnects), (1, 1));
    let other = Group::first(session(Some("u"), "CONNECT")).next(session(Some("v"), "DISCONNECT")).counters;
    assert_eq!(other.disconnects, 0);
    let unbound = Group::first(session(None, "CONNECT")).next(session(None, "DISCONNECT")).counters;
    assert_eq!(unbound.disconnects, 0);
}

#[test]
fn the_time_in_a_status_begins_when_the_change_is_seen() {
    let modified =
        |status, second| InstanceRecord { modified: Some(at(second)), ..record(("a", status, None, None)) };
    let first = Group::first([modified("STARTING", -500)]);
    assert_eq!(first.index.oldest_since(), [("STARTING".into(), at(-500).max(Timestamp::UNIX_EPOCH))]);
    let same = first.next([modified("STARTING", 50)]);
    assert_eq!(
        same.index.oldest_since()[0].1,
        Timestamp::UNIX_EPOCH,
        "GmtModified changes for other reasons"
    );
    let changed = same.next([modified("IDLE", 110)]);
    assert_eq!(changed.index.oldest_since(), [("IDLE".into(), at(120))]);
}

#[test]
fn the_oldest_disconnected_session_is_the_one_that_was_seen_first() {
    let session = |id, status| record((id, "BOUND", Some("u"), Some(status)));
    let first = Group::first([session("a", "CONNECT"), session("b", "CONNECT")]);
    assert_eq!(first.index.disconnected_oldest(), None);
    let one = first.next([session("a", "DISCONNECT"), session("b", "CONNECT")]);
    let both = one.next([session("a", "DISCONNECT"), session("b", "DISCONNECT")]);
    assert_eq!(both.index.disconnected_oldest(), Some(at(60)));
    let other = both.next([session("a", "CONNECT"), session("b", "DISCONNECT")]);
    assert_eq!(other.index.disconnected_oldest(), Some(at(120)));
}

#[test]
fn a_start_takes_from_the_creation_to_when_the_instance_is_first_seen_ready() {
    let instance = |status, created, modified| InstanceRecord {
        created: Some(at(created)),
        modified: Some(at(modified)),
        ..record(("a", status, None, None))
    };
    let seen = Group::first([])
        .next([instance("STARTING", 30, 30)])
        .next([instance("IDLE", 30, 100)])
        .next([instance("BOUND", 30, 150)]);
    assert_eq!((seen.counters.ready.count(), seen.counters.ready.sum()), (1, 70.0));
    let late = Group::first([]).next([instance("IDLE", 30, 60)]);
    assert_eq!(late.counters.ready.sum(), 30.0, "modified outside of the two polls");
    let known = Group::first([instance("STARTING", -900, -900)]).next([instance("IDLE", -900, 30)]);
    assert_eq!(known.counters.ready.count(), 0, "the exporter did not see it appear");
}

#[test]
fn a_session_that_ended_took_its_last_known_usage() {
    let session = |user: Option<&'static str>, usage| {
        [InstanceRecord { usage_seconds: usage, ..record(("a", "BOUND", user, None)) }]
    };
    let seen = Group::first(session(Some("u"), Some(100.0)))
        .next(session(Some("u"), Some(160.0)))
        .next(session(Some("v"), Some(10.0)))
        .next([]);
    assert_eq!((seen.counters.session_durations.count(), seen.counters.session_durations.sum()), (2, 170.0));
    let unknown = Group::first(session(Some("u"), None)).next([]);
    assert_eq!((unknown.counters.sessions_ended, unknown.counters.session_durations.count()), (1, 0));
}

#[test]
fn unknown_statuses_are_bounded_over_all_polls() {
    let mut group = Group::first([record(("a", "IDLE", None, None))]);
    for poll in 0..100 {
        let status = format!("odd{poll:03}");
        group = group.next([record(("a", &status, None, None))]);
    }
    let statuses: BTreeSet<_> = group.counters.transitions().flat_map(|(from, to, _)| [from, to]).collect();
    assert_eq!(statuses.len(), MAX_UNKNOWN_VALUES + 2, "{statuses:?}");
}

proptest! {
    #[test]
    fn started_less_ended_is_the_change_in_bound_instances(before in listing(), after in listing()) {
        let seen = compare(&borrow(&before), &borrow(&after));
        let bound = |listing: &Owned| listing.values().filter(|(_, user)| user.is_some()).count() as i64;
        prop_assert_eq!(
            seen.sessions_started as i64 - seen.sessions_ended as i64,
            bound(&after) - bound(&before)
        );
    }

    #[test]
    fn transitions_explain_the_new_counts_by_status(before in listing(), after in listing()) {
        let seen = compare(&borrow(&before), &borrow(&after));
        for status in ["IDLE", "BOUND", "ODD"] {
            let count = |listing: &Owned| listing.values().filter(|(other, _)| *other == status).count() as i64;
            let moved: i64 = seen
                .transitions()
                .map(|(from, to, count)| count as i64 * (i64::from(to == status) - i64::from(from == status)))
                .sum();
            prop_assert_eq!(count(&before) + moved, count(&after));
        }
    }

    #[test]
    fn entries_of_a_status_are_the_transitions_to_it(before in listing(), after in listing()) {
        let seen = compare(&borrow(&before), &borrow(&after));
        for (status, count) in seen.entered() {
            let moved: u64 = seen.transitions().filter(|(_, to, _)| *to == status).map(|(.., count)| count).sum();
            prop_assert_eq!(count, moved);
        }
    }
}

type Owned = BTreeMap<String, (&'static str, Option<&'static str>)>;

fn listing() -> impl Strategy<Value = Owned> {
    let status = prop_oneof![Just("IDLE"), Just("BOUND"), Just("ODD")];
    let user = prop_oneof![Just(None), Just(Some("u")), Just(Some("v"))];
    proptest::collection::btree_map("[a-f]", (status, user), 0..6)
}

fn borrow(listing: &Owned) -> Vec<(&str, &str, Option<&str>)> {
    listing.iter().map(|(id, (status, user))| (&**id, *status, *user)).collect()
}
