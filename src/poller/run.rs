//! The loop around one target's polls: start to start, never two at once, nothing lost by a panic.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::{Board, Failure, Target, TargetPoll};
use crate::{
    aliyun::{self, AttemptOutcome, Call},
    appstreaming::advice,
};

/// When polls start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// From the start of one poll to the start of the next. A poll that runs longer makes the next
    /// one wait for the following multiple.
    pub interval: Duration,
    /// Before the first poll, so that replicas and targets spread out.
    pub first_delay: Duration,
}

impl Schedule {
    /// The longest that anybody waits for the first poll.
    const MAX_FIRST_DELAY: Duration = Duration::from_secs(5);

    /// A first delay of at most a tenth of the interval and 5 s; `random` is from 0 to 1.
    pub fn jittered(interval: Duration, random: f64) -> Self {
        let most = (interval / 10).min(Self::MAX_FIRST_DELAY);
        Self { interval, first_delay: most.mul_f64(random.clamp(0.0, 1.0)) }
    }
}

/// Told of every poll that ended. Implemented by telemetry.
pub trait Observer: Send + Sync {
    /// A poll ended.
    fn poll_finished(&self, report: &Report<'_>);
    /// A poll took longer than the interval.
    fn poll_overrun(&self);
}

/// One poll that ended.
#[derive(Debug)]
pub struct Report<'a> {
    /// The account's configured name.
    pub account: &'a str,
    /// The metric label `target`.
    pub target: &'a str,
    /// What it brought; `None` when it panicked.
    pub poll: Option<&'a TargetPoll>,
    /// From its start to its end.
    pub took: Duration,
}

/// Adds up how long one target's requests waited for the rate limiter, and passes everything on.
pub struct Meter {
    observer: Arc<dyn aliyun::RequestObserver>,
    waited_micros: AtomicU64,
}

impl Meter {
    /// A meter before `observer`.
    pub fn new(observer: Arc<dyn aliyun::RequestObserver>) -> Self {
        Self { observer, waited_micros: AtomicU64::new(0) }
    }

    /// What was waited since the last call.
    fn take(&self) -> Duration {
        Duration::from_micros(self.waited_micros.swap(0, Ordering::Relaxed))
    }
}

impl aliyun::RequestObserver for Meter {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        self.observer.finished(outcome);
    }

    fn retried(&self, operation: &'static str) {
        self.observer.retried(operation);
    }

    fn waited(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
        self.observer.waited(waited);
    }

    fn rate_limit(&self, requests_per_second: f64) {
        self.observer.rate_limit(requests_per_second);
    }

    fn in_flight(&self, change: i64) {
        self.observer.in_flight(change);
    }
}

/// One target and everything its loop needs.
pub struct Runner<C: Call = aliyun::Client> {
    /// What is polled.
    pub target: Target<C>,
    /// Where the results go.
    pub board: Arc<Board>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// What the target's client reports to.
    pub meter: Arc<Meter>,
}

impl<C: Call> Runner<C> {
    /// Polls for ever.
    pub async fn run(&self, schedule: Schedule, clock: impl Fn() -> Timestamp + Copy) {
        let mut start = Instant::now() + schedule.first_delay;
        loop {
            sleep_until(start).await;
            let took = self.poll_once(clock).await;
            if took > schedule.interval {
                self.observer.poll_overrun();
                warn!(
                    account = %self.target.account, target = %self.target.name,
                    took = ?took, interval = ?schedule.interval,
                    "the poll took longer than the interval: raise poll.interval or api.requests_per_second"
                );
            }
            // Not one after the other without a pause: a cloud that is slow is not helped by it.
            while start <= Instant::now() {
                start += schedule.interval;
            }
        }
    }

    /// Polls once and leaves the result on the board; says how long it took.
    pub async fn poll_once(&self, clock: impl Fn() -> Timestamp) -> Duration {
        let started = Instant::now();
        let refreshed = self.board.refreshed(&self.target.account, &self.target.name);
        // The panic's own message is logged by the panic hook.
        let poll = AssertUnwindSafe(self.target.poll(&refreshed, &clock)).catch_unwind().await.ok();
        let took = started.elapsed();
        self.log(poll.as_ref(), took);
        self.observer.poll_finished(&Report {
            account: &self.target.account,
            target: &self.target.name,
            poll: poll.as_ref(),
            took,
        });
        self.board.apply(&self.target.account, &self.target.name, poll, clock());
        took
    }

    fn log(&self, poll: Option<&TargetPoll>, took: Duration) {
        let (account, target) = (&self.target.account, &self.target.name);
        let Some(poll) = poll else {
            error!(%account, %target, "the poll panicked: its target keeps the last good data");
            return;
        };
        for summary in summarise(&poll.failures) {
            warn!(
                %account, %target,
                operation = summary.operation, group_id = summary.group_id, code = summary.code,
                request_id = summary.request_id, failures = summary.count, advice = summary.advice.as_deref(),
                "{}", summary.message
            );
        }
        info!(
            %account, %target,
            result = if poll.succeeded() { "success" } else { "failure" },
            groups = poll.groups.as_ref().map_or(0, Vec::len),
            instances = poll.instances(),
            requests = poll.requests,
            failures = poll.failures.len(),
            waited = ?round(self.meter.take()),
            took = ?round(took),
            "poll finished"
        );
    }
}

/// Failures of one operation with one code, told once: an outage fails every group in the same way.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The operation that failed.
    pub operation: &'static str,
    /// The API's code, the client's own, or `poll_timeout`.
    pub code: &'a str,
    /// The first group that met it; `None` for the listing of groups.
    pub group_id: Option<&'a str>,
    /// The first request that met it.
    pub request_id: Option<&'a str>,
    /// What to do about it.
    pub advice: Option<Cow<'static, str>>,
    /// What was said, with its causes.
    pub message: String,
    /// How often it happened.
    pub count: usize,
}

/// What failed, each operation and code once.
pub fn summarise(failures: &[Failure]) -> impl Iterator<Item = Summary<'_>> {
    let mut summaries: BTreeMap<(&str, &str), Summary<'_>> = BTreeMap::new();
    for failure in failures {
        let code = failure.error.as_ref().map_or("poll_timeout", aliyun::Error::code);
        let summary = summaries.entry((failure.operation, code)).or_insert_with(|| Summary {
            operation: failure.operation,
            code,
            group_id: failure.group_id.as_deref(),
            request_id: failure.error.as_ref().and_then(aliyun::Error::request_id),
            advice: failure.error.as_ref().and_then(advice),
            message: match &failure.error {
                Some(error) => aliyun::chain(error),
                None => format!("{} was not answered before poll.timeout", failure.operation),
            },
            count: 0,
        });
        summary.count += 1;
    }
    summaries.into_values()
}

fn round(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_poll_waits_at_most_a_tenth_of_the_interval_and_five_seconds() {
        let first_delay = |seconds, random| {
            Schedule::jittered(Duration::from_secs(seconds), random).first_delay.as_secs_f64()
        };
        assert_eq!(first_delay(60, 0.0), 0.0);
        assert_eq!(first_delay(10, 1.0), 1.0);
        assert_eq!(first_delay(60, 1.0), 5.0);
        assert_eq!(first_delay(3600, 0.5), 2.5);
    }
}
