//! What the tests share: processes that end with the test, HTTP, and reading an exposition.

pub mod certificates;
pub mod exposition;
pub mod http;
pub mod process;

pub use exposition::Exposition;
pub use process::{Cloud, Exporter, binary, python, run};

use std::time::{Duration, Instant};

/// Polls `check` until it gives something; panics with `what` when it never does.
pub fn eventually<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(30), what, check)
}

/// [`eventually`], with another patience.
pub fn within<T>(patience: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain: {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
