//! What the extractors of the catalogue read: a group or node pool with everything derived from it.

use std::sync::Arc;

use jiff::Timestamp;

use super::labels::LabelNames;
use super::options::RenderOptions;
use super::words::Words;
use crate::fleet::timestamp::seconds;
use crate::fleet::{
    Group, GroupSnapshot, InstanceSummary, NodePool, PersistentSummary, Snapshot, TargetHealth, capacity,
    schedule,
};

/// A snapshot made ready to be rendered: whatever takes thought is thought of once, for all formats.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) options: Arc<RenderOptions>,
    pub(crate) words: Words,
    pub(crate) names: LabelNames,
    /// One for each group of the snapshot, in the same order.
    derived: Vec<Derived>,
}

/// What the rules of the fleet make of one group.
#[derive(Debug)]
struct Derived {
    capacity: Option<f64>,
    usage_ratio: Option<f64>,
    until_scale_out: Option<f64>,
    pools: Vec<DerivedPool>,
}

/// What the rules of the fleet make of one node pool.
#[derive(Debug)]
struct DerivedPool {
    /// Where the pool stands in its group.
    index: usize,
    enable: Option<Timestamp>,
    disable: Option<Timestamp>,
    scheduled_amount: Option<f64>,
    next_change: Option<Timestamp>,
}

/// One group.
#[derive(Clone, Copy)]
pub(crate) struct GroupRow<'a> {
    pub(crate) table: &'a Table,
    pub(crate) facts: &'a GroupSnapshot,
    derived: &'a Derived,
}

/// One node pool of a group.
#[derive(Clone, Copy)]
pub(crate) struct PoolRow<'a> {
    pub(crate) table: &'a Table,
    pub(crate) pool: &'a NodePool,
    derived: &'a DerivedPool,
}

impl Table {
    pub(crate) fn new(snapshot: Arc<Snapshot>, options: Arc<RenderOptions>) -> Self {
        let words = Words::of(&snapshot);
        let names = LabelNames::new(&snapshot, &options);
        let derived =
            snapshot.groups.iter().map(|group| Derived::new(group, snapshot.at, &options)).collect();
        Self { snapshot, options, words, names, derived }
    }

    /// Every group, in the snapshot's order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupRow<'_>> {
        let both = self.snapshot.groups.iter().zip(&self.derived);
        both.map(|(facts, derived)| GroupRow { table: self, facts, derived })
    }

    /// Every target once, in the snapshot's order.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &TargetHealth> {
        let mut seen = foldhash::HashSet::default();
        self.snapshot.targets.iter().filter(move |target| seen.insert((&target.account, &target.target)))
    }
}

impl Derived {
    fn new(snapshot: &GroupSnapshot, now: Timestamp, options: &RenderOptions) -> Self {
        let group = &*snapshot.group.data;
        let instances = snapshot.instances.as_ref().map(|instances| &*instances.data);
        let pools = if options.node_pools { &group.node_pools[..] } else { &[] };
        let mut ids = foldhash::HashSet::default();
        Self {
            capacity: capacity::session_capacity(group, instances),
            usage_ratio: capacity::usage_ratio(group, instances),
            until_scale_out: capacity::sessions_until_scale_out(group, instances),
            // Of two pools with the same id the first is shown: two equal series would spoil the scrape.
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
    pub(crate) fn group(&self) -> &'a Group {
        &self.facts.group.data
    }

    pub(crate) fn instances(&self) -> Option<&'a InstanceSummary> {
        self.facts.instances.as_ref().map(|instances| &*instances.data)
    }

    pub(crate) fn persistent(&self) -> Option<&'a PersistentSummary> {
        self.facts.persistent.as_ref().map(|persistent| &*persistent.data)
    }

    pub(crate) fn session_capacity(&self) -> Option<f64> {
        self.derived.capacity
    }

    pub(crate) fn session_usage_ratio(&self) -> Option<f64> {
        self.derived.usage_ratio
    }

    pub(crate) fn sessions_until_scale_out(&self) -> Option<f64> {
        self.derived.until_scale_out
    }

    /// The group's node pools, each id once; none with the collector off.
    pub(crate) fn pools(&self) -> impl Iterator<Item = PoolRow<'a>> {
        let (table, group) = (self.table, self.group());
        let pools = self.derived.pools.iter();
        pools.map(move |derived| PoolRow { table, pool: &group.node_pools[derived.index], derived })
    }
}

impl PoolRow<'_> {
    pub(crate) fn strategy_enable(&self) -> Option<f64> {
        self.derived.enable.map(seconds)
    }

    pub(crate) fn strategy_disable(&self) -> Option<f64> {
        self.derived.disable.map(seconds)
    }

    pub(crate) fn scheduled_amount(&self) -> Option<f64> {
        self.derived.scheduled_amount
    }

    pub(crate) fn next_change(&self) -> Option<f64> {
        self.derived.next_change.map(seconds)
    }
}

/// 1 for yes, 0 for no.
pub(crate) fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}
