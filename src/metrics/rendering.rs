//! The samples of an exposition, written step by step: a body can be compressed or sent while it is
//! rendered, and is never whole in memory.

use std::collections::BTreeSet;
use std::vec;

use crate::fleet::TargetHealth;
use crate::metrics::catalogue::{self, Collector, Extract, Family};
use crate::metrics::encode::{Encoder, Prepared, ValueLimit};
use crate::metrics::family::MetricType;
use crate::metrics::input::{GroupRow, PoolRow, RenderInput};
use crate::metrics::sample_writer::SampleWriter;
use crate::metrics::selection::Selection;

/// The selected samples of one input, as far as they are not written yet. Every call for it gets
/// the same input and encoder.
pub(super) struct Rendering {
    rows: Rows,
    /// The families that are not begun.
    families: vec::IntoIter<&'static Family>,
    /// The family that is begun, and its next group.
    current: Option<(&'static Family, usize)>,
}

impl Rendering {
    /// Selects from the series of `collectors`, and encodes the labels that many series share.
    pub(super) fn new(
        input: &RenderInput,
        selection: &Selection,
        collectors: &BTreeSet<Collector>,
        encoder: &mut dyn Encoder,
    ) -> Self {
        let rows = Rows::new(input, selection, &ValueLimit::new(encoder, input.options.max_value_length));
        let families: Vec<_> = catalogue::families()
            .filter(|family| {
                selection.has_collector(family.collector) && collectors.contains(&family.collector)
            })
            .collect();
        Self { rows, families: families.into_iter(), current: None }
    }

    /// Writes the next family, or one group's part of it if each group has several series. Families
    /// are in catalogue order. Returns `false` if every family was written already; the caller then
    /// finishes the encoder.
    pub(super) fn step(&mut self, input: &RenderInput, encoder: &mut dyn Encoder) -> bool {
        let (family, group) = match self.current.take() {
            Some(current) => current,
            None => {
                let Some(family) = self.families.next() else { return false };
                encoder.family(&family.metadata());
                (family, 0)
            }
        };
        let encoder = &mut ValueLimit::new(encoder, input.options.max_value_length);
        let next = self.rows.write(input, family, group, encoder, true);
        self.current = next.map(|group| (family, group));
        true
    }
}

/// The groups and targets whose samples are written, with labels in one format.
pub(super) struct Rows {
    groups: Vec<PreparedGroup>,
    targets: Vec<PreparedTarget>,
}

/// A group, with the labels that all its series have in common encoded once.
struct PreparedGroup {
    /// The position in the snapshot.
    index: usize,
    labels: Prepared,
    /// The labels of each node pool, including the group's.
    pools: Vec<Prepared>,
}

struct PreparedTarget {
    health: TargetHealth,
    labels: Prepared,
}

impl Rows {
    /// The selected rows, with labels from `encoder`.
    pub(super) fn new(input: &RenderInput, selection: &Selection, encoder: &dyn Encoder) -> Self {
        let selected: Vec<_> =
            input.groups().enumerate().filter(|(_, row)| selection.has_group(row)).collect();
        let has_target =
            |target: &&TargetHealth| selection.has_target(target, selected.iter().map(|(_, row)| *row));
        let targets = input.targets().filter(has_target).map(|health| {
            let labels = [("account", &*health.account), ("target", &*health.target)];
            PreparedTarget { labels: encoder.prepare(Prepared::EMPTY, &labels), health: health.clone() }
        });
        let targets = targets.collect();
        let groups =
            selected.into_iter().map(|(index, row)| PreparedGroup::new(index, row, encoder)).collect();
        Self { groups, targets }
    }

    /// Writes the samples of a family; of a family with several series of each group, only those of
    /// the group with this number. Returns the number of the family's next group, if there is one.
    ///
    /// Without `needs_label_values`, extractors may leave out label values that are expensive to
    /// compute.
    pub(super) fn write(
        &self,
        input: &RenderInput,
        family: &Family,
        group: usize,
        encoder: &mut dyn Encoder,
        needs_label_values: bool,
    ) -> Option<usize> {
        let rows = || self.groups.iter().map(|group| (input.group(group.index), group));
        let pools = || rows().flat_map(|(row, group)| row.pools().zip(&group.pools));
        let has_start = family.metric_type != MetricType::Gauge && encoder.has_inline_start_times();
        let start = |row: &GroupRow<'_>| has_start.then_some(row.snapshot.counters.since);
        match family.extract {
            Extract::Group(value) => {
                for (row, group) in rows() {
                    if let Some(value) = value(&row) {
                        let mut samples =
                            SampleWriter::new(encoder, &group.labels, start(&row), needs_label_values);
                        samples.write(&[], value);
                    }
                }
            }
            Extract::GroupSeries(write) => {
                let PreparedGroup { index, labels, .. } = self.groups.get(group)?;
                let row = input.group(*index);
                write(&row, &mut SampleWriter::new(encoder, labels, start(&row), needs_label_values));
                return Some(group + 1);
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
                for PreparedTarget { health, labels } in &self.targets {
                    if let Some(value) = value(health) {
                        encoder.number(labels, &[], value);
                    }
                }
            }
            Extract::SelfReported => {}
        }
        None
    }
}

impl PreparedGroup {
    fn new(index: usize, row: GroupRow<'_>, encoder: &dyn Encoder) -> Self {
        let labels = encoder.prepare(Prepared::EMPTY, &row.input.names.group_labels(row.snapshot));
        let pool = |pool: PoolRow<'_>| encoder.prepare(&labels, &[("node_pool_id", &*pool.pool.id)]);
        let pools = row.pools().map(pool).collect();
        Self { index, labels, pools }
    }
}
