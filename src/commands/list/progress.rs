//! The progress of a listing: a line on standard error if that is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::aliyun::{AttemptOutcome, RequestObserver};

/// A listing that ends sooner shows no progress.
const SHOW_AFTER: Duration = Duration::from_millis(800);
const REFRESH_INTERVAL: Duration = Duration::from_millis(200);

/// Moves the cursor to the start of the line and erases it.
const CLEAR_LINE: &str = "\r\x1b[K";

/// The progress of all listings of the command.
#[derive(Debug)]
pub(super) struct Progress {
    noun: &'static str,
    listings: AtomicU64,
    finished: AtomicU64,
    records: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    shown: AtomicBool,
}

impl Progress {
    /// No progress yet; `noun` names the records, in the plural.
    pub(super) fn new(noun: &'static str) -> Self {
        Self {
            noun,
            listings: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            records: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            shown: AtomicBool::new(false),
        }
    }

    /// Sets how many listings there will be.
    pub(super) fn plan(&self, listings: usize) {
        self.listings.store(listings as u64, Relaxed);
    }

    /// Counts a finished listing and its records.
    pub(super) fn listed(&self, records: usize) {
        self.finished.fetch_add(1, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
    }

    /// Shows the line until the task is aborted.
    pub(super) async fn show(self: Arc<Self>) {
        if !io::stderr().is_terminal() {
            return;
        }
        tokio::time::sleep(SHOW_AFTER).await;
        loop {
            self.shown.store(true, Relaxed);
            // The terminal may have been closed; progress is not worth an error.
            let _ = write!(io::stderr(), "{CLEAR_LINE}{}", self.line());
            let _ = io::stderr().flush();
            tokio::time::sleep(REFRESH_INTERVAL).await;
        }
    }

    /// Erases the line.
    pub(super) fn clear(&self) {
        if self.shown.load(Relaxed) {
            let _ = write!(io::stderr(), "{CLEAR_LINE}");
        }
    }

    fn line(&self) -> String {
        let [listings, finished, records, requests, retries] =
            [&self.listings, &self.finished, &self.records, &self.requests, &self.retries]
                .map(|count| count.load(Relaxed));
        let listings = match listings {
            0 => "finding groups".to_owned(),
            1 => format!("listing {}", self.noun),
            _ => format!("listing {}: {finished} of {listings} listings, {records} records", self.noun),
        };
        let retries = if retries == 0 { String::new() } else { format!(", {retries} repeated") };
        format!("{listings}, {requests} requests{retries} ...")
    }
}

impl RequestObserver for Progress {
    fn finished(&self, _outcome: &AttemptOutcome<'_>) {
        self.requests.fetch_add(1, Relaxed);
    }

    fn retried(&self, _operation: &'static str) {
        self.retries.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_listings_records_and_requests() {
        let progress = Progress::new("instances");
        assert_eq!(progress.line(), "finding groups, 0 requests ...");
        progress.plan(40);
        progress.listed(1234);
        progress.retried("ListAppInstances");
        assert_eq!(
            progress.line(),
            "listing instances: 1 of 40 listings, 1234 records, 0 requests, 1 repeated ..."
        );
    }
}
