//! The configuration as the rest of the exporter sees it: typed, validated, nothing left to doubt.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::secret::{AccessKeyId, Proxy};
use super::sourced::Sourced;
use crate::aliyun::credentials::{CredentialsUri, ServiceEndpoints};
use crate::aliyun::{Endpoint, Secret, SignatureVersion};

/// Everything an operator can say, after defaults, files, environment and flags were merged and checked.
///
/// `Display` and [`Config::redacted`] show it as TOML that loads again; no secret is in it, nor in `Debug`.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often the cloud is asked.
    pub poll: Poll,
    /// How it is asked.
    pub api: Api,
    /// What is asked for, and how much of it becomes series.
    pub collectors: Collectors,
    /// Which further labels series get.
    pub labels: Labels,
    /// How schedules of node pools are understood.
    pub schedule: Schedule,
    /// Which part of the fleet is this replica's.
    pub sharding: Sharding,
    /// At least one; names differ.
    pub accounts: Vec<Account>,
}

/// `[poll]`
#[derive(Debug, Clone)]
pub struct Poll {
    /// Start to start, at least 1 s.
    pub interval: Sourced<Duration>,
    /// A poll that runs longer is given up.
    pub timeout: Sourced<Duration>,
    /// Older data is no longer served; at least 5 s. Where the operator said nothing it is the larger
    /// of 5 minutes and three intervals.
    pub stale_after: Sourced<Duration>,
    /// Records asked for at once, 1 to 100.
    pub page_size: u32,
    /// How long running scrapes may take to finish after SIGTERM.
    pub shutdown_grace: Sourced<Duration>,
}

/// `[api]`
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// How requests are signed.
    pub signature: SignatureVersion,
    /// For the whole answer of one request.
    pub request_timeout: Sourced<Duration>,
    /// For the connection alone.
    pub connect_timeout: Sourced<Duration>,
    /// Requests at once, per account and endpoint; at least 1.
    pub max_in_flight: usize,
    /// Ceiling per account and endpoint; above 0, at most 5,000.
    pub requests_per_second: f64,
    /// Further attempts for one request.
    pub max_retries: u32,
    /// A larger answer is refused.
    pub max_response_bytes: Sourced<u64>,
    /// Whether plain HTTP endpoints other than loopback are fine.
    pub allow_http: bool,
    /// `None`: the environment's `HTTPS_PROXY` and `NO_PROXY` decide.
    pub proxy: Option<Proxy>,
}

/// `[collectors]`
#[derive(Debug, Clone)]
pub struct Collectors {
    /// Whether node pools become series.
    pub node_pools: bool,
    /// How deep instances are looked at.
    pub instances: Depth,
    /// Whether instances are counted by node.
    pub nodes: bool,
    /// How deep persistent sessions are looked at.
    pub persistent: Depth,
    /// Whether and how user names are shown.
    pub users: Users,
    /// Which states of a single instance become series.
    pub stateset: StateSet,
    /// Beyond so many series the detail collectors are dropped.
    pub max_series: u64,
}

/// How deep a collector looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Not at all: the operation isn't called.
    Off,
    /// Counts per group.
    Aggregate,
    /// Counts per group and series for each record.
    Detailed,
}

impl Depth {
    pub(super) const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("aggregate", Self::Aggregate), ("detailed", Self::Detailed)];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Aggregate => "aggregate",
            Self::Detailed => "detailed",
        }
    }
}

/// Whether and how user names leave the exporter.
#[derive(Debug, Clone, PartialEq)]
pub enum Users {
    /// They don't.
    Off,
    /// As a keyed hash, with this key.
    Hash(Secret),
    /// As they are.
    Plain,
}

/// Which states of a single instance become series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSet {
    /// The one it is in.
    Current,
    /// All known ones, with 0 and 1.
    Full,
}

/// `[labels]`
#[derive(Debug, Clone)]
pub struct Labels {
    /// Labels added to every series of a group.
    pub group: Vec<GroupLabel>,
    /// Tags exported in `group_tags`.
    pub tags: Tags,
    /// Whether tags that Alibaba Cloud itself sets are among them.
    pub system_tags: bool,
}

/// One label added to every series of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupLabel {
    /// The group's name.
    Name,
    /// The value of the tag with this key.
    Tag(String),
}

/// A choice among tags by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// No tag.
    None,
    /// Every tag.
    All,
    /// The tags with these keys.
    Keys(Vec<String>),
}

/// `[schedule]`
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The zone that the days and times of schedules are in.
    pub time_zone: TimeZone,
    /// Its name as the operator wrote it.
    pub time_zone_name: String,
}

/// `[sharding]`: which of `total` replicas this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharding {
    /// From 0, below `total`.
    pub index: u32,
    /// At least 1.
    pub total: u32,
}

/// One of `[[accounts]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The value of the label `account`; never empty, and no other account has it.
    pub name: String,
    /// Where requests go: `endpoint` if it was written, else the host of `endpoint_region` and `vpc`.
    pub endpoint: Endpoint,
    /// Whether `endpoint` was written, rather than looked up.
    pub endpoint_written: bool,
    /// Which of the two public sites, or which VPC host.
    pub endpoint_region: EndpointRegion,
    /// Whether the VPC host is meant.
    pub vpc: bool,
    /// Regions that groups live in, one listing each; empty: all, in one listing.
    pub regions: Vec<String>,
    /// At least one.
    pub product_types: Vec<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// Which groups are asked for.
    pub filter: Filter,
}

/// The two sites that App Streaming has endpoints in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRegion {
    /// Shanghai, the mainland site.
    CnShanghai,
    /// Singapore, the international site.
    ApSoutheast1,
}

impl EndpointRegion {
    pub(super) const WORDS: [(&'static str, Self); 2] =
        [("cn-shanghai", Self::CnShanghai), ("ap-southeast-1", Self::ApSoutheast1)];

    /// The region's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CnShanghai => "cn-shanghai",
            Self::ApSoutheast1 => "ap-southeast-1",
        }
    }

    /// The host to call. Both regions share one VPC host.
    ///
    /// Source: "App Streaming: Endpoints". There are no others: a host can't be derived from a group's region.
    pub const fn host(self, vpc: bool) -> &'static str {
        match (self, vpc) {
            (_, true) => "appstream-center.vpc-proxy.aliyuncs.com",
            (Self::CnShanghai, false) => "appstream-center.cn-shanghai.aliyuncs.com",
            (Self::ApSoutheast1, false) => "appstream-center.ap-southeast-1.aliyuncs.com",
        }
    }
}

/// `[accounts.credentials]`, and what a role's `base` is.
#[derive(Debug, Clone, PartialEq)]
pub enum Credentials {
    /// The default chain: what Alibaba Cloud's own tools would find.
    Default {
        /// Services that aren't at their usual addresses.
        places: ServiceEndpoints,
    },
    /// An AccessKey that was written here.
    AccessKey {
        /// Its id.
        id: AccessKeyId,
        /// Its secret.
        secret: Secret,
        /// The token of temporary credentials.
        security_token: Option<Secret>,
        /// Where each of them can be read again.
        files: KeyFiles,
    },
    /// A role taken on with an OIDC token.
    OidcRole {
        /// The role.
        role: AssumedRole,
        /// `acs:ram::{account}:oidc-provider/{name}`.
        provider_arn: String,
        /// Where the token lies.
        token_file: PathBuf,
        /// `None`: the STS that the environment names, or the one for all regions.
        sts: Option<Endpoint>,
    },
    /// The role of the ECS instance.
    EcsRamRole {
        /// Its name; `None`: the metadata service is asked.
        role_name: Option<String>,
        /// `None`: the usual address.
        metadata: Option<Endpoint>,
    },
    /// A role taken on with other credentials.
    AssumeRole {
        /// The role.
        role: AssumedRole,
        /// What the role's trust policy asks for.
        external_id: Option<Secret>,
        /// Who asks for it.
        base: Box<Credentials>,
        /// As with an OIDC role.
        sts: Option<Endpoint>,
    },
    /// A URL that hands out credentials.
    Uri(CredentialsUri),
    /// A profile of the Alibaba Cloud CLI, or a section of an INI file.
    Profile {
        /// Its name; `None`: `ALIBABA_CLOUD_PROFILE`, or what the file says.
        profile: Option<String>,
        /// `None`: the usual files.
        file: Option<PathBuf>,
        /// Services that aren't at their usual addresses.
        places: ServiceEndpoints,
    },
}

impl Credentials {
    /// The STS that was written for this source; `None`: the usual one, or the source needs none.
    pub fn sts(&self) -> Option<&Endpoint> {
        match self {
            Self::Default { places } | Self::Profile { places, .. } => places.sts.as_ref(),
            Self::OidcRole { sts, .. } | Self::AssumeRole { sts, .. } => sts.as_ref(),
            Self::AccessKey { .. } | Self::EcsRamRole { .. } | Self::Uri(_) => None,
        }
    }
}

/// The files that parts of an AccessKey were written in; `None` for what wasn't.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// Of the id.
    pub id: Option<PathBuf>,
    /// Of the secret.
    pub secret: Option<PathBuf>,
    /// Of the token.
    pub security_token: Option<PathBuf>,
}

/// A role to take on.
#[derive(Debug, Clone, PartialEq)]
pub struct AssumedRole {
    /// `acs:ram::{account}:role/{name}`.
    pub arn: String,
    /// What the session is called in audits; 2 to 64 characters.
    pub session_name: String,
    /// How long a session lasts, 15 minutes to 12 hours.
    pub duration: Sourced<Duration>,
    /// Narrows the role's rights: a policy in JSON.
    pub policy: Option<String>,
}

/// `[accounts.filter]`: what the API is asked to leave out, and what the exporter leaves out itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Exactly these groups; empty: all.
    pub group_ids: Vec<String>,
    /// The API's substring match.
    pub group_name: Option<String>,
    /// Statuses of groups; empty: all.
    pub status: Vec<String>,
    /// Tags that a group must have.
    pub tags: BTreeMap<String, String>,
    /// Groups that are left out.
    pub exclude_group_ids: Vec<String>,
    /// Groups of this office site.
    pub office_site_id: Option<String>,
    /// Groups with nodes of this type.
    pub node_instance_type: Option<String>,
    /// Groups made from this image.
    pub image_id: Option<String>,
    /// Groups authorised for these user groups.
    pub user_group_ids: Vec<String>,
    /// Groups authorised for these user groups are left out.
    pub excluded_user_group_ids: Vec<String>,
}
