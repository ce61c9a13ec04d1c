//! The domain: delivery groups, their node pools, instances and persistent sessions, and the pure
//! rules that turn listings into numbers.
//!
//! Everything here is a pure function of its input (and of `now`, where time matters). What is not
//! here: how the facts arrive (`appstreaming`), when (`poller`), and how they are shown (`metrics`).
//! This room imports nothing of ours.

mod by_word;
pub mod capacity;
mod detail;
mod findings;
mod group;
mod hash;
pub mod history;
mod instance;
mod persistent;
pub mod problems;
mod rough;
pub mod schedule;
mod snapshot;
mod state;
mod statuses;
mod transitions;

pub use detail::{InstanceDetail, InstanceDetails, InstanceDetailsIter};
pub use findings::Findings;
pub use group::{App, Group, NodePool, Ota, Schedule, Tag, TimerPeriod};
pub use instance::{InstanceFold, InstanceRecord, InstanceSummary, NodeCount};
pub use persistent::{PersistentDetail, PersistentFold, PersistentRecord, PersistentSummary};
pub use rough::Rough;
pub use snapshot::{Fetched, GroupSnapshot, Snapshot, TargetHealth};
pub use state::{Tally, Vocabulary, words};
pub use transitions::{SessionCounters, Trace};

/// How much of each listing a fold keeps. Set once from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoldOptions {
    /// Keep instances per node (collector `nodes`).
    pub nodes: bool,
    /// Keep one record for every instance (`collectors.instances = "detailed"`) or persistent
    /// session (`collectors.persistent = "detailed"`).
    pub detail: bool,
}
