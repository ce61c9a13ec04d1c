//! The data of one target that is kept between polls: the last good listings of every group, and
//! what the next listing is compared with.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::hash_keys::HashKeys;
use super::listing_times::ListingTimes;
use super::options::ListingOptions;
use super::poll_result::{ListingOutcome, PolledGroup, TargetPoll};
use super::saved::{SavedGroup, SavedTarget, newest};
use super::target::TargetIdentity;
use crate::fleet::{
    DueScaleOut, Fetched, GroupCounters, GroupSnapshot, HashKey, InstanceIndex, ListedInstances,
    Observations, TargetHealth,
};

/// One target's health and last good data. Only polls change it. Snapshots share its groups.
#[derive(Debug)]
pub(super) struct TargetState {
    identity: TargetIdentity,
    up: Option<bool>,
    last_success: Option<Timestamp>,
    /// When the last poll started.
    poll_started: Option<Timestamp>,
    /// While a poll is running: when the previous one started.
    previous_started: Option<Option<Timestamp>>,
    /// The listed groups, by id.
    groups: BTreeMap<Box<str>, SavedGroup>,
    /// Groups that the last polls did not list, by id, and since when. A listing whose pages shift
    /// can miss a group; its counters must not start again when it is listed again.
    missed: BTreeMap<Box<str>, (SavedGroup, Timestamp)>,
}

impl TargetState {
    /// The state of a target that was never polled.
    pub(super) fn new(identity: TargetIdentity) -> Self {
        Self {
            identity,
            up: None,
            last_success: None,
            poll_started: None,
            previous_started: None,
            groups: BTreeMap::new(),
            missed: BTreeMap::new(),
        }
    }

    /// The state of a target that continues from `saved`, which was saved for a target with the same
    /// key. Groups of other shards are not served, but kept like missed ones, so that their owner
    /// can be given them.
    pub(super) fn restore(
        identity: TargetIdentity,
        saved: SavedTarget,
        now: Timestamp,
        stale_after: SignedDuration,
    ) -> Self {
        let mut state = Self {
            up: saved.up,
            last_success: saved.last_success,
            poll_started: saved.poll_started,
            ..Self::new(identity)
        };
        for (group, since) in saved.missed {
            let group = state.rename(group);
            state.missed.insert(group.id().into(), (group, since));
        }
        for group in saved.groups {
            let group = state.rename(group);
            let id = Box::from(group.id());
            if state.identity.shard.owns(&id) {
                state.missed.remove(&id);
                state.groups.insert(id, group);
            } else {
                state.missed.insert(id, (group, now));
            }
        }
        state.forget_missed(now, stale_after);
        state
    }

    /// Everything that another process needs to continue.
    pub(super) fn save(&self) -> SavedTarget {
        SavedTarget {
            key: self.identity.key.clone(),
            account: Arc::clone(&self.identity.account),
            name: Arc::clone(&self.identity.name),
            up: self.up,
            last_success: self.last_success,
            poll_started: self.poll_started,
            groups: self.groups.values().cloned().collect(),
            missed: self.missed.values().cloned().collect(),
        }
    }

    /// Continues the groups of `saved` that belong to this shard, unless it has newer data of them.
    /// Those that it does not serve are kept like missed ones. Returns their ids.
    pub(super) fn adopt(&mut self, saved: SavedTarget, now: Timestamp) -> Vec<Box<str>> {
        let mut adopted = Vec::new();
        for group in saved.groups.into_iter().chain(saved.missed.into_iter().map(|(group, _)| group)) {
            let is_newer = self.known(group.id()).is_none_or(|known| known.listed_at() < group.listed_at());
            if !is_newer || !self.identity.shard.owns(group.id()) {
                continue;
            }
            let group = self.rename(group);
            let id: Box<str> = group.id().into();
            adopted.push(id.clone());
            if let Some(served) = self.groups.get_mut(&id) {
                *served = group;
            } else {
                self.missed.insert(id, (group, now));
            }
        }
        adopted
    }

    /// The group with this id, if it was ever listed.
    fn known(&self, id: &str) -> Option<&SavedGroup> {
        self.groups.get(id).or_else(|| self.missed.get(id).map(|(group, _)| group))
    }

    /// The keys with which the next listings hash ids: `own` for groups that were never listed.
    pub(super) fn hash_keys(&self, own: HashKey) -> HashKeys {
        let groups = self.groups.values().chain(self.missed.values().map(|(group, _)| group));
        HashKeys::new(own, groups.filter_map(|group| Some((group.id(), group.hash_key?))))
    }

    /// The newest time of its data and polls; `None` if it was never polled.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        newest(self.groups.values(), [self.last_success, self.poll_started])
    }

    /// Keeps the data of a target whose settings changed.
    pub(super) fn with_identity(self, identity: TargetIdentity) -> Self {
        Self { identity, ..self }
    }

    /// The identity.
    pub(super) fn identity(&self) -> &TargetIdentity {
        &self.identity
    }

    /// Records that a poll starts.
    pub(super) fn poll_started(&mut self, now: Timestamp) {
        self.previous_started = Some(self.poll_started);
        self.poll_started = Some(now);
    }

    /// Records that the running poll was aborted, as if it had not started: its target is polled
    /// again at once when polling continues.
    pub(super) fn poll_aborted(&mut self) {
        if let Some(previous) = self.previous_started.take() {
            self.poll_started = previous;
        }
    }

    /// Makes the next poll a first poll, which starts at once.
    pub(super) fn forget_polls(&mut self) {
        (self.poll_started, self.previous_started) = (None, None);
    }

    /// When the last poll started; `None` before the first one.
    pub(super) fn last_start(&self) -> Option<Timestamp> {
        self.poll_started
    }

    /// The times of the last listings of the groups.
    pub(super) fn listing_times(&self, listings: ListingOptions) -> ListingTimes {
        ListingTimes::of(self.groups.values(), listings)
    }

    /// The group with the names of this target.
    fn rename(&self, group: SavedGroup) -> SavedGroup {
        let TargetIdentity { account, name, .. } = &self.identity;
        let snapshot = GroupSnapshot {
            account: Arc::clone(account),
            target: Arc::clone(name),
            ..Arc::unwrap_or_clone(group.snapshot)
        };
        SavedGroup { snapshot: Arc::new(snapshot), ..group }
    }

    fn forget_missed(&mut self, now: Timestamp, stale_after: SignedDuration) {
        self.missed.retain(|_, (_, since)| now.duration_since(*since) < stale_after);
    }

    /// Applies the result of a poll; `None` if the poll panicked.
    ///
    /// The last good data of a listing that failed is kept. Groups that are no longer listed are
    /// removed; their counters are kept for `stale_after`.
    pub(super) fn apply(&mut self, poll: Option<TargetPoll>, now: Timestamp, stale_after: SignedDuration) {
        let succeeded = poll.as_ref().is_some_and(TargetPoll::succeeded);
        self.up = Some(succeeded);
        self.previous_started = None;
        if succeeded {
            self.last_success = Some(now);
        }
        let Some(polled) = poll.and_then(|poll| poll.groups) else { return };
        let mut listed_before = std::mem::take(&mut self.groups);
        for polled in polled {
            let id = polled.group.data.id.clone();
            let missed = self.missed.remove(&id).map(|(state, _)| state);
            let group = self.merge_group(listed_before.remove(&id).or(missed), polled);
            self.groups.insert(id, group);
        }
        self.missed.extend(listed_before.into_iter().map(|(id, state)| (id, (state, now))));
        self.forget_missed(now, stale_after);
    }

    /// Whether this is the state of the target with this account and name.
    pub(super) fn is_of(&self, account: &str, target: &str) -> bool {
        *self.identity.account == *account && *self.identity.name == *target
    }

    /// The results of the target's polls.
    pub(super) fn health(&self) -> TargetHealth {
        TargetHealth {
            account: Arc::clone(&self.identity.account),
            target: Arc::clone(&self.identity.name),
            up: self.up,
            last_success: self.last_success,
        }
    }

    /// Every group with its last good data, of any age.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Arc<GroupSnapshot>> {
        self.groups.values().map(|group| &group.snapshot)
    }

    /// Merges a polled group with its data from before the poll.
    fn merge_group(&self, previous: Option<SavedGroup>, polled: PolledGroup) -> SavedGroup {
        let (previous, mut index, absent, mut hash_key) = match previous {
            Some(SavedGroup { snapshot, index, no_persistent_at, hash_key }) => {
                (Some(Arc::unwrap_or_clone(snapshot)), index, no_persistent_at, hash_key)
            }
            None => (None, None, None, None),
        };
        let (mut instances, persistent, mut counters, mut observed) = match previous {
            Some(group) => (group.instances, group.persistent, group.counters, group.observed),
            None => (None, None, GroupCounters::default(), Observations::default()),
        };
        match polled.instances {
            ListingOutcome::Listed { data, at, consistent } => {
                observed.scale_out_due =
                    DueScaleOut::next(observed.scale_out_due.take(), &polled.group.data, &data.summary, at);
                let connected = data.summary.session_statuses.get("CONNECT");
                instances = Some(Fetched { data: Arc::new(data.summary), at });
                if !counters.has_begun() {
                    counters = GroupCounters::new(at);
                }
                if consistent {
                    let disconnects = counters.disconnects;
                    let previous_key = hash_key.replace(data.listed.hash_key);
                    let comparable = index.filter(|_| previous_key == hash_key);
                    let next = compare(&mut counters, comparable, data.listed, at);
                    observed.oldest_since = next.oldest_since();
                    observed.disconnected_oldest = next.disconnected_oldest();
                    observed.recent.record(at, connected, counters.disconnects - disconnects);
                    index = Some((Arc::new(next), at));
                }
            }
            ListingOutcome::Failed | ListingOutcome::NotDue | ListingOutcome::Pending => {}
            ListingOutcome::Off | ListingOutcome::Absent { .. } | ListingOutcome::Gone => instances = None,
        }
        let (persistent, no_persistent_at) = match polled.persistent {
            ListingOutcome::Listed { data, at, .. } => (Some(Fetched { data: Arc::new(data), at }), None),
            ListingOutcome::Failed | ListingOutcome::NotDue | ListingOutcome::Pending => (persistent, absent),
            ListingOutcome::Absent { at } => (None, Some(at)),
            ListingOutcome::Off | ListingOutcome::Gone => (None, None),
        };
        let snapshot = Arc::new(GroupSnapshot {
            account: Arc::clone(&self.identity.account),
            target: Arc::clone(&self.identity.name),
            group: polled.group,
            instances,
            persistent,
            counters,
            observed,
        });
        SavedGroup { snapshot, index, no_persistent_at, hash_key }
    }
}

impl SavedGroup {
    /// The group's id.
    fn id(&self) -> &str {
        &self.snapshot.group.data.id
    }

    /// When the group was last listed.
    fn listed_at(&self) -> Timestamp {
        self.snapshot.group.at
    }
}

/// Counts what changed since the last consistent listing, and returns the index of this one. The
/// first listing is the baseline, from which on changes are counted.
fn compare(
    counters: &mut GroupCounters,
    previous: Option<(Arc<InstanceIndex>, Timestamp)>,
    listed: ListedInstances,
    at: Timestamp,
) -> InstanceIndex {
    match previous {
        Some((previous, previous_at)) => counters.advance(&previous, previous_at, listed, at),
        None => InstanceIndex::baseline(listed, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{DecodeIssues, FoldOptions, Group, InstanceFold, InstanceRecord};

    const STALE_AFTER: SignedDuration = SignedDuration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The group `g` with these instances, all of which have a user, as a poll lists it.
    fn listed(ids: &[&str], second: i64, consistent: bool) -> PolledGroup {
        let mut fold = InstanceFold::new(FoldOptions::default());
        for id in ids {
            let record = InstanceRecord {
                id: (*id).into(),
                status: Some("BOUND".into()),
                end_user_id: Some("u".into()),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        let group = Group { id: "g".into(), ..Group::default() };
        PolledGroup {
            group: Fetched { data: Arc::new(group), at: at(second) },
            instances: ListingOutcome::Listed { data: fold.finish(0), at: at(second), consistent },
            persistent: ListingOutcome::Off,
        }
    }

    fn apply(state: &mut TargetState, groups: Vec<PolledGroup>, second: i64) {
        let poll = TargetPoll { groups: Some(groups), ..TargetPoll::default() };
        state.apply(Some(poll), at(second), STALE_AFTER);
    }

    fn state() -> TargetState {
        TargetState::new(TargetIdentity::named("CloudApp"))
    }

    fn group(state: &TargetState) -> &GroupSnapshot {
        state.groups().next().expect("a listed group")
    }

    fn sessions(state: &TargetState) -> (u64, u64) {
        let counters = &group(state).counters;
        (counters.sessions_started, counters.sessions_ended)
    }

    #[test]
    fn an_instance_that_a_shifting_page_missed_is_neither_an_end_nor_a_start() {
        let mut state = state();
        apply(&mut state, vec![listed(&["a", "b"], 10, true)], 10);
        apply(&mut state, vec![listed(&["a"], 20, false)], 20);
        let instances = group(&state).instances.as_ref().unwrap();
        assert_eq!((instances.data.statuses.total(), instances.at), (1, at(20)), "gauges change");
        assert_eq!(sessions(&state), (0, 0));
        apply(&mut state, vec![listed(&["a", "b"], 30, true)], 30);
        assert_eq!(sessions(&state), (0, 0));
    }

    #[test]
    fn what_is_new_in_an_inconsistent_listing_is_counted_at_the_next_consistent_one() {
        let mut state = state();
        apply(&mut state, vec![listed(&["a"], 10, true)], 10);
        apply(&mut state, vec![listed(&["a", "c"], 20, false)], 20);
        assert_eq!(sessions(&state), (0, 0));
        apply(&mut state, vec![listed(&["a", "c"], 30, true)], 30);
        assert_eq!(sessions(&state), (1, 0));
    }

    #[test]
    fn the_first_consistent_listing_is_the_baseline() {
        let mut state = state();
        apply(&mut state, vec![listed(&["a"], 10, false)], 10);
        assert_eq!(group(&state).counters.since, at(10), "counters are 0 from the first listing on");
        apply(&mut state, vec![listed(&["a", "b"], 20, true)], 20);
        assert_eq!(sessions(&state), (0, 0));
        apply(&mut state, vec![listed(&["b"], 30, true)], 30);
        assert_eq!(sessions(&state), (0, 1));
        assert_eq!(group(&state).counters.since, at(10));
    }

    #[test]
    fn a_group_that_a_listing_missed_continues_its_counters() {
        let mut state = state();
        apply(&mut state, vec![listed(&["a"], 10, true)], 10);
        apply(&mut state, vec![listed(&["a", "b"], 20, true)], 20);
        apply(&mut state, vec![], 30);
        assert_eq!(state.groups().count(), 0, "a group that is not listed is not served");
        apply(&mut state, vec![listed(&["a", "c"], 40, true)], 40);
        assert_eq!(sessions(&state), (2, 1));
        assert_eq!(group(&state).counters.since, at(10));
    }

    #[test]
    fn a_group_that_was_away_for_longer_starts_again() {
        let mut state = state();
        apply(&mut state, vec![listed(&["a"], 10, true)], 10);
        apply(&mut state, vec![], 20);
        apply(&mut state, vec![], 320);
        apply(&mut state, vec![listed(&["b"], 330, true)], 330);
        assert_eq!(sessions(&state), (0, 0));
        assert_eq!(group(&state).counters.since, at(330));
    }
}
