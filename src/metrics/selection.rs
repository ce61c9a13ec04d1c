//! What of the fleet is wanted.

use std::collections::BTreeSet;

use super::catalogue::Collector;
use super::rows::GroupRow;
use crate::fleet::TargetHealth;

/// What of an exposition is wanted. An empty set is no restriction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of accounts.
    pub accounts: BTreeSet<String>,
    /// Regions that groups live in.
    pub regions: BTreeSet<String>,
    /// Ids of groups.
    pub groups: BTreeSet<String>,
    /// Collectors.
    pub collectors: BTreeSet<Collector>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether any collector is selected that reads the fleet.
    pub fn has_fleet(&self) -> bool {
        Collector::FLEET.into_iter().any(|collector| self.has_collector(collector))
    }

    pub(super) fn has_collector(&self, collector: Collector) -> bool {
        self.collectors.is_empty() || self.collectors.contains(&collector)
    }

    pub(super) fn has_group(&self, row: &GroupRow<'_>) -> bool {
        admits(&self.accounts, &row.facts.account)
            && admits(&self.regions, &row.group().region_id)
            && admits(&self.groups, &row.group().id)
    }

    /// A target is shown when it belongs to a selected account and, where regions or groups are selected,
    /// has listed one of `groups`, which are those selected.
    pub(super) fn has_target<'a>(
        &self,
        target: &TargetHealth,
        mut groups: impl Iterator<Item = GroupRow<'a>>,
    ) -> bool {
        let any_group = self.regions.is_empty() && self.groups.is_empty();
        let lists = |group: GroupRow<'_>| {
            group.facts.account == target.account && group.facts.target == target.target
        };
        admits(&self.accounts, &target.account) && (any_group || groups.any(lists))
    }
}

fn admits(allowed: &BTreeSet<String>, value: &str) -> bool {
    allowed.is_empty() || allowed.contains(value)
}
