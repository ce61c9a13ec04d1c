//! Problems of a group's instances, sessions and persistent sessions.

use jiff::{SignedDuration, Timestamp};

use super::kinds::ProblemKind;
use super::problem::{Problem, found};
use crate::fleet::{GroupSnapshot, HumanDuration, InstanceSummary, plural};

/// An instance that starts or closes for longer than this time is stuck.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// An instance that is unavailable for longer than this time stays so.
pub const UNAVAILABLE_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// A disconnected session is kept for the session timeout, and may last this much longer.
pub const TIMEOUT_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);
/// The smallest number of disconnected sessions that is a problem.
pub const MIN_DISCONNECTED: u64 = 5;

/// The problems at `now`. `in_service` is whether the group's instances are expected to start.
pub(super) fn check(
    snapshot: &GroupSnapshot,
    in_service: bool,
    now: Timestamp,
) -> impl Iterator<Item = Problem> {
    let (starting, closing): (&[&str], &[&str]) = (&["INIT", "STARTING"], &["CLOSING"]);
    let instances = snapshot.instances.as_ref().map(|fetched| &*fetched.data);
    let problems = [
        stuck(snapshot, starting, STUCK_AFTER, now)
            .filter(|_| in_service)
            .map(|detail| found(ProblemKind::InstanceStuckStarting, detail)),
        stuck(snapshot, closing, STUCK_AFTER, now)
            .map(|detail| found(ProblemKind::InstanceStuckClosing, detail)),
        stuck(snapshot, &["UNAVAILABLE"], UNAVAILABLE_AFTER, now)
            .map(|detail| found(ProblemKind::InstanceUnavailable, detail)),
        instances.and_then(check_disconnected),
        check_disconnected_too_long(snapshot, now),
        check_persistent(snapshot),
    ];
    problems.into_iter().flatten()
}

/// Since when instances have been in one of `statuses`, if that is longer than `limit`.
fn stuck(
    snapshot: &GroupSnapshot,
    statuses: &[&str],
    limit: SignedDuration,
    now: Timestamp,
) -> Option<String> {
    let instances = snapshot.instances.as_ref()?;
    let oldest = &snapshot.observed.oldest_since;
    let stuck: Vec<String> = oldest
        .iter()
        .map(|(status, since)| (&**status, now.duration_since(*since)))
        .filter(|(status, age)| statuses.contains(status) && *age > limit)
        .map(|(status, age)| {
            let count = instances.data.statuses.get(status);
            format!("{count} {status}, the oldest for {}", HumanDuration(age))
        })
        .collect();
    (!stuck.is_empty()).then(|| stuck.join("; "))
}

fn check_disconnected(instances: &InstanceSummary) -> Option<Problem> {
    let connected = instances.session_statuses.get("CONNECT");
    let disconnected = instances.session_statuses.get("DISCONNECT");
    (disconnected >= MIN_DISCONNECTED && disconnected > connected).then(|| {
        let detail = format!("{disconnected} of {} sessions are disconnected", connected + disconnected);
        found(ProblemKind::SessionsDisconnected, detail)
    })
}

fn check_disconnected_too_long(snapshot: &GroupSnapshot, now: Timestamp) -> Option<Problem> {
    snapshot.instances.as_ref()?;
    let age = now.duration_since(snapshot.observed.disconnected_oldest?);
    let timeout = snapshot.group.data.session_timeout_seconds.filter(|seconds| seconds.is_finite())?;
    let limit = timeout + TIMEOUT_TOLERANCE.as_secs_f64();
    (age.as_secs_f64() > limit).then(|| {
        let timeout = HumanDuration(SignedDuration::from_secs(timeout as i64));
        let detail =
            format!("a session has been disconnected for {}; the timeout is {timeout}", HumanDuration(age));
        found(ProblemKind::DisconnectedTooLong, detail)
    })
}

fn check_persistent(snapshot: &GroupSnapshot) -> Option<Problem> {
    let unavailable = snapshot.persistent.as_ref()?.data.statuses.get("UNAVAILABLE");
    (unavailable > 0).then(|| {
        let verb = if unavailable == 1 { "is" } else { "are" };
        let detail = format!("{} {verb} UNAVAILABLE", plural(unavailable, "persistent session"));
        found(ProblemKind::PersistentSessionUnavailable, detail)
    })
}
