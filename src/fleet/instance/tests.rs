use proptest::prelude::*;

use super::*;
use crate::fleet::vocabulary::MAX_UNKNOWN_VALUES;
use crate::fleet::{GroupCounters, HashKey, InstanceIndex};

const ALL: FoldOptions = FoldOptions { nodes: true, detail: true, hash_key: HashKey::new(0) };

/// A generated instance, which owns its texts.
#[derive(Debug, Clone)]
struct Generated {
    id: String,
    status: Option<String>,
    session_status: Option<&'static str>,
    user: Option<String>,
    usage: Option<u32>,
    node: Option<String>,
    modified: Option<i64>,
}

impl Generated {
    fn record(&self) -> InstanceRecord<'_> {
        InstanceRecord {
            id: self.id.as_str().into(),
            status: self.status.as_deref().map(Into::into),
            session_status: self.session_status.map(Into::into),
            end_user_id: self.user.as_deref().map(Into::into),
            usage_seconds: self.usage.map(f64::from),
            node_id: self.node.as_deref().map(Into::into),
            charge_type: self.node.as_ref().map(|_| "PrePaid".into()),
            modified: self.modified.map(|second| Timestamp::from_second(second).unwrap()),
            ..InstanceRecord::default()
        }
    }
}

fn fold_with<'a>(
    options: FoldOptions,
    records: impl IntoIterator<Item = InstanceRecord<'a>>,
) -> (InstanceSummary, DecodeIssues) {
    let (listing, issues) = list_with(options, records);
    (listing.summary, issues)
}

fn list_with<'a>(
    options: FoldOptions,
    records: impl IntoIterator<Item = InstanceRecord<'a>>,
) -> (InstanceListing, DecodeIssues) {
    let mut fold = InstanceFold::new(options);
    let mut issues = DecodeIssues::default();
    for record in records {
        fold.add(&record, &mut issues);
    }
    (fold.finish(7), issues)
}

fn fold<'a>(records: impl IntoIterator<Item = InstanceRecord<'a>>) -> (InstanceSummary, DecodeIssues) {
    fold_with(ALL, records)
}

fn record(id: &str) -> InstanceRecord<'_> {
    InstanceRecord { id: id.into(), ..InstanceRecord::default() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn an_empty_listing_has_counts_of_0_and_no_maximum() {
    let (summary, issues) = fold([]);
    assert_eq!(summary.statuses.iter().count(), 9);
    assert_eq!(summary.statuses.total(), 0);
    assert_eq!((summary.usage_seconds_sum, summary.usage_seconds_max), (0.0, None));
    assert_eq!(summary.reported, 7);
    assert!(summary.details.is_empty() && summary.nodes.is_empty());
    assert_eq!(issues, DecodeIssues::default());
}

#[test]
fn a_listing_is_folded_into_counts_sums_and_extremes() {
    let (summary, issues) = fold([
        InstanceRecord {
            status: Some("BOUND".into()),
            session_status: Some("connect".into()),
            end_user_id: Some("u".into()),
            usage_seconds: Some(60.0),
            node_id: Some("i-2".into()),
            charge_type: Some("PostPaid".into()),
            modified: Some(at(20)),
            ..record("a")
        },
        InstanceRecord {
            status: Some("bound".into()),
            session_status: Some("disconnect".into()),
            end_user_id: Some("u".into()),
            usage_seconds: Some(30.5),
            node_id: Some("i-2".into()),
            modified: Some(at(10)),
            ..record("b")
        },
        InstanceRecord {
            status: Some("idle".into()),
            node_id: Some("i-1".into()),
            end_user_id: Some("v".into()),
            ..record("c")
        },
        InstanceRecord { modified: Some(at(5)), ..record("d") },
    ]);
    assert_eq!(summary.statuses.get("BOUND"), 2);
    assert_eq!(summary.statuses.get("UNKNOWN"), 1);
    assert_eq!(summary.session_statuses.iter().collect::<Vec<_>>(), [("CONNECT", 1), ("DISCONNECT", 1)]);
    assert_eq!(summary.oldest_modified, [("BOUND".into(), at(10)), ("UNKNOWN".into(), at(5))]);
    assert_eq!(summary.bound_users, 2);
    assert_eq!((summary.usage_seconds_sum, summary.usage_seconds_max), (90.5, Some(60.0)));
    assert_eq!(
        summary.nodes,
        [
            NodeCount { node_id: "i-1".into(), charge_type: "".into(), instances: 1 },
            NodeCount { node_id: "i-2".into(), charge_type: "".into(), instances: 1 },
            NodeCount { node_id: "i-2".into(), charge_type: "PostPaid".into(), instances: 1 },
        ]
    );
    assert_eq!(issues, DecodeIssues::default());
}

#[test]
fn nodes_and_details_are_kept_only_when_configured() {
    let on_node = InstanceRecord { node_id: Some("i-1".into()), ..record("a") };
    let (summary, _) = fold_with(FoldOptions::default(), [on_node]);
    assert!(summary.nodes.is_empty() && summary.details.is_empty());
}

#[test]
fn a_detail_has_every_field_of_its_record() {
    let full = InstanceRecord {
        id: "ai-1".into(),
        status: Some("idle".into()),
        session_status: Some("Connect".into()),
        end_user_id: Some("用户".into()),
        usage_seconds: Some(0.0),
        public_ip: Some("1.2.3.4".into()),
        private_ip: Some("10.0.0.1".into()),
        network_interface_id: Some("eni-1".into()),
        node_id: Some("i-1".into()),
        charge_type: Some("PrePaid".into()),
        created: Some(Timestamp::from_millisecond(1_700_000_000_123).unwrap()),
        modified: Some(at(0)),
    };
    let (summary, _) = fold([full, record("ai-0")]);
    let [first, second] = summary.details.iter().collect::<Vec<_>>()[..] else { panic!() };

    assert_eq!(first.id(), "ai-0");
    assert_eq!((first.status(), first.connected(), first.usage_seconds()), (None, None, None));
    assert_eq!((first.end_user_id(), first.charge_type()), (None, None));
    assert_eq!((first.created(), first.modified()), (None, None));

    assert_eq!(second.id(), "ai-1");
    assert_eq!((second.status(), second.connected()), (Some("IDLE"), Some(true)));
    assert_eq!(second.usage_seconds(), Some(0.0));
    assert_eq!(second.end_user_id(), Some("用户"));
    assert_eq!((second.public_ip(), second.private_ip()), (Some("1.2.3.4"), Some("10.0.0.1")));
    assert_eq!(second.network_interface_id(), Some("eni-1"));
    assert_eq!((second.node_id(), second.charge_type()), (Some("i-1"), Some("PrePaid")));
    assert_eq!(second.created().map(Timestamp::as_millisecond), Some(1_700_000_000_123));
    assert_eq!(second.modified(), Some(at(0)));

    assert!(!format!("{summary:?}{second:?}").contains("用户"), "debug output contains no user names");
}

#[test]
fn a_usage_that_is_not_a_duration_is_ignored() {
    let with = |id, usage_seconds| InstanceRecord { usage_seconds, ..record(id) };
    let (summary, _) = fold([
        with("a", Some(f64::NAN)),
        with("b", Some(-1.0)),
        with("c", Some(f64::INFINITY)),
        with("d", Some(5.0)),
    ]);
    assert_eq!((summary.usage_seconds_sum, summary.usage_seconds_max), (5.0, Some(5.0)));
    let usage: Vec<_> = summary.details.iter().map(|detail| detail.usage_seconds()).collect();
    assert_eq!(usage, [None, None, None, Some(5.0)]);
}

#[test]
fn an_unknown_status_is_counted_once_per_instance_and_exported_in_upper_case() {
    let unknown = |id| InstanceRecord {
        status: Some("hibernating".into()),
        session_status: Some("lost".into()),
        ..record(id)
    };
    let (summary, issues) = fold([unknown("a"), unknown("b"), unknown("a")]);
    assert_eq!(issues.unknown["Status"], 2);
    assert_eq!(issues.unknown["SessionStatus"], 2);
    assert_eq!(summary.statuses.get("HIBERNATING"), 2);
    assert_eq!(summary.session_statuses.get("LOST"), 2);
    assert!(summary.details.iter().all(|detail| detail.status() == Some("HIBERNATING")));
    assert!(summary.details.iter().all(|detail| detail.connected().is_none()));
}

#[test]
fn details_share_the_bound_on_unknown_statuses() {
    let instances: Vec<Generated> = (0..100)
        .rev()
        .map(|number| Generated {
            id: format!("{number:03}"),
            status: Some(format!("odd{number:03}")),
            session_status: None,
            user: None,
            usage: None,
            node: None,
            modified: Some(number),
        })
        .collect();
    let (summary, _) = fold(instances.iter().map(Generated::record));
    assert_eq!(summary.statuses.get("OTHER"), 100 - MAX_UNKNOWN_VALUES as u64);
    assert_eq!(summary.statuses.total(), 100);
    let oldest = summary.oldest_modified.iter().find(|(status, _)| &**status == "OTHER");
    assert_eq!(oldest.map(|(_, at)| *at), Some(at(MAX_UNKNOWN_VALUES as i64)));
    let statuses: Vec<_> = summary.details.iter().filter_map(|detail| detail.status()).collect();
    assert_eq!((statuses[0], statuses[MAX_UNKNOWN_VALUES - 1]), ("ODD000", "ODD015"));
    assert!(statuses[MAX_UNKNOWN_VALUES..].iter().all(|status| *status == "OTHER"));
}

proptest! {
    #[test]
    fn the_sum_over_statuses_is_the_distinct_instances(instances in listing()) {
        let mut fold = InstanceFold::new(ALL);
        for instance in &instances {
            fold.add(&instance.record(), &mut DecodeIssues::default());
        }
        let mut ids: Vec<_> = instances.iter().map(|instance| &instance.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(fold.distinct(), ids.len() as u64);
        let InstanceListing { summary, listed } = fold.finish(0);
        prop_assert_eq!(summary.statuses.total(), ids.len() as u64);
        prop_assert_eq!(listed.entries.len(), ids.len());
        let detailed: Vec<_> = summary.details.iter().map(|detail| detail.id()).collect();
        prop_assert_eq!(detailed, ids);
    }

    #[test]
    fn neither_the_order_of_records_nor_duplicates_change_the_summary(
        (instances, repeated) in listing().prop_flat_map(|instances| {
            let mut repeated = instances.clone();
            repeated.extend_from_slice(&instances[..instances.len() / 2]);
            (Just(instances), Just(repeated).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(
            fold(instances.iter().map(Generated::record)),
            fold(repeated.iter().map(Generated::record))
        );
    }
}

/// A listing in which records with the same id are equal.
fn listing() -> impl Strategy<Value = Vec<Generated>> {
    proptest::collection::vec((0_u32..60, any::<u32>()), 0..80).prop_map(|numbers| {
        numbers
            .into_iter()
            .map(|(id, _)| {
                let mixed = id.wrapping_mul(2_654_435_761) >> 8;
                let statuses = ["idle", "BOUND", "RUNNING", "CLOSED"];
                Generated {
                    id: format!("ai-{id:04}"),
                    status: match mixed % 7 {
                        0 => None,
                        known @ 1..=4 => Some(statuses[known as usize - 1].to_owned()),
                        _ => Some(format!("odd{}", mixed % 40)),
                    },
                    session_status: [None, Some("connect"), Some("DISCONNECT"), Some("odd")]
                        [mixed as usize % 4],
                    user: (mixed % 3 > 0).then(|| format!("user{}", mixed % 10)),
                    usage: (mixed % 5 > 0).then_some(mixed),
                    node: (mixed % 4 > 0).then(|| format!("i-{}", mixed % 6)),
                    modified: (mixed % 6 > 0).then_some(i64::from(mixed)),
                }
            })
            .collect()
    })
}

fn any_instances() -> impl Strategy<Value = Vec<Generated>> {
    let status = "[a-d]{1,2}|idle|BOUND|other|unknown|NONE";
    let instance = (
        "[a-z]{0,2}",
        proptest::option::of(status),
        proptest::option::of(prop_oneof![Just("CONNECT"), Just("DISCONNECT"), Just("ODD")]),
        proptest::option::of("[uv]{0,2}|无影"),
        proptest::option::of(any::<u32>()),
        proptest::option::of("[n]{0,3}"),
        proptest::option::of(0..2_000_000_000_i64),
    );
    let instance = instance.prop_map(|(id, status, session_status, user, usage, node, modified)| Generated {
        id,
        status,
        session_status,
        user,
        usage,
        node,
        modified,
    });
    proptest::collection::vec(instance, 0..60)
}

proptest! {
    #[test]
    fn a_saved_listing_is_unchanged(earlier in any_instances(), later in any_instances()) {
        let list = |instances: &[Generated]| list_with(ALL, instances.iter().map(Generated::record)).0;
        let (earlier, later) = (list(&earlier), list(&later));
        let baseline = InstanceIndex::baseline(earlier.listed, at(1_000));
        let mut counters = GroupCounters::new(at(1_000));
        let index = counters.advance(&baseline, at(1_000), later.listed, at(1_060));
        let observed = index.oldest_since();
        let bytes = rmp_serde::to_vec_named(&(&later.summary, &baseline, &index, &counters)).unwrap();
        let (summary, baseline_read, index_read, counters_read): (
            InstanceSummary,
            InstanceIndex,
            InstanceIndex,
            GroupCounters,
        ) = rmp_serde::from_slice(&bytes).unwrap();
        prop_assert_eq!(summary, later.summary);
        prop_assert_eq!(baseline_read, baseline);
        prop_assert_eq!(index_read.oldest_since(), observed);
        prop_assert_eq!(index_read, index);
        prop_assert_eq!(counters_read, counters);
    }
}
