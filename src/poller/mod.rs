//! Keeps the fleet snapshot fresh: polls every target at its interval, keeps the last good data of
//! what failed, and publishes a new [`Snapshot`](crate::fleet::Snapshot) whenever something changed.
//!
//! A *target* is one account, product type and (where the account lists regions) region. Targets are
//! polled independently: one that fails, hangs or panics never touches another's numbers.
//!
//! What is not here: how a listing is fetched (`appstreaming`), how a snapshot becomes bytes
//! (`metrics`), and who is told about polls ([`Observer`], implemented by telemetry through `app`).

mod board;
pub mod options;
mod poll;
mod run;
pub mod shard;
mod state;
#[cfg(test)]
mod tests;

pub use board::Board;
pub use options::{ListingDepth, ListingOptions, PollOptions};
pub use poll::{Failure, GroupPoll, PolledGroup, Refreshed, TargetPoll};
pub use run::{Meter, Observer, Report, Runner, Schedule, Summary, summarise};
pub use shard::Shard;
pub use state::TargetState;

use std::{sync::Arc, time::Duration};

use crate::{
    aliyun::{self, Call},
    appstreaming::{self, GroupQuery},
};

/// One account, product type and, where the account lists regions, region.
#[derive(Debug, Clone)]
pub struct Target<C: Call = aliyun::Client> {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The metric label `target`: product type, with `/region` behind it where regions are listed.
    pub name: Arc<str>,
    /// `ProductType`, as `ListPersistentAppInstances` wants it again.
    pub product_type: String,
    /// Listings of groups; more than one where single groups are picked by id. A group that several
    /// of them bring counts once.
    pub queries: Vec<GroupQuery>,
    /// Group ids that are not exported though a listing brings them.
    pub excluded: Vec<String>,
    /// Which part of the groups is this process' own.
    pub shard: Shard,
    /// What is listed of each group.
    pub collectors: ListingOptions,
    /// A poll that runs longer is given up; what it had finished counts.
    pub timeout: Duration,
    /// Elements a page, to foresee how many requests a poll needs.
    pub page_size: u32,
    /// Listings of groups that are worked on at the same time; the client bounds requests further.
    pub concurrency: usize,
    /// The API.
    pub api: appstreaming::Client<C>,
}
