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

    /// Credentials that are valid now. Called for every attempt, so a source must cache
    /// credentials.
    ///
    /// # Errors
    /// There are no valid credentials, and none can be fetched.
    fn current(&self) -> CredentialsFuture<'_>;

    /// Reports that the service rejected `credentials` as expired or unknown, so that the source
    /// fetches other ones, if it can.
    ///
    /// Called once for every request that is rejected. A source must compare `credentials` with
    /// those that it caches, which may be newer.
    fn invalidate(&self, credentials: &Credentials);
}
