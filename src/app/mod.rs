//! The composition of the daemon: makes parts from a configuration, and supervises them.
//!
//! | module | contents |
//! |---|---|
//! | `assemble` | from a configuration to clients and targets |
//! | `credentials` | from a configured account to its source of credentials |
//! | `supervisor` | which targets are polled, and how that changes at a reload |
//! | `state` | what the server serves, and the task that renders it |
//! | `reload` | reading the configuration again |
//! | `replicas` | this process as one of several replicas |
//! | `state_keeper` | the state file |
//! | `poll_observer` | from poll reports to the exporter's own metrics |
//!
//! What is not here: commands and their output (`commands`), and the parts themselves.

pub(crate) mod assemble;
pub(crate) mod credentials;
mod outages;
mod poll_log;
mod poll_observer;
pub(crate) mod reload;
pub(crate) mod replicas;
pub(crate) mod state;
pub(crate) mod state_keeper;
pub(crate) mod supervisor;
#[cfg(test)]
mod tests;

use crate::aliyun;
#[cfg(feature = "kubernetes")]
use crate::replica::election::ElectionError;
use crate::replica::peer::PeerError;

/// Why the parts of the daemon cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An account's source of credentials cannot be used.
    #[error("account {account:?}: no credentials")]
    Credentials {
        /// The account's configured name.
        account: String,
        /// Which source failed, and why.
        source: aliyun::credentials::Error,
    },
    /// An account's client cannot be made.
    #[error("account {account:?}: cannot make a client for its endpoint")]
    Client {
        /// The account's configured name.
        account: String,
        /// The reason.
        source: aliyun::Error,
    },
    /// Other replicas cannot be asked.
    #[error("the section `replicas` cannot be used")]
    Replicas(#[from] PeerError),
    /// There is no address at which other replicas can reach this one.
    #[cfg(feature = "kubernetes")]
    #[error("the section `replicas` cannot be used")]
    Advertise(#[from] replicas::advertise::AdvertiseError),
    /// This replica cannot take part in the election of the active one.
    #[cfg(feature = "kubernetes")]
    #[error("the active replica cannot be elected by a Lease of Kubernetes")]
    Election(#[from] ElectionError),
}
