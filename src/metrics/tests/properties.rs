//! Properties of the output for every fleet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Time, time};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::fixture::*;
use super::parse::{ReadFamily, read};
use crate::fleet::{
    App, Group, GroupCounters, GroupSnapshot, InstanceRecord, NodePool, PersistentRecord, Snapshot, Tag,
    TargetHealth, TimerPeriod, WeeklySchedule,
};
use crate::metrics::catalogue::{self, Family};
use crate::metrics::encode::text;
use crate::metrics::options::{GroupLabel, PseudonymKey, RenderOptions, StateSet, TagSelection, UserLabel};
use crate::metrics::{Exposition, MetricFamily, MetricType, Sample, Value};

/// Few texts, so that some are repeated, with characters that need escapes.
fn odd_text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        Just(""),
        Just("a"),
        Just("b"),
        Just("a-b"),
        Just("a.b"),
        Just("a_b"),
        Just("a_b_2"),
        Just("new\nline"),
        Just("back\\slash\\"),
        Just("\"quoted\""),
        Just("无影"),
    ]
    .prop_map(Box::from)
}

/// Known statuses, many unknown ones, and the values that the exporter itself uses.
fn state() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        4 => Just("PUBLISHED".to_owned()),
        4 => Just("IDLE".to_owned()),
        2 => Just("OTHER".to_owned()),
        2 => Just("UNKNOWN".to_owned()),
        2 => Just("NONE".to_owned()),
        9 => (0..30_u8).prop_map(|number| format!("ODD_{number:02}")),
    ]
    .prop_map(Box::from)
}

fn period() -> impl Strategy<Value = TimerPeriod> {
    let clock = || prop_oneof![Just(time(9, 0, 0, 0)), Just(Time::midnight()), Just(time(23, 59, 0, 0))];
    (clock(), clock(), 0..3_u8).prop_map(|(start, end, amount)| TimerPeriod {
        start,
        end,
        amount: amount.into(),
    })
}

fn pool() -> impl Strategy<Value = NodePool> {
    let strategy = prop_oneof![Just(Box::from("NODE_SCALING_BY_SCHEDULE")), state()];
    let schedule = (vec(1..=7_i8, 0..3), vec(period(), 0..3))
        .prop_map(|(weekdays, periods)| WeeklySchedule { weekdays, periods });
    (odd_text(), option::of(strategy), vec(schedule, 0..3), option::of(0.0..1e6)).prop_map(
        |(id, strategy_type, schedules, nodes)| NodePool {
            id,
            strategy_type,
            schedules,
            nodes,
            ..NodePool::default()
        },
    )
}

/// The fields of an instance or a persistent session: an id, a status and another text field.
#[derive(Debug, Clone)]
struct Listed {
    id: Box<str>,
    state: Option<Box<str>>,
    text: Box<str>,
}

fn listing() -> impl Strategy<Value = Option<Vec<Listed>>> {
    let listed = (odd_text(), option::of(state()), odd_text());
    option::of(vec(listed.prop_map(|(id, state, text)| Listed { id, state, text }), 0..12))
}

fn instance(listed: &Listed) -> InstanceRecord<'_> {
    let text = Some(Cow::from(&*listed.text)).filter(|text| !text.is_empty());
    let state = listed.state.as_deref().map(Cow::from);
    InstanceRecord {
        id: (&*listed.id).into(),
        status: state.clone(),
        session_status: state,
        node_id: text.clone(),
        end_user_id: text,
        modified: Some(now()),
        ..InstanceRecord::default()
    }
}

fn session<'a>(listed: &'a Listed, users: &'a [Cow<'a, str>]) -> PersistentRecord<'a> {
    PersistentRecord {
        id: (&*listed.id).into(),
        name: Some((&*listed.text).into()),
        status: listed.state.as_deref().map(Cow::from),
        instance_status: listed.state.as_deref().map(Cow::from),
        authorized_users: Some(users.to_vec()),
        ..PersistentRecord::default()
    }
}

/// A group without its id.
fn group_snapshot() -> impl Strategy<Value = GroupSnapshot> {
    let tag =
        (odd_text(), odd_text(), any::<bool>()).prop_map(|(key, value, system)| Tag { key, value, system });
    let app = (odd_text(), odd_text()).prop_map(|(id, name)| App { id, name, ..App::default() });
    let group = (
        odd_text(),
        option::of(state()),
        option::of(state()),
        vec(tag, 0..6),
        vec(app, 0..4),
        vec(pool(), 0..4),
    )
        .prop_map(|(name, status, resource_status, tags, apps, node_pools)| Group {
            name,
            status,
            resource_status,
            tags,
            apps,
            node_pools,
            ..group("")
        });
    let transitions = proptest::collection::btree_map((state(), state()), 1..9_u64, 0..6);
    let durations = vec(0.0..9_000_f64, 0..6);
    let parts = (group, listing(), listing(), transitions, durations);
    parts.prop_map(|(group, listing, sessions, transitions, durations)| {
        let users = ["a".into()];
        let instances =
            listing.map(|listing| fetched(instances(&listing.iter().map(instance).collect::<Vec<_>>())));
        let persistent = sessions.map(|sessions| {
            let records: Vec<_> = sessions.iter().map(|listed| session(listed, &users)).collect();
            fetched(persistent(&records))
        });
        let mut counters = GroupCounters::new(now());
        for ((from, to), count) in transitions {
            counters.add_transition(&from, &to, count);
        }
        durations.iter().for_each(|seconds| counters.ready.observe(*seconds));
        GroupSnapshot { instances, persistent, counters, ..listed(group) }
    })
}

pub(super) fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let target = (odd_text(), option::of(any::<bool>())).prop_map(|(name, up)| TargetHealth {
        target: (*name).into(),
        up,
        ..target()
    });
    (vec(group_snapshot(), 0..6), vec(target, 0..4)).prop_map(|(groups, targets)| {
        let with_id = |(number, mut snapshot): (usize, GroupSnapshot)| {
            let mut group = Group::clone(&snapshot.group.data);
            group.id = format!("aig-{number}").into();
            snapshot.group = fetched(group);
            Arc::new(snapshot)
        };
        let groups = groups.into_iter().enumerate().map(with_id).collect();
        Snapshot { at: now(), targets, groups }
    })
}

pub(super) fn any_options() -> impl Strategy<Value = RenderOptions> {
    let label =
        prop_oneof![Just(GroupLabel::Name), odd_text().prop_map(|key| GroupLabel::Tag(key.into_string())),];
    let tags = prop_oneof![
        Just(TagSelection::None),
        Just(TagSelection::All),
        vec(odd_text().prop_map(String::from), 0..4).prop_map(TagSelection::Keys),
    ];
    let users = prop_oneof![
        Just(UserLabel::Off),
        Just(UserLabel::Plain),
        Just(UserLabel::Hash(PseudonymKey::new(b"key")))
    ];
    let state_set = prop_oneof![Just(StateSet::Current), Just(StateSet::Full)];
    let max_series = prop_oneof![Just(u64::MAX), 0..400_u64];
    (vec(label, 0..3), tags, any::<bool>(), users, state_set, max_series).prop_map(
        |(group_labels, tags, system_tags, users, state_set, max_series)| RenderOptions {
            group_labels,
            tags,
            system_tags,
            users,
            state_set,
            max_series,
            ..RenderOptions::default()
        },
    )
}

pub(super) fn rendered() -> impl Strategy<Value = (Arc<Snapshot>, Exposition, Vec<ReadFamily>)> {
    (any_snapshot(), any_options()).prop_map(|(snapshot, options)| {
        let snapshot = Arc::new(snapshot);
        let exposition = Exposition::new(Arc::clone(&snapshot), Arc::new(options));
        let families = read(std::str::from_utf8(&exposition.text()).unwrap());
        (snapshot, exposition, families)
    })
}

fn of_catalogue(read: &ReadFamily) -> &'static Family {
    catalogue::find(&read.name).expect("a family of the catalogue")
}

/// Samples of a family by their labels without `label`: each set of them is one state set.
fn sets<'a>(family: &'a ReadFamily, label: &str) -> Vec<Vec<(&'a str, f64)>> {
    let mut sets: BTreeMap<BTreeMap<&str, &str>, Vec<(&str, f64)>> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels: BTreeMap<&str, &str> =
            sample.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let word = labels.remove(label).expect("the state's label");
        sets.entry(labels).or_default().push((word, sample.value));
    }
    sets.into_values().collect()
}

proptest! {
    #[test]
    fn no_series_comes_twice((_, _, families) in rendered()) {
        for family in families {
            let mut seen = BTreeSet::new();
            for sample in &family.samples {
                prop_assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?} twice");
            }
        }
    }

    #[test]
    fn series_are_counted_as_they_are_served((_, exposition, families) in rendered()) {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for family in &families {
            *counts.entry(of_catalogue(family).collector.as_str()).or_default() += family.samples.len() as u64;
        }
        for (collector, count) in exposition.series() {
            prop_assert_eq!(counts.get(collector).copied().unwrap_or_default(), *count, "{}", collector);
        }
    }

    #[test]
    fn families_come_in_the_order_of_the_catalogue_with_its_labels((_, _, families) in rendered()) {
        let mut catalogue = catalogue::families();
        for read in &families {
            let family = catalogue.find(|family| family.name == read.name);
            prop_assert!(family.is_some(), "{} out of order", read.name);
            let family = family.unwrap();
            prop_assert_eq!(&read.help, family.help);
            prop_assert_eq!(&read.metric_type, family.metric_type.as_str());
            for sample in &read.samples {
                for label in family.all_labels().filter(|label| !["tag_<key>", "user"].contains(label)) {
                    prop_assert!(sample.labels.contains_key(label), "{} of {:?}", label, sample);
                }
                for label in sample.labels.keys() {
                    let added = label.starts_with("tag_") || label == "group_name";
                    let is_bound = label == "le" && family.metric_type == MetricType::Histogram;
                    let is_known = family.all_labels().any(|known| known == label);
                    prop_assert!(added || is_bound || is_known, "{label} of {sample:?}");
                }
            }
        }
    }

    #[test]
    fn exactly_one_state_of_a_set_is_1((_, _, families) in rendered()) {
        for (name, label) in [
            ("appstreaming_group_status", "status"),
            ("appstreaming_group_resource_status", "resource_status"),
            ("appstreaming_node_pool_strategy", "strategy_type"),
            ("appstreaming_instance_status", "status"),
            ("appstreaming_persistent_session_status", "status"),
            ("appstreaming_persistent_session_instance_status", "status"),
        ] {
            for set in families.iter().filter(|family| family.name == name).flat_map(|family| sets(family, label)) {
                let ones = set.iter().filter(|(_, value)| *value == 1.0).count();
                let zeros = set.iter().filter(|(_, value)| *value == 0.0).count();
                prop_assert_eq!((ones, zeros), (1, set.len() - 1), "{:?}", set);
            }
        }
    }

    #[test]
    fn at_most_sixteen_unknown_states_are_shown_by_name((_, _, families) in rendered()) {
        for (names, label) in [
            (&["appstreaming_group_status"][..], "status"),
            (&["appstreaming_group_resource_status"], "resource_status"),
            (&["appstreaming_node_pool_strategy"], "strategy_type"),
            (&["appstreaming_group_instances", "appstreaming_instance_status"], "status"),
            (&["appstreaming_group_persistent_sessions", "appstreaming_persistent_session_status"], "status"),
        ] {
            let read = families.iter().filter(|family| names.contains(&family.name.as_str()));
            let words: BTreeSet<&str> = read
                .flat_map(|family| family.samples.iter().map(|sample| sample.labels[label].as_str()))
                .filter(|word| word.starts_with("ODD_"))
                .collect();
            prop_assert!(words.len() <= 16, "{words:?}");
        }
    }

    #[test]
    fn counts_by_status_add_up_to_the_instances_listed((snapshot, _, families) in rendered()) {
        let listed: u64 = snapshot.groups.iter().filter_map(|group| group.instances.as_ref()).map(|instances| instances.data.statuses.total()).sum();
        let family = families.iter().find(|family| family.name == "appstreaming_group_instances");
        let shown: f64 = family.map_or(0.0, |family| family.samples.iter().map(|sample| sample.value).sum());
        prop_assert_eq!(shown, listed as f64);
    }

    #[test]
    fn any_text_is_read_back_unchanged(
        help in "\\PC*|[a\\\\\n\"]*",
        samples in vec((any::<String>(), "[a\\\\\n\",}={ ]{0,12}", any::<f64>()), 1..6),
    ) {
        let family = MetricFamily {
            name: "a_family".into(),
            help: help.clone().into(),
            metric_type: MetricType::Gauge,
            samples: samples
                .iter()
                .map(|(first, second, value)| Sample {
                    labels: vec![("first".into(), first.clone().into()), ("second".into(), second.clone().into())],
                    value: Value::Number(*value),
                })
                .collect(),
        };
        let read = read(std::str::from_utf8(&text::encode(&[family])).unwrap());
        prop_assert_eq!(&read[0].help, &help);
        for (sample, (first, second, value)) in read[0].samples.iter().zip(&samples) {
            prop_assert_eq!(&sample.labels["first"], first);
            prop_assert_eq!(&sample.labels["second"], second);
            prop_assert!(sample.value == *value || (sample.value.is_nan() && value.is_nan()));
        }
    }
}
