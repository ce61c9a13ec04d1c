//! A token bucket: the rule of every rate limit in this crate.
//!
//! Pure: the bucket has no clock. A caller passes the time since the last refill, and decides what
//! to do without a token: wait, or reject a request.

use std::time::Duration;

/// Tolerance for rounding errors: a token that lacks less than this counts as whole.
const ROUNDING_TOLERANCE: f64 = 1e-9;

/// Tokens that are refilled at a constant rate up to a maximum, and taken one by one.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    /// Tokens per second, more than 0.
    rate: f64,
    /// Maximum number of tokens.
    capacity: f64,
    /// Never more than `capacity`. Slightly negative after a token was taken within the rounding
    /// tolerance.
    tokens: f64,
}

impl TokenBucket {
    /// A full bucket. `rate` is in tokens per second and more than 0; `capacity` is the maximum
    /// number of tokens.
    pub fn full(rate: f64, capacity: f64) -> Self {
        Self { rate, capacity, tokens: capacity }
    }

    /// Tokens per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Changes the rate of future refills. `rate` is in tokens per second and more than 0.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// Adds the tokens of the time since the last refill, up to the capacity.
    pub fn refill(&mut self, elapsed: Duration) {
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.rate).min(self.capacity);
    }

    /// Removes all tokens.
    pub fn clear(&mut self) {
        // A negative number is kept: that part of a token was taken too early.
        self.tokens = self.tokens.min(0.0);
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is no whole token; the error is the time after which a refill completes one.
    pub fn try_take(&mut self) -> Result<(), Duration> {
        let missing = 1.0 - self.tokens;
        if missing <= ROUNDING_TOLERANCE {
            self.tokens -= 1.0;
            return Ok(());
        }
        // Rounded up to nanoseconds, so that the token is complete after the wait. `as` saturates.
        Err(Duration::from_nanos((missing / self.rate * 1e9).ceil() as u64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_bucket_allows_its_capacity_at_once_and_then_its_rate() {
        let mut bucket = TokenBucket::full(4.0, 3.0);
        for _ in 0..3 {
            assert_eq!(bucket.try_take(), Ok(()));
        }
        assert_eq!(bucket.try_take(), Err(Duration::from_millis(250)));
        bucket.refill(Duration::from_millis(100));
        assert_eq!(bucket.try_take(), Err(Duration::from_millis(150)));
        bucket.refill(Duration::from_millis(150));
        assert_eq!(bucket.try_take(), Ok(()));
    }

    #[test]
    fn a_long_pause_refills_no_more_than_the_capacity() {
        let mut bucket = TokenBucket::full(10.0, 2.0);
        bucket.refill(Duration::MAX);
        assert_eq!((0..10).filter(|_| bucket.try_take().is_ok()).count(), 2);
    }

    #[test]
    fn a_bucket_without_capacity_never_has_a_token() {
        let mut bucket = TokenBucket::full(1000.0, 0.0);
        bucket.refill(Duration::from_secs(60));
        assert_eq!(bucket.try_take(), Err(Duration::from_millis(1)));
    }

    proptest! {
        #[test]
        fn no_more_tokens_are_taken_than_rate_and_capacity_allow(
            rate in 0.1..5000.0_f64,
            capacity in 1.0..100.0_f64,
            pauses in prop::collection::vec(0_u64..500_000_000, 1..400),
        ) {
            let mut bucket = TokenBucket::full(rate, capacity);
            let (mut elapsed, mut taken) = (Duration::ZERO, 0_u32);
            for pause in pauses.into_iter().map(Duration::from_nanos) {
                elapsed += pause;
                bucket.refill(pause);
                taken += u32::from(bucket.try_take().is_ok());
                prop_assert!(f64::from(taken) <= capacity + rate * elapsed.as_secs_f64() + 1e-6);
            }
        }

        #[test]
        fn a_token_is_available_after_the_returned_wait_and_not_much_earlier(
            rate in 0.001..1e6_f64,
            capacity in 1.0..100.0_f64,
            taken in 0_u32..1000,
        ) {
            let mut bucket = TokenBucket::full(rate, capacity);
            for _ in 0..taken {
                let Err(wait) = bucket.try_take() else { continue };
                let mut early = bucket.clone();
                early.refill(wait.mul_f64(0.99));
                prop_assert!(wait < Duration::from_micros(1) || early.try_take().is_err());
                bucket.refill(wait);
                prop_assert_eq!(bucket.try_take(), Ok(()));
            }
        }

        #[test]
        fn refills_can_be_split(rate in 0.1..100.0_f64, parts in prop::collection::vec(0_u64..1_000_000, 1..50)) {
            let mut whole = TokenBucket::full(rate, 10.0);
            whole.clear();
            let mut split = whole.clone();
            whole.refill(Duration::from_micros(parts.iter().sum()));
            for part in parts {
                split.refill(Duration::from_micros(part));
            }
            prop_assert!((whole.tokens - split.tokens).abs() < 1e-6);
        }
    }
}
