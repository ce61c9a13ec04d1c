//! What is known of one target, across polls: the last good data of everything, and since when.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{GroupPoll, PolledGroup, Refreshed, TargetPoll};
use crate::fleet::{
    Fetched, Group, GroupSnapshot, InstanceSummary, PersistentSummary, SessionCounters, TargetHealth,
};

/// One target's last good data. Changed by polls alone; read into snapshots.
#[derive(Debug)]
pub struct TargetState {
    account: Arc<str>,
    target: Arc<str>,
    up: Option<bool>,
    last_success: Option<Timestamp>,
    groups: BTreeMap<Box<str>, GroupState>,
}

#[derive(Debug)]
struct GroupState {
    group: Fetched<Group>,
    instances: Option<Fetched<InstanceSummary>>,
    persistent: Option<Fetched<PersistentSummary>>,
    counters: SessionCounters,
}

impl TargetState {
    /// A target that was never polled.
    pub fn new(account: Arc<str>, target: Arc<str>) -> Self {
        Self { account, target, up: None, last_success: None, groups: BTreeMap::new() }
    }

    /// Takes over what a poll brought. `poll` is `None` when it did not even end (it panicked).
    ///
    /// Groups that are no longer listed go; of those that are, what failed keeps its last good data.
    pub fn apply(&mut self, poll: Option<TargetPoll>, now: Timestamp) {
        let succeeded = poll.as_ref().is_some_and(TargetPoll::succeeded);
        self.up = Some(succeeded);
        if succeeded {
            self.last_success = Some(now);
        }
        let Some(polled) = poll.and_then(|poll| poll.groups) else { return };
        let mut known = std::mem::take(&mut self.groups);
        self.groups = polled
            .into_iter()
            .map(|group| {
                let id = group.group.data.id.clone();
                let before = known.remove(&id);
                (id, GroupState::after(before, group))
            })
            .collect();
    }

    /// Whether this is that target's state.
    pub fn is_of(&self, account: &str, target: &str) -> bool {
        *self.account == *account && *self.target == *target
    }

    /// How the target's polls went.
    pub fn health(&self) -> TargetHealth {
        TargetHealth {
            account: Arc::clone(&self.account),
            target: Arc::clone(&self.target),
            up: self.up,
            last_success: self.last_success,
        }
    }

    /// When each group's oldest listing was; groups that were never listed are left out.
    pub fn refreshed(&self) -> Refreshed {
        let whole = |state: &GroupState| {
            let instances = state.instances.as_ref().map(|fetched| fetched.at);
            let persistent = state.persistent.as_ref().map(|fetched| fetched.at);
            instances.into_iter().chain(persistent).min()
        };
        self.groups.iter().filter_map(|(id, state)| Some((id.clone(), whole(state)?))).collect()
    }

    /// Every group with all that is known of it, however old.
    pub fn groups(&self) -> impl Iterator<Item = GroupSnapshot> {
        self.groups.values().map(|state| GroupSnapshot {
            account: Arc::clone(&self.account),
            target: Arc::clone(&self.target),
            group: state.group.clone(),
            instances: state.instances.clone(),
            persistent: state.persistent.clone(),
            counters: state.counters.clone(),
        })
    }
}

impl GroupState {
    fn after(before: Option<Self>, polled: PolledGroup) -> Self {
        let (instances, persistent, mut counters) = match before {
            Some(before) => (before.instances, before.persistent, before.counters),
            None => (None, None, SessionCounters::default()),
        };
        if let (Some(before), GroupPoll::Listed(after)) = (&instances, &polled.instances) {
            counters.advance(&before.data.index, &after.data.index);
        }
        Self {
            group: polled.group,
            instances: keep_last_good(instances, polled.instances),
            persistent: keep_last_good(persistent, polled.persistent),
            counters,
        }
    }
}

fn keep_last_good<T>(before: Option<Fetched<T>>, polled: GroupPoll<T>) -> Option<Fetched<T>> {
    match polled {
        GroupPoll::Listed(fetched) => Some(fetched),
        GroupPoll::Failed | GroupPoll::Pending => before,
        GroupPoll::Absent | GroupPoll::Gone => None,
    }
}
