//! Credentials: where they come from, and how they stay valid.
//!
//! A [`ProviderConfig`] describes where credentials come from; [`build_source`] turns it into a
//! [`CredentialsSource`], which returns valid credentials at any time.
//!
//! | file | does |
//! |---|---|
//! | `provider_config`, `credentials_uri` | the configuration, as data |
//! | `build`, `provider` | from a configuration to a provider, which fetches credentials once |
//! | `access_key`, `oidc_role`, `assume_role`, `ecs_ram_role`, `uri`, `profile`, `default_chain` | one provider each |
//! | `source` | the interface between a client and its credentials |
//! | `cache`, `cache_state` | caches credentials and refreshes them before they expire; its decisions |
//! | `sts`, `direct_http`, `response`, `text_file` | the services and files that providers read |
//! | `environment` | the SDKs' environment variables |
//! | `observer`, `error` | events for logs and statistics; why there are no credentials |
//!
//! What is not here: which source an account uses (configuration), and any metric.

pub mod environment;

mod access_key;
mod assume_role;
mod build;
mod cache;
mod cache_state;
mod credentials_uri;
mod default_chain;
mod direct_http;
mod ecs_ram_role;
mod error;
mod observer;
mod oidc_role;
mod profile;
mod provider;
mod provider_config;
mod response;
pub mod source;
mod sts;
mod text_file;
mod uri;

pub use build::build_source;
pub use credentials_uri::CredentialsUri;
pub use environment::Environment;
pub use error::Error;
pub use observer::{ProviderEvent, ProviderObserver};
pub use provider::ProviderContext;
pub use provider_config::{AssumedRole, DEFAULT_SESSION_NAME, KeySource, ProviderConfig, ServiceEndpoints};
pub use source::CredentialsSource;
