//! The checked configuration, as the rest of the exporter uses it: the options of each part.

use std::fmt;
use std::time::Duration;

use super::entry::Entry;
use super::toml_text;
use crate::aliyun::ClientOptions;
use crate::aliyun::credentials::ProviderConfig;
use crate::appstreaming::GroupFilter;
use crate::metrics::options::RenderOptions;
use crate::poller::Shard;
use crate::poller::options::{ListingOptions, PollOptions};
use crate::replica::options::{ReplicaOptions, StateOptions};

/// A checked configuration. `Debug` shows no secret; `Display` shows TOML that can be loaded again,
/// without secrets.
#[derive(Debug, Clone)]
pub struct Config {
    /// When polls start, how long they may take, and how long their data is served.
    pub poll: PollOptions,
    /// How long running requests may take to finish after SIGTERM.
    pub shutdown_grace: Duration,
    /// What a poll lists.
    pub listing: ListingOptions,
    /// How a snapshot becomes series.
    pub render: RenderOptions,
    /// Which part of the groups this process polls.
    pub shard: Shard,
    /// Where the state is kept over a restart.
    pub state: StateOptions,
    /// How several replicas share one poll.
    pub replicas: ReplicaOptions,
    /// At least one; their names differ.
    pub accounts: Vec<Account>,
    /// Every key that was read, in that order; `Display` shows them.
    pub(super) entries: Vec<Entry>,
}

impl Config {
    /// Replaces the accounts by those of `other`. Their clients use the options of `[api]` of this
    /// configuration.
    pub fn replace_accounts(&mut self, other: &Self) {
        const ACCOUNTS: &str = "accounts.";
        let api = self.accounts.first().map(|account| account.client.clone());
        self.accounts.clone_from(&other.accounts);
        for account in &mut self.accounts {
            if let Some(api) = &api {
                let endpoint = account.client.endpoint.clone();
                account.client = ClientOptions { endpoint, ..api.clone() };
            }
        }
        self.entries.retain(|entry| !entry.section.starts_with(ACCOUNTS));
        let accounts = other.entries.iter().filter(|entry| entry.section.starts_with(ACCOUNTS));
        self.entries.extend(accounts.cloned());
    }
}

/// The configuration in TOML, with every key. Secrets are shown as `<secret>`, AccessKey ids by
/// their last four characters, durations and sizes as the operator wrote them.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml_text::document(&self.entries))
    }
}

/// One of `[[accounts]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The value of the label `account`; never empty, and different for each account.
    pub name: String,
    /// The endpoint, and how requests are sent to it. The endpoint is the value of the key
    /// `endpoint`, or the host of `endpoint_region` and `vpc`. The other options are the same for
    /// all accounts.
    pub client: ClientOptions,
    /// Whether the key `endpoint` is set.
    pub has_explicit_endpoint: bool,
    /// The region of the public endpoint, which is used unless `has_explicit_endpoint` is set.
    pub endpoint_region: EndpointRegion,
    /// Whether the endpoint is the host inside VPCs instead of the public one.
    pub vpc: bool,
    /// The regions whose groups are listed, each by its own listing; empty for one listing of all
    /// regions.
    pub regions: Vec<String>,
    /// Values of the API's parameter `ProductType`, such as `CloudApp`; at least one.
    pub product_types: Vec<String>,
    /// Where credentials come from.
    pub credentials: ProviderConfig,
    /// The ids of the groups to export; empty for all.
    pub group_ids: Vec<String>,
    /// The ids of groups that are not exported.
    pub exclude_group_ids: Vec<String>,
    /// The filter that the API applies to groups.
    pub filter: GroupFilter,
}

/// The regions that have an endpoint of App Streaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRegion {
    /// Shanghai, for the site in mainland China.
    CnShanghai,
    /// Singapore, for the international site.
    ApSoutheast1,
}

impl EndpointRegion {
    /// All regions that have an endpoint.
    pub(super) const ALL: [Self; 2] = [Self::CnShanghai, Self::ApSoutheast1];

    /// The region's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CnShanghai => "cn-shanghai",
            Self::ApSoutheast1 => "ap-southeast-1",
        }
    }

    /// The endpoint's host. Both regions share one VPC host.
    ///
    /// Source: "App Streaming: Endpoints". There are no other hosts: the host cannot be derived
    /// from the region of a group.
    pub const fn host(self, vpc: bool) -> &'static str {
        match (self, vpc) {
            (_, true) => "appstream-center.vpc-proxy.aliyuncs.com",
            (Self::CnShanghai, false) => "appstream-center.cn-shanghai.aliyuncs.com",
            (Self::ApSoutheast1, false) => "appstream-center.ap-southeast-1.aliyuncs.com",
        }
    }
}
