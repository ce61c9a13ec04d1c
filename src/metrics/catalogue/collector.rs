//! The collectors: groups of families that are switched on and off, selected and counted together.

/// A part of the exporter that produces families. Its name is a value of `collect[]` and of the
/// label `collector` of `appstreaming_exporter_series`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collector {
    /// Properties of groups, from `ListAppInstanceGroup`.
    Groups,
    /// Properties of node pools, from `ListAppInstanceGroup`.
    NodePools,
    /// Instances counted by group, from `ListAppInstances`.
    Instances,
    /// Changes of instances by the statuses before and after, from `ListAppInstances`.
    Transitions,
    /// Histograms of ready times and session durations, from `ListAppInstances`.
    Lifecycle,
    /// Instances counted by node, from `ListAppInstances`.
    Nodes,
    /// Persistent sessions counted by group, from `ListPersistentAppInstances`.
    Persistent,
    /// Each instance, from `ListAppInstances`.
    InstancesDetail,
    /// Each persistent session, from `ListPersistentAppInstances`.
    PersistentDetail,
    /// Freshness of the fleet's data.
    Health,
    /// The exporter itself.
    Exporter,
    /// The exporter's process, from the operating system.
    Process,
}

impl Collector {
    /// The collectors that read the fleet, in catalogue order.
    pub const FLEET: [Self; 10] = [
        Self::Groups,
        Self::NodePools,
        Self::Instances,
        Self::Transitions,
        Self::Lifecycle,
        Self::Nodes,
        Self::Persistent,
        Self::InstancesDetail,
        Self::PersistentDetail,
        Self::Health,
    ];

    /// All collectors, in catalogue order.
    pub const ALL: [Self; 12] = [
        Self::Groups,
        Self::NodePools,
        Self::Instances,
        Self::Transitions,
        Self::Lifecycle,
        Self::Nodes,
        Self::Persistent,
        Self::InstancesDetail,
        Self::PersistentDetail,
        Self::Health,
        Self::Exporter,
        Self::Process,
    ];

    /// The name in labels, in `collect[]` and in the reference (`docs/metrics.md`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::NodePools => "node_pools",
            Self::Instances => "instances",
            Self::Transitions => "transitions",
            Self::Lifecycle => "lifecycle",
            Self::Nodes => "nodes",
            Self::Persistent => "persistent",
            Self::InstancesDetail => "instances_detail",
            Self::PersistentDetail => "persistent_detail",
            Self::Health => "health",
            Self::Exporter => "exporter",
            Self::Process => "process",
        }
    }

    /// The collector whose [`as_str`](Self::as_str) is `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collector| collector.as_str() == name)
    }
}
