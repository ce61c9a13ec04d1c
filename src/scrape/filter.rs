//! The part of the metrics that a query selects. The parameters are `account`, `region_id`,
//! `group_id` and `collect[]`, each any number of times. A series must match one of the values of
//! every parameter that is present. Other parameters are ignored, because some scrapers add their
//! own.
//!
//! An unknown value is an error: otherwise, a mistyped value would look like an empty fleet.

use std::collections::BTreeSet;
use std::fmt;

use form_urlencoded::parse as parse_query;

use crate::document::closest;
use crate::metrics::catalogue::Collector;
use crate::metrics::{Exposition, Selection};

/// Maximum number of known values that an error lists.
const MAX_LISTED_VALUES: usize = 20;

/// The part of the metrics that a query selects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ScrapeFilter {
    /// The selected part of the fleet. Its collectors may include those of the exporter's own
    /// metrics.
    pub(crate) selection: Selection,
}

/// A parameter with an unknown value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownValue {
    parameter: &'static str,
    value: String,
    /// All values that the parameter can have now.
    known: BTreeSet<String>,
}

impl ScrapeFilter {
    /// Parses a query. Without an exposition (before the first poll has ended), the values of
    /// `account`, `region_id` and `group_id` are not checked.
    ///
    /// # Errors
    /// A parameter has an unknown value.
    pub(crate) fn parse(query: Option<&str>, exposition: Option<&Exposition>) -> Result<Self, UnknownValue> {
        let mut selection = Selection::default();
        for (name, value) in parse_query(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "account" => _ = selection.accounts.insert(value.into_owned()),
                "region_id" => _ = selection.regions.insert(value.into_owned()),
                "group_id" => _ = selection.groups.insert(value.into_owned()),
                "collect[]" => match Collector::parse(&value) {
                    Some(collector) => _ = selection.collectors.insert(collector),
                    None => {
                        let known = Collector::ALL.map(|collector| collector.as_str().to_owned()).into();
                        return Err(UnknownValue {
                            parameter: "collect[]",
                            value: value.into_owned(),
                            known,
                        });
                    }
                },
                _ => {}
            }
        }
        if let Some(exposition) = exposition {
            check_known("account", &selection.accounts, || accounts(exposition))?;
            check_known("region_id", &selection.regions, || regions(exposition))?;
            check_known("group_id", &selection.groups, || groups(exposition))?;
        }
        Ok(Self { selection })
    }

    /// Whether the exporter's own metrics of this collector are selected. Without `collect[]`, all
    /// of them are, even if only a part of the fleet is. With `collect[]`, those of the listed
    /// collectors are.
    pub(crate) fn has_own(&self, collector: Collector) -> bool {
        let collectors = &self.selection.collectors;
        collectors.is_empty() || collectors.contains(&collector)
    }
}

fn check_known(
    parameter: &'static str,
    requested: &BTreeSet<String>,
    known: impl FnOnce() -> BTreeSet<String>,
) -> Result<(), UnknownValue> {
    if requested.is_empty() {
        return Ok(());
    }
    let known = known();
    match requested.iter().find(|value| !known.contains(*value)) {
        Some(value) => Err(UnknownValue { parameter, value: value.clone(), known }),
        None => Ok(()),
    }
}

/// Every configured account, including those whose polls fail.
fn accounts(exposition: &Exposition) -> BTreeSet<String> {
    exposition.snapshot().targets.iter().map(|target| target.account.to_string()).collect()
}

/// The regions of groups, and the configured regions, which follow a `/` in the names of targets.
fn regions(exposition: &Exposition) -> BTreeSet<String> {
    let snapshot = exposition.snapshot();
    let configured = snapshot.targets.iter().filter_map(|target| target.target.split_once('/'));
    let of_groups = snapshot.groups.iter().map(|group| group.group.data.region_id.to_string());
    of_groups.chain(configured.map(|(_, region)| region.to_owned())).collect()
}

fn groups(exposition: &Exposition) -> BTreeSet<String> {
    exposition.snapshot().groups.iter().map(|group| group.group.data.id.to_string()).collect()
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameter, value, known } = self;
        writeln!(f, "unknown {parameter} {value:?}")?;
        if let Some(name) = closest(value, known.iter().map(String::as_str)) {
            writeln!(f, "did you mean {name:?}?")?;
        }
        let shown: Vec<&str> = known.iter().map(String::as_str).take(MAX_LISTED_VALUES).collect();
        match known.len().saturating_sub(MAX_LISTED_VALUES) {
            _ if known.is_empty() => writeln!(f, "none is known now"),
            0 => writeln!(f, "known: {}", shown.join(", ")),
            more => writeln!(f, "known: {} and {more} more", shown.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fleet::{Fetched, Group, GroupCounters, GroupSnapshot, Observations, Snapshot, TargetHealth};

    fn exposition() -> Exposition {
        let target = |account: &str, target: &str| TargetHealth {
            account: account.into(),
            target: target.into(),
            up: Some(true),
            last_success: None,
        };
        let group = |number: usize| {
            let id = format!("aig-{number:03}").into();
            let group = Group { id, region_id: "cn-shanghai".into(), ..Group::default() };
            Arc::new(GroupSnapshot {
                account: "a".into(),
                target: "CloudApp".into(),
                group: Fetched { data: Arc::new(group), at: jiff::Timestamp::UNIX_EPOCH },
                instances: None,
                persistent: None,
                counters: GroupCounters::default(),
                observed: Observations::default(),
            })
        };
        let targets = vec![target("a", "CloudApp"), target("b c", "CloudApp/cn-beijing")];
        let snapshot = Snapshot { targets, groups: (0..25).map(group).collect(), ..Snapshot::default() };
        Exposition::new(Arc::new(snapshot), Arc::default())
    }

    fn read(query: &str) -> Result<Selection, String> {
        let exposition = exposition();
        let filter = ScrapeFilter::parse(Some(query), Some(&exposition));
        filter.map(|filter| filter.selection).map_err(|unknown| unknown.to_string())
    }

    #[test]
    fn parameters_may_be_encoded_and_others_are_ignored() {
        for query in ["", "debug=1&x", "accounts=a", "x=account", "&&=", "%ff=1", "collect=groups"] {
            assert_eq!(read(query), Ok(Selection::default()), "{query}");
        }
        let expected = Selection {
            accounts: ["a".into(), "b c".into()].into(),
            regions: ["cn-shanghai".into()].into(),
            groups: ["aig-007".into(), "aig-008".into()].into(),
            collectors: [Collector::Groups, Collector::Process].into(),
        };
        let query = "account=a&account=b+c&account=b%20c&collect[]=groups&collect%5B%5d=process\
            &region_id=cn-shanghai&group_id=aig-008&x=1&group_id=aig-007";
        assert_eq!(read(query), Ok(expected));
    }

    #[test]
    fn a_configured_region_without_groups_is_known() {
        assert!(read("region_id=cn-beijing").is_ok());
    }

    #[test]
    fn an_unknown_value_is_reported_with_the_known_ones() {
        assert_eq!(read("account=a&account=zzz").unwrap_err(), "unknown account \"zzz\"\nknown: a, b c\n");
        let groups = read("group_id=aig_007").unwrap_err();
        assert!(
            groups.starts_with("unknown group_id \"aig_007\"\ndid you mean \"aig-007\"?\nknown: aig-000, ")
        );
        assert!(groups.ends_with("aig-019 and 5 more\n"), "{groups}");
        let collectors = read("collect[]=group").unwrap_err();
        assert!(
            collectors.starts_with("unknown collect[] \"group\"\ndid you mean \"groups\"?\n"),
            "{collectors}"
        );
        assert!(collectors.contains("instances_detail") && collectors.contains("exporter"));
        assert!(read("region_id=").unwrap_err().starts_with("unknown region_id \"\"\n"));
    }

    #[test]
    fn before_the_first_poll_only_collectors_can_be_unknown() {
        assert!(ScrapeFilter::parse(Some("account=x&region_id=y&group_id=z"), None).is_ok());
        assert!(ScrapeFilter::parse(Some("collect[]=x"), None).is_err());
    }

    #[test]
    fn own_metrics_are_included_unless_collectors_are_listed_without_them() {
        let own = |query: &str| {
            let filter = ScrapeFilter::parse(Some(query), None).unwrap();
            (filter.has_own(Collector::Exporter), filter.has_own(Collector::Process))
        };
        assert_eq!(own("account=a"), (true, true));
        assert_eq!(own("collect[]=groups"), (false, false));
        assert_eq!(own("collect[]=groups&collect[]=exporter"), (true, false));
        assert_eq!(own("collect[]=process"), (false, true));
    }
}
