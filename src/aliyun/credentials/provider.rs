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

/// Fetches credentials and does not cache them, which `cache` does.
pub(super) trait Provider: Send + Sync {
    /// The name for logs and metrics. The chain returns the name of the provider that it selected.
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

/// The type of `build::build_provider`.
pub(super) type BuildFn = fn(&ProviderConfig, &ProviderBuilder) -> Result<Arc<dyn Provider>, Error>;

/// Builds providers. A provider that refers to other providers keeps a builder for them.
///
/// The function is a field because the chain and a profile can refer to any provider: otherwise
/// their files and `build` would import each other.
#[derive(Clone)]
pub(super) struct ProviderBuilder {
    /// The context of every provider.
    pub(super) context: ProviderContext,
    /// Receives the events of the chain.
    pub(super) observer: Arc<dyn ProviderObserver>,
    /// `build::build_provider`.
    pub(super) build: BuildFn,
}

impl ProviderBuilder {
    /// Sets up the provider that `config` describes; sends nothing.
    pub(super) fn build(&self, config: &ProviderConfig) -> Result<Arc<dyn Provider>, Error> {
        (self.build)(config, self)
    }
}
