//! Options of polling, as they are configured.
//!
//! What is not here: how an option is parsed and checked (`config`), and the settings of one target
//! ([`TargetSettings`](super::TargetSettings)).

use std::time::Duration;

/// Default of `poll.interval`.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Default of `poll.timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Minimum of the default of `poll.stale_after`; see [`default_stale_after`].
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(5 * 60);
/// Default of `poll.page_size`: the maximum of the API, which needs the fewest requests.
pub const DEFAULT_PAGE_SIZE: u32 = 100;

/// When polls start, how long they may take, and how long their data is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollOptions {
    /// Time from the start of one poll to the start of the next.
    pub interval: Duration,
    /// A poll that takes longer ends; the listings that it finished are kept.
    pub timeout: Duration,
    /// Data of this age and older is not served.
    pub stale_after: Duration,
    /// Elements requested per page, 1 to 100.
    pub page_size: u32,
    /// How often the persistent sessions of every group are listed; `None` if it depends on the
    /// group.
    pub persistent_interval: Option<Duration>,
}

/// How much of each listing a poll requests and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingOptions {
    /// The listing of instances, `ListAppInstances`.
    pub instances: ListingDepth,
    /// Whether instances are also counted per node.
    pub nodes: bool,
    /// The listing of persistent sessions, `ListPersistentAppInstances`.
    pub persistent: ListingDepth,
}

/// How much of one listing a poll requests and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListingDepth {
    /// Nothing: the operation is not called.
    Off,
    /// Counts per group.
    #[default]
    Aggregate,
    /// Counts per group, and the properties of each element.
    Detailed,
}

/// The default of [`PollOptions::stale_after`]: three intervals, and at least
/// [`DEFAULT_STALE_AFTER`], so that data of a slowly polled target outlives two failed polls.
pub fn default_stale_after(interval: Duration) -> Duration {
    interval.saturating_mul(3).max(DEFAULT_STALE_AFTER)
}

impl Default for PollOptions {
    fn default() -> Self {
        Self {
            interval: DEFAULT_INTERVAL,
            timeout: DEFAULT_TIMEOUT,
            stale_after: DEFAULT_STALE_AFTER,
            page_size: DEFAULT_PAGE_SIZE,
            persistent_interval: None,
        }
    }
}

impl Default for ListingOptions {
    /// Instances and persistent sessions as counts per group.
    fn default() -> Self {
        Self { instances: ListingDepth::default(), nodes: false, persistent: ListingDepth::default() }
    }
}

impl ListingDepth {
    /// Whether the operation is called.
    pub fn is_on(self) -> bool {
        self != Self::Off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_a_long_interval_is_served_for_three_intervals() {
        assert_eq!(default_stale_after(DEFAULT_INTERVAL), DEFAULT_STALE_AFTER);
        assert_eq!(default_stale_after(Duration::from_secs(600)), Duration::from_secs(1800));
    }
}
