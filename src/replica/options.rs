//! Options of the state file and of replicas, as they are configured.
//!
//! What is not here: how an option is parsed and checked (`config`).

use std::path::PathBuf;
use std::time::Duration;

use crate::aliyun::{Endpoint, Secret};

/// Default of `state.interval`.
pub const DEFAULT_STATE_INTERVAL: Duration = Duration::from_secs(30);
/// Default of `replicas.takeover_after`, and how long a Lease is held without being renewed.
pub const DEFAULT_TAKEOVER_AFTER: Duration = Duration::from_secs(15);
/// Default of `replicas.lease`.
pub const DEFAULT_LEASE: &str = "appstreaming-exporter";

/// Where the state is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateOptions {
    /// The file; `None` if the state is not kept.
    pub path: Option<PathBuf>,
    /// The file is written at most this often.
    pub interval: Duration,
}

/// How several replicas share one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaOptions {
    /// How the active replica is chosen.
    pub setup: ReplicaSetup,
    /// What replicas show each other; always set unless [`ReplicaSetup::Off`].
    pub token: Option<Secret>,
    /// The file that the token comes from, if it does.
    pub token_file: Option<PathBuf>,
    /// The base URL that other replicas reach this one at; `None` if it is derived from the
    /// addresses that the server listens on.
    pub advertise: Option<Endpoint>,
    /// A file with certificates of authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether replicas may use plain HTTP beyond loopback addresses.
    pub allow_http: bool,
}

/// How the active replica, the one that polls, is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReplicaSetup {
    /// There is one replica.
    #[default]
    Off,
    /// There are two replicas with fixed roles.
    Pair {
        /// The role of this one.
        role: PairRole,
        /// The base URL of the other one.
        peer: Endpoint,
        /// How long the primary may give no answer before the standby takes over.
        takeover_after: Duration,
    },
    /// The holder of a Lease of Kubernetes is active.
    Kubernetes {
        /// The name of the Lease, without the shard's suffix.
        lease: String,
        /// What the pod knows of itself.
        pod: Pod,
    },
}

/// The role of a replica of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairRole {
    /// Active whenever it runs.
    Primary,
    /// Active while the primary gives no answer.
    Standby,
}

/// What a pod knows of itself from the downward API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pod {
    /// `POD_NAME`, or the host's name.
    pub name: Option<String>,
    /// `POD_NAMESPACE`.
    pub namespace: Option<String>,
    /// `POD_IP`.
    pub ip: Option<String>,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { path: None, interval: DEFAULT_STATE_INTERVAL }
    }
}

impl Default for ReplicaOptions {
    /// One replica.
    fn default() -> Self {
        Self {
            setup: ReplicaSetup::Off,
            token: None,
            token_file: None,
            advertise: None,
            ca_file: None,
            allow_http: false,
        }
    }
}
