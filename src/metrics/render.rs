//! A snapshot of the fleet as the bytes that scrapes get.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::catalogue::{self, Collector, Extract, Family};
use super::encode::{CountingEncoder, Encoder, Prepared, Syntax};
use super::options::RenderOptions;
use super::pack::{Encoding, Packed};
use super::rows::{GroupRow, PoolRow, Table};
use super::series::Series;
use super::{LabelClash, Selection};
use crate::fleet::{Snapshot, TargetHealth};

/// The collectors that give way when there are too many series.
const DETAIL: [Collector; 2] = [Collector::InstancesDetail, Collector::PersistentDetail];

/// One snapshot, ready to be served in any format.
///
/// Making one counts its series and decides what `max_series` drops. Bytes are made when somebody first
/// asks for them, and kept for as long as the exposition: nobody pays for a format that nobody reads.
/// Whoever replaces one by the next can [`renew`](Self::renew) what was asked for, so that the next
/// scrape finds it ready.
#[derive(Debug)]
pub struct Exposition {
    table: Table,
    series: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
    collectors: BTreeSet<Collector>,
    /// By [`Syntax`], then by [`Encoding`].
    bodies: [[OnceLock<Packed>; Encoding::ALL.len()]; Syntax::ALL.len()],
    /// Which of them somebody wanted.
    wanted: [[AtomicBool; Encoding::ALL.len()]; Syntax::ALL.len()],
}

impl Exposition {
    /// Prepares `snapshot` for rendering.
    pub fn new(snapshot: Arc<Snapshot>, options: Arc<RenderOptions>) -> Self {
        let table = Table::new(snapshot, options);
        let mut series = count(&table);
        let mut dropped = BTreeMap::new();
        let mut collectors = BTreeSet::from(Collector::FLEET);
        let max_series = table.options.max_series;
        while series.values().sum::<u64>() > max_series {
            let largest = DETAIL.into_iter().max_by_key(|collector| series[collector]);
            let Some(largest) = largest.filter(|collector| series[collector] > 0) else { break };
            dropped.insert(largest.as_str(), series.insert(largest, 0).unwrap_or_default());
            collectors.remove(&largest);
        }
        let series = series.into_iter().map(|(collector, count)| (collector.as_str(), count)).collect();
        let (bodies, wanted) = Default::default();
        Self { table, series, dropped, collectors, bodies, wanted }
    }

    /// The whole fleet, rendered and packed by the first caller; others wait for it.
    pub fn body(&self, syntax: Syntax, encoding: Encoding) -> &Packed {
        self.wanted[syntax as usize][encoding as usize].store(true, Ordering::Relaxed);
        self.make(syntax, encoding)
    }

    /// Makes what somebody wanted of `earlier`. What nobody wanted of it isn't made any more.
    pub fn renew(&self, earlier: &Self) {
        for syntax in Syntax::ALL {
            for encoding in Encoding::ALL {
                if earlier.wanted[syntax as usize][encoding as usize].load(Ordering::Relaxed) {
                    self.make(syntax, encoding);
                }
            }
        }
    }

    fn make(&self, syntax: Syntax, encoding: Encoding) -> &Packed {
        let made = |encoding| &self.bodies[syntax as usize][encoding as usize];
        made(encoding).get_or_init(|| {
            // Text that only serves to be packed isn't kept: it can be many times as large.
            let plain = match made(Encoding::Identity).get() {
                Some(plain) => plain.bytes().clone(),
                None => self.render(&Selection::default(), syntax),
            };
            encoding.pack(plain)
        })
    }

    /// The same if it is there already; looking is not wanting.
    pub fn made(&self, syntax: Syntax, encoding: Encoding) -> Option<&Packed> {
        self.bodies[syntax as usize][encoding as usize].get()
    }

    /// What `selection` asks for, rendered and packed for this one caller.
    pub fn narrowed(&self, selection: &Selection, syntax: Syntax, encoding: Encoding) -> Packed {
        encoding.pack(self.render(selection, syntax))
    }

    /// How large the whole fleet is as far as anybody knows; a body that was packed is known as it was before, too.
    pub fn size(&self, syntax: Syntax, encoding: Encoding) -> Option<usize> {
        match self.made(syntax, encoding) {
            Some(packed) => Some(packed.len()),
            None if encoding == Encoding::Identity => Encoding::ALL
                .into_iter()
                .find_map(|encoding| self.made(syntax, encoding))
                .map(Packed::plain_len),
            None => None,
        }
    }

    /// The whole fleet in text format 0.0.4.
    pub fn text(&self) -> Bytes {
        self.body(Syntax::Text, Encoding::Identity).bytes().clone()
    }

    fn render(&self, selection: &Selection, syntax: Syntax) -> Bytes {
        let mut encoder = syntax.encoder(self.expected_bytes());
        self.encode(selection, &mut *encoder);
        encoder.finish().into()
    }

    /// Writes what `selection` asks for with `encoder`, family by family in catalogue order. The caller
    /// finishes the encoder.
    ///
    /// A target is shown when it belongs to a selected account and, where regions or groups are
    /// selected, has listed such a group.
    pub fn encode(&self, selection: &Selection, encoder: &mut dyn Encoder) {
        let rows = || self.table.groups().filter(|row| selection.has_group(row));
        let groups: Vec<_> = rows().map(|row| PreparedGroup::new(row, encoder)).collect();
        let targets: Vec<_> = self
            .table
            .targets()
            .filter(|target| selection.has_target(target, groups.iter().map(|group| group.row)))
            .map(|target| (target, encoder.prepare(Prepared::EMPTY, &target_labels(target))))
            .collect();
        for family in catalogue::families() {
            if selection.has_collector(family.collector) && self.collectors.contains(&family.collector) {
                encoder.family(&family.heading());
                write_family(family, &groups, &targets, encoder, true);
            }
        }
    }

    /// Series by collector, as they are served: all collectors of the fleet, those without any at 0.
    pub fn series(&self) -> &BTreeMap<&'static str, u64> {
        &self.series
    }

    /// Series that `max_series` cut, by collector; empty where there was room for all.
    pub fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// What it was made of.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.table.snapshot
    }

    /// Tags that could not be called by their key, for the log.
    pub fn label_clashes(&self) -> &[LabelClash] {
        &self.table.names.clashes
    }

    /// The size of a body before it is packed: a guess, rather above than below, so that the buffer need
    /// not grow. Memory that stays untouched costs nothing.
    pub fn expected_bytes(&self) -> usize {
        const BEYOND_GROUP_LABELS: usize = 160;
        const HEADINGS: usize = 32 * 1024;
        let length = |row: GroupRow<'_>| {
            let labels = self.table.names.of_group(row.facts).into_iter();
            labels.map(|(name, value)| name.len() + value.len() + "=\"\",".len()).sum::<usize>()
        };
        let groups = self.table.snapshot.groups.len().max(1);
        let mean = self.table.groups().map(length).sum::<usize>() / groups;
        let series = usize::try_from(self.series.values().sum::<u64>()).unwrap_or(usize::MAX);
        series.saturating_mul(mean + BEYOND_GROUP_LABELS).saturating_add(HEADINGS)
    }
}

/// A group with the labels that all its series begin with, in the bytes of one format.
struct PreparedGroup<'a> {
    row: GroupRow<'a>,
    labels: Prepared,
    pools: Vec<Prepared>,
}

impl<'a> PreparedGroup<'a> {
    fn new(row: GroupRow<'a>, encoder: &dyn Encoder) -> Self {
        let labels = encoder.prepare(Prepared::EMPTY, &row.table.names.of_group(row.facts));
        let pool = |pool: PoolRow<'_>| encoder.prepare(&labels, &[("node_pool_id", &*pool.pool.id)]);
        let pools = row.pools().map(pool).collect();
        Self { row, labels, pools }
    }
}

fn target_labels(target: &TargetHealth) -> [(&str, &str); 2] {
    [("account", &*target.account), ("target", &*target.target)]
}

/// Counts the table's series by collector, without a byte written.
fn count(table: &Table) -> BTreeMap<Collector, u64> {
    let mut counts: BTreeMap<_, _> = Collector::FLEET.into_iter().map(|collector| (collector, 0)).collect();
    let nothing = CountingEncoder::default();
    let groups: Vec<_> = table.groups().map(|row| PreparedGroup::new(row, &nothing)).collect();
    let targets: Vec<_> = table.targets().map(|target| (target, Prepared::default())).collect();
    for family in catalogue::families() {
        if let Some(count) = counts.get_mut(&family.collector) {
            let mut encoder = CountingEncoder::default();
            write_family(family, &groups, &targets, &mut encoder, false);
            *count += encoder.series;
        }
    }
    counts
}

/// Writes one family's samples.
fn write_family(
    family: &Family,
    groups: &[PreparedGroup<'_>],
    targets: &[(&TargetHealth, Prepared)],
    encoder: &mut dyn Encoder,
    labels_matter: bool,
) {
    let pools = || groups.iter().flat_map(|group| group.row.pools().zip(&group.pools));
    match family.extract {
        Extract::Group(value) => {
            for group in groups {
                if let Some(value) = value(&group.row) {
                    encoder.number(&group.labels, &[], value);
                }
            }
        }
        Extract::GroupSeries(write) => {
            for group in groups {
                write(&group.row, &mut Series::new(encoder, &group.labels, labels_matter));
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
                write(&pool, &mut Series::new(encoder, labels, labels_matter));
            }
        }
        Extract::Target(value) => {
            for (target, labels) in targets {
                if let Some(value) = value(target) {
                    encoder.number(labels, &[], value);
                }
            }
        }
        Extract::Kept => {}
    }
}
