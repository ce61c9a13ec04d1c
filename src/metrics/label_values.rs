//! Which unknown statuses become label values: at most 16 for each field of the API, over the whole
//! snapshot. The others are counted under `OTHER`.
//!
//! The limit bounds the number of series even if the API returned a new status for every group.

use std::collections::BTreeSet;

use crate::fleet::vocabulary::{self, ABSENT, MAX_UNKNOWN_VALUES, OTHER};
use crate::fleet::{GONE, InstanceSummary, NONE, PersistentSummary, Snapshot, Tally, Vocabulary};

/// The values of one field that are label values under their own name.
#[derive(Debug)]
pub(super) struct FieldValues {
    /// The documented values.
    vocabulary: &'static Vocabulary,
    /// The undocumented values that keep their name, at most [`MAX_UNKNOWN_VALUES`].
    unknown: BTreeSet<Box<str>>,
}

impl FieldValues {
    fn new(vocabulary: &'static Vocabulary) -> Self {
        Self { vocabulary, unknown: BTreeSet::new() }
    }

    /// The known values, in the order of their series.
    pub(super) fn known(&self) -> &'static [&'static str] {
        self.vocabulary.known
    }

    /// The label value for `value`: `value` if it is known or one of the unknown values that keep
    /// their name, otherwise `OTHER`.
    pub(super) fn label_value<'w>(&self, value: &'w str) -> &'w str {
        let by_name = self.vocabulary.position(value).is_some() || self.unknown.contains(value);
        if by_name { value } else { OTHER }
    }

    /// Like [`label_value`](Self::label_value), for a value from a tally: `UNKNOWN`, which stands
    /// for an absent value, is kept.
    pub(super) fn tally_label_value<'w>(&self, value: &'w str) -> &'w str {
        if value == ABSENT { value } else { self.label_value(value) }
    }

    /// Like [`tally_label_value`](Self::tally_label_value), for one side of a transition: `NONE`
    /// and `GONE` are kept too.
    pub(super) fn transition_label_value<'w>(&self, value: &'w str) -> &'w str {
        if [NONE, GONE].contains(&value) { value } else { self.tally_label_value(value) }
    }

    /// Adds a value of the snapshot. Only the smallest unknown values in byte order are kept, so
    /// the result does not depend on the order of the calls.
    fn add(&mut self, value: &str) {
        if self.vocabulary.position(value).is_some() || self.unknown.contains(value) {
            return;
        }
        let is_full = self.unknown.len() == MAX_UNKNOWN_VALUES;
        if is_full && self.unknown.last().is_some_and(|last| **last < *value) {
            return;
        }
        self.unknown.insert(value.into());
        if is_full {
            self.unknown.pop_last();
        }
    }

    fn add_tally(&mut self, tally: &Tally) {
        tally
            .iter()
            .skip(self.known().len())
            .filter(|(value, _)| *value != ABSENT && *value != OTHER)
            .for_each(|(value, _)| self.add(value));
    }
}

/// The label values of every enumerated field of one snapshot.
#[derive(Debug)]
pub(super) struct LabelValues {
    /// `Status` of groups.
    pub(super) group_status: FieldValues,
    /// `ResourceStatus` of groups.
    pub(super) resource_status: FieldValues,
    /// `StrategyType` of node pools.
    pub(super) strategy_type: FieldValues,
    /// `Status` of instances.
    pub(super) instance_status: FieldValues,
    /// `SessionStatus` of instances.
    pub(super) session_status: FieldValues,
    /// `AppInstancePersistentStatus` of persistent sessions.
    pub(super) persistent_status: FieldValues,
    /// `AppInstanceStatus` of persistent sessions.
    pub(super) persistent_instance_status: FieldValues,
}

impl LabelValues {
    /// Collects the unknown values of `snapshot`.
    ///
    /// Tallies are read instead of single instances. If a group's tally does not contain the value
    /// of one of its instances by name, the group has 16 smaller unknown values, so the value would
    /// not be kept anyway.
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let mut values = Self {
            group_status: FieldValues::new(&vocabulary::GROUP_STATUS),
            resource_status: FieldValues::new(&vocabulary::RESOURCE_STATUS),
            strategy_type: FieldValues::new(&vocabulary::STRATEGY_TYPE),
            instance_status: FieldValues::new(&vocabulary::INSTANCE_STATUS),
            session_status: FieldValues::new(&vocabulary::SESSION_STATUS),
            persistent_status: FieldValues::new(&vocabulary::PERSISTENT_STATUS),
            persistent_instance_status: FieldValues::new(&vocabulary::PERSISTENT_INSTANCE_STATUS),
        };
        for listed in &snapshot.groups {
            let group = &listed.group.data;
            group.status.iter().for_each(|status| values.group_status.add(status));
            group.resource_status.iter().for_each(|status| values.resource_status.add(status));
            let strategies = group.node_pools.iter().filter_map(|pool| pool.strategy_type.as_deref());
            strategies.for_each(|strategy| values.strategy_type.add(strategy));
            if let Some(instances) = &listed.instances {
                values.add_instances(&instances.data);
                let entered = listed.counters.entered().map(|(status, _)| status);
                let changed = listed.counters.transitions().flat_map(|(from, to, _)| [from, to]);
                entered
                    .chain(changed)
                    .filter(|status| ![NONE, GONE, ABSENT, OTHER].contains(status))
                    .for_each(|status| values.instance_status.add(status));
            }
            if let Some(persistent) = &listed.persistent {
                values.add_persistent(&persistent.data);
            }
        }
        values
    }

    fn add_instances(&mut self, summary: &InstanceSummary) {
        self.instance_status.add_tally(&summary.statuses);
        self.session_status.add_tally(&summary.session_statuses);
    }

    fn add_persistent(&mut self, summary: &PersistentSummary) {
        self.persistent_status.add_tally(&summary.statuses);
        self.persistent_instance_status.add_tally(&summary.instance_statuses);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_smallest_unknown_values_keep_their_name_in_any_order() {
        let all: Vec<String> = (0..30).map(|number| format!("STRANGE_{number:02}")).collect();
        for order in [all.iter().collect::<Vec<_>>(), all.iter().rev().collect()] {
            let mut field = FieldValues::new(&vocabulary::GROUP_STATUS);
            order.into_iter().for_each(|value| field.add(value));
            assert_eq!(field.label_value("STRANGE_15"), "STRANGE_15");
            assert_eq!(field.label_value("STRANGE_16"), "OTHER");
            assert_eq!(field.label_value("PUBLISHED"), "PUBLISHED");
        }
    }
}
