//! Surviving a restart, and sharing one poll among several replicas.
//!
//! One replica is *active*: it polls. The others are *standbys*: they fetch its state and serve the
//! same fleet series from it.
//!
//! | module | contents |
//! |---|---|
//! | `options` | the configuration of the state file and of replicas |
//! | `envelope` | the bytes of a state |
//! | `state_file` | the file that holds it over a restart |
//! | `protocol` | the HTTP of replicas: names and entity tags |
//! | `token` | the token that replicas show each other |
//! | `publication` | the newest state, for other replicas |
//! | `peer` | asking another replica for its state |
//! | `pair` | which replica of a pair polls |
//! | `mirror` | serving the state of another replica |
//! | `election` | which replica is active, by a Lease of Kubernetes |

#[cfg(feature = "kubernetes")]
pub mod election;
pub mod envelope;
mod error;
pub mod mirror;
pub mod options;
pub mod pair;
pub mod peer;
pub mod protocol;
pub mod publication;
pub mod state_file;
pub mod token;

pub use error::StateError;
