//! The token bucket whose rate adapts to the service: pure rules.

use std::time::{Duration, Instant};

use crate::token_bucket::TokenBucket;

/// Shortest time from a change of the rate to a reduction. A service that counts requests per
/// second throttles until its current second ends, on average half a second later.
const MIN_REDUCTION_INTERVAL: Duration = Duration::from_millis(500);
/// Shortest time from a change of the rate to an increase.
const MIN_INCREASE_INTERVAL: Duration = Duration::from_secs(1);
/// Increase for each second since the last change, as a share of the rate: slow enough to exceed
/// the service's limit rarely.
const INCREASE_PER_SECOND: f64 = 0.05;
/// Largest single increase, as a share of the rate. A client that is busy for one second per minute
/// reaches its maximum within a few polls.
const MAX_INCREASE: f64 = 1.0;
/// Lower bound of the rate, as a share of the maximum.
const MIN_RATE_SHARE: f64 = 1.0 / 64.0;
/// Lower bound of the rate in requests per second, unless the maximum is lower.
const MIN_RATE: f64 = 0.5;
/// Capacity of the bucket beyond one token, as the time that refills it: enough to compensate for a
/// late timer, too little for a burst.
const SLACK: Duration = Duration::from_millis(20);

/// A token bucket whose rate moves between a minimum and a maximum.
#[derive(Debug)]
pub(super) struct AdaptiveBucket {
    min_rate: f64,
    max_rate: f64,
    bucket: TokenBucket,
    refilled_at: Instant,
    rate_changed_at: Option<Instant>,
    paused_until: Option<Instant>,
}

impl AdaptiveBucket {
    pub(super) fn new(max_rate: f64, now: Instant) -> Self {
        // Configurations are validated elsewhere; an invalid rate must not cause a panic here.
        let max_rate = if max_rate.is_finite() { max_rate.clamp(0.001, 1e6) } else { 1e6 };
        Self {
            min_rate: (max_rate * MIN_RATE_SHARE).max(MIN_RATE).min(max_rate),
            max_rate,
            bucket: TokenBucket::full(max_rate, 1.0 + max_rate * SLACK.as_secs_f64()),
            refilled_at: now,
            rate_changed_at: None,
            paused_until: None,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.bucket.rate()
    }

    /// Takes a token, or returns the time to wait for one.
    pub(super) fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.paused_until {
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(left);
            }
            // The pause itself adds no tokens.
            self.paused_until = None;
            self.refilled_at = self.refilled_at.max(until);
        }
        self.refill(now);
        self.bucket.try_take()
    }

    pub(super) fn on_throttled(
        &mut self,
        now: Instant,
        sent: Instant,
        wait: Option<Duration>,
    ) -> Option<f64> {
        if let Some(until) = wait.and_then(|wait| now.checked_add(wait)) {
            self.paused_until = Some(self.paused_until.map_or(until, |current| current.max(until)));
        }
        self.refill(now);
        self.bucket.clear();
        // Requests that were sent before the last change exceeded the previous rate, not this one.
        if self.rate_changed_at.is_some_and(|changed| sent < changed)
            || self.since_change(now) < MIN_REDUCTION_INTERVAL
        {
            return None;
        }
        self.set_rate(now, (self.rate() / 2.0).max(self.min_rate))
    }

    pub(super) fn on_success(&mut self, now: Instant) -> Option<f64> {
        let since = self.since_change(now);
        if self.rate() >= self.max_rate || since < MIN_INCREASE_INTERVAL {
            return None;
        }
        let increase = (since.as_secs_f64() * INCREASE_PER_SECOND).min(MAX_INCREASE);
        self.set_rate(now, (self.rate() * (1.0 + increase)).min(self.max_rate))
    }

    /// The time since the last change of the rate; `Duration::MAX` before the first one.
    fn since_change(&self, now: Instant) -> Duration {
        self.rate_changed_at.map_or(Duration::MAX, |changed| now.saturating_duration_since(changed))
    }

    fn set_rate(&mut self, now: Instant, rate: f64) -> Option<f64> {
        if rate == self.rate() {
            return None;
        }
        // Tokens of the time until now are added at the previous rate.
        self.refill(now);
        self.bucket.set_rate(rate);
        self.rate_changed_at = Some(now);
        Some(rate)
    }

    fn refill(&mut self, now: Instant) {
        self.bucket.refill(now.saturating_duration_since(self.refilled_at));
        self.refilled_at = self.refilled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aliyun::error::Error;
    use crate::aliyun::retry::{RetryDecision, RetryHistory, RetryPolicy};

    fn duration(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Takes tokens as fast as allowed until `end`. Returns the time of each token.
    fn drain(bucket: &mut AdaptiveBucket, start: Instant, end: Instant) -> Vec<Instant> {
        let (mut now, mut granted) = (start, Vec::new());
        while now <= end {
            match bucket.try_take(now) {
                Ok(()) => granted.push(now),
                Err(wait) => now += wait,
            }
        }
        granted
    }

    #[test]
    fn requests_are_spread_evenly() {
        let start = Instant::now();
        let mut bucket = AdaptiveBucket::new(20.0, start);
        let granted = drain(&mut bucket, start, start + duration(10.0));
        assert!((200..=202).contains(&granted.len()), "{}", granted.len());
        for pair in granted.windows(2).skip(1) {
            let gap = pair[1] - pair[0];
            assert!(gap > duration(0.049) && gap < duration(0.051), "{gap:?}");
        }
    }

    #[test]
    fn a_late_timer_does_not_reduce_throughput() {
        let start = Instant::now();
        let mut bucket = AdaptiveBucket::new(100.0, start);
        let (mut now, mut granted) = (start, 0);
        while now <= start + duration(10.0) {
            match bucket.try_take(now) {
                Ok(()) => granted += 1,
                Err(wait) => now += wait + duration(0.003),
            }
        }
        assert!(granted >= 995, "{granted}");
    }

    #[test]
    fn throttled_requests_that_were_sent_together_halve_the_rate_once() {
        let start = Instant::now();
        let mut bucket = AdaptiveBucket::new(20.0, start);
        let at = |seconds| start + duration(seconds);
        assert_eq!(bucket.on_throttled(at(0.2), at(0.0), None), Some(10.0));
        assert_eq!(bucket.on_throttled(at(0.4), at(0.3), None), None, "too early");
        assert_eq!(bucket.on_throttled(at(2.0), at(0.1), None), None, "sent at the previous rate");
        assert_eq!(bucket.on_throttled(at(2.0), at(1.9), None), Some(5.0));
        assert!(bucket.try_take(at(2.0)).is_err());
    }

    #[test]
    fn success_raises_the_rate_in_proportion_to_the_elapsed_time() {
        let start = Instant::now();
        let mut bucket = AdaptiveBucket::new(20.0, start);
        assert_eq!(bucket.on_success(start), None, "never above the maximum");
        bucket.on_throttled(start, start, None);
        assert_eq!(bucket.on_success(start + duration(0.9)), None, "too early");
        assert_eq!(bucket.on_success(start + duration(1.0)), Some(10.5));
        // The next poll comes a minute later.
        assert_eq!(bucket.on_success(start + duration(60.0)), Some(20.0));
    }

    /// A service with its own limit responds after 50 ms; requests are retried as the client does.
    #[test]
    fn a_rate_far_above_the_services_limit_settles_without_losing_requests() {
        for (max_rate, limit) in [(20.0, 2.0), (20.0, 15.0), (100.0, 5.0), (5.0, 1.0)] {
            let start = Instant::now();
            let policy = RetryPolicy::new(3);
            let throttling = Error::from_body("Operation", 400, br#"{"Code":"Throttling"}"#);
            let mut service = AdaptiveBucket::new(limit, start);
            let mut bucket = AdaptiveBucket::new(max_rate, start);
            // The next attempt of each request, and its retries so far.
            let mut waiting: Vec<_> = (0..300).map(|_| (start, RetryHistory::default())).collect();
            let (mut now, mut sent, mut lost) = (start, 0, 0);
            while let Some(next) = (0..waiting.len()).min_by_key(|index| waiting[*index].0) {
                let (due, mut history) = waiting.remove(next);
                now = now.max(due);
                while let Err(wait) = bucket.try_take(now) {
                    now += wait;
                }
                sent += 1;
                let responded_at = now + duration(0.05);
                if service.try_take(now).is_ok() {
                    bucket.on_success(responded_at);
                    continue;
                }
                bucket.on_throttled(responded_at, now, None);
                match policy.decide(&mut history, &throttling, false, 0.0) {
                    RetryDecision::Again { wait } => waiting.push((responded_at + wait, history)),
                    RetryDecision::GiveUp => lost += 1,
                }
            }
            let efficiency = 300.0 / limit / (now - start).as_secs_f64();
            assert_eq!(lost, 0, "max_rate {max_rate}, limit {limit}: {sent} sent");
            assert!(sent < 400, "max_rate {max_rate}, limit {limit}: {sent} sent");
            assert!(efficiency > 0.6, "max_rate {max_rate}, limit {limit}: {efficiency}");
        }
    }

    #[test]
    fn the_rate_has_a_minimum() {
        let start = Instant::now();
        for (max_rate, min_rate) in [(20.0, 0.5), (640.0, 10.0), (0.2, 0.2)] {
            let mut bucket = AdaptiveBucket::new(max_rate, start);
            for seconds in 0..100 {
                let now = start + duration(f64::from(seconds));
                bucket.on_throttled(now, now, None);
            }
            assert_eq!(bucket.rate(), min_rate, "{max_rate}");
        }
    }

    #[test]
    fn a_wait_header_pauses_all_requests_and_the_pause_adds_no_tokens() {
        let start = Instant::now();
        let mut bucket = AdaptiveBucket::new(20.0, start);
        bucket.on_throttled(start, start, Some(duration(30.0)));
        // A later and shorter pause does not end it.
        bucket.on_throttled(start + duration(1.0), start, Some(duration(2.0)));
        assert_eq!(bucket.try_take(start + duration(10.0)), Err(duration(20.0)));
        let granted = drain(&mut bucket, start + duration(10.0), start + duration(31.0));
        assert!(granted[0] >= start + duration(30.0));
        assert!(granted.len() <= 7, "{}", granted.len());
    }

    #[test]
    fn an_invalid_rate_is_replaced() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let bucket = AdaptiveBucket::new(rate, Instant::now());
            assert!(bucket.rate() > 0.0 && bucket.rate().is_finite(), "{rate}");
        }
    }

    proptest! {
        #[test]
        fn no_more_is_granted_than_maximum_rate_and_capacity_allow(
            max_rate in 0.1..5000.0_f64,
            steps in prop::collection::vec((0.0..0.5_f64, 0_u8..10), 1..400),
        ) {
            let start = Instant::now();
            let mut bucket = AdaptiveBucket::new(max_rate, start);
            let capacity = 1.0 + max_rate * SLACK.as_secs_f64();
            let (mut now, mut granted) = (start, 0_u32);
            for (pause, event) in steps {
                now += duration(pause / 10.0);
                match event {
                    0 => { bucket.on_throttled(now, now, (pause > 0.4).then_some(duration(pause))); }
                    1 => { bucket.on_success(now); }
                    _ => granted += u32::from(bucket.try_take(now).is_ok()),
                }
                prop_assert!(bucket.rate() >= bucket.min_rate && bucket.rate() <= bucket.max_rate);
                let allowed = capacity + max_rate * (now - start).as_secs_f64();
                prop_assert!(f64::from(granted) <= allowed + 1e-6);
            }
        }

        #[test]
        fn success_raises_the_rate_to_its_maximum_and_never_lowers_it(
            max_rate in 0.1..5000.0_f64, throttled in 1_u32..20,
        ) {
            let mut now = Instant::now();
            let mut bucket = AdaptiveBucket::new(max_rate, now);
            for _ in 0..throttled {
                now += MIN_INCREASE_INTERVAL;
                bucket.on_throttled(now, now, None);
            }
            let mut last = bucket.rate();
            for _ in 0..120 {
                now += MIN_INCREASE_INTERVAL;
                bucket.on_success(now);
                prop_assert!(bucket.rate() >= last);
                last = bucket.rate();
            }
            prop_assert_eq!(bucket.rate(), max_rate);
        }
    }
}
