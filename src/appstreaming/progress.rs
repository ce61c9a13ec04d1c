//! How far a listing is, visible while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::aliyun::Turn;

/// The state of a running listing. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ListingProgress {
    turn: Turn,
    /// The number of elements plus 1; 0 while it is unknown.
    reported: Arc<AtomicU64>,
}

impl ListingProgress {
    /// The progress of a listing whose requests are sent in this turn.
    pub fn new(turn: Turn) -> Self {
        Self { turn, reported: Arc::default() }
    }

    /// The turn of its requests.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// The number of elements as the pages received so far report it; `None` before the first one.
    pub fn reported(&self) -> Option<u64> {
        self.reported.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Records the number of elements that the pages report.
    pub(super) fn report(&self, elements: u64) {
        self.reported.store(elements.saturating_add(1), Ordering::Relaxed);
    }
}
