//! Events of one account's credentials, for logs and statistics.

use std::time::Duration;

use jiff::Timestamp;

use super::error::Error;

/// Receives every event of one account's credentials. Must not block.
pub trait ProviderObserver: Send + Sync {
    /// Called for every event.
    fn event(&self, event: ProviderEvent<'_>);
}

/// An event of credentials. Contains no part of a credential.
#[derive(Debug, Clone)]
pub enum ProviderEvent<'a> {
    /// A source of the default chain is configured but cannot be used; the chain continues.
    Skipped {
        /// The error of the source, which has the source's name.
        reason: &'a Error,
    },
    /// Credentials were found for the first time.
    Found {
        /// The name of the source that has the credentials.
        source: &'static str,
    },
    /// Credentials were fetched that differ from the previous ones, or are the first ones.
    Refreshed {
        /// The expiry of the credentials, if they have one.
        expires: Option<Timestamp>,
    },
    /// Credentials could not be fetched.
    Failed {
        /// Why the fetch failed.
        error: &'a Error,
        /// Time until the next fetch.
        retry_in: Duration,
        /// Whether earlier credentials are still valid.
        usable: bool,
    },
}
