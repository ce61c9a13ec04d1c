use std::sync::Arc;

use super::*;
use crate::fleet::{
    DecodeIssues, Fetched, FoldOptions, Group, GroupCounters, InstanceFold, InstanceRecord, NodePool,
    ObservedTimes, PersistentFold,
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn context() -> EvaluationContext {
    let persistent = PersistentInterval { poll: MINUTE, configured: None };
    EvaluationContext { now: now(), interval: MINUTE, persistent, lists_instances: true }
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
        observed: ObservedTimes::default(),
    }
}

fn with(statuses: &[(&str, usize)], change: impl FnOnce(&mut Group)) -> GroupSnapshot {
    let mut changed = group(statuses);
    change(Arc::make_mut(&mut changed.group.data));
    changed
}

fn found(group: &GroupSnapshot) -> Vec<(Severity, ProblemKind)> {
    check_group(group, &context()).iter().map(|problem| (problem.severity, problem.kind)).collect()
}

fn detail(group: &GroupSnapshot) -> String {
    check_group(group, &context())[0].detail.clone()
}

#[test]
fn a_group_with_free_capacity_has_no_problem() {
    assert_eq!(found(&group(&[("BOUND", 4), ("IDLE", 6)])), []);
    assert_eq!(found(&group(&[("IDLE", 10)])), []);
    assert_eq!(found(&group(&[])), [], "no session is in use");
}

#[test]
fn a_broken_group_is_critical() {
    for (status, kind) in [
        ("FAILED", ProblemKind::Failed),
        ("MAINTAIN_FAILED", ProblemKind::Failed),
        ("EXPIRED", ProblemKind::Expired),
        ("EXPIRED_RECYCLING", ProblemKind::Expired),
        ("CEASED", ProblemKind::Ceased),
    ] {
        let broken = with(&[], |group| group.status = Some(status.into()));
        assert_eq!(found(&broken), [(Severity::Critical, kind)], "{status}");
        assert!(detail(&broken).contains(status));
    }
    for status in ["DEPLOYING", "MAINTAINING", "NEW_STATUS"] {
        assert_eq!(found(&with(&[], |group| group.status = Some(status.into()))), [], "{status}");
    }
    let gone = with(&[], |group| group.resource_status = Some("RELEASED".into()));
    assert_eq!(found(&gone), [(Severity::Critical, ProblemKind::Unavailable)]);
}

#[test]
fn a_subscription_warns_a_week_ahead_and_is_critical_on_its_last_day() {
    let ends_in = |left: SignedDuration| with(&[], |group| group.expires = Some(now() + left));
    let second = SignedDuration::from_secs(1);
    assert_eq!(found(&ends_in(EXPIRY_WARNING + second)), []);
    assert_eq!(found(&ends_in(EXPIRY_WARNING)), [(Severity::Warning, ProblemKind::Expiring)]);
    assert_eq!(found(&ends_in(EXPIRY_CRITICAL + second)), [(Severity::Warning, ProblemKind::Expiring)]);
    assert_eq!(found(&ends_in(EXPIRY_CRITICAL)), [(Severity::Critical, ProblemKind::Expiring)]);
    assert_eq!(found(&ends_in(SignedDuration::ZERO)), [(Severity::Critical, ProblemKind::Expired)]);
    assert_eq!(detail(&ends_in(EXPIRY_WARNING)), "the subscription ends in 7 days");

    let without_date = with(&[], |group| group.resource_status = Some("EXPIRED_IN_7_DAYS".into()));
    assert_eq!(found(&without_date), [(Severity::Warning, ProblemKind::Expiring)]);
    let ended = with(&[], |group| {
        group.status = Some("EXPIRED".into());
        group.expires = Some(now() - MINUTE);
    });
    assert_eq!(found(&ended), [(Severity::Critical, ProblemKind::Expired)], "reported once");
}

#[test]
fn problems_become_more_urgent_as_sessions_run_out() {
    let near = (Severity::Notice, ProblemKind::NearScaleOut);
    assert_eq!(found(&group(&[("BOUND", 6), ("IDLE", 4)])), []);
    assert_eq!(found(&group(&[("BOUND", 7), ("IDLE", 3)])), [near]);
    assert_eq!(
        detail(&group(&[("BOUND", 7), ("IDLE", 3)])),
        "1 more session starts a scale-out (7 of 10 sessions in use)"
    );
    assert_eq!(found(&group(&[("BOUND", 9), ("IDLE", 1)])), [near]);
    assert_eq!(
        found(&group(&[("BOUND", 5), ("CLOSED", 5)])),
        [(Severity::Warning, ProblemKind::NoIdleSession)]
    );
    assert_eq!(
        found(&group(&[("BOUND", 8), ("RUNNING", 2)])),
        [(Severity::Critical, ProblemKind::AtCapacity)]
    );
}

#[test]
fn a_group_that_cannot_scale_out_is_nearly_full_instead_of_near_a_scale_out() {
    let exhausted = with(&[("BOUND", 9), ("IDLE", 1)], |group| {
        group.node_pools[0].max_scaling_amount = Some(0.0);
    });
    assert_eq!(found(&exhausted), [(Severity::Warning, ProblemKind::NearlyFull)]);
    let fixed = |bound| {
        with(&[("BOUND", bound), ("IDLE", 1)], |group| {
            group.node_pools[0].strategy_type = Some("NODE_FIXED".into());
        })
    };
    assert_eq!(found(&fixed(9)), [(Severity::Warning, ProblemKind::NearlyFull)]);
    assert_eq!(found(&fixed(8)), []);
}

#[test]
fn instances_are_stuck_when_a_transient_status_does_not_end() {
    for status in TRANSIENT_STATUSES {
        let stuck = group(&[(status, 2), ("IDLE", 1)]);
        assert_eq!(found(&stuck), [(Severity::Warning, ProblemKind::Stuck)], "{status}");
        assert_eq!(detail(&stuck), format!("2 {status}, unchanged for up to 20 min"));
    }
    assert_eq!(
        found(&group(&[("CLOSED", 2), ("BOUND", 1), ("IDLE", 1)])),
        [],
        "these statuses are not transient"
    );
    let later = EvaluationContext { now: now() - SignedDuration::from_mins(6), ..context() };
    assert_eq!(check_group(&group(&[("STARTING", 1)]), &later), []);
}

#[test]
fn data_is_stale_after_three_missed_polls_or_when_there_is_none() {
    let mut old = group(&[("IDLE", 1)]);
    old.group.at = now() - MINUTE * 3;
    assert_eq!(found(&old), []);
    old.group.at = now() - MINUTE * 3 - SignedDuration::from_secs(1);
    assert_eq!(found(&old), [(Severity::Warning, ProblemKind::Stale)]);
    let short = EvaluationContext { interval: SignedDuration::from_secs(2), ..context() };
    old.group.at = now() - MIN_STALE_AGE;
    assert_eq!(check_group(&old, &short), [], "the minimum age applies");
    old.group.at = now();
    old.instances = None;
    assert_eq!(found(&old), [(Severity::Warning, ProblemKind::Stale)]);
    let off = EvaluationContext { lists_instances: false, ..context() };
    assert_eq!(check_group(&old, &off), [], "instances are not listed");
}

#[test]
fn persistent_sessions_are_stale_after_three_missed_listings_of_their_own() {
    let mut idle = group(&[("IDLE", 1)]);
    let empty = PersistentFold::new(FoldOptions::default()).finish(0);
    idle.persistent = Some(Fetched { data: Arc::new(empty), at: now() - MINUTE * 30 });
    assert_eq!(found(&idle), []);
    idle.persistent.as_mut().unwrap().at = now() - MINUTE * 31;
    assert_eq!(found(&idle), [(Severity::Warning, ProblemKind::Stale)]);
    assert_eq!(detail(&idle), "the data of its persistent sessions is 31 min old");
}

#[test]
fn the_most_urgent_problem_comes_first() {
    let all = with(&[("BOUND", 9), ("IDLE", 1), ("STARTING", 1)], |group| {
        group.expires = Some(now() + SignedDuration::from_hours(48));
        group.status = Some("FAILED".into());
    });
    let kinds: Vec<_> = found(&all).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(
        kinds,
        [ProblemKind::Failed, ProblemKind::Expiring, ProblemKind::Stuck, ProblemKind::NearScaleOut]
    );
}

#[test]
fn a_failed_target_has_the_reason_and_the_last_success() {
    let last_success = Some(now() - MINUTE * 4);
    let target = |up| TargetHealth { account: "a".into(), target: "CloudApp".into(), up, last_success };
    assert_eq!(check_target(&target(Some(true)), None, now()), None);
    assert_eq!(check_target(&target(None), None, now()), None);
    let problem = check_target(&target(Some(false)), Some("Forbidden.RAM".to_owned()), now()).unwrap();
    assert_eq!(problem.detail, "Forbidden.RAM; last success 4 min ago");
}

#[test]
fn a_throttled_or_too_slow_account_has_a_problem() {
    let budget = RequestBudget { rate: Some(20.0), ceiling: 20.0, planned: Some(1_000.0), interval: 60.0 };
    let kinds = |budget: RequestBudget| {
        check_budget(&budget).into_iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(budget), []);
    assert_eq!(
        kinds(RequestBudget { rate: Some(10.0), ..budget }),
        [ProblemKind::Throttled, ProblemKind::SlowPolls]
    );
    assert_eq!(kinds(RequestBudget { planned: Some(1_201.0), ..budget }), [ProblemKind::SlowPolls]);
    assert_eq!(kinds(RequestBudget { rate: None, ..budget }), [], "the rate is not known yet");
}

#[test]
fn every_kind_is_listed_once_and_has_a_unique_name() {
    let mut names: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert!(ProblemKind::ALL.is_sorted(), "in the order in which they are displayed");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ProblemKind::ALL.len());
}
