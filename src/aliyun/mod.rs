//! Alibaba Cloud RPC: signed requests, credentials, limits, retries, errors.
//!
//! Knows nothing of App Streaming, of the exporter's configuration or of its metrics: whoever
//! assembles a [`Client`] hands it [`Options`] and an [`Observer`].

pub mod access_key;
pub mod credentials;
pub mod identity;
pub mod probe;
pub mod request;
pub mod signature;

mod client;
mod endpoint;
mod error;
mod limiter;
mod observer;
mod retry;
mod secret;
mod transport;

pub use client::{Call, Client, Options};
pub use endpoint::{Endpoint, EndpointError, Scheme};
pub use error::{Error, Kind, chain};
pub use observer::{Observer, Outcome, Unobserved};
pub use request::Request;
pub use secret::Secret;
pub use signature::SignatureVersion;
