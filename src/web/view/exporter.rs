//! The exporter itself: which replica and shard it is, and its problems.

use jiff::Timestamp;
use serde::Serialize;

use super::{LocatedProblem, ProblemSubject};
use crate::fleet::problems::{self, ExporterState, Problem, ReplicaState, StandbyState, UnrestoredState};
use crate::telemetry::status::{FailedRestore, ReplicaMode, ReplicaRole, ReplicaStatus, Setup, Status};

/// The exporter itself.
#[derive(Debug, Serialize)]
pub(crate) struct ExporterView<'a> {
    pub(crate) replica: ReplicaView<'a>,
    pub(crate) shard: ShardView,
    pub(crate) problems: Vec<Problem>,
}

/// Which of several replicas this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ReplicaView<'a> {
    /// `single` if there is only one.
    pub(crate) role: &'static str,
    /// How the active replica is decided.
    pub(crate) mode: &'static str,
    /// The base URL of the active replica that this standby mirrors, if it is known.
    pub(crate) of: Option<&'a str>,
    /// When the state that is served was published.
    pub(crate) state_at: Option<Timestamp>,
    /// Why the last request for the active replica's state failed.
    pub(crate) fetch_failure: Option<&'a str>,
}

/// The part of the groups that this replica polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ShardView {
    /// From 0.
    pub(crate) index: u32,
    /// The number of shards; 1 if the fleet is not divided.
    pub(crate) total: u32,
}

impl<'a> ExporterView<'a> {
    /// The view of a status.
    pub(super) fn new(status: &'a Status, now: Timestamp) -> Self {
        let state = ExporterState {
            overruns: &status.overrun_times,
            dropped: &status.dropped,
            reload_failed: status.reload_failed,
        };
        let mut problems = problems::check_exporter(&state, now);
        problems.extend(problems::check_replica(&replica_state(status), now));
        problems.sort();
        let Setup { shard_index, shards, .. } = status.setup;
        Self {
            replica: ReplicaView::new(&status.replica),
            shard: ShardView { index: shard_index, total: shards },
            problems,
        }
    }

    pub(super) fn located<'b>(&self) -> impl Iterator<Item = LocatedProblem<'b>> {
        let subject = ProblemSubject::Exporter;
        self.problems.iter().map(move |problem| LocatedProblem { problem: problem.clone(), subject })
    }
}

impl<'a> ReplicaView<'a> {
    fn new(status: &'a ReplicaStatus) -> Self {
        let mode = match status.mode {
            ReplicaMode::Off => "off",
            ReplicaMode::Pair => "pair",
            ReplicaMode::Kubernetes => "kubernetes",
        };
        let role = match (status.mode, status.role) {
            (ReplicaMode::Off, _) => "single",
            (_, ReplicaRole::Active) => "active",
            (_, ReplicaRole::Standby) => "standby",
            (_, ReplicaRole::Leaving) => "leaving",
        };
        Self {
            role,
            mode,
            of: status.of.as_deref(),
            state_at: status.state_at,
            fetch_failure: status.fetch_failure.as_deref(),
        }
    }

    /// Whether this replica serves the state of another one.
    pub(crate) fn is_standby(&self) -> bool {
        self.role == "standby"
    }
}

fn replica_state(status: &Status) -> ReplicaState<'_> {
    let replica = &status.replica;
    let standby = StandbyState {
        interval: status.setup.interval,
        state_at: replica.state_at,
        fetch_failure: replica.fetch_failure.as_deref(),
    };
    let unrestored = |FailedRestore { at, source, result }| UnrestoredState { at, source, result };
    ReplicaState {
        standby: (replica.role == ReplicaRole::Standby).then_some(standby),
        failed_restore: status.failed_restore.map(unrestored),
    }
}
