//! Which failed requests are logged: rules without a clock and without I/O.
//!
//! A replica sends a request each second, so a missing right or an unreachable API server would
//! otherwise fill the log.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{FailureKind, Verb};

/// The same failure is logged at most this often when it comes and goes.
const MIN_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The failures of requests that are known.
#[derive(Debug, Default)]
pub(super) struct Failures {
    known: BTreeMap<(Verb, FailureKind), Failure>,
}

#[derive(Debug)]
struct Failure {
    logged_at: Instant,
    /// Whether it was logged since the last success.
    is_logged: bool,
}

impl Failures {
    /// Records a failure. Returns whether to log it.
    pub(super) fn failed(&mut self, verb: Verb, kind: FailureKind, now: Instant) -> bool {
        let is_known = |failure: &Failure| failure.is_logged || now - failure.logged_at < MIN_LOG_INTERVAL;
        if self.known.get(&(verb, kind)).is_some_and(is_known) {
            return false;
        }
        self.known.insert((verb, kind), Failure { logged_at: now, is_logged: true });
        true
    }

    /// Records a success. Returns whether to log it, because a failure of this verb was logged.
    pub(super) fn succeeded(&mut self, verb: Verb) -> bool {
        let failures = self.known.iter_mut().filter(|((failed, _), _)| *failed == verb);
        failures.fold(false, |any, (_, failure)| std::mem::take(&mut failure.is_logged) || any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_logged_once_until_its_verb_succeeds() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let forbidden = FailureKind::Forbidden;
        assert!(failures.failed(Verb::Update, forbidden, start));
        for second in 1..1000 {
            let now = start + Duration::from_secs(second);
            assert!(!failures.succeeded(Verb::Get), "reads did not fail");
            assert!(!failures.failed(Verb::Update, forbidden, now), "logged again after {second} s");
        }
        assert!(failures.failed(Verb::Update, FailureKind::TimedOut, start), "another failure");
        assert!(failures.succeeded(Verb::Update), "the end of the failures is logged");
        assert!(!failures.succeeded(Verb::Update), "once");
    }

    #[test]
    fn a_failure_that_comes_and_goes_is_logged_once_a_minute() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let mut logged = 0;
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            logged += u32::from(failures.failed(Verb::Get, FailureKind::Refused(503), now));
            logged += u32::from(failures.succeeded(Verb::Get));
        }
        assert_eq!(logged, 20, "ten failures and their ends");
    }
}
