//! The state of all targets in the form in which it leaves the process: everything that another
//! process needs to continue where this one stopped.
//!
//! What is not here: bytes and files (`replica`), and when a state is saved or restored (`app`).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::shard::Shard;
use super::target::{TargetIdentity, TargetKey};
use crate::fleet::history::History;
use crate::fleet::{Fetched, GroupSnapshot, HashKey, InstanceDetails, InstanceIndex, InstanceSummary};

/// The state of all targets at one instant. Shares its data with the store that it was saved from,
/// so that it costs little until it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedState {
    /// When the state was saved.
    pub saved_at: Timestamp,
    /// When the snapshot was built that was published at that time.
    pub published_at: Timestamp,
    /// The key of the hashes in the indexes.
    pub(super) hash_key: HashKey,
    /// [`HashKey::check`] of the process that saved the state.
    pub(super) hash_check: u64,
    /// The part of the groups that the data is of; `None` before the first poll, and in states of
    /// versions that did not record it.
    #[serde(default)]
    pub(super) shard: Option<Shard>,
    pub(super) targets: Vec<SavedTarget>,
    #[serde(default)]
    pub(super) history: History,
}

/// The state of one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedTarget {
    pub(super) key: TargetKey,
    pub(super) account: Arc<str>,
    pub(super) name: Arc<str>,
    /// Whether the last poll succeeded; `None` before the first one ended.
    pub(super) up: Option<bool>,
    pub(super) last_success: Option<Timestamp>,
    /// When the last poll started.
    pub(super) poll_started: Option<Timestamp>,
    /// The listed groups.
    pub(super) groups: Vec<SavedGroup>,
    /// Groups that were not listed or that belong to another shard, and since when.
    #[serde(default)]
    pub(super) missed: Vec<(SavedGroup, Timestamp)>,
}

/// One group: its last good data, and what the next listing is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedGroup {
    pub(super) snapshot: Arc<GroupSnapshot>,
    /// The instances of the last consistent listing, and when it ended; `None` before the first one.
    pub(super) index: Option<(Arc<InstanceIndex>, Timestamp)>,
    /// When the API reported that the group has no persistent sessions; `None` if it did not.
    #[serde(default)]
    pub(super) no_persistent_at: Option<Timestamp>,
    /// The key of the hashes in the index; `None` before the first listing, and in states of versions
    /// in which all groups had the key of the state.
    #[serde(default)]
    pub(super) hash_key: Option<HashKey>,
}

/// What [`SnapshotStore::restore`](super::SnapshotStore::restore) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// This number of targets continue from the state.
    Restored {
        /// The number of targets.
        targets: usize,
    },
    /// All of the state is so old that it would not be served. Nothing changed.
    Stale,
    /// None of the configured targets is in the state. Nothing changed.
    Foreign,
}

impl SavedState {
    /// The newest time of all data and polls; `None` if no target was ever polled.
    pub fn newest(&self) -> Option<Timestamp> {
        self.targets.iter().filter_map(SavedTarget::newest).max()
    }

    /// Takes the targets out of the state. Every group with an index has the key of its hashes.
    ///
    /// Hashes of another version or processor cannot be compared: then the next listing of each
    /// group becomes a new baseline, and its counters continue.
    pub(super) fn take_targets(&mut self) -> Vec<SavedTarget> {
        let keeps_indexes = self.hash_check == self.hash_key.check();
        let mut targets = std::mem::take(&mut self.targets);
        for group in targets.iter_mut().flat_map(SavedTarget::all_groups) {
            if group.index.is_some() {
                group.hash_key.get_or_insert(self.hash_key);
            }
            if !keeps_indexes {
                group.index = None;
            }
        }
        targets
    }

    /// The targets in the state, as undivided ones.
    pub fn targets(&self) -> impl Iterator<Item = TargetIdentity> {
        self.targets.iter().map(|target| TargetIdentity {
            account: Arc::clone(&target.account),
            name: Arc::clone(&target.name),
            key: target.key.clone(),
            shard: Shard::WHOLE,
        })
    }

    /// Replaces the details of the instances of every group that has any.
    pub fn map_details(&mut self, map: impl Fn(&InstanceDetails) -> InstanceDetails) {
        for group in self.targets.iter_mut().flat_map(SavedTarget::all_groups) {
            let Some(instances) = &group.snapshot.instances else { continue };
            if instances.data.details.is_empty() {
                continue;
            }
            let details = map(&instances.data.details);
            let summary = InstanceSummary { details, ..InstanceSummary::clone(&instances.data) };
            let instances = Some(Fetched { data: Arc::new(summary), at: instances.at });
            group.snapshot = Arc::new(GroupSnapshot { instances, ..GroupSnapshot::clone(&group.snapshot) });
        }
    }
}

impl SavedTarget {
    /// The groups that are listed, and those that are not.
    fn all_groups(&mut self) -> impl Iterator<Item = &mut SavedGroup> {
        self.groups.iter_mut().chain(self.missed.iter_mut().map(|(group, _)| group))
    }

    /// The newest time of its data and polls; `None` if it was never polled.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        newest(self.groups.iter(), [self.last_success, self.poll_started])
    }
}

/// The newest time of the listings of groups, and of other times.
pub(super) fn newest<'a>(
    groups: impl Iterator<Item = &'a SavedGroup>,
    others: [Option<Timestamp>; 2],
) -> Option<Timestamp> {
    groups.map(|group| group.snapshot.group.at).chain(others.into_iter().flatten()).max()
}
