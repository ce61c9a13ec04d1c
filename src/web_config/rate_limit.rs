//! A token bucket in front of everything that is served.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many requests may come how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// From one request to the next, in the long run; more than 0.
    pub(crate) interval: Duration,
    /// Requests that may come at once.
    pub(crate) burst: u32,
}

/// A bucket that starts full.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit, now: Instant) -> Limiter {
        Limiter { limit, bucket: Mutex::new(Bucket { tokens: f64::from(limit.burst), filled: now }) }
    }

    pub(crate) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Lets a request in, or says after how long it is worth to come again.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        // Both fields are written together, so that a panic elsewhere can't leave one of them behind.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(bucket.filled).div_duration_f64(self.limit.interval);
        let tokens = (bucket.tokens + gained).min(f64::from(self.limit.burst));
        let admitted = tokens >= 1.0;
        *bucket = Bucket { tokens: if admitted { tokens - 1.0 } else { tokens }, filled: now };
        if admitted { Ok(()) } else { Err(self.limit.interval.mul_f64(1.0 - tokens)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_in_and_then_one_in_each_interval() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let limiter = Limiter::new(RateLimit { interval: Duration::from_secs(1), burst: 3 }, start);
        for _ in 0..3 {
            assert_eq!(limiter.admit(at(0)), Ok(()));
        }
        assert_eq!(limiter.admit(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(limiter.admit(at(250)), Err(Duration::from_millis(750)));
        assert_eq!(limiter.admit(at(1_000)), Ok(()));
        assert!(limiter.admit(at(1_000)).is_err());
        for _ in 0..3 {
            assert_eq!(limiter.admit(at(60_000)), Ok(()), "a long pause fills it, but no further");
        }
        assert!(limiter.admit(at(60_000)).is_err());
    }

    #[test]
    fn a_burst_of_none_lets_nobody_in() {
        let start = Instant::now();
        let limiter = Limiter::new(RateLimit { interval: Duration::from_millis(1), burst: 0 }, start);
        assert!(limiter.admit(start + Duration::from_secs(60)).is_err());
    }
}
