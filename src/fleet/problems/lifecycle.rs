//! Problems of a group's status, its subscription, its image and its access rules.

use jiff::{SignedDuration, Timestamp};

use super::kinds::ProblemKind;
use super::problem::{Problem, found};
use crate::fleet::{Group, HumanDuration};

/// A subscription that ends within this time is a warning.
pub const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A subscription that ends within this time is critical.
pub const EXPIRY_CRITICAL: SignedDuration = SignedDuration::from_hours(24);

/// The problems at `now`.
pub(super) fn check(group: &Group, now: Timestamp) -> impl Iterator<Item = Problem> {
    let status = group.status.as_deref();
    let problems = [
        status.and_then(check_status),
        check_resources(group),
        check_expiry(group, now),
        group.ota.as_ref().filter(|ota| !ota.new_version.is_empty()).map(|ota| {
            found(ProblemKind::GroupUpdateWaiting, format!("version {} is available", ota.new_version))
        }),
        (group.skip_user_auth_check == Some(true))
            .then(|| found(ProblemKind::OpenToEverybody, "it does not check its users".to_owned())),
    ];
    problems.into_iter().flatten()
}

fn check_status(status: &str) -> Option<Problem> {
    let kind = match status {
        "PUBLISHED" => return None,
        "FAILED" => ProblemKind::GroupPublishingFailed,
        "MAINTAIN_FAILED" => ProblemKind::GroupUpdateFailed,
        "EXPIRED" | "EXPIRED_RECYCLING" => ProblemKind::GroupExpired,
        "CEASED" => ProblemKind::GroupOverdue,
        _ => ProblemKind::GroupNotPublished,
    };
    Some(found(kind, format!("status {status}")))
}

fn check_resources(group: &Group) -> Option<Problem> {
    let resources = group.resource_status.as_deref()?;
    if !matches!(resources, "UNAVAILABLE" | "RELEASED") || is_terminated(group) || is(group, "FAILED") {
        return None;
    }
    Some(found(ProblemKind::GroupResourcesUnavailable, format!("resource status {resources}")))
}

fn check_expiry(group: &Group, now: Timestamp) -> Option<Problem> {
    if is_terminated(group) {
        return None;
    }
    let Some(expires) = group.expires else {
        return (group.resource_status.as_deref() == Some("EXPIRED_IN_7_DAYS")).then(|| {
            found(ProblemKind::GroupExpiresIn7Days, "resource status EXPIRED_IN_7_DAYS".to_owned())
        });
    };
    let left = expires.duration_since(now);
    let ends = || format!("the subscription ends in {}", HumanDuration(left));
    if left <= SignedDuration::ZERO {
        let ended = format!("the subscription ended {} ago", HumanDuration(left.abs()));
        Some(found(ProblemKind::GroupPastExpiry, ended))
    } else if left < EXPIRY_CRITICAL {
        Some(found(ProblemKind::GroupExpiresIn1Day, ends()))
    } else if left < EXPIRY_WARNING {
        Some(found(ProblemKind::GroupExpiresIn7Days, ends()))
    } else {
        None
    }
}

/// Whether the status already shows that the subscription has ended or that bills are unpaid.
fn is_terminated(group: &Group) -> bool {
    ["EXPIRED", "EXPIRED_RECYCLING", "CEASED"].iter().any(|status| is(group, status))
}

fn is(group: &Group, status: &str) -> bool {
    group.status.as_deref() == Some(status)
}
