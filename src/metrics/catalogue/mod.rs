//! Every metric that the exporter may serve, as one table: name, help, type, labels, source, and how
//! a fleet metric is read from a snapshot.
//!
//! The renderer and the generated reference (`docs/metrics.md`) read the same table, so documentation
//! and output cannot drift. Names in it don't change without a changelog entry.

mod detail;
mod docs;
mod exporter;
mod groups;
mod health;
mod node_pools;
mod persistent;
mod process;
mod sessions;

pub use docs::{json, markdown};
pub use exporter::{POLL_DURATION_BUCKETS, REQUEST_DURATION_BUCKETS};

use super::rows::{GroupRow, PoolRow};
use super::series::Series;
use super::{Heading, Kind, Unit};
use crate::fleet::TargetHealth;

/// The catalogue, subject by subject, in the order in which families are rendered and documented.
pub static CHAPTERS: [Chapter; 8] = [
    groups::CHAPTER,
    node_pools::CHAPTER,
    sessions::CHAPTER,
    persistent::CHAPTER,
    detail::CHAPTER,
    health::CHAPTER,
    exporter::CHAPTER,
    process::CHAPTER,
];

/// Every family, in catalogue order.
pub fn families() -> impl Iterator<Item = &'static Family> {
    CHAPTERS.iter().flat_map(|chapter| chapter.families)
}

/// The family of that full name.
pub fn find(name: &str) -> Option<&'static Family> {
    families().find(|family| family.name == name)
}

/// The help text of the family of that full name.
pub fn help(name: &str) -> Option<&'static str> {
    find(name).map(|family| family.help)
}

/// Families on one subject.
#[derive(Debug)]
pub struct Chapter {
    /// The heading in the reference.
    pub title: &'static str,
    /// What a reader should know before the table, in Markdown.
    pub introduction: &'static str,
    /// The families, in the order in which they are rendered.
    pub families: &'static [Family],
}

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// Full name.
    pub name: &'static str,
    /// What a value means, in one sentence: the `# HELP` text and the meaning in the reference.
    pub help: &'static str,
    /// Type.
    pub kind: Kind,
    /// Who makes it.
    pub collector: Collector,
    /// Labels beyond those of its [`Scope`]; `tag_<key>` stands for one label per tag shown.
    pub own_labels: &'static [&'static str],
    /// The API's field, or how the value is derived.
    pub source: &'static str,
    /// How samples are read.
    pub(crate) extract: Extract,
}

/// The part of the exporter that makes a family: what `collect[]` picks and `series{collector}` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collector {
    /// Facts of groups, from `ListAppInstanceGroup`.
    Groups,
    /// Facts of node pools, from `ListAppInstanceGroup`.
    NodePools,
    /// Instances counted by group, from `ListAppInstances`.
    Instances,
    /// Instances counted by node, from `ListAppInstances`.
    Nodes,
    /// Persistent sessions counted by group, from `ListPersistentAppInstances`.
    Persistent,
    /// Every instance by itself.
    InstancesDetail,
    /// Every persistent session by itself.
    PersistentDetail,
    /// Freshness of the fleet's data.
    Health,
    /// The exporter about itself.
    Exporter,
    /// The operating system about the exporter's process.
    Process,
}

impl Collector {
    /// The collectors that read the fleet, in catalogue order.
    pub const FLEET: [Self; 8] = [
        Self::Groups,
        Self::NodePools,
        Self::Instances,
        Self::Nodes,
        Self::Persistent,
        Self::InstancesDetail,
        Self::PersistentDetail,
        Self::Health,
    ];

    /// All of them, in catalogue order: what `collect[]` knows.
    pub const ALL: [Self; 10] = [
        Self::Groups,
        Self::NodePools,
        Self::Instances,
        Self::Nodes,
        Self::Persistent,
        Self::InstancesDetail,
        Self::PersistentDetail,
        Self::Health,
        Self::Exporter,
        Self::Process,
    ];

    /// The name in labels, in `collect[]` and in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::NodePools => "node_pools",
            Self::Instances => "instances",
            Self::Nodes => "nodes",
            Self::Persistent => "persistent",
            Self::InstancesDetail => "instances_detail",
            Self::PersistentDetail => "persistent_detail",
            Self::Health => "health",
            Self::Exporter => "exporter",
            Self::Process => "process",
        }
    }

    /// The collector of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collector| collector.as_str() == name)
    }
}

/// What a series of a family is about, which decides the labels that it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A delivery group.
    Group,
    /// A node pool of a delivery group.
    NodePool,
    /// A poll target.
    Target,
    /// The exporter itself.
    Exporter,
}

impl Scope {
    /// The labels that every series of the scope begins with; those of `labels.group` follow where
    /// there is a `group_id`.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Group => &["account", "region_id", "group_id"],
            Self::NodePool => &["account", "region_id", "group_id", "node_pool_id"],
            Self::Target => &["account", "target"],
            Self::Exporter => &[],
        }
    }
}

/// How the samples of a family are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extract {
    /// At most one number for each group.
    Group(fn(&GroupRow<'_>) -> Option<f64>),
    /// Any number of samples for each group.
    GroupSeries(fn(&GroupRow<'_>, &mut Series<'_>)),
    /// At most one number for each node pool.
    Pool(fn(&PoolRow<'_>) -> Option<f64>),
    /// Any number of samples for each node pool.
    PoolSeries(fn(&PoolRow<'_>, &mut Series<'_>)),
    /// At most one number for each target.
    Target(fn(&TargetHealth) -> Option<f64>),
    /// Not from a snapshot: kept by the exporter as it runs.
    Kept,
}

impl Family {
    const fn new(
        collector: Collector,
        kind: Kind,
        name: &'static str,
        own_labels: &'static [&'static str],
        source: &'static str,
        help: &'static str,
        extract: Extract,
    ) -> Self {
        Self { name, help, kind, collector, own_labels, source, extract }
    }

    /// What its series are about.
    pub fn scope(&self) -> Scope {
        match self.extract {
            Extract::Group(_) | Extract::GroupSeries(_) => Scope::Group,
            Extract::Pool(_) | Extract::PoolSeries(_) => Scope::NodePool,
            Extract::Target(_) => Scope::Target,
            Extract::Kept => Scope::Exporter,
        }
    }

    /// All its labels, in the order in which they are written.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> {
        self.scope().labels().iter().chain(self.own_labels).copied()
    }

    /// What an encoder writes before the samples.
    pub fn heading(&self) -> Heading<'static> {
        Heading { name: self.name, help: self.help, kind: self.kind }
    }

    /// The unit, if it has one.
    pub fn unit(&self) -> Option<Unit> {
        self.heading().unit()
    }
}
