//! The configuration as the rest of the exporter uses it: the options of the parts, checked.

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

/// A checked configuration. `Debug` shows no secret; `Display` shows TOML that can be loaded again,
/// without secrets.
#[derive(Debug, Clone)]
pub struct Config {
    /// When polls start, and how long they and their data last.
    pub poll: PollOptions,
    /// Time for running requests to finish after SIGTERM.
    pub shutdown_grace: Duration,
    /// What a poll lists.
    pub listing: ListingOptions,
    /// How a snapshot becomes series.
    pub render: RenderOptions,
    /// Which part of the groups this replica exports.
    pub shard: Shard,
    /// At least one; names differ.
    pub accounts: Vec<Account>,
    pub(super) entries: Vec<Entry>,
}

impl Config {
    /// The configuration in TOML, with every key. Secrets are shown as `<secret>`, AccessKey ids by
    /// their last four characters, durations and sizes as the operator wrote them.
    pub fn redacted(&self) -> String {
        self.to_string()
    }

    /// Replaces the accounts by those of `other`; their clients keep the `[api]` of this configuration.
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
    /// How requests are sent, and where: to the key `endpoint`, or the host of `endpoint_region`
    /// and `vpc`. The rest is the same for all accounts.
    pub client: ClientOptions,
    /// Whether the key `endpoint` is set.
    pub has_explicit_endpoint: bool,
    /// The region of the endpoint.
    pub endpoint_region: EndpointRegion,
    /// Whether the endpoint is the host inside VPCs.
    pub vpc: bool,
    /// Regions of groups, each a listing of its own; empty for one listing of all regions.
    pub regions: Vec<String>,
    /// At least one.
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
    /// Source: "App Streaming: Endpoints". There are no others; a host cannot be derived from a
    /// group's region.
    pub const fn host(self, vpc: bool) -> &'static str {
        match (self, vpc) {
            (_, true) => "appstream-center.vpc-proxy.aliyuncs.com",
            (Self::CnShanghai, false) => "appstream-center.cn-shanghai.aliyuncs.com",
            (Self::ApSoutheast1, false) => "appstream-center.ap-southeast-1.aliyuncs.com",
        }
    }
}
