//! The line on a terminal while a listing takes long. On standard error, and never in a log or a pipe.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::aliyun::{AttemptOutcome, RequestObserver};

/// Who has the answer sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(800);
const REFRESH: Duration = Duration::from_millis(200);

/// What was done so far.
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
    /// Nothing yet of these things, in the plural.
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

    /// So many listings are going to be made.
    pub(super) fn plan(&self, listings: usize) {
        self.listings.store(listings as u64, Relaxed);
    }

    /// One listing brought so many records.
    pub(super) fn listed(&self, records: usize) {
        self.finished.fetch_add(1, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
    }

    /// Shows the line until it is aborted, on a terminal and not before it takes long.
    pub(super) async fn show(self: Arc<Self>) {
        if !io::stderr().is_terminal() {
            return;
        }
        tokio::time::sleep(PATIENCE).await;
        loop {
            self.shown.store(true, Relaxed);
            // A terminal that is gone sees nothing: no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[K{}", self.line());
            let _ = io::stderr().flush();
            tokio::time::sleep(REFRESH).await;
        }
    }

    /// Takes the line away again.
    pub(super) fn clear(&self) {
        if self.shown.load(Relaxed) {
            let _ = write!(io::stderr(), "\r\x1b[K");
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
    fn the_line_says_how_far_it_is() {
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
