//! Events of one account's credentials, for logs and statistics.

use std::time::Duration;

use jiff::Timestamp;

use super::error::Error;

/// Receives every event of one account's credentials. Must not block.
pub trait ProviderObserver: Send + Sync {
    /// Something happened.
    fn event(&self, event: ProviderEvent<'_>);
}

/// What happened. Contains no value of any credential.
#[derive(Debug, Clone)]
pub enum ProviderEvent<'a> {
    /// A source of the default chain is configured but cannot be used; the chain continues.
    Skipped {
        /// Which source, and why.
        reason: &'a Error,
    },
    /// Credentials were found for the first time.
    Found {
        /// The name of the source that has them.
        source: &'static str,
    },
    /// Credentials were fetched, for the first time or again.
    Refreshed {
        /// Their expiry, if they have one.
        expires: Option<Timestamp>,
    },
    /// Credentials could not be fetched.
    Failed {
        /// Why.
        error: &'a Error,
        /// Time until the next attempt.
        retry_in: Duration,
        /// Whether earlier credentials are still valid.
        usable: bool,
    },
}
