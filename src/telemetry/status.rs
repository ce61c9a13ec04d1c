//! The exporter's own state as plain data, for the pages and the JSON API: how it is set up, what
//! it does now and why recent polls failed.
//!
//! None of it is a secret or the name of a user. What is not here: where the values come from (the
//! other modules of `telemetry`) and how they are shown (`web`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The exporter's own state at one moment.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The settings that pages show or calculate with.
    pub setup: Setup,
    /// Version, revision and compiler of the binary.
    pub build: BuildInfo,
    /// Every account, sorted by name.
    pub accounts: Vec<AccountStatus>,
    /// The number of series in the last snapshot, by collector; 0 for a collector without series.
    pub series: BTreeMap<&'static str, u64>,
    /// The number of series that `collectors.max_series` dropped from the last snapshot, by collector.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Whether the last reload of the configuration failed.
    pub reload_failed: bool,
    /// This process as one of several replicas.
    pub replica: ReplicaStatus,
    /// The last state that could not be restored.
    pub failed_restore: Option<FailedRestore>,
    /// The operating system's figures for this process.
    pub process: ProcessUsage,
    /// API requests without a response yet.
    pub requests_in_flight: i64,
    /// Polls since the start that took longer than the poll interval.
    pub poll_overruns: u64,
    /// When the last of these polls ended, the oldest first.
    pub overrun_times: Vec<Timestamp>,
    /// Why the last poll of each failing target failed.
    pub failures: Vec<PollFailure>,
    /// The last API calls, newest first.
    pub calls: Vec<ApiCall>,
    /// The last failed API calls, newest first. They are kept longer than in `calls`.
    pub failed_calls: Vec<ApiCall>,
}

/// The settings that pages show or calculate with.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The poll interval.
    pub interval: SignedDuration,
    /// The configured interval of listings of persistent sessions, if any.
    pub persistent_interval: Option<SignedDuration>,
    /// The maximum of API requests per second and account; of a shard, its share.
    pub requests_per_second: f64,
    /// Whether instances are listed.
    pub lists_instances: bool,
    /// The shard that this process polls, from 0.
    pub shard_index: u32,
    /// The number of shards; 1 if the fleet is not divided.
    pub shards: u32,
    /// The time zone of schedules, and of times on the pages.
    pub time_zone: TimeZone,
}

/// One replica of a set. The default is a process without replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// How the active replica is decided.
    pub mode: ReplicaMode,
    /// What this replica does now.
    pub role: ReplicaRole,
    /// The base URL of the active replica that this standby mirrors, for example
    /// `http://10.0.0.7:9877`.
    pub of: Option<String>,
    /// When the state that is served was published; `None` before the first.
    pub state_at: Option<Timestamp>,
    /// Why the last request for the active replica's state failed; `None` if it succeeded.
    pub fetch_failure: Option<String>,
}

/// A state that could not be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedRestore {
    /// When.
    pub at: Timestamp,
    /// From where: `file` or `peer`.
    pub source: &'static str,
    /// Why: `damaged`, `foreign` or `version`.
    pub result: &'static str,
}

/// How the active replica of a set is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplicaMode {
    /// There is only this process.
    #[default]
    Off,
    /// Two replicas, of which the configuration makes one the primary.
    Pair,
    /// A Kubernetes Lease.
    #[cfg_attr(not(feature = "kubernetes"), allow(dead_code))]
    Kubernetes,
}

/// What a replica does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReplicaRole {
    /// It polls.
    #[default]
    Active,
    /// It serves the active replica's state.
    Standby,
    /// It was active and hands over before it ends.
    Leaving,
}

impl ReplicaRole {
    const ALL: [Self; 3] = [Self::Active, Self::Standby, Self::Leaving];

    /// The role in texts for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Leaving => "leaving",
        }
    }

    /// The role with this text; `None` if there is none.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// What the binary was built from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The exporter's version, for example `0.1.0`.
    pub version: &'static str,
    /// The git commit, 40 hexadecimal digits, or `unknown`.
    pub revision: &'static str,
    /// The version of the compiler, for example `1.95.0`.
    pub rustc: &'static str,
}

/// One account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountStatus {
    /// The configured name.
    pub account: Arc<str>,
    /// The name of the credential provider, for example `environment`.
    pub credentials: Option<&'static str>,
    /// When the current credentials expire; `None` if they do not, or if the provider does not
    /// know.
    pub credentials_expire: Option<Timestamp>,
    /// Requests per second that the rate limit allows now; `None` before the first client exists.
    pub rate: Option<f64>,
    /// Requests that one poll of all the account's targets takes; `None` before the first poll has
    /// ended.
    pub planned_requests: Option<u64>,
}

/// The operating system's figures for this process. A figure that cannot be read is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessUsage {
    /// CPU time in user and system mode, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Resident memory in bytes.
    pub resident_bytes: Option<f64>,
    /// Virtual memory in bytes.
    pub virtual_bytes: Option<f64>,
    /// The limit of virtual memory in bytes; infinite without a limit.
    pub max_virtual_bytes: Option<f64>,
    /// Threads.
    pub threads: Option<f64>,
    /// Open file descriptors.
    pub open_fds: Option<f64>,
    /// The limit of open file descriptors; infinite without a limit.
    pub max_fds: Option<f64>,
    /// The start of the process, in Unix seconds.
    pub start_time_seconds: Option<f64>,
}

/// The failures of one operation with one code in the last poll of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The target.
    pub target: Arc<str>,
    /// The operation that failed.
    pub operation: &'static str,
    /// The API's error code, or the client's own.
    pub code: String,
    /// The error message with its causes.
    pub message: String,
    /// The API's request id, which Alibaba Cloud's support needs.
    pub request_id: Option<String>,
    /// How to fix the failure.
    pub advice: Option<String>,
    /// How often the failure occurred in that poll.
    pub count: usize,
}

/// One attempt of an API call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// When the attempt ended.
    pub at: Timestamp,
    /// The account's configured name.
    pub account: Arc<str>,
    /// The operation.
    pub operation: &'static str,
    /// `OK`, the API's error code, or the client's own.
    pub code: Box<str>,
    /// From sending the request to the last byte of the response.
    pub took: Duration,
    /// The API's request id.
    pub request_id: Option<Box<str>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            interval: SignedDuration::ZERO,
            persistent_interval: None,
            requests_per_second: 0.0,
            lists_instances: false,
            shard_index: 0,
            shards: 1,
            time_zone: TimeZone::UTC,
        }
    }
}

impl PollFailure {
    /// Operation, code and count in one line.
    pub fn summary(&self) -> String {
        let times = if self.count > 1 { format!(", {} times", self.count) } else { String::new() };
        format!("{}: {}{times}", self.operation, self.code)
    }
}
