//! A poll target: one account, product type and (where the account lists regions) region.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
    /// What the data of the target depends on.
    pub key: TargetKey,
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

/// A target as the snapshot store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetIdentity {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The target's name, which is the metric label `target`.
    pub name: Arc<str>,
    /// What the data of the target depends on.
    pub key: TargetKey,
    /// The part of the groups that this process polls.
    pub shard: Shard,
}

#[cfg(test)]
impl TargetIdentity {
    /// A target of account `a` that is not divided.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            account: "a".into(),
            name: name.into(),
            key: TargetKey::new([("name", name)]),
            shard: Shard::WHOLE,
        }
    }
}

/// A hash of everything that the data of a target depends on: account name, endpoint, product type,
/// region and filter. Saved data of a target with the same key is continued. Neither credentials
/// nor the shard are part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetKey(Box<str>);

impl TargetKey {
    /// The key of these settings, each with its name. The order of the settings matters.
    pub fn new<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut hash = Sha256::new();
        for (name, value) in settings {
            // The length separates a value from the next name.
            hash.update(format!("{name}={}:{value}\n", value.len()));
        }
        Self(HEXLOWER.encode(&hash.finalize()).into())
    }
}

impl TargetSettings {
    /// Whether both are settings of the same target: account and name are equal.
    pub fn is_same_target(&self, other: &Self) -> bool {
        self.account == other.account && self.name == other.name
    }

    /// What the snapshot store knows of the target.
    pub fn identity(&self) -> TargetIdentity {
        TargetIdentity {
            account: Arc::clone(&self.account),
            name: Arc::clone(&self.name),
            key: self.key.clone(),
            shard: self.shard,
        }
    }
}
