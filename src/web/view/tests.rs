use std::sync::Arc;

use super::*;
use crate::fleet::{
    DecodeIssues, Fetched, FoldOptions, Group, GroupCounters, GroupSnapshot, InstanceFold, InstanceRecord,
    Observations,
};
use crate::telemetry::status::{AccountStatus, ReplicaMode, ReplicaRole, ReplicaStatus};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A group sold by session, with an instance for each status.
fn group(account: &str, id: &str, status: &str, instances: &[&str]) -> Arc<GroupSnapshot> {
    let data = Group {
        id: id.into(),
        name: format!("{} {id}", if id == "a" { "Label room" } else { "Room" }).into(),
        region_id: "cn-hangzhou".into(),
        status: Some(status.into()),
        charge_resource_mode: "AppInstance".into(),
        scaling_usage_threshold: Some(0.5),
        ..Group::default()
    };
    let mut fold = InstanceFold::new(FoldOptions::default());
    for (number, status) in instances.iter().enumerate() {
        let record = InstanceRecord {
            id: number.to_string().into(),
            status: Some((*status).into()),
            ..InstanceRecord::default()
        };
        fold.add(&record, &mut DecodeIssues::default());
    }
    let at = now();
    Arc::new(GroupSnapshot {
        account: account.into(),
        target: "CloudApp".into(),
        group: Fetched { data: Arc::new(data), at },
        instances: Some(Fetched { data: Arc::new(fold.finish(0).summary), at }),
        persistent: None,
        counters: GroupCounters::default(),
        observed: Observations::default(),
    })
}

fn snapshot() -> Snapshot {
    let target = |account: &str, up| TargetHealth {
        account: account.into(),
        target: "CloudApp".into(),
        up: Some(up),
        last_success: Some(now()),
    };
    let groups = vec![
        group("north", "a", "PUBLISHED", &["BOUND", "IDLE", "IDLE", "IDLE", "IDLE", "IDLE"]),
        group("north", "b", "FAILED", &[]),
        group("south", "c", "PUBLISHED", &["BOUND", "BOUND"]),
        group("south", "d", "DEPLOYING", &["INIT"]),
    ];
    Snapshot { at: now(), targets: vec![target("north", true), target("south", false)], groups }
}

fn setup() -> Setup {
    Setup {
        interval: SignedDuration::from_secs(60),
        persistent_interval: None,
        requests_per_second: 20.0,
        lists_instances: true,
        shard_index: 1,
        shards: 3,
        time_zone: TimeZone::UTC,
    }
}

fn status() -> Status {
    let account = |account: &str, rate| AccountStatus {
        account: account.into(),
        credentials: Some("environment"),
        rate: Some(rate),
        ..AccountStatus::default()
    };
    let failure = PollFailure {
        account: "south".into(),
        target: "CloudApp".into(),
        operation: "ListAppInstances",
        code: "Forbidden.RAM".into(),
        message: "no".into(),
        request_id: Some("R-1".into()),
        advice: Some("allow it".into()),
        count: 2,
    };
    Status {
        setup: setup(),
        accounts: vec![account("north", 20.0), account("south", 2.5)],
        failures: vec![failure],
        ..Status::default()
    }
}

fn shown<T>(query: &str, look: impl FnOnce(&FleetView<'_>) -> T) -> T {
    let (snapshot, status) = (snapshot(), status());
    let context = ViewContext { snapshot: Some(&snapshot), status: &status, waiting_for: &[], now: now() };
    look(&context.fleet(&FleetQuery::parse(query)))
}

fn ids(query: &str) -> String {
    shown(query, |fleet| fleet.groups.iter().map(|group| group.group_id).collect::<Vec<_>>().join(" "))
}

#[test]
fn groups_with_the_most_urgent_problems_come_first() {
    assert_eq!(ids(""), "b c d a");
    assert_eq!(ids("sort=-problems"), "d c b a", "groups without problems stay last");
}

#[test]
fn the_query_string_filters_and_sorts() {
    for (query, expected) in [
        ("q=bel+ROOM", "a"),
        ("q=south%20%50ublished", "c"),
        ("q=south+deploy", "d"),
        ("q=hangzhou&sort=name", "a b c d"),
        ("q=nothing", ""),
        ("account=north&sort=name", "a b"),
        ("status=PUBLISHED&sort=-name", "c a"),
        ("show=problems", "b c d"),
        ("show=at_capacity", "c"),
        ("show=nearly_full", ""),
        ("sort=-usage", "c a b d"),
        ("sort=usage", "a c b d"),
        ("sort=idle", "b c d a"),
        ("sort=status&account=&q=", "d b a c"),
        ("sort=nonsense&show=nonsense&other=1", "b c d a"),
    ] {
        assert_eq!(ids(query), expected, "{query}");
    }
}

#[test]
fn a_query_is_written_as_it_was_read() {
    for address in [
        "",
        "q=a+%26b&account=n&status=S&show=schedule_not_met&sort=-usage",
        "show=problems",
        "sort=-problems",
    ] {
        assert_eq!(FleetQuery::parse(address).to_string(), address);
    }
    let query = FleetQuery::parse("q=x");
    assert_eq!(query.sorted_by(SortColumn::Usage).to_string(), "q=x&sort=-usage", "largest first");
    assert_eq!(query.sorted_by(SortColumn::Usage).sorted_by(SortColumn::Usage).to_string(), "q=x&sort=usage");
    assert_eq!(query.sorted_by(SortColumn::Name).to_string(), "q=x&sort=name");
}

#[test]
fn totals_include_groups_that_the_filter_hides() {
    shown("q=nothing", |fleet| {
        let totals = &fleet.totals;
        assert_eq!((totals.groups, totals.critical, totals.targets, totals.targets_down), (4, 2, 2, 1));
        assert_eq!((totals.capacity, totals.in_use, totals.idle), (8.0, 3.0, 5));
        assert_eq!(fleet.statuses, ["DEPLOYING", "FAILED", "PUBLISHED"]);
    });
}

#[test]
fn problems_of_targets_accounts_and_groups_are_listed_together() {
    let kinds = |fleet: &FleetView<'_>| {
        let kinds = fleet.problems.iter().map(|finding| finding.problem.kind.as_str());
        kinds.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        shown("", kinds),
        "permission_denied group_publishing_failed at_capacity api_throttled group_not_published"
    );
    shown("", |fleet| {
        assert_eq!(fleet.targets[0].account, "south", "targets that are down come first");
        let detail = &fleet.targets[0].problems[0].detail;
        assert_eq!(detail, "ListAppInstances: Forbidden.RAM, 2 times; last success < 1 min ago");
        assert_eq!(fleet.targets[0].failures[0].advice, Some("allow it"));
        assert_eq!(fleet.accounts[1].pace.rate, Some(2.5));
    });
}

#[test]
fn before_the_first_poll_there_is_an_empty_fleet() {
    let status = Status { setup: setup(), ..Status::default() };
    let waiting = ["waiting for it".to_owned()];
    let context = ViewContext { snapshot: None, status: &status, waiting_for: &waiting, now: now() };
    let fleet = context.fleet(&FleetQuery::default());
    assert_eq!((fleet.at, fleet.groups.len(), fleet.problems.len()), (None, 0, 0));
}

#[test]
fn the_json_shows_which_replica_and_shard_this_is() {
    let exporter = shown("", |fleet| serde_json::to_value(&fleet.exporter).unwrap());
    assert_eq!(
        (&exporter["replica"]["role"], &exporter["replica"]["mode"]),
        (&"single".into(), &"off".into())
    );
    assert_eq!(exporter["shard"], serde_json::json!({"index": 1, "total": 3}));

    let status = Status { replica: standby(), ..status() };
    let exporter = serde_json::to_value(context_of(&status).exporter()).unwrap();
    let expected = serde_json::json!({
        "role": "standby", "mode": "pair", "of": "http://10.0.0.7:9950", "state_at": now(),
        "fetch_failure": "connection refused",
    });
    assert_eq!(exporter["replica"], expected);
}

#[test]
fn a_standby_has_no_problem_of_requests_that_it_does_not_send() {
    let problems = |status: &Status| {
        let fleet = context_of(status).fleet(&FleetQuery::default());
        fleet.accounts.iter().map(|account| account.problems.len()).sum::<usize>()
    };
    assert_eq!(problems(&status()), 1, "the rate of one account is low");
    assert_eq!(problems(&Status { replica: standby(), ..status() }), 0);
}

fn standby() -> ReplicaStatus {
    ReplicaStatus {
        mode: ReplicaMode::Pair,
        role: ReplicaRole::Standby,
        of: Some("http://10.0.0.7:9950".to_owned()),
        state_at: Some(now()),
        fetch_failure: Some("connection refused".to_owned()),
    }
}

fn context_of(status: &Status) -> ViewContext<'_> {
    ViewContext { snapshot: None, status, waiting_for: &[], now: now() }
}
