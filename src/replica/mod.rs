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

pub mod envelope;
mod error;
pub mod options;
pub mod state_file;
