//! The interface of a provider, which fetches credentials once, and what providers share.

use std::pin::Pin;
use std::sync::Arc;

use super::environment::Environment;
use super::error::Error;
use super::observer::ProviderObserver;
use super::provider_config::ProviderConfig;
use crate::aliyun::access_key::Credentials;

/// A future that resolves to fetched credentials.
pub(super) type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + 'a>>;

/// Fetches credentials. Does not cache them: that is the task of `cache`.
pub(super) trait Provider: Send + Sync {
    /// The name for logs and metrics; of a chain, the name of the provider that it selected.
    fn name(&self) -> &'static str;

    /// Fetches once, within the provider's timeouts.
    fn fetch(&self) -> FetchFuture<'_>;
}

/// What providers need to know about the process.
#[derive(Debug, Clone, Default)]
pub struct ProviderContext {
    /// Where the SDKs' variables are looked up.
    pub environment: Environment,
    /// URL of a proxy for STS. `None` or empty: the environment's. The metadata service and
    /// credentials URIs are always called without a proxy.
    pub proxy: Option<String>,
    /// `User-Agent` of requests, e.g. `name/version`.
    pub user_agent: String,
}

/// Builds the provider of a configuration. See `build`.
pub(super) type BuildFn = fn(&ProviderConfig, &ProviderBuilder) -> Result<Arc<dyn Provider>, Error>;

/// Builds providers, and lets a provider build the ones that it refers to.
///
/// The function is a field because a chain and a profile refer to any provider, which would
/// otherwise make their files and `build` import each other.
#[derive(Clone)]
pub(super) struct ProviderBuilder {
    pub(super) context: ProviderContext,
    pub(super) observer: Arc<dyn ProviderObserver>,
    pub(super) build: BuildFn,
}

impl ProviderBuilder {
    /// Sets up the provider that `config` describes; sends nothing.
    pub(super) fn build(&self, config: &ProviderConfig) -> Result<Arc<dyn Provider>, Error> {
        (self.build)(config, self)
    }
}
