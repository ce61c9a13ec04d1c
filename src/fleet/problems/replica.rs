//! Problems of a replica: a standby with an old state, and a state that was not restored.

use jiff::{SignedDuration, Timestamp};

use super::kinds::ProblemKind;
use super::problem::{Problem, found};
use crate::fleet::HumanDuration;

/// The state of a standby is old when it is older than this number of poll intervals.
pub const OLD_STATE_INTERVALS: i32 = 2;
/// How long a state that was not restored is a problem.
pub const RESTORE_WINDOW: SignedDuration = SignedDuration::from_mins(30);

/// What the rules for a replica read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplicaState<'a> {
    /// What a standby serves; `None` for an active replica.
    pub standby: Option<StandbyState<'a>>,
    /// The last state that could not be restored.
    pub failed_restore: Option<UnrestoredState<'a>>,
}

/// What a standby serves.
#[derive(Debug, Clone, Copy)]
pub struct StandbyState<'a> {
    /// The poll interval.
    pub interval: SignedDuration,
    /// When the state was published; `None` before the first.
    pub state_at: Option<Timestamp>,
    /// Why the last request for the active replica's state failed.
    pub fetch_failure: Option<&'a str>,
}

/// A state that could not be restored.
#[derive(Debug, Clone, Copy)]
pub struct UnrestoredState<'a> {
    /// When.
    pub at: Timestamp,
    /// From where: `file` or `peer`.
    pub source: &'a str,
    /// Why: `damaged`, `foreign` or `version`.
    pub result: &'a str,
}

/// The problems of a replica.
pub fn check_replica(replica: &ReplicaState<'_>, now: Timestamp) -> Vec<Problem> {
    let standby = replica.standby.and_then(|standby| check_standby(&standby, now));
    let restore = replica.failed_restore.and_then(|failed| check_restore(failed, now));
    standby.into_iter().chain(restore).collect()
}

fn check_standby(standby: &StandbyState<'_>, now: Timestamp) -> Option<Problem> {
    let age = match standby.state_at {
        Some(at) => {
            let age = now.duration_since(at);
            if age <= standby.interval.saturating_mul(OLD_STATE_INTERVALS) {
                return None;
            }
            format!("the state is from {} ago", HumanDuration(age))
        }
        // A standby that has just started has no state yet.
        None => standby.fetch_failure.map(|_| "there is no state".to_owned())?,
    };
    let reason = standby.fetch_failure.map_or_else(String::new, |failure| format!(": {failure}"));
    Some(found(ProblemKind::ReplicaStateOld, format!("{age}{reason}")))
}

fn check_restore(failed: UnrestoredState<'_>, now: Timestamp) -> Option<Problem> {
    let UnrestoredState { at, source, result } = failed;
    let age = now.duration_since(at);
    if age >= RESTORE_WINDOW {
        return None;
    }
    let from = if source == "file" { "in the file" } else { "of the other replica" };
    let reason = match result {
        "version" => "has a schema version that this exporter cannot read",
        "foreign" => "is not one of this exporter's targets",
        _ => "is damaged",
    };
    let detail = format!("the state {from} {reason} ({} ago)", HumanDuration(age));
    Some(found(ProblemKind::StateRestoreFailed, detail))
}
