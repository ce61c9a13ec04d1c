use proptest::prelude::*;

use super::*;
use crate::fleet::words::MAX_UNHEARD_OF;

const EVERYTHING: FoldOptions = FoldOptions { nodes: true, detail: true };

/// An instance that owns its texts.
#[derive(Debug, Clone)]
struct Instance {
    id: String,
    status: Option<String>,
    session_status: Option<&'static str>,
    user: Option<String>,
    usage: Option<u32>,
    node: Option<String>,
    modified: Option<i64>,
}

impl Instance {
    fn record(&self) -> InstanceRecord<'_> {
        InstanceRecord {
            id: &self.id,
            status: self.status.as_deref(),
            session_status: self.session_status,
            end_user_id: self.user.as_deref(),
            usage_seconds: self.usage.map(f64::from),
            node_id: self.node.as_deref(),
            charge_type: self.node.as_ref().map(|_| "PrePaid"),
            modified: self.modified.map(|second| Timestamp::from_second(second).unwrap()),
            ..InstanceRecord::default()
        }
    }
}

fn fold_with<'a>(
    options: FoldOptions,
    records: impl IntoIterator<Item = InstanceRecord<'a>>,
) -> (InstanceSummary, Findings) {
    let mut fold = InstanceFold::new(options);
    let mut findings = Findings::default();
    for record in records {
        fold.add(&record, &mut findings);
    }
    (fold.finish(7), findings)
}

fn fold<'a>(records: impl IntoIterator<Item = InstanceRecord<'a>>) -> (InstanceSummary, Findings) {
    fold_with(EVERYTHING, records)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn an_empty_listing_is_all_zeros_and_no_maximum() {
    let (summary, findings) = fold([]);
    assert_eq!(summary.statuses.iter().count(), 9);
    assert_eq!(summary.statuses.total(), 0);
    assert_eq!((summary.usage_seconds_sum, summary.usage_seconds_max), (0.0, None));
    assert_eq!(summary.reported, 7);
    assert!(summary.details.is_empty() && summary.nodes.is_empty() && summary.trace.is_empty());
    assert_eq!(findings, Findings::default());
}

#[test]
fn a_listing_is_folded_into_counts_sums_and_extremes() {
    let base = InstanceRecord::default();
    let (summary, findings) = fold([
        InstanceRecord {
            id: "a",
            status: Some("BOUND"),
            session_status: Some("connect"),
            end_user_id: Some("u"),
            usage_seconds: Some(60.0),
            node_id: Some("i-2"),
            charge_type: Some("PostPaid"),
            modified: Some(at(20)),
            ..base
        },
        InstanceRecord {
            id: "b",
            status: Some("bound"),
            session_status: Some("disconnect"),
            end_user_id: Some("u"),
            usage_seconds: Some(30.5),
            node_id: Some("i-2"),
            modified: Some(at(10)),
            ..base
        },
        InstanceRecord {
            id: "c",
            status: Some("idle"),
            node_id: Some("i-1"),
            end_user_id: Some("v"),
            ..base
        },
        InstanceRecord { id: "d", modified: Some(at(5)), ..base },
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
            NodeCount { node_id: "i-2".into(), charge_type: "PostPaid".into(), instances: 2 },
        ]
    );
    assert_eq!(summary.trace.len(), 4);
    assert_eq!(findings, Findings::default());
}

#[test]
fn nodes_and_details_are_kept_only_when_asked_for() {
    let record = InstanceRecord { id: "a", node_id: Some("i-1"), ..InstanceRecord::default() };
    let (summary, _) = fold_with(FoldOptions::default(), [record]);
    assert!(summary.nodes.is_empty() && summary.details.is_empty());
}

#[test]
fn every_field_of_a_detail_comes_back() {
    let full = InstanceRecord {
        id: "ai-1",
        status: Some("idle"),
        session_status: Some("Connect"),
        end_user_id: Some("用户"),
        usage_seconds: Some(0.0),
        public_ip: Some("1.2.3.4"),
        private_ip: Some("10.0.0.1"),
        network_interface_id: Some("eni-1"),
        node_id: Some("i-1"),
        charge_type: Some("PrePaid"),
        created: Some(Timestamp::from_millisecond(1_700_000_000_123).unwrap()),
        modified: Some(at(0)),
    };
    let bare = InstanceRecord { id: "ai-0", ..InstanceRecord::default() };
    let (summary, _) = fold([full, bare]);
    let [first, second] = summary.details.iter().collect::<Vec<_>>()[..] else { panic!() };

    assert_eq!(first.id(), "ai-0");
    assert_eq!((first.status(), first.connected(), first.usage_seconds()), (None, None, None));
    assert_eq!((first.end_user_id(), first.charge_type()), (None, None));
    assert_eq!((first.created(), first.modified()), (None, None));

    assert_eq!(second.id(), full.id);
    assert_eq!((second.status(), second.connected()), (Some("IDLE"), Some(true)));
    assert_eq!(second.usage_seconds(), full.usage_seconds);
    assert_eq!(second.end_user_id(), full.end_user_id);
    assert_eq!((second.public_ip(), second.private_ip()), (full.public_ip, full.private_ip));
    assert_eq!(second.network_interface_id(), full.network_interface_id);
    assert_eq!((second.node_id(), second.charge_type()), (full.node_id, full.charge_type));
    assert_eq!((second.created(), second.modified()), (full.created, full.modified));

    assert!(!format!("{summary:?}{second:?}").contains("用户"), "user names stay out of debug output");
}

#[test]
fn what_is_no_duration_never_gets_in_a_sum() {
    let with = |id, usage_seconds| InstanceRecord { id, usage_seconds, ..InstanceRecord::default() };
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
fn unheard_of_words_are_noted_once_per_instance_and_shown_upper_cased() {
    let odd = |id| InstanceRecord {
        id,
        status: Some("hibernating"),
        session_status: Some("lost"),
        ..InstanceRecord::default()
    };
    let (summary, findings) = fold([odd("a"), odd("b"), odd("a")]);
    assert_eq!(findings.unknown["Status"], 2);
    assert_eq!(findings.unknown["SessionStatus"], 2);
    assert_eq!(summary.statuses.get("HIBERNATING"), 2);
    assert_eq!(summary.session_statuses.get("LOST"), 2);
    assert!(summary.details.iter().all(|detail| detail.status() == Some("HIBERNATING")));
    assert!(summary.details.iter().all(|detail| detail.connected().is_none()));
}

#[test]
fn a_flood_of_unheard_of_statuses_falls_together_in_details_too() {
    let instances: Vec<Instance> = (0..100)
        .rev()
        .map(|number| Instance {
            id: format!("{number:03}"),
            status: Some(format!("odd{number:03}")),
            session_status: None,
            user: None,
            usage: None,
            node: None,
            modified: Some(number),
        })
        .collect();
    let (summary, _) = fold(instances.iter().map(Instance::record));
    assert_eq!(summary.statuses.get("OTHER"), 100 - MAX_UNHEARD_OF as u64);
    assert_eq!(summary.statuses.total(), 100);
    let oldest = summary.oldest_modified.iter().find(|(word, _)| &**word == "OTHER");
    assert_eq!(oldest.map(|(_, at)| *at), Some(at(MAX_UNHEARD_OF as i64)));
    let statuses: Vec<_> = summary.details.iter().filter_map(|detail| detail.status()).collect();
    assert_eq!((statuses[0], statuses[MAX_UNHEARD_OF - 1]), ("ODD000", "ODD015"));
    assert!(statuses[MAX_UNHEARD_OF..].iter().all(|status| *status == "OTHER"));
}

proptest! {
    #[test]
    fn the_sum_over_statuses_is_the_distinct_instances(instances in listing()) {
        let mut fold = InstanceFold::new(EVERYTHING);
        for instance in &instances {
            fold.add(&instance.record(), &mut Findings::default());
        }
        let mut ids: Vec<_> = instances.iter().map(|instance| &instance.id).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(fold.distinct(), ids.len() as u64);
        let summary = fold.finish(0);
        prop_assert_eq!(summary.statuses.total(), ids.len() as u64);
        prop_assert_eq!(summary.trace.len(), ids.len());
        let detailed: Vec<_> = summary.details.iter().map(|detail| detail.id()).collect();
        prop_assert_eq!(detailed, ids);
    }

    #[test]
    fn pages_in_any_order_with_any_duplicates_make_the_same_fold(
        (instances, repeated) in listing().prop_flat_map(|instances| {
            let mut repeated = instances.clone();
            repeated.extend_from_slice(&instances[..instances.len() / 2]);
            (Just(instances), Just(repeated).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(
            fold(instances.iter().map(Instance::record)),
            fold(repeated.iter().map(Instance::record))
        );
    }
}

/// A listing in which the same id always comes with the same record.
fn listing() -> impl Strategy<Value = Vec<Instance>> {
    proptest::collection::vec((0_u32..60, any::<u32>()), 0..80).prop_map(|numbers| {
        numbers
            .into_iter()
            .map(|(id, _)| {
                let mixed = id.wrapping_mul(2_654_435_761) >> 8;
                let statuses = ["idle", "BOUND", "RUNNING", "CLOSED"];
                Instance {
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
