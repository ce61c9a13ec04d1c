//! The data of one target that is kept between polls: the last good listings of every group.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::poll_result::{ListingOutcome, PolledGroup, RefreshTimes, TargetPoll};
use crate::fleet::{Fetched, GroupSnapshot, SessionCounters, TargetHealth};

/// One target's health and last good data. Only polls change it. Snapshots share its groups.
#[derive(Debug)]
pub(super) struct TargetState {
    account: Arc<str>,
    target: Arc<str>,
    up: Option<bool>,
    last_success: Option<Timestamp>,
    /// By group id.
    groups: BTreeMap<Box<str>, Arc<GroupSnapshot>>,
}

impl TargetState {
    /// The state of a target that was never polled.
    pub(super) fn new(account: Arc<str>, target: Arc<str>) -> Self {
        Self { account, target, up: None, last_success: None, groups: BTreeMap::new() }
    }

    /// Applies the result of a poll; `None` if the poll panicked.
    ///
    /// Groups that are no longer listed are removed. The last good data of a listing that failed is
    /// kept.
    pub(super) fn apply(&mut self, poll: Option<TargetPoll>, now: Timestamp) {
        let succeeded = poll.as_ref().is_some_and(TargetPoll::succeeded);
        self.up = Some(succeeded);
        if succeeded {
            self.last_success = Some(now);
        }
        let Some(polled) = poll.and_then(|poll| poll.groups) else { return };
        let mut previous = std::mem::take(&mut self.groups);
        self.groups = polled
            .into_iter()
            .map(|polled| {
                let id = polled.group.data.id.clone();
                let group = self.merge_group(previous.remove(&id), polled);
                (id, Arc::new(group))
            })
            .collect();
    }

    /// Whether this is the state of the target with this account and name.
    pub(super) fn is_of(&self, account: &str, target: &str) -> bool {
        *self.account == *account && *self.target == *target
    }

    /// The results of the target's polls.
    pub(super) fn health(&self) -> TargetHealth {
        TargetHealth {
            account: Arc::clone(&self.account),
            target: Arc::clone(&self.target),
            up: self.up,
            last_success: self.last_success,
        }
    }

    /// When the older one of each group's two listings (instances and persistent sessions) ended.
    /// Groups without these listings are left out.
    pub(super) fn refresh_times(&self) -> RefreshTimes {
        let oldest = |group: &GroupSnapshot| {
            let instances = group.instances.as_ref().map(|fetched| fetched.at);
            let persistent = group.persistent.as_ref().map(|fetched| fetched.at);
            instances.into_iter().chain(persistent).min()
        };
        self.groups.iter().filter_map(|(id, group)| Some((id.clone(), oldest(group)?))).collect()
    }

    /// Every group with its last good data, of any age.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Arc<GroupSnapshot>> {
        self.groups.values()
    }

    /// Merges a polled group with its data from before the poll.
    fn merge_group(&self, previous: Option<Arc<GroupSnapshot>>, polled: PolledGroup) -> GroupSnapshot {
        let (instances, persistent, mut counters) = match previous.map(Arc::unwrap_or_clone) {
            Some(previous) => (previous.instances, previous.persistent, previous.counters),
            None => (None, None, SessionCounters::default()),
        };
        if let (Some(before), ListingOutcome::Listed(after)) = (&instances, &polled.instances) {
            counters.advance(&before.data.index, &after.data.index);
        }
        GroupSnapshot {
            account: Arc::clone(&self.account),
            target: Arc::clone(&self.target),
            group: polled.group,
            instances: last_good(instances, polled.instances),
            persistent: last_good(persistent, polled.persistent),
            counters,
        }
    }
}

fn last_good<T>(previous: Option<Fetched<T>>, outcome: ListingOutcome<T>) -> Option<Fetched<T>> {
    match outcome {
        ListingOutcome::Listed(fetched) => Some(fetched),
        ListingOutcome::Failed | ListingOutcome::Pending => previous,
        ListingOutcome::Absent | ListingOutcome::Gone => None,
    }
}
