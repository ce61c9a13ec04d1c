//! A snapshot of the fleet, rendered on request into the bodies of scrapes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::fleet::{Snapshot, TargetHealth};
use crate::metrics::catalogue::{self, Collector, Extract, Family};
use crate::metrics::compress::{Compressed, Encoding};
use crate::metrics::encode::{CountingEncoder, Encoder, Prepared, Syntax, ValueLimit};
use crate::metrics::family::MetricType;
use crate::metrics::input::{GroupRow, PoolRow, RenderInput};
use crate::metrics::labels::ChangedLabel;
use crate::metrics::options::RenderOptions;
use crate::metrics::sample_writer::SampleWriter;
use crate::metrics::selection::Selection;

/// The collectors that `collectors.max_series` may drop: they have a series for each instance,
/// session or node.
const DETAIL: [Collector; 3] = [Collector::InstancesDetail, Collector::PersistentDetail, Collector::Nodes];

/// Size of the pieces in which a body is compressed: large enough that a piece costs nothing.
const CHUNK_BYTES: usize = 64 * 1024;

/// Called with the encoder after a part of the samples was written.
type Written<'a> = &'a mut dyn FnMut(&mut dyn Encoder);

/// One snapshot, which can be served in any format and encoding.
///
/// [`Exposition::new`] counts the series and decides which collectors `max_series` drops. A body is
/// rendered when it is first requested and then cached as long as the exposition, so a format that
/// is never requested costs nothing. When a newer exposition replaces this one, [`prerender`]
/// renders what was requested, so the next scrape finds its body in the cache.
///
/// [`prerender`]: Self::prerender
#[derive(Debug)]
pub struct Exposition {
    input: RenderInput,
    /// Number of series served, by collector.
    series: BTreeMap<&'static str, u64>,
    /// Number of dropped series, by collector.
    dropped: BTreeMap<&'static str, u64>,
    /// The collectors of the fleet that are not dropped.
    collectors: BTreeSet<Collector>,
    /// Cached bodies, indexed by [`Syntax`] and then by [`Encoding`].
    bodies: [[OnceLock<Compressed>; Encoding::ALL.len()]; Syntax::ALL.len()],
    /// Which of the bodies were requested by [`Exposition::body`], with the same indexes.
    requested: [[AtomicBool; Encoding::ALL.len()]; Syntax::ALL.len()],
}

impl Exposition {
    /// Prepares `snapshot` for rendering.
    pub fn new(snapshot: Arc<Snapshot>, options: Arc<RenderOptions>) -> Self {
        let input = RenderInput::new(snapshot, options);
        let mut series = count_series(&input);
        let mut dropped = BTreeMap::new();
        let mut collectors = BTreeSet::from(Collector::FLEET);
        let max_series = input.options.max_series;
        while series.values().sum::<u64>() > max_series {
            let largest = DETAIL.into_iter().max_by_key(|collector| series[collector]);
            let Some(largest) = largest.filter(|collector| series[collector] > 0) else { break };
            dropped.insert(largest.as_str(), series.insert(largest, 0).unwrap_or_default());
            collectors.remove(&largest);
        }
        let series = series.into_iter().map(|(collector, count)| (collector.as_str(), count)).collect();
        let (bodies, requested) = Default::default();
        Self { input, series, dropped, collectors, bodies, requested }
    }

    /// The whole fleet in this format and encoding. The first caller renders it; concurrent callers
    /// wait for the result.
    pub fn body(&self, syntax: Syntax, encoding: Encoding) -> &Compressed {
        self.requested[syntax as usize][encoding as usize].store(true, Ordering::Relaxed);
        self.render_cached(syntax, encoding)
    }

    /// Renders the bodies that were requested of `earlier`, without marking them as requested.
    pub fn prerender(&self, earlier: &Self) {
        for syntax in Syntax::ALL {
            for encoding in Encoding::ALL {
                if earlier.requested[syntax as usize][encoding as usize].load(Ordering::Relaxed) {
                    self.render_cached(syntax, encoding);
                }
            }
        }
    }

    fn render_cached(&self, syntax: Syntax, encoding: Encoding) -> &Compressed {
        let body = |encoding| &self.bodies[syntax as usize][encoding as usize];
        body(encoding).get_or_init(|| match body(Encoding::Identity).get() {
            Some(plain) => encoding.compress(plain.bytes().clone()),
            None => self.render_selection(&Selection::default(), syntax, encoding),
        })
    }

    /// The whole fleet in this format and encoding, if the body is in the cache. Does not mark the
    /// body as requested.
    pub fn cached(&self, syntax: Syntax, encoding: Encoding) -> Option<&Compressed> {
        self.bodies[syntax as usize][encoding as usize].get()
    }

    /// Renders and compresses the selected series, without the cache.
    pub fn render_selection(&self, selection: &Selection, syntax: Syntax, encoding: Encoding) -> Compressed {
        if encoding == Encoding::Identity {
            let mut encoder = syntax.encoder(self.estimated_bytes());
            self.encode(selection, &mut *encoder, &mut |_| {});
            return encoding.compress(encoder.finish().into());
        }
        // The plain body can be many times as large as the compressed one, and is never whole in
        // memory.
        let mut compressor = encoding.compressor();
        let mut encoder = syntax.encoder(2 * CHUNK_BYTES);
        self.encode(selection, &mut *encoder, &mut |encoder| {
            encoder.drain(CHUNK_BYTES, &mut |chunk| compressor.write(chunk));
        });
        compressor.write(&encoder.finish());
        compressor.finish()
    }

    /// Size of the whole fleet's body in bytes; `None` if no cached body contains the size. Every
    /// cached body of the format contains the size before compression.
    pub fn size(&self, syntax: Syntax, encoding: Encoding) -> Option<usize> {
        match self.cached(syntax, encoding) {
            Some(body) => Some(body.len()),
            None if encoding == Encoding::Identity => Encoding::ALL
                .into_iter()
                .find_map(|encoding| self.cached(syntax, encoding))
                .map(Compressed::plain_len),
            None => None,
        }
    }

    /// The whole fleet in text format 0.0.4.
    pub fn text(&self) -> Bytes {
        self.body(Syntax::Text, Encoding::Identity).bytes().clone()
    }

    /// Writes the selected series to `encoder`, family by family in catalogue order. `written` is
    /// called often, and may drain the encoder. The caller finishes the encoder.
    pub fn encode(&self, selection: &Selection, encoder: &mut dyn Encoder, written: Written<'_>) {
        let encoder = &mut ValueLimit::new(encoder, self.input.options.max_value_length);
        let rows = || self.input.groups().filter(|row| selection.has_group(row));
        let groups: Vec<_> = rows().map(|row| PreparedGroup::new(row, encoder)).collect();
        let targets: Vec<_> = self
            .input
            .targets()
            .filter(|target| selection.has_target(target, groups.iter().map(|group| group.row)))
            .map(|target| (target, encoder.prepare(Prepared::EMPTY, &target_labels(target))))
            .collect();
        for family in catalogue::families() {
            if selection.has_collector(family.collector) && self.collectors.contains(&family.collector) {
                encoder.family(&family.metadata());
                write_family(family, &groups, &targets, encoder, true, written);
            }
        }
    }

    /// Number of series served, by collector. Contains every collector of the fleet.
    pub fn series(&self) -> &BTreeMap<&'static str, u64> {
        &self.series
    }

    /// Number of series that `max_series` dropped, by collector; empty if it dropped none.
    pub fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// The snapshot that is rendered.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.input.snapshot
    }

    /// Tags whose label name is not `tag_<key>`, for the log.
    pub fn changed_labels(&self) -> &[ChangedLabel] {
        &self.input.names.changed
    }

    /// Estimated size of a body before compression, in bytes. The estimate is usually too high, so
    /// that a buffer of this capacity does not grow; its unused pages take no physical memory.
    pub fn estimated_bytes(&self) -> usize {
        /// Estimated bytes of a series besides the group's labels: name, other labels and value.
        const SERIES_BYTES: usize = 160;
        /// Estimated bytes of all `# HELP` and `# TYPE` lines.
        const METADATA_BYTES: usize = 32 * 1024;
        let group_labels_bytes = |row: GroupRow<'_>| {
            let labels = self.input.names.group_labels(row.snapshot).into_iter();
            labels.map(|(name, value)| name.len() + value.len() + "=\"\",".len()).sum::<usize>()
        };
        let groups = self.input.snapshot.groups.len().max(1);
        let mean = self.input.groups().map(group_labels_bytes).sum::<usize>() / groups;
        let series = usize::try_from(self.series.values().sum::<u64>()).unwrap_or(usize::MAX);
        series.saturating_mul(mean + SERIES_BYTES).saturating_add(METADATA_BYTES)
    }
}

/// A group, with the labels that all its series have in common encoded once in one format.
struct PreparedGroup<'a> {
    row: GroupRow<'a>,
    labels: Prepared,
    /// The labels of each node pool, including the group's.
    pools: Vec<Prepared>,
}

impl<'a> PreparedGroup<'a> {
    fn new(row: GroupRow<'a>, encoder: &dyn Encoder) -> Self {
        let labels = encoder.prepare(Prepared::EMPTY, &row.input.names.group_labels(row.snapshot));
        let pool = |pool: PoolRow<'_>| encoder.prepare(&labels, &[("node_pool_id", &*pool.pool.id)]);
        let pools = row.pools().map(pool).collect();
        Self { row, labels, pools }
    }
}

fn target_labels(target: &TargetHealth) -> [(&str, &str); 2] {
    [("account", &*target.account), ("target", &*target.target)]
}

/// Counts the series of each collector, without encoding them.
fn count_series(input: &RenderInput) -> BTreeMap<Collector, u64> {
    let mut counts: BTreeMap<_, _> = Collector::FLEET.into_iter().map(|collector| (collector, 0)).collect();
    let no_labels = CountingEncoder::default();
    let groups: Vec<_> = input.groups().map(|row| PreparedGroup::new(row, &no_labels)).collect();
    let targets: Vec<_> = input.targets().map(|target| (target, Prepared::default())).collect();
    for family in catalogue::families() {
        if let Some(count) = counts.get_mut(&family.collector) {
            let mut encoder = CountingEncoder::default();
            write_family(family, &groups, &targets, &mut encoder, false, &mut |_| {});
            *count += encoder.series;
        }
    }
    counts
}

/// Writes the samples of one family. Without `needs_label_values`, extractors may leave out label
/// values that are expensive to compute.
fn write_family(
    family: &Family,
    groups: &[PreparedGroup<'_>],
    targets: &[(&TargetHealth, Prepared)],
    encoder: &mut dyn Encoder,
    needs_label_values: bool,
    written: Written<'_>,
) {
    let pools = || groups.iter().flat_map(|group| group.row.pools().zip(&group.pools));
    let has_start = family.metric_type != MetricType::Gauge && encoder.has_inline_start_times();
    let start = |row: &GroupRow<'_>| has_start.then_some(row.snapshot.counters.since);
    match family.extract {
        Extract::Group(value) => {
            for group in groups {
                if let Some(value) = value(&group.row) {
                    let start = start(&group.row);
                    SampleWriter::new(encoder, &group.labels, start, needs_label_values).write(&[], value);
                }
            }
        }
        Extract::GroupSeries(write) => {
            for group in groups {
                let start = start(&group.row);
                write(&group.row, &mut SampleWriter::new(encoder, &group.labels, start, needs_label_values));
                written(encoder);
            }
        }
        Extract::Pool(value) => {
            for (pool, labels) in pools() {
                if let Some(value) = value(&pool) {
                    encoder.number(labels, &[], value);
                }
            }
        }
        Extract::PoolSeries(write) => {
            for (pool, labels) in pools() {
                write(&pool, &mut SampleWriter::new(encoder, labels, None, needs_label_values));
            }
        }
        Extract::Target(value) => {
            for (target, labels) in targets {
                if let Some(value) = value(target) {
                    encoder.number(labels, &[], value);
                }
            }
        }
        Extract::SelfReported => {}
    }
    written(encoder);
}
