//! The limit of API requests per second.

use std::time::Duration;

use jiff::Timestamp;

use crate::token_bucket::TokenBucket;

/// Admits a burst of one second's requests, and then the configured rate.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    /// `None` for no limit.
    bucket: Option<TokenBucket>,
    refilled: Timestamp,
}

impl RequestLimiter {
    /// A limiter with a full bucket; 0 requests per second means no limit.
    pub(super) fn new(requests_per_second: f64, now: Timestamp) -> Self {
        let bucket = (requests_per_second != 0.0)
            .then(|| TokenBucket::full(requests_per_second, requests_per_second.max(1.0)));
        Self { bucket, refilled: now }
    }

    /// Admits a request.
    ///
    /// # Errors
    /// The time until the next request is admitted, if the bucket is empty.
    pub(super) fn admit(&mut self, now: Timestamp) -> Result<(), Duration> {
        let Some(bucket) = &mut self.bucket else { return Ok(()) };
        let elapsed = now.duration_since(self.refilled);
        self.refilled = now;
        bucket.refill(elapsed.try_into().unwrap_or(Duration::ZERO));
        bucket.try_take()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_requests_of_one_second_are_admitted_and_then_one_per_interval() {
        let start = Timestamp::from_second(1_000).unwrap();
        let mut limiter = RequestLimiter::new(10.0, start);
        let admitted = (0..100).filter(|_| limiter.admit(start).is_ok()).count();
        assert_eq!(admitted, 10);
        let wait = limiter.admit(start).unwrap_err();
        assert!(wait > Duration::from_millis(99) && wait <= Duration::from_millis(100));
        assert!(limiter.admit(start + SignedDuration::from_millis(101)).is_ok());
    }

    #[test]
    fn zero_means_no_limit() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut limiter = RequestLimiter::new(0.0, now);
        assert!((0..10_000).all(|_| limiter.admit(now).is_ok()));
    }
}
