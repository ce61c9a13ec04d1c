//! Problems of a group's capacity and scaling.

use jiff::SignedDuration;

use super::kinds::ProblemKind;
use super::problem::{EvaluationContext, Problem, found};
use crate::fleet::capacity::{self, Verdict};
use crate::fleet::scaling;
use crate::fleet::schedule;
use crate::fleet::{Group, GroupSnapshot, HumanDuration, InstanceSummary, plural};

/// A group is nearly full above this usage ratio.
pub const NEARLY_FULL: f64 = 0.9;
/// The scaling limit is near above this share of the sessions that exhaust it.
pub const SCALING_LIMIT_NEAR: f64 = 0.9;
/// A scale-out that has been due for this time without any addition does not follow.
pub const SCALE_OUT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The problems of a group that is in service.
pub(super) fn check(snapshot: &GroupSnapshot, context: &EvaluationContext<'_>) -> Vec<Problem> {
    let group = &*snapshot.group.data;
    let mut problems = Vec::new();
    problems.extend(group.node_pools.iter().find_map(|pool| check_schedule(pool, context)));
    if let Some(instances) = &snapshot.instances {
        problems.extend(check_room(group, &instances.data, context));
        problems.extend(check_limit(group, &instances.data));
    }
    problems.extend(check_due(snapshot, context));
    problems
}

fn check_schedule(pool: &crate::fleet::NodePool, context: &EvaluationContext<'_>) -> Option<Problem> {
    let scheduled = schedule::scheduled_amount(pool, context.now, context.time_zone)?;
    // The documentation leaves open whether a schedule sets all nodes or the elastic ones. If all
    // are fewer, so are the elastic ones.
    let nodes = pool.nodes? + pool.scaling_nodes?;
    (nodes < scheduled).then(|| {
        let detail = format!("{} of {scheduled} scheduled nodes in node pool {}", nodes, pool.id);
        found(ProblemKind::ScheduleNotMet, detail)
    })
}

/// Whether users find a session.
fn check_room(
    group: &Group,
    instances: &InstanceSummary,
    context: &EvaluationContext<'_>,
) -> Option<Problem> {
    let capacity = capacity::session_capacity(group, Some(instances)).filter(|capacity| *capacity > 0.0)?;
    if is_outside_schedule(group, context) {
        return None;
    }
    let in_use = capacity::sessions_in_use(instances);
    let can_grow = scaling::can_grow(group, instances);
    let used = format!("{in_use} of {capacity} sessions in use");
    if in_use >= capacity && in_use > 0.0 && instances.statuses.get("IDLE") == 0 {
        let kind = if can_grow { ProblemKind::NoIdleSession } else { ProblemKind::AtCapacity };
        return Some(found(kind, used));
    }
    let verdict = capacity::scale_out_verdict(group, Some(instances));
    let growth_is_certain = can_grow && verdict != Some(Verdict::BetweenBounds);
    (in_use / capacity > NEARLY_FULL && !growth_is_certain).then(|| found(ProblemKind::NearlyFull, used))
}

fn check_limit(group: &Group, instances: &InstanceSummary) -> Option<Problem> {
    if scaling::certain_verdict(group, instances) == Some(Verdict::AtLimit) {
        let connected = capacity::sessions_connected(instances);
        let detail = format!("{}, and nothing more may be added", plural(connected, "connected session"));
        return Some(found(ProblemKind::ScalingLimitReached, detail));
    }
    let share = scaling::limit_usage(group, instances)?;
    (share > SCALING_LIMIT_NEAR).then(|| {
        let detail = format!("{:.0} % of the sessions that exhaust scaling are in use", share * 100.0);
        found(ProblemKind::ScalingLimitNear, detail)
    })
}

fn check_due(snapshot: &GroupSnapshot, context: &EvaluationContext<'_>) -> Option<Problem> {
    let due = snapshot.observed.scale_out_due.as_ref()?;
    let age = context.now.duration_since(due.since);
    (age >= SCALE_OUT_WITHIN).then(|| {
        let detail = format!("due for {}, and nothing was added", HumanDuration(age));
        found(ProblemKind::ScaleOutNotFollowing, detail)
    })
}

/// Whether every node pool scales by a schedule that requires no nodes now. The last sessions of
/// such a group are on nodes that the cloud is about to remove, so it has no capacity to run out
/// of.
fn is_outside_schedule(group: &Group, context: &EvaluationContext<'_>) -> bool {
    let has_ended = |pool| {
        schedule::strategy_disable(pool, context.time_zone).is_some_and(|disable| disable <= context.now)
    };
    let scheduled = |pool| schedule::scheduled_amount(pool, context.now, context.time_zone);
    let pools = &group.node_pools;
    !pools.is_empty()
        && pools.iter().all(|pool| pool.strategy_type.as_deref() == Some("NODE_SCALING_BY_SCHEDULE"))
        && pools.iter().all(|pool| scheduled(pool) == Some(0.0) && !has_ended(pool))
}
