//! How fast and how many at once one client may call.
//!
//! The API's limits aren't published and are shared by all that call with one account, so the rate finds its own
//! way: a throttled answer halves it, success raises it step by step to the configured ceiling. [`Bucket`] holds
//! the rules and is pure; [`Limiter`] waits by them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Turnstile, Semaphore, SemaphorePermit};

/// The rate is halved at most once in this time: limits that count by the second need a moment to forgive.
const HALVE_EVERY: Duration = Duration::from_millis(500);
/// And raised at most once in this time,
const RAISE_EVERY: Duration = Duration::from_secs(1);
/// by this share of itself for each second since its last change: slowly enough for a limit to be met seldom,
/// and at most doubled, so that what is busy for a second a minute gets back to its ceiling too.
const RAISE_BY: f64 = 0.05;
const RAISE_MOST: f64 = 1.0;
/// The rate never falls below this share of the ceiling.
const LOWEST_SHARE: f64 = 1.0 / 64.0;
/// Nor below this many requests a second, where the ceiling itself allows it.
const LOWEST_RATE: f64 = 0.5;
/// What may be saved up on top of one request, in time: enough to make good a late timer, too little for a burst.
const SLACK: Duration = Duration::from_millis(20);

/// Lets requests through, for all clones of a client together.
#[derive(Debug)]
pub(super) struct Limiter {
    bucket: Mutex<Bucket>,
    /// Whoever holds it is next; the queue behind it is fair.
    turnstile: Turnstile<()>,
    places: Semaphore,
}

impl Limiter {
    /// `requests_per_second` is the ceiling, `max_in_flight` the number of places.
    pub fn new(requests_per_second: f64, max_in_flight: usize) -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(requests_per_second, now())),
            turnstile: Turnstile::new(()),
            places: Semaphore::new(max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits for a free place, then for the rate. The place is free again when the permit is dropped.
    pub async fn admit(&self) -> (SemaphorePermit<'_>, Duration) {
        let start = now();
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        let _turn = self.turnstile.lock().await;
        loop {
            let taken = self.bucket().take(now());
            match taken {
                Ok(()) => return (place, now().saturating_duration_since(start)),
                // The rate may fall and a pause begin meanwhile, so the bucket is asked again.
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// An attempt succeeded. The new rate, if it changed.
    pub fn succeeded(&self) -> Option<f64> {
        self.bucket().succeeded(now())
    }

    /// An attempt that began at `sent` was throttled; `wait` is how long the service asks everybody of this
    /// client to be quiet. The new rate, if it changed.
    pub fn throttled(&self, sent: Instant, wait: Option<Duration>) -> Option<f64> {
        self.bucket().throttled(now(), sent, wait)
    }

    /// Requests per second allowed now.
    pub fn rate(&self) -> f64 {
        self.bucket().rate
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // A bucket is whole after each of its methods, whatever panicked elsewhere.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token bucket whose rate moves between a floor and a ceiling.
#[derive(Debug)]
struct Bucket {
    floor: f64,
    ceiling: f64,
    /// Tokens that the bucket can hold.
    depth: f64,
    rate: f64,
    tokens: f64,
    filled: Instant,
    changed: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Bucket {
    fn new(ceiling: f64, now: Instant) -> Self {
        // Configurations are validated elsewhere; a rate that isn't one must not end in a panic here.
        let ceiling = if ceiling.is_finite() { ceiling.clamp(0.001, 1e6) } else { 1e6 };
        let depth = 1.0 + ceiling * SLACK.as_secs_f64();
        Self {
            floor: (ceiling * LOWEST_SHARE).max(LOWEST_RATE).min(ceiling),
            ceiling,
            depth,
            rate: ceiling,
            tokens: depth,
            filled: now,
            changed: None,
            paused_until: None,
        }
    }

    /// Takes a token, or says how long to wait before asking again.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.paused_until {
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(left);
            }
            // Nothing was saved up during the pause.
            self.paused_until = None;
            self.filled = self.filled.max(until);
        }
        self.fill(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // Rounded up, so that a waiter isn't sent back for a billionth of a token.
        Err(Duration::from_secs_f64((1.0 - self.tokens) / self.rate) + Duration::from_nanos(1))
    }

    fn throttled(&mut self, now: Instant, sent: Instant, wait: Option<Duration>) -> Option<f64> {
        if let Some(until) = wait.and_then(|wait| now.checked_add(wait)) {
            self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
        }
        self.fill(now);
        self.tokens = self.tokens.min(0.0);
        // Of requests that were under way together all tell of the same throttling.
        if self.changed.is_some_and(|changed| sent < changed) || self.since_change(now) < HALVE_EVERY {
            return None;
        }
        self.change(now, (self.rate / 2.0).max(self.floor))
    }

    fn succeeded(&mut self, now: Instant) -> Option<f64> {
        let since = self.since_change(now);
        if self.rate >= self.ceiling || since < RAISE_EVERY {
            return None;
        }
        let raise = (since.as_secs_f64() * RAISE_BY).min(RAISE_MOST);
        self.change(now, (self.rate * (1.0 + raise)).min(self.ceiling))
    }

    fn since_change(&self, now: Instant) -> Duration {
        self.changed.map_or(Duration::MAX, |changed| now.saturating_duration_since(changed))
    }

    fn change(&mut self, now: Instant, rate: f64) -> Option<f64> {
        if rate == self.rate {
            return None;
        }
        // What was earned so far was earned at the old rate.
        self.fill(now);
        self.rate = rate;
        self.changed = Some(now);
        Some(rate)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate).min(self.depth);
        self.filled = self.filled.max(now);
    }
}

/// The runtime's clock, which tests can hold.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Error;
    use super::super::retry::{Decision, History, Policy};
    use super::*;

    fn second(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Asks as fast as allowed until `end`; the times of what was granted.
    fn drain(bucket: &mut Bucket, start: Instant, end: Instant) -> Vec<Instant> {
        let (mut now, mut granted) = (start, Vec::new());
        while now <= end {
            match bucket.take(now) {
                Ok(()) => granted.push(now),
                Err(wait) => now += wait,
            }
        }
        granted
    }

    #[test]
    fn requests_are_spread_evenly() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, start);
        let granted = drain(&mut bucket, start, start + second(10.0));
        assert!((200..=202).contains(&granted.len()), "{}", granted.len());
        for pair in granted.windows(2).skip(1) {
            let gap = pair[1] - pair[0];
            assert!(gap > second(0.049) && gap < second(0.051), "{gap:?}");
        }
    }

    #[test]
    fn a_late_timer_costs_no_throughput() {
        let start = Instant::now();
        let mut bucket = Bucket::new(100.0, start);
        let (mut now, mut granted) = (start, 0);
        while now <= start + second(10.0) {
            match bucket.take(now) {
                Ok(()) => granted += 1,
                Err(wait) => now += wait + second(0.003),
            }
        }
        assert!(granted >= 995, "{granted}");
    }

    #[test]
    fn throttling_halves_the_rate_once_for_answers_that_come_together() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, start);
        let at = |seconds| start + second(seconds);
        assert_eq!(bucket.throttled(at(0.2), at(0.0), None), Some(10.0));
        assert_eq!(bucket.throttled(at(0.4), at(0.3), None), None, "too early");
        assert_eq!(bucket.throttled(at(2.0), at(0.1), None), None, "sent at the old rate");
        assert_eq!(bucket.throttled(at(2.0), at(1.9), None), Some(5.0));
        assert!(bucket.take(at(2.0)).is_err());
    }

    #[test]
    fn success_raises_the_rate_by_the_time_that_passed() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, start);
        assert_eq!(bucket.succeeded(start), None, "never above the ceiling");
        bucket.throttled(start, start, None);
        assert_eq!(bucket.succeeded(start + second(0.9)), None, "too early");
        assert_eq!(bucket.succeeded(start + second(1.0)), Some(10.5));
        // The next poll comes a minute later.
        assert_eq!(bucket.succeeded(start + second(60.0)), Some(20.0));
    }

    /// A service with a limit of its own answers within 50 ms; requests are retried as the client does it.
    #[test]
    fn a_rate_far_above_the_services_limit_settles_without_losing_requests() {
        for (ceiling, limit) in [(20.0, 2.0), (20.0, 15.0), (100.0, 5.0), (5.0, 1.0)] {
            let start = Instant::now();
            let policy = Policy::new(3);
            let throttling = Error::from_body("Operation", 400, br#"{"Code":"Throttling"}"#);
            let mut service = Bucket::new(limit, start);
            let mut bucket = Bucket::new(ceiling, start);
            // When each request asks next, and what became of it so far.
            let mut waiting: Vec<_> = (0..300).map(|_| (start, History::default())).collect();
            let (mut now, mut sent, mut lost) = (start, 0, 0);
            while let Some(next) = (0..waiting.len()).min_by_key(|index| waiting[*index].0) {
                let (due, mut history) = waiting.remove(next);
                now = now.max(due);
                while let Err(wait) = bucket.take(now) {
                    now += wait;
                }
                sent += 1;
                let answered = now + second(0.05);
                if service.take(now).is_ok() {
                    bucket.succeeded(answered);
                    continue;
                }
                bucket.throttled(answered, now, None);
                match policy.decide(&mut history, &throttling, false, 0.0) {
                    Decision::Again { wait } => waiting.push((answered + wait, history)),
                    Decision::GiveUp => lost += 1,
                }
            }
            let efficiency = 300.0 / limit / (now - start).as_secs_f64();
            assert_eq!(lost, 0, "ceiling {ceiling}, limit {limit}: {sent} sent");
            assert!(sent < 400, "ceiling {ceiling}, limit {limit}: {sent} sent");
            assert!(efficiency > 0.6, "ceiling {ceiling}, limit {limit}: {efficiency}");
        }
    }

    #[test]
    fn the_rate_has_a_floor() {
        let start = Instant::now();
        for (ceiling, floor) in [(20.0, 0.5), (640.0, 10.0), (0.2, 0.2)] {
            let mut bucket = Bucket::new(ceiling, start);
            for seconds in 0..100 {
                let now = start + second(f64::from(seconds));
                bucket.throttled(now, now, None);
            }
            assert_eq!(bucket.rate, floor, "{ceiling}");
        }
    }

    #[test]
    fn a_wait_header_pauses_everybody_and_saves_nothing_up() {
        let start = Instant::now();
        let mut bucket = Bucket::new(20.0, start);
        bucket.throttled(start, start, Some(second(30.0)));
        // A shorter one that comes later doesn't end it.
        bucket.throttled(start + second(1.0), start, Some(second(2.0)));
        assert_eq!(bucket.take(start + second(10.0)), Err(second(20.0)));
        let granted = drain(&mut bucket, start + second(10.0), start + second(31.0));
        assert!(granted[0] >= start + second(30.0));
        assert!(granted.len() <= 7, "{}", granted.len());
    }

    #[test]
    fn a_rate_that_is_none_does_no_harm() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let bucket = Bucket::new(rate, Instant::now());
            assert!(bucket.rate > 0.0 && bucket.rate.is_finite(), "{rate}");
        }
    }

    #[tokio::test]
    async fn no_more_than_allowed_are_let_in_at_once() {
        let limiter = Limiter::new(5000.0, 2);
        let (first, _) = limiter.admit().await;
        let (_second, _) = limiter.admit().await;
        let third = limiter.admit();
        tokio::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        let (_third, waited) = third.await;
        assert!(waited < second(5.0));
    }

    proptest! {
        #[test]
        fn never_more_is_granted_than_rate_and_depth_allow(
            ceiling in 0.1..5000.0_f64,
            steps in prop::collection::vec((0.0..0.5_f64, 0_u8..10), 1..400),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(ceiling, start);
            let (mut now, mut granted) = (start, 0_u32);
            for (pause, event) in steps {
                now += second(pause / 10.0);
                match event {
                    0 => { bucket.throttled(now, now, (pause > 0.4).then_some(second(pause))); }
                    1 => { bucket.succeeded(now); }
                    _ => granted += u32::from(bucket.take(now).is_ok()),
                }
                prop_assert!(bucket.rate >= bucket.floor && bucket.rate <= bucket.ceiling);
                let allowed = bucket.depth + ceiling * (now - start).as_secs_f64();
                prop_assert!(f64::from(granted) <= allowed + 1e-6);
            }
        }

        #[test]
        fn success_brings_the_rate_back_to_its_ceiling_and_never_down(
            ceiling in 0.1..5000.0_f64, throttled in 1_u32..20,
        ) {
            let mut now = Instant::now();
            let mut bucket = Bucket::new(ceiling, now);
            for _ in 0..throttled {
                now += RAISE_EVERY;
                bucket.throttled(now, now, None);
            }
            let mut last = bucket.rate;
            for _ in 0..120 {
                now += RAISE_EVERY;
                bucket.succeeded(now);
                prop_assert!(bucket.rate >= last);
                last = bucket.rate;
            }
            prop_assert_eq!(bucket.rate, ceiling);
        }
    }
}
