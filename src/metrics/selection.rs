//! The part of the fleet's series that a scrape requests.

use std::collections::BTreeSet;

use crate::fleet::TargetHealth;
use crate::metrics::catalogue::Collector;
use crate::metrics::input::GroupRow;

/// Restrictions on the series of an exposition. An empty set restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of accounts.
    pub accounts: BTreeSet<String>,
    /// Regions that groups are in.
    pub regions: BTreeSet<String>,
    /// Ids of groups.
    pub groups: BTreeSet<String>,
    /// Collectors.
    pub collectors: BTreeSet<Collector>,
}

impl Selection {
    /// Whether every series is selected.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether at least one collector that reads the fleet is selected.
    pub fn has_fleet(&self) -> bool {
        Collector::FLEET.into_iter().any(|collector| self.has_collector(collector))
    }

    /// Whether this collector is selected.
    pub(super) fn has_collector(&self, collector: Collector) -> bool {
        self.collectors.is_empty() || self.collectors.contains(&collector)
    }

    /// Whether this group is selected.
    pub(super) fn has_group(&self, row: &GroupRow<'_>) -> bool {
        is_allowed(&self.accounts, &row.snapshot.account)
            && is_allowed(&self.regions, &row.group().region_id)
            && is_allowed(&self.groups, &row.group().id)
    }

    /// Whether this target is selected: its account is selected and, if regions or groups are
    /// restricted, the target lists at least one of the selected groups, which are `groups`.
    pub(super) fn has_target<'a>(
        &self,
        target: &TargetHealth,
        mut groups: impl Iterator<Item = GroupRow<'a>>,
    ) -> bool {
        let has_all_groups = self.regions.is_empty() && self.groups.is_empty();
        let is_listed = |group: GroupRow<'_>| {
            group.snapshot.account == target.account && group.snapshot.target == target.target
        };
        is_allowed(&self.accounts, &target.account) && (has_all_groups || groups.any(is_listed))
    }
}

fn is_allowed(allowed: &BTreeSet<String>, value: &str) -> bool {
    allowed.is_empty() || allowed.contains(value)
}
