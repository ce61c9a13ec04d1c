//! What is polled: one account, product type and region.

use std::sync::Arc;
use std::time::Duration;

use super::options::ListingOptions;
use super::shard::Shard;
use crate::aliyun::{self, Call};
use crate::appstreaming::{self, GroupQuery};

/// A target and the client that polls it.
#[derive(Debug, Clone)]
pub struct Target<C: Call = aliyun::Client> {
    /// What is polled.
    pub settings: TargetSettings,
    /// The client of the target's account.
    pub api: appstreaming::Client<C>,
}

/// What is polled of one account, product type and (where the account lists regions) region. Equal
/// settings mean that a running target needs no restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The metric label `target`: product type, followed by `/region` where regions are listed.
    pub name: Arc<str>,
    /// `ProductType`, a parameter of `ListPersistentAppInstances`.
    pub product_type: String,
    /// Listings of groups: more than one where groups are selected by id. A group in several of
    /// them is polled once.
    pub queries: Vec<GroupQuery>,
    /// Ids of groups that are not polled.
    pub excluded: Vec<String>,
    /// The part of the groups that this process polls.
    pub shard: Shard,
    /// What is listed of each group.
    pub collectors: ListingOptions,
    /// A poll that takes longer is aborted; the listings that it finished count.
    pub timeout: Duration,
    /// Elements requested with one page, to compute how many requests a poll needs.
    pub page_size: u32,
    /// Listings that run at the same time. The client limits requests in addition.
    pub concurrency: usize,
}

impl TargetSettings {
    /// Whether these are settings of the same target, whose account and name are equal.
    pub fn is_same_target(&self, other: &Self) -> bool {
        self.account == other.account && self.name == other.name
    }
}
