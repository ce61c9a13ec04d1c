//! What a source tells whoever keeps a log and statistics.

use std::time::Duration;

use jiff::Timestamp;

use super::Error;

/// Told of everything that happens to an account's credentials. Must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// What happened. Holds no value of any credential.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A source of the default chain is there but can't be used; the chain goes on without it.
    Skipped {
        /// Which one, and why.
        reason: &'a Error,
    },
    /// Credentials were found for the first time.
    Found {
        /// The [name](super::Source::name) of the source that had them.
        source: &'static str,
    },
    /// Credentials were fetched, for the first time or again.
    Refreshed {
        /// When they end, where they do.
        expires: Option<Timestamp>,
    },
    /// Credentials could not be fetched.
    Failed {
        /// Why.
        error: &'a Error,
        /// When it is going to be tried again.
        retry_in: Duration,
        /// Whether there are older ones that are still good.
        usable: bool,
    },
}

/// Keeps nothing, for tools that have no statistics.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _event: Event<'_>) {}
}
