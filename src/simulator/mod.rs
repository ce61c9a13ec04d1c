//! A simulated cloud: the three listing operations over plain HTTP, for a fleet that changes over
//! time.
//!
//! It serves demos, tests, dashboards and load measurements. It checks signatures, timestamps and
//! nonces as the real API does, and its responses have the real API's errors and irregularities.
//! `GET /_truth` returns the values that a correct exporter must show, counted from the model and
//! not from responses. Faults come from [`SimulatorOptions`] or, at run time, from
//! `POST /_control`.
//!
//! | part | what is in it |
//! |---|---|
//! | `fleet` | the model: pure functions of (seed, options, simulated time) |
//! | `api` | parameters, the three operations, errors; pages are serialized record by record |
//! | `authentication`, `nonces`, `limiter`, `faults` | the checks before an operation |
//! | `credentials` | STS, metadata service, credentials URI: the sources of temporary credentials |
//! | `options`, `scenarios` | the cloud at the start; a table of scenarios, each for one alert |
//! | `clock` | simulated time |
//! | `state` | the data that all requests share |
//! | `dispatch`, `reply` | how a request becomes a reply |
//! | `truth`, `statistics`, `control` | the pages next to the API |
//! | `routes`, `body`, `server` | routes, responses, connections; only they read the real time |
//!
//! What is not here: TLS, the operations of other products, and code that the exporter itself uses.
//! Only tests and `commands` import this module.

mod api;
mod authentication;
mod body;
mod clock;
mod control;
mod credentials;
mod dispatch;
mod faults;
mod fleet;
mod limiter;
mod nonces;
mod options;
mod reply;
mod routes;
mod scenarios;
mod server;
mod state;
mod statistics;
mod truth;

pub use credentials::{
    EXTERNAL_ID, EcsInstance, GUARDED_ROLE, INSTANCE_ROLE, IssuerOptions, OIDC_PROVIDER, OTHER_ACCOUNTS_ROLE,
    ROLE, RamRole,
};
pub use faults::{ErrorFault, FaultRule, RequestFault, WrongTotal};
pub use fleet::ScheduleCounts;
pub use options::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, KnownKey, SimulatorOptions};
pub use scenarios::{SCENARIOS, Scenario};
pub use server::{Error, SimulatedCloud};

#[cfg(test)]
mod tests;
