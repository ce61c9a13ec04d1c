//! The loop that polls one target: polls start at fixed intervals and never overlap, and a panic
//! fails only its poll.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::hash_keys::HashKeys;
use super::listing_times::ListingTimes;
use super::poll::CarryOver;
use super::poll_result::TargetPoll;
use super::store::{Resumption, SnapshotStore};
use super::target::{Target, TargetSettings};
use crate::aliyun::{self, AttemptOutcome, Call, Waited};

/// When polls start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSchedule {
    /// Time from the start of one poll to the start of the next. After a poll that takes longer,
    /// the next poll starts at the next multiple of the interval.
    pub interval: Duration,
    /// Delay of the first poll.
    pub first_delay: Duration,
    /// Time that is added once, to the interval between the first and the second poll.
    pub second_delay: Duration,
}

impl PollSchedule {
    /// Targets whose first poll starts without a delay. The first polls of further targets are
    /// spread over time, because each of them connects, and may need credentials, at its start.
    const IMMEDIATE_TARGETS: usize = 8;
    /// Maximum delay: short, so that a new process soon has data.
    const MAX_DELAY: Duration = Duration::from_secs(5);

    /// The schedule of the target with this `number`, from 0, of those that start together.
    ///
    /// The delay is the fraction `random`, 0 to 1, of a tenth of the interval, or of 5 s if that is
    /// shorter. The first eight targets are polled at once, and their second poll has the delay, so
    /// that replicas and targets that start together do not stay together.
    pub fn staggered(interval: Duration, number: usize, random: f64) -> Self {
        let delay = (interval / 10).min(Self::MAX_DELAY).mul_f64(random.clamp(0.0, 1.0));
        let (first_delay, second_delay) = match number {
            0..Self::IMMEDIATE_TARGETS => (Duration::ZERO, delay),
            _ => (delay, Duration::ZERO),
        };
        Self { interval, first_delay, second_delay }
    }
}

/// Receives notifications of polls. Every method does nothing by default. Implementations must not
/// block.
pub trait Observer: Send + Sync {
    /// A poll ended.
    fn poll_finished(&self, _report: &PollReport<'_>) {}
    /// A poll took longer than the interval, so the start of the next one was missed.
    fn poll_overrun(&self, _overrun: &PollOverrun<'_>) {}
}

/// A poll that ended.
#[derive(Debug)]
pub struct PollReport<'a> {
    /// The account's configured name.
    pub account: &'a str,
    /// The target's name, which is the metric label `target`.
    pub target: &'a str,
    /// The result; `None` if the poll panicked.
    pub poll: Option<&'a TargetPoll>,
    /// The duration of the poll.
    pub took: Duration,
    /// What the poll's requests waited for.
    pub waits: PollWaits,
}

/// A poll that took longer than the interval.
#[derive(Debug, Clone, Copy)]
pub struct PollOverrun<'a> {
    /// The account's configured name.
    pub account: &'a str,
    /// The target's name, which is the metric label `target`.
    pub target: &'a str,
    /// The duration of the poll.
    pub took: Duration,
    /// The interval.
    pub interval: Duration,
    /// What the poll's requests waited for.
    pub waits: PollWaits,
}

/// What the requests of one poll waited for, added up over concurrent requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollWaits {
    /// Time until the requests could be sent: for a free slot and for the rate limit.
    pub waited: Duration,
    /// The part of `waited` during which a request had a slot and waited for the rate limit.
    pub rate_limit: Duration,
    /// Time until the responses, of attempts that ended.
    pub responses: Duration,
    /// Whether the rate was below its maximum, because the API had throttled requests.
    pub is_throttled: bool,
}

/// Adds up what the requests of one target's poll wait for, and forwards every notification to
/// another observer.
pub struct WaitMeter {
    observer: Arc<dyn aliyun::RequestObserver>,
    measured: Mutex<Measured>,
}

#[derive(Debug, Default)]
struct Measured {
    waits: PollWaits,
    /// Requests per second that are allowed now.
    rate: f64,
    /// The highest rate that was ever allowed.
    max_rate: f64,
}

impl WaitMeter {
    /// A meter that forwards to `observer`.
    pub fn new(observer: Arc<dyn aliyun::RequestObserver>) -> Self {
        Self { observer, measured: Mutex::default() }
    }

    /// Starts from 0. Called before each poll, so that the time of a poll that panics is not added
    /// to the next one.
    pub(super) fn reset(&self) {
        let mut measured = self.measured.lock();
        let is_throttled = measured.rate < measured.max_rate;
        measured.waits = PollWaits { is_throttled, ..PollWaits::default() };
    }

    /// What the requests have waited for since the last reset.
    pub(super) fn waits(&self) -> PollWaits {
        self.measured.lock().waits
    }
}

impl aliyun::RequestObserver for WaitMeter {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        self.measured.lock().waits.responses += outcome.took;
        self.observer.finished(outcome);
    }

    fn retried(&self, operation: &'static str) {
        self.observer.retried(operation);
    }

    fn waited(&self, waited: Waited) {
        let waits = &mut self.measured.lock().waits;
        waits.waited += waited.total;
        waits.rate_limit += waited.rate_limit;
        self.observer.waited(waited);
    }

    fn rate_limit(&self, requests_per_second: f64) {
        let mut measured = self.measured.lock();
        measured.rate = requests_per_second;
        measured.max_rate = measured.max_rate.max(requests_per_second);
        measured.waits.is_throttled |= requests_per_second < measured.max_rate;
        drop(measured);
        self.observer.rate_limit(requests_per_second);
    }

    fn in_flight(&self, change: i64) {
        self.observer.in_flight(change);
    }
}

/// Polls one target again and again.
pub struct Runner<C: Call = aliyun::Client> {
    /// The target, with its client.
    pub target: Target<C>,
    /// Where results are stored.
    pub store: Arc<SnapshotStore>,
    /// Receives a notification of every poll.
    pub observer: Arc<dyn Observer>,
    /// The observer of the target's client, which measures how long requests wait.
    pub meter: Arc<WaitMeter>,
}

impl<C: Call + Clone + 'static> Runner<C> {
    /// Polls at every interval, until `stop` is cancelled and the running poll has ended. When it is
    /// dropped, running listings are aborted.
    ///
    /// Where an earlier task or process polled the target, the first poll starts when its next poll
    /// would have started, or at once if that time has passed.
    pub async fn run(
        &self,
        schedule: PollSchedule,
        clock: impl Fn() -> Timestamp + Copy + Send + 'static,
        stop: CancellationToken,
    ) {
        let hash_keys = self.hash_keys();
        let (mut start, mut delay, times) = match self.resumption() {
            Some(Resumption { last_start, times }) => {
                let passed = Duration::try_from(clock().duration_since(last_start)).unwrap_or_default();
                (Instant::now() + schedule.interval.saturating_sub(passed), Duration::ZERO, times)
            }
            None => (Instant::now() + schedule.first_delay, schedule.second_delay, ListingTimes::default()),
        };
        let mut carried = CarryOver::new(hash_keys, times);
        loop {
            // A timer waits for the next millisecond, also if its time has passed.
            let wait = async {
                if start > Instant::now() {
                    sleep_until(start).await;
                }
            };
            if stop.run_until_cancelled(wait).await.is_none() {
                return;
            }
            let took = self.poll(&mut carried, clock).await;
            if took > schedule.interval {
                let settings = &self.target.settings;
                self.observer.poll_overrun(&PollOverrun {
                    account: &settings.account,
                    target: &settings.name,
                    took,
                    interval: schedule.interval,
                    waits: self.meter.waits(),
                });
            }
            start += std::mem::take(&mut delay) + schedule.interval;
            // Missed starts are skipped: polling without a pause would keep an overloaded API
            // overloaded.
            while start <= Instant::now() {
                start += schedule.interval;
            }
        }
    }

    /// Polls once, as the first poll does, and stores the result.
    pub async fn poll_once(&self, clock: impl Fn() -> Timestamp + Copy + Send + 'static) {
        self.poll(&mut CarryOver::new(self.hash_keys(), ListingTimes::default()), clock).await;
    }

    /// Polls, stores the result, and returns the duration of the poll.
    async fn poll(
        &self,
        carried: &mut CarryOver,
        clock: impl Fn() -> Timestamp + Copy + Send + 'static,
    ) -> Duration {
        let started = Instant::now();
        self.meter.reset();
        let settings = &self.target.settings;
        let running = RunningPoll::start(&self.store, settings, clock());
        // The panic's message is not lost: the panic hook logs it.
        let poll = AssertUnwindSafe(self.target.poll(carried, clock)).catch_unwind().await.ok();
        if poll.is_none() {
            // The results of listings that ended before the panic are lost. The others are aborted.
            *carried = CarryOver::new(self.hash_keys(), ListingTimes::default());
        }
        let took = started.elapsed();
        self.observer.poll_finished(&PollReport {
            account: &settings.account,
            target: &settings.name,
            poll: poll.as_ref(),
            took,
            waits: self.meter.waits(),
        });
        self.store.apply(&settings.account, &settings.name, poll, clock());
        drop(running);
        took
    }

    fn hash_keys(&self) -> HashKeys {
        self.store.hash_keys(&self.target.settings.account, &self.target.settings.name)
    }

    fn resumption(&self) -> Option<Resumption> {
        let settings = &self.target.settings;
        self.store.resumption(&settings.account, &settings.name, settings.listings)
    }
}

/// A poll that has started. If it is dropped before its result is applied, the poll was aborted.
struct RunningPoll<'a> {
    store: &'a SnapshotStore,
    settings: &'a TargetSettings,
}

impl<'a> RunningPoll<'a> {
    fn start(store: &'a SnapshotStore, settings: &'a TargetSettings, now: Timestamp) -> Self {
        store.poll_started(&settings.account, &settings.name, now);
        Self { store, settings }
    }
}

impl Drop for RunningPoll<'_> {
    fn drop(&mut self) {
        // Changes nothing after the result was applied.
        self.store.poll_aborted(&self.settings.account, &self.settings.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_poll_of_each_of_eight_targets_starts_at_once_and_the_others_are_spread() {
        let delays = |seconds, number, random| {
            let schedule = PollSchedule::staggered(Duration::from_secs(seconds), number, random);
            (schedule.first_delay.as_secs_f64(), schedule.second_delay.as_secs_f64())
        };
        for number in 0..8 {
            assert_eq!(delays(60, number, 1.0), (0.0, 5.0), "replicas spread from the second poll on");
        }
        assert_eq!(delays(60, 8, 0.0), (0.0, 0.0));
        assert_eq!(delays(10, 8, 1.0), (1.0, 0.0), "a tenth of the interval");
        assert_eq!(delays(60, 8, 1.0), (5.0, 0.0));
        assert_eq!(delays(3600, 49, 0.5), (2.5, 0.0));
    }
}
