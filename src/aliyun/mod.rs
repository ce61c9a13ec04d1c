//! Alibaba Cloud RPC: signed requests, credentials, rate limits, retries, errors.
//!
//! | file | does |
//! |---|---|
//! | `access_key`, `secret`, `endpoint`, `options`, `request` | plain values |
//! | `signature` | signs requests: pure functions |
//! | `error` | why a call failed |
//! | `limiter`, `turn`, `retry`, `observer` | how fast, in which order, how often; events for statistics |
//! | `proxy`, `tls`, `variable_error` | which proxy and which certificates; environment variables that cannot be used |
//! | `transport`, `client` | sends one request; calls an operation with limits and retries |
//! | `credentials` | obtains and refreshes credentials |
//! | `identity`, `diagnose`, `connect_attempts` | the caller's identity; which part of a connection fails |
//!
//! What is not here: App Streaming, the exporter's configuration and its metrics. A caller builds a
//! [`Client`] from [`ClientOptions`], a [`credentials::CredentialsSource`] and a
//! [`RequestObserver`].

pub mod access_key;
pub mod credentials;
pub mod diagnose;
pub mod identity;
pub mod options;
pub mod request;
pub mod signature;

mod client;
mod connect_attempts;
mod endpoint;
mod error;
mod limiter;
mod observer;
mod proxy;
mod retry;
mod secret;
mod tls;
mod transport;
mod turn;
mod variable_error;

pub use client::{Call, Client};
pub use endpoint::{Endpoint, Scheme};
pub use error::{Error, ErrorKind, chain};
#[cfg(test)]
pub(crate) use limiter::RateLimiter;
pub use observer::{AttemptOutcome, RequestObserver, Waited};
pub use options::ClientOptions;
pub use proxy::PROXY_RULE;
pub use request::Request;
pub use secret::Secret;
pub use signature::SignatureVersion;
#[cfg(feature = "kubernetes")]
pub use tls::tls_config_of;
pub use tls::{TlsError, tls_config_trusting};
#[cfg(feature = "simulator")]
pub use transport::is_connection_variable;
pub use transport::{check_variables, client_builder};
pub use turn::Turn;
