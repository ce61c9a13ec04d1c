//! This replica: whether it is active, the state that it serves, restored states and takeovers.

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus::{IntCounter, IntCounterVec};

use super::collectors;
use super::status::{FailedRestore, ReplicaStatus, Status};
use crate::fleet::timestamp::seconds;
use crate::metrics::MetricFamily;

/// Where a state was restored from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreSource {
    /// The state file.
    File,
    /// Another replica.
    Peer,
}

/// How the restore of a state ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreResult {
    /// The state is in use.
    Ok,
    /// All data of the state was too old to be served.
    Stale,
    /// The state is incomplete, or its checksum does not match.
    Damaged,
    /// The state is not one of this exporter's, or not of its targets.
    Foreign,
    /// The state has a schema version that this exporter cannot read.
    Version,
}

impl RestoreSource {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::File, Self::Peer];

    /// The value of the label `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Peer => "peer",
        }
    }
}

impl RestoreResult {
    /// Every result.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Stale, Self::Damaged, Self::Foreign, Self::Version];

    /// The value of the label `result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::Version => "version",
        }
    }
}

/// The state of this replica, and the metrics made from it.
pub(super) struct Replicas {
    now: Mutex<Now>,
    restores: IntCounterVec,
    takeovers: IntCounter,
}

/// The present values.
struct Now {
    is_active: bool,
    served: Option<Timestamp>,
    status: ReplicaStatus,
    failed_restore: Option<FailedRestore>,
}

impl Replicas {
    /// An active replica that serves nothing yet: the one process where replicas are off.
    pub(super) fn new() -> Self {
        let restores = "appstreaming_exporter_state_restores_total";
        let replicas = Self {
            now: Mutex::new(Now {
                is_active: true,
                served: None,
                status: ReplicaStatus::default(),
                failed_restore: None,
            }),
            restores: collectors::counters(restores, &["source", "result"]),
            takeovers: collectors::counter("appstreaming_exporter_takeovers_total"),
        };
        for source in RestoreSource::ALL {
            for result in RestoreResult::ALL {
                replicas.restores.with_label_values(&[source.as_str(), result.as_str()]);
            }
        }
        replicas
    }

    /// Sets whether this replica polls.
    pub(super) fn set_active(&self, is_active: bool) {
        self.now.lock().is_active = is_active;
    }

    /// Sets the time of the state that is served.
    pub(super) fn set_served(&self, at: Timestamp) {
        self.now.lock().served = Some(at);
    }

    /// Sets what the pages show.
    pub(super) fn set_status(&self, status: ReplicaStatus) {
        self.now.lock().status = status;
    }

    /// Counts a restore that ended at `at`.
    pub(super) fn restored(&self, source: RestoreSource, result: RestoreResult, at: Timestamp) {
        let (source, text) = (source.as_str(), result.as_str());
        self.restores.with_label_values(&[source, text]).inc();
        if matches!(result, RestoreResult::Damaged | RestoreResult::Foreign | RestoreResult::Version) {
            self.now.lock().failed_restore = Some(FailedRestore { at, source, result: text });
        }
    }

    /// Counts a takeover.
    pub(super) fn taken_over(&self) {
        self.takeovers.inc();
    }

    /// Adds what the pages show.
    pub(super) fn add_to(&self, status: &mut Status) {
        let now = self.now.lock();
        status.replica = ReplicaStatus { state_at: now.served, ..now.status.clone() };
        status.failed_restore = now.failed_restore;
    }

    /// The present values. The time of the state has no sample before a state is served.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let (is_active, served) = {
            let now = self.now.lock();
            (now.is_active, now.served)
        };
        let active = if is_active { 1.0 } else { 0.0 };
        let mut families = collectors::families(&[&self.restores, &self.takeovers]);
        families.push(collectors::gauge("appstreaming_exporter_replica_active", active));
        let served =
            served.map(|at| collectors::gauge("appstreaming_exporter_state_timestamp_seconds", seconds(at)));
        families.extend(served);
        families
    }
}
