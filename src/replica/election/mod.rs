//! Election of the active replica by a Lease of Kubernetes (feature `kubernetes`).
//!
//! The replica whose identity is in the Lease is the leader. It renews the Lease, and gives it up
//! when it ends. The others read the Lease each second, and one of them claims it when it was
//! released or has expired. Every write depends on the version of the Lease that was read, so of
//! several claims one succeeds.
//!
//! | module | contents |
//! |---|---|
//! | `lease` | Leases as they are read and written |
//! | `elector` | when to read, claim and renew, and who is the leader |
//! | `api` | requests to the API server |
//! | `client` | the HTTP client |
//! | `cluster` | address, credentials and namespace |
//! | `kubeconfig` | the same, from a kubeconfig |
//! | `connect` | the connection that the environment names |
//! | `run` | the election: a loop around the elector |
//! | `failures` | which failures are logged |
//! | `holders` | who holds other Leases |
//! | `access` | whether the service account has the rights that it needs |
//! | `error` | why the election fails, and advice |
//!
//! What is not here: what a replica does when it becomes the leader.

mod access;
mod api;
mod client;
mod cluster;
mod connect;
mod elector;
mod error;
mod failures;
mod holders;
mod kubeconfig;
mod lease;
mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use access::{AccessReport, check_access};
#[cfg(test)]
pub use error::Verb;
pub use error::{ElectionError, RequestError};
pub use holders::Holders;
pub use run::Election;

/// Who takes part in the election, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionOptions {
    /// The name of the Lease.
    pub lease: String,
    /// Its namespace; `None` for that of the service account, or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// What this replica writes as the holder: `POD_NAME@URL`.
    pub identity: String,
    /// How long the leader keeps the Lease without a renewal. The Lease contains whole seconds;
    /// fractions are rounded up.
    pub lease_duration: Duration,
}

/// The role of this replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// The Lease was not read yet.
    Unknown,
    /// This replica holds the Lease.
    Leader,
    /// This replica does not hold the Lease.
    Follower {
        /// The identity in the Lease. `None` if the Lease has no holder, or if this replica was
        /// its last holder.
        holder: Option<String>,
    },
}
