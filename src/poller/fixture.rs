//! A store with every kind of data, for tests of this room and of rooms above it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{date, time};
use jiff::tz::TimeZone;

use super::options::PollOptions;
use super::poll_result::{ListingOutcome, PolledGroup, TargetPoll};
use super::{SnapshotStore, TargetIdentity};
use crate::fleet::{
    App, DecodeIssues, Fetched, FoldOptions, Group, HashKey, InstanceFold, InstanceRecord, NodePool,
    PersistentFold, PersistentRecord, Tag, TimerPeriod, WeeklySchedule,
};

/// The name of the user of every instance in use, which must not be in a state unless it is
/// exported.
pub(crate) const USER: &str = "alice";

/// The time of the last poll of [`polled_store`].
pub(crate) const NOW: i64 = 1_000_120;

/// The time `second`.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A store for these targets, none of which was polled.
pub(crate) fn store(names: &[&str], key: u64) -> SnapshotStore {
    let targets = names.iter().map(|name| TargetIdentity::named(name));
    let options = PollOptions { stale_after: Duration::from_secs(300), ..PollOptions::default() };
    SnapshotStore::new(targets, (&options).into(), TimeZone::UTC, HashKey::new(key))
}

/// A store with one target, `CloudApp`, after three polls, of which the last one was at [`NOW`].
pub(crate) fn polled_store() -> SnapshotStore {
    let store = store(&["CloudApp"], 7);
    let polls = [
        (NOW - 120, [("i1", "STARTING"), ("i2", "IDLE"), ("i3", "ODD")]),
        (NOW - 60, [("i1", "BOUND"), ("i2", "BOUND"), ("i4", "ODD")]),
        (NOW, [("i1", "BOUND"), ("i2", "IDLE"), ("i4", "EVEN")]),
    ];
    for (second, instances) in polls {
        store.poll_started("a", "CloudApp", at(second - 1));
        store.apply("a", "CloudApp", Some(poll(second, &instances)), at(second));
    }
    store
}

/// A poll that lists two groups, one of them with these instances.
pub(crate) fn poll(second: i64, instances: &[(&str, &str)]) -> TargetPoll {
    let options = FoldOptions { nodes: true, detail: true, hash_key: HashKey::new(7) };
    let mut fold = InstanceFold::new(options);
    for (id, status) in instances {
        let user = (*status == "BOUND").then(|| USER.into());
        let record = InstanceRecord {
            id: (*id).into(),
            status: Some((*status).into()),
            session_status: user.is_some().then(|| "CONNECT".into()),
            end_user_id: user,
            usage_seconds: Some(100.0),
            node_id: Some("n-无影".into()),
            charge_type: Some("PrePaid".into()),
            created: Some(at(second - 500)),
            modified: Some(at(second - 50)),
            ..InstanceRecord::default()
        };
        fold.add(&record, &mut DecodeIssues::default());
    }
    let listed = fold.finish(instances.len() as u64);
    let mut sessions = PersistentFold::new(options);
    let record =
        PersistentRecord { id: "p1".into(), status: Some("RUNNING".into()), ..PersistentRecord::default() };
    sessions.add(&record, &mut DecodeIssues::default());
    let at = at(second);
    let first = PolledGroup {
        group: Fetched { data: Arc::new(group("g1")), at },
        instances: ListingOutcome::Listed { data: listed, at, consistent: true },
        persistent: ListingOutcome::Listed { data: sessions.finish(1), at, consistent: true },
    };
    let second = PolledGroup {
        group: Fetched { data: Arc::new(Group { id: "g2".into(), ..Group::default() }), at },
        instances: ListingOutcome::Failed,
        persistent: ListingOutcome::Absent { at },
    };
    TargetPoll { groups: Some(vec![first, second]), ..TargetPoll::default() }
}

fn group(id: &str) -> Group {
    let period = TimerPeriod { start: time(9, 0, 0, 0), end: time(18, 0, 0, 0), amount: 2.0 };
    let pool = NodePool {
        id: "np-1".into(),
        strategy_type: Some("NODE_SCALING_BY_SCHEDULE".into()),
        strategy_enable_date: Some(date(2026, 1, 1)),
        schedules: vec![WeeklySchedule { weekdays: vec![1, 2], periods: vec![period] }],
        ..NodePool::default()
    };
    Group {
        id: id.into(),
        name: "design".into(),
        session_timeout_seconds: Some(f64::INFINITY),
        created: Some(at(1)),
        apps: vec![App { id: "app".into(), ..App::default() }],
        tags: vec![Tag { key: "team".into(), value: "cad".into(), system: false }],
        node_pools: vec![pool],
        ..Group::default()
    }
}
