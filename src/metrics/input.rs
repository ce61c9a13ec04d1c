//! The input of the catalogue's extractors: groups and node pools, with every number derived from
//! them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::fleet::capacity::{self, Verdict};
use crate::fleet::schedule;
use crate::fleet::timestamp::seconds;
use crate::fleet::{
    Group, GroupCounters, GroupSnapshot, InstanceSummary, NodePool, PersistentSummary, Snapshot, TargetHealth,
};
use crate::metrics::label_values::LabelValues;
use crate::metrics::labels::LabelNames;
use crate::metrics::options::RenderOptions;

/// A snapshot with everything derived from it, computed once for all formats.
#[derive(Debug)]
pub(super) struct RenderInput {
    /// The fleet to render.
    pub(super) snapshot: Arc<Snapshot>,
    /// The operator's settings.
    pub(super) options: Arc<RenderOptions>,
    /// The label values of the fields that contain a status.
    pub(super) values: LabelValues,
    /// The labels of groups, and the label names of tags.
    pub(super) names: LabelNames,
    /// One element for each group of the snapshot, in the same order.
    derived: Vec<DerivedGroup>,
}

/// The numbers that the rules of the fleet derive from one group.
#[derive(Debug)]
struct DerivedGroup {
    capacity: Option<f64>,
    usage_ratio: Option<f64>,
    connected_ratio: Option<f64>,
    until_scale_out: Option<f64>,
    scale_out: Option<Verdict>,
    pools: Vec<DerivedPool>,
}

/// The numbers that the rules of the fleet derive from one node pool.
#[derive(Debug)]
struct DerivedPool {
    /// Position of the pool in its group.
    index: usize,
    enable: Option<Timestamp>,
    disable: Option<Timestamp>,
    scheduled_amount: Option<f64>,
    next_change: Option<Timestamp>,
}

/// One group.
#[derive(Clone, Copy)]
pub(super) struct GroupRow<'a> {
    /// The whole input.
    pub(super) input: &'a RenderInput,
    /// The group's part of the snapshot.
    pub(super) snapshot: &'a GroupSnapshot,
    derived: &'a DerivedGroup,
}

/// One node pool of a group.
#[derive(Clone, Copy)]
pub(super) struct PoolRow<'a> {
    /// The whole input.
    pub(super) input: &'a RenderInput,
    /// The pool as the API returned it.
    pub(super) pool: &'a NodePool,
    derived: &'a DerivedPool,
}

impl RenderInput {
    /// Derives everything that rendering needs from `snapshot`.
    pub(super) fn new(snapshot: Arc<Snapshot>, options: Arc<RenderOptions>) -> Self {
        let values = LabelValues::new(&snapshot);
        let names = LabelNames::new(&snapshot, &options);
        let derived =
            snapshot.groups.iter().map(|group| DerivedGroup::new(group, snapshot.at, &options)).collect();
        Self { snapshot, options, values, names, derived }
    }

    /// Every group, in the snapshot's order.
    pub(super) fn groups(&self) -> impl Iterator<Item = GroupRow<'_>> {
        (0..self.derived.len()).map(|index| self.group(index))
    }

    /// The group at this position of the snapshot.
    ///
    /// # Panics
    /// When there is no such group.
    pub(super) fn group(&self, index: usize) -> GroupRow<'_> {
        GroupRow { input: self, snapshot: &self.snapshot.groups[index], derived: &self.derived[index] }
    }

    /// Every target once, in the snapshot's order.
    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetHealth> {
        let mut seen = foldhash::HashSet::default();
        self.snapshot.targets.iter().filter(move |target| seen.insert((&target.account, &target.target)))
    }
}

impl DerivedGroup {
    fn new(snapshot: &GroupSnapshot, now: Timestamp, options: &RenderOptions) -> Self {
        let group = &*snapshot.group.data;
        let instances = snapshot.instances.as_ref().map(|instances| &*instances.data);
        let pools = if options.node_pools { &group.node_pools[..] } else { &[] };
        let mut ids = foldhash::HashSet::default();
        Self {
            capacity: capacity::session_capacity(group, instances),
            usage_ratio: capacity::usage_ratio(group, instances),
            connected_ratio: capacity::connected_ratio(group, instances),
            until_scale_out: capacity::sessions_until_scale_out(group, instances),
            scale_out: capacity::scale_out_verdict(group, instances),
            // Of two pools with the same id only the first is rendered: Prometheus rejects a scrape
            // in which a series appears twice.
            pools: (pools.iter().enumerate())
                .filter(|(_, pool)| ids.insert(&pool.id))
                .map(|(index, pool)| DerivedPool::new(index, pool, now, options))
                .collect(),
        }
    }
}

impl DerivedPool {
    fn new(index: usize, pool: &NodePool, now: Timestamp, options: &RenderOptions) -> Self {
        let zone = &options.time_zone;
        Self {
            index,
            enable: schedule::strategy_enable(pool, zone),
            disable: schedule::strategy_disable(pool, zone),
            scheduled_amount: schedule::scheduled_amount(pool, now, zone),
            next_change: schedule::next_change(pool, now, zone),
        }
    }
}

impl<'a> GroupRow<'a> {
    /// The group as `ListAppInstanceGroup` returned it.
    pub(super) fn group(&self) -> &'a Group {
        &self.snapshot.group.data
    }

    /// The group's instances; `None` if their listing is off, has never succeeded, or is too old.
    pub(super) fn instances(&self) -> Option<&'a InstanceSummary> {
        self.snapshot.instances.as_ref().map(|instances| &*instances.data)
    }

    /// The group's persistent sessions; `None` if their listing is off, has never succeeded, or is
    /// too old, and if the group cannot have persistent sessions.
    pub(super) fn persistent(&self) -> Option<&'a PersistentSummary> {
        self.snapshot.persistent.as_ref().map(|persistent| &*persistent.data)
    }

    /// What was counted since the group was first listed; `None` without `instances`.
    pub(super) fn counters(&self) -> Option<&'a GroupCounters> {
        self.snapshot.instances.as_ref().map(|_| &self.snapshot.counters)
    }

    /// Like [`counters`](Self::counters); `None` if `collectors.lifecycle` is off.
    pub(super) fn lifecycle(&self) -> Option<&'a GroupCounters> {
        self.counters().filter(|_| self.input.options.lifecycle)
    }

    /// Sessions that the group can serve, see [`capacity::session_capacity`].
    pub(super) fn session_capacity(&self) -> Option<f64> {
        self.derived.capacity
    }

    /// Sessions in use divided by the capacity; can exceed 1, see [`capacity::usage_ratio`].
    pub(super) fn session_usage_ratio(&self) -> Option<f64> {
        self.derived.usage_ratio
    }

    /// Connected sessions divided by the capacity, see [`capacity::connected_ratio`].
    pub(super) fn session_connected_ratio(&self) -> Option<f64> {
        self.derived.connected_ratio
    }

    /// Whether the group scales out, see [`capacity::scale_out_verdict`].
    pub(super) fn scale_out(&self) -> Option<Verdict> {
        self.derived.scale_out
    }

    /// Sessions that can start before a scale-out, see [`capacity::sessions_until_scale_out`].
    pub(super) fn sessions_until_scale_out(&self) -> Option<f64> {
        self.derived.until_scale_out
    }

    /// The group's node pools, each id once; none if `collectors.node_pools` is off.
    pub(super) fn pools(self) -> impl Iterator<Item = PoolRow<'a>> {
        let (input, group) = (self.input, self.group());
        let pools = self.derived.pools.iter();
        pools.map(move |derived| PoolRow { input, pool: &group.node_pools[derived.index], derived })
    }
}

impl PoolRow<'_> {
    /// Start of the first day on which the strategy applies, in Unix seconds.
    pub(super) fn strategy_enable(&self) -> Option<f64> {
        self.derived.enable.map(seconds)
    }

    /// End of the last day on which the strategy applies, in Unix seconds.
    pub(super) fn strategy_disable(&self) -> Option<f64> {
        self.derived.disable.map(seconds)
    }

    /// Nodes that the active schedule requires now, see [`schedule::scheduled_amount`].
    pub(super) fn scheduled_amount(&self) -> Option<f64> {
        self.derived.scheduled_amount
    }

    /// Time of the schedule's next change, in Unix seconds.
    pub(super) fn next_change(&self) -> Option<f64> {
        self.derived.next_change.map(seconds)
    }
}

/// 1 for true, 0 for false.
pub(super) fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}
