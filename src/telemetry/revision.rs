//! The revision of the recorded values: what was rendered from them is up to date while it stays
//! the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that changes after every change of a recorded value.
#[derive(Debug, Default)]
pub(super) struct Revision(AtomicU64);

impl Revision {
    /// The present revision. A reader takes it first and the values after it: a value that is
    /// recorded between is then read again with the next revision.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Calls `change` and then advances the revision: a reader of the revision then sees the
    /// change.
    pub(super) fn advance_after<R>(&self, change: impl FnOnce() -> R) -> R {
        let result = change();
        self.0.fetch_add(1, Ordering::Release);
        result
    }
}
