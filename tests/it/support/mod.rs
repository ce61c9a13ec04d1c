//! Shared by the tests: processes that end with the test, an HTTP client, and a reader of
//! expositions.

pub mod certificates;
pub mod exposition;
pub mod http;
#[cfg(feature = "kubernetes")]
pub mod leases;
pub mod link;
pub mod process;

pub use exposition::Exposition;
pub use process::{Cloud, Exporter, binary, python, run};

use std::time::{Duration, Instant};

/// Calls `check` until it returns a value. Panics after 30 seconds; `what` names the condition in
/// the message.
pub fn eventually<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(30), what, check)
}

/// Like [`eventually`], with another timeout.
pub fn within<T>(timeout: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "timed out after {} s: {what}", timeout.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asserts that `check` stays true for this time.
pub fn throughout(time: Duration, what: &str, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(check(), "no longer true: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
