//! The account's limit of requests per second.

use std::time::Duration;

use jiff::Timestamp;

/// A bucket of one second's requests that refills steadily.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    requests_per_second: f64,
    tokens: f64,
    refilled: Timestamp,
}

impl RequestLimiter {
    /// A full bucket; 0 requests per second stands for no limit.
    pub(super) fn new(requests_per_second: f64, now: Timestamp) -> Self {
        Self { requests_per_second, tokens: requests_per_second.max(1.0), refilled: now }
    }

    /// Lets a request through, or says how long to wait.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<(), Duration> {
        if self.requests_per_second == 0.0 {
            return Ok(());
        }
        let elapsed = now.duration_since(self.refilled).as_secs_f64().max(0.0);
        self.refilled = now;
        self.tokens =
            (self.tokens + elapsed * self.requests_per_second).min(self.requests_per_second.max(1.0));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / self.requests_per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_seconds_worth_is_let_through_and_then_one_each_interval() {
        let start = Timestamp::from_second(1_000).unwrap();
        let mut limiter = RequestLimiter::new(10.0, start);
        let admitted = (0..100).filter(|_| limiter.admit(start).is_ok()).count();
        assert_eq!(admitted, 10);
        let wait = limiter.admit(start).unwrap_err();
        assert!(wait > Duration::from_millis(99) && wait <= Duration::from_millis(100));
        assert!(limiter.admit(start + SignedDuration::from_millis(101)).is_ok());
    }

    #[test]
    fn zero_is_no_limit() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut limiter = RequestLimiter::new(0.0, now);
        assert!((0..10_000).all(|_| limiter.admit(now).is_ok()));
    }
}
