//! Which part of the fleet's series a scrape gets.

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

    /// Whether a collector is selected that reads the fleet.
    pub fn has_fleet(&self) -> bool {
        Collector::FLEET.into_iter().any(|collector| self.has_collector(collector))
    }

    /// Whether this collector is selected.
    pub(super) fn has_collector(&self, collector: Collector) -> bool {
        self.collectors.is_empty() || self.collectors.contains(&collector)
    }

    /// Whether this group is selected.
    pub(super) fn has_group(&self, row: &GroupRow<'_>) -> bool {
        admits(&self.accounts, &row.snapshot.account)
            && admits(&self.regions, &row.group().region_id)
            && admits(&self.groups, &row.group().id)
    }

    /// Whether this target is selected: it belongs to a selected account and, if regions or groups
    /// are restricted, has listed one of `groups`, which are the selected groups.
    pub(super) fn has_target<'a>(
        &self,
        target: &TargetHealth,
        mut groups: impl Iterator<Item = GroupRow<'a>>,
    ) -> bool {
        let any_group = self.regions.is_empty() && self.groups.is_empty();
        let lists = |group: GroupRow<'_>| {
            group.snapshot.account == target.account && group.snapshot.target == target.target
        };
        admits(&self.accounts, &target.account) && (any_group || groups.any(lists))
    }
}

fn admits(allowed: &BTreeSet<String>, value: &str) -> bool {
    allowed.is_empty() || allowed.contains(value)
}
