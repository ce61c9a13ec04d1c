//! The rules for problems of groups, regions, targets, accounts and the exporter, shared by the
//! pages and `/api/v1/fleet`.
//!
//! All are pure functions of the fleet and of `now`. The kinds with their severities are in the
//! table of `kinds`, every threshold is a constant. What is not here: how problems are displayed,
//! and alerting, which is Prometheus's task.

mod instances;
mod kinds;
mod lifecycle;
mod operation;
mod problem;
mod replica;
mod sessions;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;

use super::{GroupSnapshot, HumanDuration};

pub use kinds::{ProblemKind, Severity};
pub use operation::{
    AccountState, ExporterState, RequestBudget, check_account, check_exporter, check_regions, check_target,
};
pub use problem::{EvaluationContext, Problem};
pub use replica::{ReplicaState, StandbyState, UnrestoredState, check_replica};

use problem::found;

/// Data is stale when it is older than this number of poll intervals, and than [`MIN_STALE_AGE`].
pub const MISSED_POLLS: i32 = 3;
/// Younger data is never stale, however short the poll interval is.
pub const MIN_STALE_AGE: SignedDuration = SignedDuration::from_mins(2);

/// The problems of a group, the most urgent first. A problem that another one causes is left out.
pub fn check_group(group: &GroupSnapshot, context: &EvaluationContext<'_>) -> Vec<Problem> {
    let in_service = is_in_service(group);
    let mut problems: Vec<Problem> = lifecycle::check(&group.group.data, context.now).collect();
    if in_service {
        problems.extend(sessions::check(group, context));
    }
    problems.extend(instances::check(group, in_service, context.now));
    problems.extend(check_stale(group, context));
    retain_causes(&mut problems);
    problems.sort();
    problems
}

/// Whether users can start applications of the group. A group whose update failed keeps its
/// previous image. A group whose status is not known counts as in service.
pub fn is_in_service(group: &GroupSnapshot) -> bool {
    let data = &group.group.data;
    let is_published =
        data.status.as_deref().is_none_or(|status| ["PUBLISHED", "MAINTAIN_FAILED"].contains(&status));
    is_published && !matches!(data.resource_status.as_deref(), Some("UNAVAILABLE" | "RELEASED"))
}

/// Causes and the kinds that each of them explains, as in the inhibition rules of
/// `deploy/prometheus/alertmanager.yml`.
const EXPLAINS: &[(&[ProblemKind], &[ProblemKind])] = {
    use ProblemKind::*;
    &[
        (
            &[
                GroupNotPublished,
                GroupPublishingFailed,
                GroupExpired,
                GroupOverdue,
                GroupResourcesUnavailable,
            ],
            &[
                InstanceStuckStarting,
                InstanceStuckClosing,
                InstanceUnavailable,
                SessionsDisconnected,
                DisconnectedTooLong,
                PersistentSessionUnavailable,
                GroupUpdateWaiting,
            ],
        ),
        (&[GroupResourcesUnavailable], &[GroupNotPublished]),
        (&[AtCapacity, NoIdleSession], &[ScalingLimitReached, ScalingLimitNear, ScaleOutNotFollowing]),
        (&[ScalingLimitReached], &[NearlyFull, ScalingLimitNear]),
    ]
};

fn retain_causes(problems: &mut Vec<Problem>) {
    let kinds: Vec<ProblemKind> = problems.iter().map(|problem| problem.kind).collect();
    problems.retain(|problem| {
        let explains = |(causes, effects): &(&[ProblemKind], &[ProblemKind])| {
            effects.contains(&problem.kind) && causes.iter().any(|cause| kinds.contains(cause))
        };
        !EXPLAINS.iter().any(explains)
    });
}

fn check_stale(group: &GroupSnapshot, context: &EvaluationContext<'_>) -> Option<Problem> {
    if context.lists_instances && group.instances.is_none() {
        let detail = "there is no recent listing of its instances".to_owned();
        return Some(found(ProblemKind::GroupDataStale, detail));
    }
    let limit = context.interval.saturating_mul(MISSED_POLLS).max(MIN_STALE_AGE);
    let age = context.now.duration_since(group.oldest());
    if age > limit {
        let detail = format!("its oldest data is {} old", HumanDuration(age));
        return Some(found(ProblemKind::GroupDataStale, detail));
    }
    let persistent = group.persistent.as_ref()?;
    let limit = context.persistent.stale_age(&group.group.data, persistent.data.reported).max(MIN_STALE_AGE);
    let age = context.now.duration_since(persistent.at);
    (age > limit).then(|| {
        let detail = format!("the data of its persistent sessions is {} old", HumanDuration(age));
        found(ProblemKind::GroupDataStale, detail)
    })
}
