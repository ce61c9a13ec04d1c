//! The rate limit of all requests together.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::token_bucket::TokenBucket;

/// How many requests are admitted, all clients together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateLimit {
    /// Average time between two requests, more than 0.
    pub(super) interval: Duration,
    /// Number of requests that are admitted at once; 0 rejects every request.
    pub(super) burst: u32,
}

/// Admits requests up to a rate limit.
#[derive(Debug)]
pub(super) struct HttpRateLimiter {
    limit: RateLimit,
    state: Mutex<HttpRateLimiterState>,
}

#[derive(Debug)]
struct HttpRateLimiterState {
    bucket: TokenBucket,
    refilled: Instant,
}

impl HttpRateLimiter {
    /// A limiter that admits a full burst at `now`.
    pub(super) fn new(limit: RateLimit, now: Instant) -> Self {
        let bucket = TokenBucket::full(limit.interval.as_secs_f64().recip(), f64::from(limit.burst));
        Self { limit, state: Mutex::new(HttpRateLimiterState { bucket, refilled: now }) }
    }

    /// The limit that is applied.
    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Admits a request.
    ///
    /// # Errors
    /// The limit is exceeded; the error is the time until the next request is admitted.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock();
        let elapsed = now.saturating_duration_since(state.refilled);
        state.refilled = state.refilled.max(now);
        state.bucket.refill(elapsed);
        state.bucket.try_take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_then_one_request_per_interval() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let limiter = HttpRateLimiter::new(RateLimit { interval: Duration::from_secs(1), burst: 3 }, start);
        for _ in 0..3 {
            assert_eq!(limiter.admit(at(0)), Ok(()));
        }
        assert_eq!(limiter.admit(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(limiter.admit(at(250)), Err(Duration::from_millis(750)));
        assert_eq!(limiter.admit(at(1_000)), Ok(()));
        assert!(limiter.admit(at(1_000)).is_err());
        for _ in 0..3 {
            assert_eq!(limiter.admit(at(60_000)), Ok(()), "a long pause admits one burst");
        }
        assert!(limiter.admit(at(60_000)).is_err());
    }

    #[test]
    fn a_burst_of_zero_rejects_every_request() {
        let start = Instant::now();
        let limiter = HttpRateLimiter::new(RateLimit { interval: Duration::from_millis(1), burst: 0 }, start);
        assert!(limiter.admit(start + Duration::from_secs(60)).is_err());
    }
}
