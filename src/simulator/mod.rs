//! A simulated cloud: the three listing operations over plain HTTP, in front of a fleet that lives.
//!
//! For demos, tests, dashboards and load. Signatures, timestamps and nonces are really checked, the
//! errors and the oddities of the answers are the product's, and `GET /_truth` says what a correct
//! exporter must have learned, computed from the model and not from the answers. FaultRules come from
//! [`SimulatorOptions`] or, while it runs, from `POST /_control`.
//!
//! | part | what is in it |
//! |---|---|
//! | `fleet` | the model: pure functions of (seed, options, simulated time) |
//! | `api` | parameters, the three operations, errors; pages are written straight into bytes |
//! | `authentication`, `nonces`, `limiter`, `faults` | what stands before an operation |
//! | `scenarios` | states of the fleet that make an alert fire, as a table |
//! | `access` | STS, metadata service, credentials URI: how callers come by temporary credentials |
//! | `truth`, `statistics`, `control` | the pages beside the API |
//! | `state` | what requests share, and how one becomes an answer |
//! | `server` | the only part with sockets and clocks |
//!
//! What is not here: TLS, the operations of other products, and anything the exporter itself uses: nothing but tests
//! and the composition root imports this room.

mod access;
mod answer;
mod api;
mod authentication;
mod clock;
mod cloud;
mod control;
mod faults;
mod fleet;
mod limiter;
mod nonces;
mod options;
mod scenarios;
mod server;
mod state;
mod statistics;
mod truth;

pub use access::{
    EXTERNAL_ID, EcsInstance, GUARDED_ROLE, INSTANCE_ROLE, IssuerOptions, OIDC_PROVIDER, OTHER_ACCOUNTS_ROLE,
    ROLE, RamRole,
};
pub use faults::{ErrorFault, FaultRule, RequestFault, WrongTotal};
pub use options::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, DEFAULT_PORT, KnownKey, SimulatorOptions};
pub use scenarios::{SCENARIOS, Scenario};
pub use server::{Error, SimulatedCloud};

#[cfg(test)]
mod tests;
