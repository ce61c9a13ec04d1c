//! A poll target: one account, product type and (where the account lists regions) region.

use std::sync::Arc;
use std::time::Duration;

use super::options::ListingOptions;
use super::shard::Shard;
use crate::aliyun::{self, Call};
use crate::appstreaming::{self, GroupQuery};
use crate::fleet::PersistentInterval;

/// A target and the client that polls it.
#[derive(Debug, Clone)]
pub struct Target<C: Call = aliyun::Client> {
    /// The settings.
    pub settings: Arc<TargetSettings>,
    /// The client of the target's account.
    pub api: appstreaming::Client<C>,
}

/// What is polled of one target. A running target whose new settings are equal needs no restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The metric label `target`: the product type, followed by `/region` where the account lists
    /// regions.
    pub name: Arc<str>,
    /// `ProductType`, a parameter of `ListPersistentAppInstances`.
    pub product_type: String,
    /// The listings of groups: several if groups are selected by id. A group that is in more than
    /// one of them is polled once.
    pub queries: Vec<GroupQuery>,
    /// Ids of groups that are not polled.
    pub excluded: Vec<String>,
    /// The part of the groups that this process polls.
    pub shard: Shard,
    /// What is listed of each group.
    pub listings: ListingOptions,
    /// How often persistent sessions are listed.
    pub persistent: PersistentInterval,
    /// A poll that takes longer ends; the listings that it finished are kept.
    pub timeout: Duration,
    /// Elements requested per page, from which the number of planned requests is computed.
    pub page_size: u32,
    /// Listings that run at the same time. The client also limits requests in flight.
    pub concurrency: usize,
}

impl TargetSettings {
    /// Whether both are settings of the same target: account and name are equal.
    pub fn is_same_target(&self, other: &Self) -> bool {
        self.account == other.account && self.name == other.name
    }
}
