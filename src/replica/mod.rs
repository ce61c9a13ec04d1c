//! Surviving a restart, and sharing one poll among several replicas.
//!
//! One replica is *active*: it polls. The others are *standbys*: they fetch its state and serve the
//! same fleet series from it.
//!
//! | module | contents |
//! |---|---|
//! | `options` | the configuration of the state file and of replicas |

pub mod options;
