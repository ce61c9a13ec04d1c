use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::ProblemKind::*;
use super::lifecycle::{EXPIRY_CRITICAL, EXPIRY_WARNING};
use super::*;
use crate::fleet::{
    DecodeIssues, DueScaleOut, Fetched, FoldOptions, Group, GroupCounters, InstanceFold, InstanceRecord,
    InstanceSummary, NodePool, Observations, PersistentFold, PersistentInterval, TargetHealth, TimerPeriod,
    WeeklySchedule,
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn context() -> EvaluationContext<'static> {
    static UTC: TimeZone = TimeZone::UTC;
    let persistent = PersistentInterval { poll: MINUTE, configured: None };
    EvaluationContext { now: now(), time_zone: &UTC, interval: MINUTE, persistent, lists_instances: true }
}

/// A group with one pool of 5 nodes for 2 sessions each, and with instances in these statuses.
fn group(statuses: &[(&str, usize)]) -> GroupSnapshot {
    let pool = NodePool {
        strategy_type: Some("NODE_SCALING_BY_USAGE".into()),
        node_capacity: Some(2.0),
        nodes: Some(5.0),
        scaling_nodes: Some(0.0),
        max_scaling_amount: Some(3.0),
        scaling_usage_threshold: Some(0.8),
        ..NodePool::default()
    };
    let group = Group {
        id: "aig-1".into(),
        status: Some("PUBLISHED".into()),
        resource_status: Some("AVAILABLE".into()),
        charge_resource_mode: "Node".into(),
        node_pools: vec![pool],
        ..Group::default()
    };
    let mut fold = InstanceFold::new(FoldOptions::default());
    for (status, count) in statuses {
        for number in 0..*count {
            let record = InstanceRecord {
                id: format!("{status}-{number}").into(),
                status: Some((*status).into()),
                modified: Some(now() - SignedDuration::from_mins(20) + MINUTE * number as i32),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
    }
    GroupSnapshot {
        account: "a".into(),
        target: "t".into(),
        group: Fetched { data: Arc::new(group), at: now() },
        instances: Some(Fetched { data: Arc::new(fold.finish(0).summary), at: now() }),
        persistent: None,
        counters: GroupCounters::default(),
        observed: Observations::default(),
    }
}

fn with(statuses: &[(&str, usize)], change: impl FnOnce(&mut Group)) -> GroupSnapshot {
    let mut changed = group(statuses);
    change(Arc::make_mut(&mut changed.group.data));
    changed
}

fn kinds(group: &GroupSnapshot) -> Vec<ProblemKind> {
    check_group(group, &context()).iter().map(|problem| problem.kind).collect()
}

fn detail(group: &GroupSnapshot) -> String {
    check_group(group, &context())[0].detail.clone()
}

fn with_status(status: &str) -> GroupSnapshot {
    with(&[], |group| group.status = Some(status.into()))
}

#[test]
fn a_group_with_free_capacity_has_no_problem() {
    assert_eq!(kinds(&group(&[("BOUND", 4), ("IDLE", 6)])), []);
    assert_eq!(kinds(&group(&[("IDLE", 10)])), []);
    assert_eq!(kinds(&group(&[])), [], "no session is in use");
}

#[test]
fn every_status_but_published_is_a_problem() {
    for (status, kind) in [
        ("FAILED", GroupPublishingFailed),
        ("MAINTAIN_FAILED", GroupUpdateFailed),
        ("EXPIRED", GroupExpired),
        ("EXPIRED_RECYCLING", GroupExpired),
        ("CEASED", GroupOverdue),
        ("DEPLOYING", GroupNotPublished),
        ("NEW_STATUS", GroupNotPublished),
    ] {
        assert_eq!(kinds(&with_status(status)), [kind], "{status}");
        assert!(detail(&with_status(status)).contains(status));
        assert_eq!(is_in_service(&with_status(status)), status == "MAINTAIN_FAILED", "{status}");
    }
    let gone = with(&[], |group| group.resource_status = Some("RELEASED".into()));
    assert_eq!(kinds(&gone), [GroupResourcesUnavailable]);
    assert!(!is_in_service(&gone));
}

#[test]
fn a_subscription_warns_a_week_ahead_and_past_its_end_is_another_problem() {
    let ends_in = |left: SignedDuration| with(&[], |group| group.expires = Some(now() + left));
    let second = SignedDuration::from_secs(1);
    assert_eq!(kinds(&ends_in(EXPIRY_WARNING)), []);
    assert_eq!(kinds(&ends_in(EXPIRY_WARNING - second)), [GroupExpiresIn7Days]);
    assert_eq!(kinds(&ends_in(EXPIRY_CRITICAL)), [GroupExpiresIn7Days]);
    assert_eq!(kinds(&ends_in(EXPIRY_CRITICAL - second)), [GroupExpiresIn1Day]);
    assert_eq!(kinds(&ends_in(SignedDuration::ZERO)), [GroupPastExpiry]);
    assert_eq!(detail(&ends_in(EXPIRY_WARNING - second)), "the subscription ends in 6 days");
    assert_eq!(detail(&ends_in(-MINUTE * 31)), "the subscription ended 31 min ago");

    let without_date = with(&[], |group| group.resource_status = Some("EXPIRED_IN_7_DAYS".into()));
    assert_eq!(kinds(&without_date), [GroupExpiresIn7Days]);
    let ended = with(&[], |group| {
        group.status = Some("EXPIRED".into());
        group.expires = Some(now() - MINUTE);
    });
    assert_eq!(kinds(&ended), [GroupExpired], "reported once");
}

#[test]
fn an_update_and_open_access_are_for_information() {
    let group = with(&[], |group| {
        group.ota = Some(crate::fleet::Ota { new_version: "2.0".into(), ..Default::default() });
        group.skip_user_auth_check = Some(true);
    });
    assert_eq!(kinds(&group), [GroupUpdateWaiting, OpenToEverybody]);
    assert!(check_group(&group, &context()).iter().all(|problem| problem.severity == Severity::Info));
}

/// A change to the group's only pool.
fn pool(statuses: &[(&str, usize)], change: impl FnOnce(&mut NodePool)) -> GroupSnapshot {
    with(statuses, |group| change(&mut group.node_pools[0]))
}

fn fixed(pool: &mut NodePool) {
    pool.strategy_type = Some("NODE_FIXED".into());
}

#[test]
fn a_full_group_is_critical_whether_it_can_grow_or_not() {
    let full = [("BOUND", 8), ("RUNNING", 2)];
    assert_eq!(kinds(&group(&full)), [NoIdleSession]);
    assert_eq!(kinds(&pool(&full, fixed)), [AtCapacity]);
    let at_limit = pool(&full, |pool| pool.max_scaling_amount = Some(0.0));
    assert_eq!(kinds(&at_limit), [AtCapacity]);
}

#[test]
fn no_idle_instance_raises_nothing_while_there_is_headroom() {
    let quiet = group(&[("BOUND", 4)]);
    assert_eq!(kinds(&quiet), [], "the cloud makes an instance when a user comes");
}

#[test]
fn the_last_sessions_outside_of_a_schedule_raise_nothing() {
    let lingering = pool(&[("BOUND", 2)], |pool| {
        pool.strategy_type = Some("NODE_SCALING_BY_SCHEDULE".into());
        pool.nodes = Some(0.0);
        pool.scaling_nodes = Some(1.0);
    });
    assert_eq!(kinds(&lingering), []);
}

#[test]
fn a_group_is_nearly_full_only_where_no_scale_out_is_certain() {
    let nearly = [("BOUND", 39), ("IDLE", 1)];
    let sized = |change: fn(&mut NodePool)| {
        pool(&nearly, |pool| {
            pool.nodes = Some(20.0);
            change(pool);
        })
    };
    assert_eq!(kinds(&sized(fixed)), [NearlyFull]);
    assert_eq!(kinds(&sized(|pool| pool.max_scaling_amount = Some(0.0))), [NearlyFull]);
    assert_eq!(detail(&sized(fixed)), "39 of 40 sessions in use");
    assert_eq!(kinds(&sized(|_| {})), [NearlyFull, ScalingLimitNear], "no session is connected");
    assert_eq!(kinds(&pool(&[("BOUND", 9), ("IDLE", 1)], fixed)), [], "90 % is not above 90 %");
}

#[test]
fn a_scaling_limit_is_near_when_the_sessions_come_close_to_exhausting_it() {
    let daily_peak = |bound| {
        pool(&[("BOUND", bound), ("IDLE", 1)], |pool| {
            (pool.nodes, pool.scaling_nodes, pool.max_scaling_amount) = (Some(0.0), Some(4.0), Some(5.0));
        })
    };
    // 5 nodes for 2 sessions each, at 80 %: 8 sessions exhaust the limit.
    assert_eq!(kinds(&daily_peak(6)), [], "4 of 5 nodes are a daily peak");
    assert_eq!(kinds(&daily_peak(8)), [NearlyFull, ScalingLimitNear]);
}

#[test]
fn a_scale_out_that_stays_due_does_not_follow() {
    let mut due = group(&[("BOUND", 9), ("IDLE", 1)]);
    due.instances = Some(Fetched { data: Arc::new(connected_sessions(9)), at: now() });
    let since = |ago: SignedDuration| {
        let instances = &due.instances.as_ref().unwrap().data;
        DueScaleOut::next(None, &due.group.data, instances, now() - ago)
    };
    let observed = |ago| Observations { scale_out_due: since(ago), ..Observations::default() };
    let at = |ago| GroupSnapshot { observed: observed(ago), instances: None, ..due.clone() };
    assert!(since(MINUTE).is_some());
    assert!(!kinds(&at(MINUTE * 14)).contains(&ScaleOutNotFollowing));
    assert!(kinds(&at(MINUTE * 15)).contains(&ScaleOutNotFollowing));
}

/// Instances with connected sessions, and nothing else.
fn connected_sessions(count: usize) -> InstanceSummary {
    sessions(count, 0)
}

fn sessions(connected: usize, disconnected: usize) -> InstanceSummary {
    let mut fold = InstanceFold::new(FoldOptions::default());
    for number in 0..connected + disconnected {
        let session = if number < connected { "CONNECT" } else { "DISCONNECT" };
        let record = InstanceRecord {
            id: number.to_string().into(),
            status: Some("BOUND".into()),
            session_status: Some(session.into()),
            ..InstanceRecord::default()
        };
        fold.add(&record, &mut DecodeIssues::default());
    }
    fold.finish(0).summary
}

#[test]
fn instances_are_stuck_since_the_exporter_saw_them_enter_the_status() {
    for (status, kind, limit) in [
        ("INIT", InstanceStuckStarting, 15),
        ("STARTING", InstanceStuckStarting, 15),
        ("CLOSING", InstanceStuckClosing, 15),
        ("UNAVAILABLE", InstanceUnavailable, 30),
    ] {
        let since = |minutes: i32, seconds| {
            let mut group = group(&[(status, 2), ("IDLE", 1)]);
            let at = now() - MINUTE * minutes - SignedDuration::from_secs(seconds);
            group.observed.oldest_since = vec![(status.into(), at)];
            group
        };
        assert_eq!(kinds(&since(limit, 0)), [], "{status}");
        assert_eq!(kinds(&since(limit, 1)), [kind], "{status}");
        assert_eq!(detail(&since(limit, 1)), format!("2 {status}, the oldest for {limit} min"));
    }
}

#[test]
fn disconnected_sessions_are_a_problem_when_they_are_many_or_last_too_long() {
    let with_sessions = |connected, disconnected| {
        let mut group = group(&[]);
        group.instances = Some(Fetched { data: Arc::new(sessions(connected, disconnected)), at: now() });
        group
    };
    assert_eq!(kinds(&with_sessions(3, 5)), [SessionsDisconnected]);
    assert_eq!(kinds(&with_sessions(5, 4)), []);
    assert_eq!(kinds(&with_sessions(0, 4)), [], "too few");

    let since = |minutes: i32, timeout| {
        let mut group = with_sessions(4, 1);
        Arc::make_mut(&mut group.group.data).session_timeout_seconds = timeout;
        group.observed.disconnected_oldest = Some(now() - MINUTE * minutes);
        group
    };
    assert_eq!(kinds(&since(25, Some(900.0))), []);
    assert_eq!(kinds(&since(26, Some(900.0))), [DisconnectedTooLong]);
    assert_eq!(kinds(&since(9_999, Some(f64::INFINITY))), [], "kept for ever");
    assert_eq!(kinds(&since(9_999, None)), []);
}

#[test]
fn a_pool_below_its_schedule_is_a_problem_by_both_readings_of_the_schedule() {
    let every_day = |amount| TimerPeriod { start: time(0, 0, 0, 0), end: time(0, 0, 0, 0), amount };
    let scheduled = |amount| {
        pool(&[("IDLE", 1)], |pool| {
            pool.strategy_type = Some("NODE_SCALING_BY_SCHEDULE".into());
            pool.schedules =
                vec![WeeklySchedule { weekdays: (1..=7).collect(), periods: vec![every_day(amount)] }];
            pool.scaling_nodes = Some(2.0);
        })
    };
    assert_eq!(kinds(&scheduled(7.0)), [], "5 + 2 nodes");
    assert_eq!(kinds(&scheduled(8.0)), [ScheduleNotMet]);
}

#[test]
fn data_is_stale_after_three_missed_polls_or_when_there_is_none() {
    let mut old = group(&[("IDLE", 1)]);
    old.group.at = now() - MINUTE * 3;
    assert_eq!(kinds(&old), []);
    old.group.at = now() - MINUTE * 3 - SignedDuration::from_secs(1);
    assert_eq!(kinds(&old), [GroupDataStale]);
    let short = EvaluationContext { interval: SignedDuration::from_secs(2), ..context() };
    old.group.at = now() - MIN_STALE_AGE;
    assert_eq!(check_group(&old, &short), [], "the minimum age applies");
    old.group.at = now();
    old.instances = None;
    assert_eq!(kinds(&old), [GroupDataStale]);
    let off = EvaluationContext { lists_instances: false, ..context() };
    assert_eq!(check_group(&old, &off), [], "instances are not listed");
}

#[test]
fn persistent_sessions_are_stale_after_three_missed_listings_of_their_own() {
    let mut idle = group(&[("IDLE", 1)]);
    let empty = PersistentFold::new(FoldOptions::default()).finish(0);
    idle.persistent = Some(Fetched { data: Arc::new(empty), at: now() - MINUTE * 30 });
    assert_eq!(kinds(&idle), []);
    idle.persistent.as_mut().unwrap().at = now() - MINUTE * 31;
    assert_eq!(kinds(&idle), [GroupDataStale]);
    assert_eq!(detail(&idle), "the data of its persistent sessions is 31 min old");
}

#[test]
fn a_cause_hides_what_it_causes_and_the_most_urgent_problem_comes_first() {
    let mut broken = with(&[("BOUND", 9), ("IDLE", 1), ("CLOSING", 1)], |group| {
        group.expires = Some(now() + SignedDuration::from_hours(48));
        group.status = Some("FAILED".into());
    });
    broken.observed.oldest_since = vec![("CLOSING".into(), now() - MINUTE * 60)];
    assert_eq!(kinds(&broken), [GroupPublishingFailed, GroupExpiresIn7Days]);
}

#[test]
fn a_failed_target_has_the_reason_and_the_last_success() {
    let last_success = Some(now() - MINUTE * 4);
    let target = |up| TargetHealth { account: "a".into(), target: "CloudApp".into(), up, last_success };
    let check = |up, code: &str| check_target(&target(up), [code], Some(code.to_owned()), now());
    assert_eq!(check(Some(true), "timeout"), None);
    assert_eq!(check(None, "timeout"), None);
    let problem = check(Some(false), "timeout").unwrap();
    assert_eq!((problem.kind, &*problem.detail), (DataStale, "timeout; last success 4 min ago"));
    for (code, kind) in [
        ("Forbidden.RAM", PermissionDenied),
        ("NoPermission", PermissionDenied),
        ("InvalidAccessKeyId.NotFound", CredentialsRejected),
        ("SignatureDoesNotMatch", CredentialsRejected),
        ("InvalidSecurityToken.Expired", CredentialsRejected),
        ("Throttling.User", DataStale),
    ] {
        assert_eq!(check(Some(false), code).unwrap().kind, kind, "{code}");
    }
}

#[test]
fn a_throttled_or_too_slow_account_has_a_problem() {
    let budget = RequestBudget { rate: Some(20.0), ceiling: 20.0, planned: Some(1_000.0), interval: 60.0 };
    let kinds = |budget: RequestBudget| {
        let account = AccountState { budget, credentials_expire: None };
        check_account(&account, now()).into_iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(budget), []);
    assert_eq!(kinds(RequestBudget { rate: Some(10.0), ..budget }), [ApiThrottled], "the cause");
    assert_eq!(kinds(RequestBudget { planned: Some(1_201.0), ..budget }), [PollOverruns]);
    assert_eq!(kinds(RequestBudget { rate: None, ..budget }), [], "the rate is not known yet");
}

#[test]
fn credentials_that_are_about_to_expire_are_a_problem() {
    let check = |left: SignedDuration| {
        let account = AccountState { credentials_expire: Some(now() + left), ..AccountState::default() };
        check_account(&account, now()).first().map(|problem| problem.detail.clone())
    };
    assert_eq!(check(MINUTE * 2), None);
    assert_eq!(check(MINUTE).as_deref(), Some("they expire in 1 min"));
    assert_eq!(check(-MINUTE * 3).as_deref(), Some("they expired 3 min ago"));
}

#[test]
fn the_exporter_reports_overruns_dropped_series_and_a_failed_reload() {
    let minutes = |ages: &[i32]| ages.iter().map(|age| now() - MINUTE * *age).collect::<Vec<_>>();
    let kinds = |overruns: &[Timestamp], dropped: &[(&'static str, u64)], reload_failed| {
        let dropped = dropped.iter().copied().collect();
        let state = ExporterState { overruns, dropped: &dropped, reload_failed };
        check_exporter(&state, now()).into_iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&minutes(&[70, 40, 10]), &[], false), []);
    assert_eq!(kinds(&minutes(&[50, 40, 10]), &[], false), [PollOverruns]);
    assert_eq!(kinds(&[], &[("nodes", 9)], true), [SeriesDropped, ConfigReloadFailed]);
}

#[test]
fn a_standby_reports_a_state_that_is_older_than_two_intervals_and_why() {
    let check = |age: Option<i64>, fetch_failure| {
        let state_at = age.map(|seconds| now() - SignedDuration::from_secs(seconds));
        let standby = StandbyState { interval: MINUTE, state_at, fetch_failure };
        let state = ReplicaState { standby: Some(standby), ..ReplicaState::default() };
        check_replica(&state, now()).pop().map(|problem| {
            assert_eq!(problem.kind, ReplicaStateOld);
            problem.detail
        })
    };
    assert_eq!(check(Some(120), Some("refused")), None);
    assert_eq!(check(Some(121), None).as_deref(), Some("the state is from 2 min ago"));
    assert_eq!(check(Some(121), Some("refused")).as_deref(), Some("the state is from 2 min ago: refused"));
    assert_eq!(check(None, None), None, "it has just started");
    assert_eq!(check(None, Some("refused")).as_deref(), Some("there is no state: refused"));
}

#[test]
fn a_state_that_was_not_restored_is_reported_for_half_an_hour() {
    let check = |minutes: i32, source, result| {
        let failed_restore = Some(UnrestoredState { at: now() - MINUTE * minutes, source, result });
        let state = ReplicaState { failed_restore, ..ReplicaState::default() };
        check_replica(&state, now()).pop().map(|problem| problem.detail)
    };
    assert_eq!(check(3, "file", "damaged").as_deref(), Some("the state in the file is damaged (3 min ago)"));
    let version =
        "the state of the other replica has a schema version that this exporter cannot read (29 min ago)";
    assert_eq!(check(29, "peer", "version").as_deref(), Some(version));
    assert_eq!(check(30, "file", "damaged"), None);
}

#[test]
fn many_lost_connections_in_a_region_are_a_storm() {
    let group = |account: &str, connected, lost| {
        let mut group = group(&[]);
        group.account = account.into();
        group.observed.recent.record(now() - MINUTE * 3, connected, 0);
        group.observed.recent.record(now() - MINUTE, connected - lost, lost);
        group
    };
    let storms = |groups: &[GroupSnapshot]| {
        check_regions(groups, now()).into_iter().map(|(account, ..)| account.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(storms(&[group("a", 20, 6), group("a", 10, 4), group("b", 100, 30)]), ["a"]);
    assert_eq!(storms(&[group("a", 10, 9)]), [""; 0], "too few");
}

/// Alerts that only Prometheus can evaluate, and their severities: they need a scrape that failed,
/// the metrics of several replicas, or the data of a week.
const ONLY_ALERTS: [(&str, &str); 5] = [
    ("AppStreamingExporterAbsent", "critical"),
    ("AppStreamingExporterDown", "critical"),
    ("AppStreamingNoActiveReplica", "critical"),
    ("AppStreamingSeveralActiveReplicas", "warning"),
    ("AppStreamingStartsGettingSlow", "warning"),
];

fn severity(kind: ProblemKind) -> String {
    serde_json::to_value(kind.rule().severity).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn every_alert_is_a_problem_of_the_same_severity_and_the_other_way_round() {
    let mut expected: BTreeMap<String, String> =
        ONLY_ALERTS.iter().map(|(alert, severity)| ((*alert).to_owned(), (*severity).to_owned())).collect();
    for kind in ProblemKind::ALL {
        let Some(alert) = kind.rule().alert else { continue };
        let earlier = expected.insert(format!("AppStreaming{alert}"), severity(*kind));
        assert_eq!(earlier, None, "{alert} twice");
    }
    let mut alerts = BTreeMap::new();
    for file in ["capacity", "exporter", "groups"] {
        let path = format!("{}/deploy/prometheus/rules/appstreaming-{file}.yml", env!("CARGO_MANIFEST_DIR"));
        let rules = std::fs::read_to_string(path).unwrap();
        let mut alert = None;
        for line in rules.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("- alert: ") {
                alert = Some(name.to_owned());
            } else if let Some(severity) = line.strip_prefix("severity: ")
                && let Some(alert) = alert.take()
            {
                alerts.insert(alert, severity.to_owned());
            }
        }
    }
    assert_eq!(alerts, expected);
}

#[test]
fn the_document_of_the_api_lists_every_kind() {
    let document = include_str!("../../../docs/api.md");
    for kind in ProblemKind::ALL {
        let rule = kind.rule();
        let alert = rule.alert.map_or("–".to_owned(), |alert| format!("`AppStreaming{alert}`"));
        let row = format!(
            "| `{}` | {} | {alert} | {} | {} |",
            rule.name,
            severity(*kind),
            rule.condition,
            rule.advice
        );
        assert!(document.contains(&row), "docs/api.md must contain:\n{row}");
    }
}

#[test]
fn every_kind_has_a_unique_name_and_comes_in_the_order_of_its_severity() {
    let mut names: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.rule().severity));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ProblemKind::ALL.len());
}
