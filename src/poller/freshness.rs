//! The rules of the fleet's freshness, as they follow from the options of polling.

use super::options::PollOptions;
use crate::fleet::{Freshness, PersistentInterval};

impl From<&PollOptions> for PersistentInterval {
    fn from(options: &PollOptions) -> Self {
        Self::new(options.interval, options.persistent_interval)
    }
}

impl From<&PollOptions> for Freshness {
    fn from(options: &PollOptions) -> Self {
        Self::new(options.stale_after, options.into())
    }
}
