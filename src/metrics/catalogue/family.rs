//! The rows of the catalogue: each is one metric family, and how its samples are read from a
//! snapshot.

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
    /// The full name, which ends in `_total` for a counter.
    pub name: &'static str,
    /// What a value means: the `# HELP` text, and the meaning in the reference.
    pub help: &'static str,
    /// The API's field, or what the value is derived from.
    pub source: &'static str,
    /// The type.
    pub metric_type: MetricType,
    /// Labels besides those of its [`Scope`]. `tag_<key>` stands for one label for each selected
    /// tag.
    pub labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets in ascending order, without infinity.
    pub bounds: &'static [f64],
    /// The collector that produces it.
    pub collector: Collector,
    /// How its samples are read.
    pub(in crate::metrics) extract: Extract,
}

/// The object that each series of a family describes, which determines the first labels of the
/// series.
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
    /// The first labels of every series of the scope. The labels of `labels.group` follow them if
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
    /// The base of gauges, for `..Family::GAUGE`: no labels besides those of its scope, and a value
    /// that the exporter keeps about itself.
    pub(super) const GAUGE: Self = Self {
        name: "",
        help: "",
        source: "",
        metric_type: MetricType::Gauge,
        labels: &[],
        bounds: &[],
        collector: Collector::Exporter,
        extract: Extract::SelfReported,
    };

    /// The base of counters, like [`GAUGE`](Self::GAUGE).
    pub(super) const COUNTER: Self = Self { metric_type: MetricType::Counter, ..Self::GAUGE };

    /// The base of histograms, like [`GAUGE`](Self::GAUGE).
    pub(super) const HISTOGRAM: Self = Self { metric_type: MetricType::Histogram, ..Self::GAUGE };

    /// The object that each series describes.
    pub fn scope(&self) -> Scope {
        match self.extract {
            Extract::Group(_) | Extract::GroupSeries(_) => Scope::Group,
            Extract::Pool(_) | Extract::PoolSeries(_) => Scope::NodePool,
            Extract::Target(_) => Scope::Target,
            Extract::SelfReported => Scope::Exporter,
        }
    }

    /// All labels in the order in which they are written, beginning with those of the scope.
    /// Excludes the labels of `labels.group`.
    pub fn all_labels(&self) -> impl Iterator<Item = &'static str> {
        self.scope().labels().iter().chain(self.labels).copied()
    }

    /// The metadata that an encoder writes with the samples.
    pub fn metadata(&self) -> Metadata<'static> {
        Metadata { name: self.name, help: self.help, metric_type: self.metric_type }
    }

    /// The unit; `None` for a count of objects.
    pub fn unit(&self) -> Option<Unit> {
        self.metadata().unit()
    }
}
