//! The domain: delivery groups, their node pools, instances and persistent sessions, and the pure
//! rules that turn listings into numbers.
//!
//! No code here does I/O or reads a clock: results depend only on the input (and on `now`, where
//! time matters). What is not here: how listings are fetched (`appstreaming`), when (`poller`), and
//! how the fleet is exported (`metrics`). This room imports no other room.

pub mod capacity;
mod decode_issues;
mod detail;
pub mod duration_histogram;
mod freshness;
mod group;
mod group_counters;
mod hash;
pub mod history;
mod human_duration;
mod instance;
mod instance_index;
mod instance_record;
pub mod operation;
mod persistent;
mod plural;
pub mod problems;
mod recent_sessions;
mod saved;
pub mod scaling;
pub mod schedule;
mod snapshot;
mod status_map;
mod statuses;
mod tally;
pub mod timestamp;
pub mod vocabulary;

pub use decode_issues::DecodeIssues;
pub use detail::{InstanceDetail, InstanceDetails};
pub use duration_histogram::{DurationHistogram, READY_BOUNDS, SESSION_BOUNDS};
pub use freshness::{Freshness, PersistentInterval};
pub use group::{App, Group, NodePool, Ota, Tag, TimerPeriod, WeeklySchedule};
pub use group_counters::{GONE, GroupCounters, NONE};
pub use hash::HashKey;
pub use human_duration::HumanDuration;
pub use instance::{InstanceFold, InstanceListing, InstanceSummary};
pub use instance_index::{InstanceIndex, ListedInstances};
pub use instance_record::InstanceRecord;
pub use persistent::{PersistentFold, PersistentRecord, PersistentSummary};
pub use plural::plural;
pub use recent_sessions::RecentSessions;
pub use scaling::DueScaleOut;
pub use snapshot::{Fetched, GroupSnapshot, Observations, Snapshot, TargetHealth};
pub use tally::Tally;
pub use vocabulary::Vocabulary;

/// How much of each listing a fold keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoldOptions {
    /// Count instances per node (collector `nodes`).
    pub nodes: bool,
    /// Keep one record for every instance (`collectors.instances = "detailed"`) or persistent
    /// session (`collectors.persistent = "detailed"`).
    pub detail: bool,
    /// The key of the hashes of ids and user names.
    pub hash_key: HashKey,
}
