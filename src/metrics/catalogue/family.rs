//! A row of the catalogue: one metric family, and how its samples are read from a snapshot.

use crate::fleet::TargetHealth;
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::family::{Metadata, MetricType, Unit};
use crate::metrics::input::{GroupRow, PoolRow};
use crate::metrics::sample_writer::SampleWriter;

/// Families on one subject: a section of the reference.
#[derive(Debug)]
pub struct Section {
    /// The title in the reference.
    pub title: &'static str,
    /// Text of the reference before the table, in Markdown.
    pub introduction: &'static str,
    /// The families, in the order in which they are rendered.
    pub families: &'static [Family],
}

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// Full name; a counter's ends in `_total`.
    pub name: &'static str,
    /// What a value means: the `# HELP` text, and the meaning in the reference.
    pub help: &'static str,
    /// The API's field, or what the value is derived from.
    pub source: &'static str,
    /// Type.
    pub metric_type: MetricType,
    /// Labels beyond those of its [`Scope`]; `tag_<key>` stands for one label for each selected
    /// tag.
    pub labels: &'static [&'static str],
    /// The collector that produces it.
    pub collector: Collector,
    /// How its samples are read.
    pub(in crate::metrics) extract: Extract,
}

/// The object that each series of a family describes. It decides the labels that the series begins
/// with.
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
    /// The labels that every series of the scope begins with. Those of `labels.group` follow if
    /// `group_id` is one of them.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Group => &["account", "region_id", "group_id"],
            Self::NodePool => &["account", "region_id", "group_id", "node_pool_id"],
            Self::Target => &["account", "target"],
            Self::Exporter => &[],
        }
    }
}

/// How the samples of a family are read from a snapshot.
#[derive(Debug, Clone, Copy)]
pub(in crate::metrics) enum Extract {
    /// At most one number for each group.
    Group(fn(&GroupRow<'_>) -> Option<f64>),
    /// Any number of samples for each group.
    GroupSeries(fn(&GroupRow<'_>, &mut SampleWriter<'_>)),
    /// At most one number for each node pool.
    Pool(fn(&PoolRow<'_>) -> Option<f64>),
    /// Any number of samples for each node pool.
    PoolSeries(fn(&PoolRow<'_>, &mut SampleWriter<'_>)),
    /// At most one number for each target.
    Target(fn(&TargetHealth) -> Option<f64>),
    /// Not from a snapshot: the exporter keeps the value itself.
    SelfReported,
}

impl Family {
    /// A gauge to be completed with `..Family::GAUGE`: without labels beyond its scope's, reported
    /// by the exporter about itself.
    pub(super) const GAUGE: Self = Self {
        name: "",
        help: "",
        source: "",
        metric_type: MetricType::Gauge,
        labels: &[],
        collector: Collector::Exporter,
        extract: Extract::SelfReported,
    };

    /// The same as a counter.
    pub(super) const COUNTER: Self = Self { metric_type: MetricType::Counter, ..Self::GAUGE };

    /// The same as a histogram.
    pub(super) const HISTOGRAM: Self = Self { metric_type: MetricType::Histogram, ..Self::GAUGE };

    /// What each of its series describes.
    pub fn scope(&self) -> Scope {
        match self.extract {
            Extract::Group(_) | Extract::GroupSeries(_) => Scope::Group,
            Extract::Pool(_) | Extract::PoolSeries(_) => Scope::NodePool,
            Extract::Target(_) => Scope::Target,
            Extract::SelfReported => Scope::Exporter,
        }
    }

    /// All its labels, those of its scope first, in the order in which they are written.
    pub fn all_labels(&self) -> impl Iterator<Item = &'static str> {
        self.scope().labels().iter().chain(self.labels).copied()
    }

    /// What an encoder writes before the samples.
    pub fn metadata(&self) -> Metadata<'static> {
        Metadata { name: self.name, help: self.help, metric_type: self.metric_type }
    }

    /// The unit, if it has one.
    pub fn unit(&self) -> Option<Unit> {
        self.metadata().unit()
    }
}
