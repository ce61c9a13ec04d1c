//! A problem, and what the rules read besides the fleet.
//!
//! What is not here: the kinds of problems (`kinds`).

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::kinds::{ProblemKind, ProblemRule, Severity};
use crate::fleet::PersistentInterval;

/// A problem of a group, a region, a target, an account or the exporter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// How urgent the problem is.
    pub severity: Severity,
    /// The kind of problem.
    pub kind: ProblemKind,
    /// The values that caused the problem, as text for people. Changes at most once a minute while
    /// the fleet is unchanged.
    pub detail: String,
    /// What to do.
    pub advice: &'static str,
}

/// Inputs of the rules besides the fleet.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationContext<'a> {
    /// The time from which ages are computed.
    pub now: Timestamp,
    /// The time zone of schedules.
    pub time_zone: &'a TimeZone,
    /// The poll interval.
    pub interval: SignedDuration,
    /// How often persistent sessions are listed.
    pub persistent: PersistentInterval,
    /// Whether the exporter is configured to list instances.
    pub lists_instances: bool,
}

/// A problem of this kind, with the severity and the advice of its rule.
pub(super) fn found(kind: ProblemKind, detail: String) -> Problem {
    let ProblemRule { severity, advice, .. } = kind.rule();
    Problem { severity, kind, detail, advice }
}
