//! The interface between a client and its credentials.

use std::pin::Pin;
use std::sync::Arc;

use super::error::Error;
use crate::aliyun::access_key::Credentials;

/// A future that resolves to valid credentials.
pub type CredentialsFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<Credentials>, Error>> + Send + 'a>>;

/// Provides valid credentials at any time.
pub trait CredentialsSource: Send + Sync {
    /// The source's name for logs and metrics, e.g. `environment`.
    fn name(&self) -> &'static str;

    /// Credentials that are valid now. Called for every attempt: a source caches what it fetches.
    fn current(&self) -> CredentialsFuture<'_>;

    /// The service rejected `credentials` as expired or unknown: the next call of
    /// [`current`](Self::current) returns others, if the source can fetch others.
    ///
    /// Called once for every request that is rejected. A source compares `credentials` with those
    /// it caches: they may have been replaced already.
    fn invalidate(&self, credentials: &Credentials);
}
