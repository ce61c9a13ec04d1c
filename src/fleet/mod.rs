//! The domain: delivery groups, their node pools, instances and persistent sessions, and the pure
//! rules that turn listings into numbers.
//!
//! No code here does I/O or reads a clock: results depend only on the input (and on `now`, where
//! time matters). What is not here: how listings are fetched (`appstreaming`), when (`poller`), and
//! how the fleet is exported (`metrics`). This room imports no other room.

pub mod capacity;
mod decode_issues;
mod detail;
mod group;
mod hash;
pub mod history;
mod human_duration;
mod instance;
mod instance_record;
pub mod operation;
mod persistent;
mod plural;
pub mod problems;
pub mod schedule;
mod snapshot;
mod status_map;
mod statuses;
mod tally;
pub mod timestamp;
mod transitions;
pub mod vocabulary;

pub use decode_issues::DecodeIssues;
pub use group::{App, Group, NodePool, Ota, Tag, TimerPeriod, WeeklySchedule};
pub use human_duration::HumanDuration;
pub use instance::{InstanceFold, InstanceSummary};
pub use instance_record::InstanceRecord;
pub use persistent::{PersistentFold, PersistentRecord, PersistentSummary};
pub use plural::plural;
pub use snapshot::{Fetched, GroupSnapshot, Snapshot, TargetHealth};
pub use tally::Tally;
pub use transitions::{InstanceIndex, SessionCounters};
pub use vocabulary::Vocabulary;

/// How much of each listing a fold keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoldOptions {
    /// Count instances per node (collector `nodes`).
    pub nodes: bool,
    /// Keep one record for every instance (`collectors.instances = "detailed"`) or persistent
    /// session (`collectors.persistent = "detailed"`).
    pub detail: bool,
}
