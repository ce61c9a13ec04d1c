//! How fast, and how many at once, one client may send requests.
//!
//! The API's limits are not published, and all clients of an account share them. So the rate
//! adapts: a throttled response halves the rate, and successful ones raise it step by step to the
//! configured maximum. [`AdaptiveBucket`] has the rules and is pure; [`RateLimiter`] waits.
//! Requests wait in the order of their turns, so that the oldest data is refreshed first.

mod bucket;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::bucket::AdaptiveBucket;
use crate::aliyun::observer::Waited;
use crate::aliyun::turn::Order;

/// Admits the requests of a client and of all its clones: at most so many at once, at the rate of
/// the bucket, in their [`Order`].
#[derive(Debug)]
pub(crate) struct RateLimiter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: AdaptiveBucket,
    slots: Slots,
    /// The requests that wait, by order and arrival. Only the first one may be admitted.
    waiting: BTreeMap<Place, Arc<Notify>>,
    arrivals: u64,
}

/// The place of a waiting request among the others.
type Place = (Order, u64);

/// The number of requests that may still be sent, and for how long there was one.
#[derive(Debug)]
struct Slots {
    free: usize,
    free_since: Option<Instant>,
    free_before: Duration,
}

/// The slot of an admitted request, which is freed when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a>(&'a RateLimiter);

/// A request that waits. When this is dropped, the request no longer waits.
struct Waiter<'a> {
    limiter: &'a RateLimiter,
    place: Place,
    woken: Arc<Notify>,
}

impl RateLimiter {
    /// `requests_per_second` is the maximum rate, `max_in_flight` the number of concurrent
    /// requests.
    pub(crate) fn new(requests_per_second: f64, max_in_flight: usize) -> Self {
        let now = now();
        let state = State {
            bucket: AdaptiveBucket::new(requests_per_second, now),
            slots: Slots { free: max_in_flight.max(1), free_since: Some(now), free_before: Duration::ZERO },
            waiting: BTreeMap::new(),
            arrivals: 0,
        };
        Self { state: Mutex::new(state) }
    }

    /// Waits until no request of a lower order waits, a slot is free and the bucket has a token.
    /// Returns the slot and the time waited.
    pub(crate) async fn admit(&self, order: Order) -> (Slot<'_>, Waited) {
        let start = now();
        let slot_free_before = {
            let mut state = self.state.lock();
            if state.waiting.is_empty() && state.try_admit(start).is_ok() {
                return (Slot(self), Waited::default());
            }
            state.slots.free_for(start)
        };
        let waiter = self.enqueue(order);
        loop {
            match waiter.try_admit() {
                Ok(slot) => {
                    let now = now();
                    let rate_limit = self.state.lock().slots.free_for(now).saturating_sub(slot_free_before);
                    return (slot, Waited { total: now.saturating_duration_since(start), rate_limit });
                }
                // The rate may change or a pause begin during the wait, so it is only an estimate.
                Err(Some(wait)) => {
                    let _ = timeout(wait, waiter.woken.notified()).await;
                }
                Err(None) => waiter.woken.notified().await,
            }
        }
    }

    fn enqueue(&self, order: Order) -> Waiter<'_> {
        let mut state = self.state.lock();
        state.arrivals += 1;
        let (place, woken) = ((order, state.arrivals), Arc::new(Notify::new()));
        state.waiting.insert(place, Arc::clone(&woken));
        Waiter { limiter: self, place, woken }
    }

    /// Records an attempt that succeeded. Returns the new rate, if it changed.
    pub(crate) fn on_success(&self) -> Option<f64> {
        self.state.lock().bucket.on_success(now())
    }

    /// Records an attempt that was sent at `sent` and was throttled; `wait` is the pause that the
    /// service requests of this client. Returns the new rate, if it changed.
    pub(crate) fn on_throttled(&self, sent: Instant, wait: Option<Duration>) -> Option<f64> {
        self.state.lock().bucket.on_throttled(now(), sent, wait)
    }

    /// Requests per second that are allowed now.
    pub(crate) fn rate(&self) -> f64 {
        self.state.lock().bucket.rate()
    }
}

impl<'a> Waiter<'a> {
    /// Admits the request, or returns the time to wait for a token; `None` if it has to wait for
    /// other requests first.
    fn try_admit(&self) -> Result<Slot<'a>, Option<Duration>> {
        let mut state = self.limiter.state.lock();
        let is_first = state.waiting.first_key_value().is_some_and(|(first, _)| *first == self.place);
        if !is_first {
            return Err(None);
        }
        state.try_admit(now())?;
        state.waiting.remove(&self.place);
        state.wake_first();
        Ok(Slot(self.limiter))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state.lock();
        if state.waiting.remove(&self.place).is_some() {
            state.wake_first();
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.slots.put_back(now());
        state.wake_first();
    }
}

impl State {
    /// Takes a slot and a token, or returns the time to wait for a token; `None` if it has to wait
    /// for a slot.
    fn try_admit(&mut self, now: Instant) -> Result<(), Option<Duration>> {
        if self.slots.free == 0 {
            return Err(None);
        }
        self.bucket.try_take(now).map_err(Some)?;
        self.slots.take(now);
        Ok(())
    }

    /// Makes the first waiting request try again.
    fn wake_first(&self) {
        if let Some((_, woken)) = self.waiting.first_key_value() {
            woken.notify_one();
        }
    }
}

impl Slots {
    fn take(&mut self, now: Instant) {
        self.free -= 1;
        if self.free == 0 {
            self.free_before = self.free_for(now);
            self.free_since = None;
        }
    }

    fn put_back(&mut self, now: Instant) {
        self.free += 1;
        self.free_since.get_or_insert(now);
    }

    /// The total time during which a slot was free.
    fn free_for(&self, now: Instant) -> Duration {
        self.free_before
            + self.free_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

/// The runtime's clock, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[tokio::test]
    async fn concurrent_requests_are_limited() {
        let limiter = RateLimiter::new(5000.0, 2);
        let (first, _) = limiter.admit(Order::First).await;
        let (_second, _) = limiter.admit(Order::First).await;
        let third = limiter.admit(Order::First);
        tokio::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        let (_third, waited) = third.await;
        assert!(waited.total < duration(5.0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_of_the_lowest_order_is_admitted_next_and_equal_ones_as_they_arrive() {
        let limiter = Arc::new(RateLimiter::new(10.0, 1));
        let admitted = Arc::new(Mutex::new(Vec::new()));
        let orders = [
            (Order::ByAge(None, 7), "occupies the slot"),
            (Order::ByAge(None, 9), "later listing"),
            (Order::ByAge(None, 8), "earlier listing"),
            (Order::ByAge(None, 8), "earlier listing, next page"),
            (Order::ByAge(None, 1), "cancelled"),
            (Order::First, "groups"),
        ];
        let mut tasks = Vec::new();
        for (order, name) in orders {
            let (limiter, admitted) = (Arc::clone(&limiter), Arc::clone(&admitted));
            tasks.push(tokio::spawn(async move {
                let slot = limiter.admit(order).await;
                admitted.lock().push(name);
                tokio::time::sleep(duration(0.25)).await;
                drop(slot);
            }));
            tokio::task::yield_now().await;
        }
        tasks.remove(4).abort();
        for task in tasks {
            task.await.unwrap();
        }
        let expected =
            ["occupies the slot", "groups", "earlier listing", "earlier listing, next page", "later listing"];
        assert_eq!(*admitted.lock(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_wait_with_a_free_slot_is_a_wait_for_the_rate_limit() {
        let limiter = RateLimiter::new(10.0, 1);
        let (slot, _) = limiter.admit(Order::First).await;
        let release = async {
            tokio::time::sleep(duration(1.0)).await;
            drop(slot);
        };
        let ((_slot, waited), ()) = tokio::join!(limiter.admit(Order::First), release);
        assert_eq!((waited.total.as_millis(), waited.rate_limit.as_millis()), (1000, 0));
        drop(_slot);
        let (_slot, waited) = limiter.admit(Order::First).await;
        assert_eq!(waited.total, waited.rate_limit);
        assert!(waited.total > duration(0.05), "{waited:?}");
    }
}
