//! Keeps the fleet snapshot fresh: polls every target at its interval, keeps the last good data of
//! listings that failed, and publishes a new [`Snapshot`](crate::fleet::Snapshot) after every
//! change.
//!
//! A *target* is one account, product type and (where the account lists regions) region. Targets
//! are polled independently: a target that fails, hangs or panics does not affect the data of
//! another.
//!
//! What is not here: how a listing is fetched (`appstreaming`), how a snapshot is rendered
//! (`metrics`), and the metrics about polls ([`Observer`], which `app` implements).

mod failure_summary;
#[cfg(test)]
pub(crate) mod fixture;
mod freshness;
mod hash_keys;
#[cfg(test)]
mod large_fleet_tests;
mod listing_tasks;
mod listing_times;
pub mod options;
mod poll;
mod poll_result;
mod run;
mod saved;
pub mod shard;
mod state;
mod store;
mod target;
#[cfg(test)]
mod tests;

pub use failure_summary::{FailureSummary, summarise_failures};
pub use options::ListingDepth;
#[cfg(test)]
pub use poll_result::ListingFailure;
pub use poll_result::{ListingOutcome, PolledGroup, TargetPoll};
pub use run::{Observer, PollOverrun, PollReport, PollSchedule, PollWaits, Runner, WaitMeter};
pub use saved::{RestoreOutcome, SavedState};
pub use shard::Shard;
pub use store::SnapshotStore;
pub use target::{Target, TargetIdentity, TargetKey, TargetSettings};
