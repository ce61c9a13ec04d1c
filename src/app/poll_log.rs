//! The log lines about polls.
//!
//! What is not here: which failures are logged (`outages`).

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::{debug, error, info, warn};

use super::outages::{FailureKind, OutageReport, Outages};
use crate::poller::{self, FailureSummary, PollOverrun, PollReport, PollWaits, TargetPoll};

/// Logs the polls of all targets.
#[derive(Default)]
pub(super) struct PollLog(Mutex<Outages>);

impl PollLog {
    /// Logs a poll that ended at `now`.
    pub(super) fn poll_finished(&self, report: &PollReport<'_>, now: Instant) {
        let (account, target) = (report.account, report.target);
        match report.poll {
            None => self.panicked(account, target, now),
            Some(poll) if poll.succeeded() => {
                let recovery = self.0.lock().succeeded((account, target), now);
                log_result(report, poll, "success");
                if let Some(recovery) = recovery {
                    let (failed_polls, failed_for) = (recovery.polls, to_millis(recovery.lasted));
                    info!(account, target, failed_polls, ?failed_for, "poll succeeded again");
                }
            }
            Some(poll) => self.failed(report, poll, now),
        }
    }

    fn failed(&self, report: &PollReport<'_>, poll: &TargetPoll, now: Instant) {
        let (account, target) = (report.account, report.target);
        let summaries: Vec<_> = poller::summarise_failures(&poll.failures).collect();
        let kind = |summary: &FailureSummary<'_>| (summary.operation, summary.code.into());
        let kinds = summaries.iter().map(kind).collect();
        let failed = self.0.lock().failed((account, target), kinds, now);
        for summary in summaries.iter().filter(|summary| failed.new.contains(&kind(summary))) {
            warn!(
                account,
                target,
                operation = summary.operation,
                group_id = summary.group_id,
                code = summary.code,
                request_id = summary.request_id,
                failures = summary.count,
                advice = summary.advice.as_deref(),
                error = summary.message,
                "poll failed"
            );
        }
        if failed.new.is_empty() {
            debug!(account, target, failures = poll.failures.len(), "poll failed again");
        } else {
            log_result(report, poll, "failure");
        }
        let error = summaries.first().map(|summary| summary.message.as_str());
        log_outage(failed.report, account, target, error.unwrap_or("unknown"));
    }

    /// The panic's message is not here: the panic hook logs it.
    fn panicked(&self, account: &str, target: &str, now: Instant) {
        let kinds = BTreeSet::<FailureKind>::from([("poll", "panic".into())]);
        let failed = self.0.lock().failed((account, target), kinds, now);
        if failed.new.is_empty() {
            debug!(account, target, "poll panicked again");
        } else {
            error!(account, target, "poll panicked; keeping the target's last good data");
        }
        log_outage(failed.report, account, target, "the poll panicked");
    }

    /// Logs a poll that took longer than the interval.
    pub(super) fn overrun(&self, overrun: &PollOverrun<'_>, now: Instant) {
        let PollOverrun { account, target, took, interval, waits } = *overrun;
        let mut outages = self.0.lock();
        let advice = overrun_advice(waits, outages.is_failing((account, target)));
        // Without advice the failures are the reason, and they are logged already.
        if advice.is_some() && outages.overran((account, target), now) {
            warn!(account, target, ?took, ?interval, advice, "poll took longer than the interval");
        } else {
            debug!(account, target, ?took, ?interval, advice, "poll took longer than the interval");
        }
    }

    /// Drops what is known about a target that is no longer polled.
    pub(super) fn forget(&self, account: &str, target: &str) {
        self.0.lock().forget((account, target));
    }
}

fn log_result(report: &PollReport<'_>, poll: &TargetPoll, result: &str) {
    info!(
        account = report.account,
        target = report.target,
        result,
        groups = poll.groups.as_ref().map_or(0, Vec::len),
        instances = poll.instances(),
        requests = poll.requests,
        failures = poll.failures.len(),
        waited = ?to_millis(report.waits.waited),
        took = ?to_millis(report.took),
        "poll finished"
    );
}

/// Logs a report of all targets, with the error of the target that failed last as an example.
fn log_outage(report: Option<OutageReport>, account: &str, target: &str, error: &str) {
    let Some(OutageReport { polls, targets }) = report else { return };
    let failing_targets: usize = targets.values().sum();
    let codes = join(targets.iter().map(|(code, count)| format!("{code}={count}")));
    warn!(failed_polls = polls, failing_targets, codes, account, target, error, "polls keep failing");
}

fn join(parts: impl Iterator<Item = impl Display>) -> String {
    parts.map(|part| part.to_string()).collect::<Vec<_>>().join(" ")
}

/// What the operator can do about polls that take longer than the interval. `None` if listings
/// failed and the requests did not wait for the rate limit.
fn overrun_advice(waits: PollWaits, is_failing: bool) -> Option<&'static str> {
    if waits.rate_limit > waits.responses {
        return Some(if waits.is_throttled {
            "the API throttles the account: raise poll.interval"
        } else {
            "raise poll.interval or api.requests_per_second"
        });
    }
    (!is_failing).then_some("the API responds slowly: raise poll.interval or api.max_in_flight")
}

/// The duration in whole milliseconds, so that its log field is short.
fn to_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex as StdMutex};

    use super::*;
    use crate::aliyun::Error;
    use crate::app::outages::REPORT_INTERVAL;
    use crate::fleet::operation::LIST_APP_INSTANCE_GROUP;
    use crate::poller::ListingFailure;

    #[derive(Clone, Default)]
    struct Lines(Arc<StdMutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of level info and above.
    fn logged(events: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, events);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim_start().to_owned()).collect()
    }

    fn poll(code: Option<&str>) -> TargetPoll {
        let body = |code| format!(r#"{{"Code": "{code}", "Message": "try later"}}"#);
        let failure = |code| ListingFailure {
            operation: LIST_APP_INSTANCE_GROUP,
            group_id: None,
            error: Some(Error::from_body(LIST_APP_INSTANCE_GROUP, 503, body(code).as_bytes())),
        };
        let failures: Vec<_> = code.into_iter().map(failure).collect();
        TargetPoll { groups: failures.is_empty().then(Vec::new), failures, ..TargetPoll::default() }
    }

    fn finish(log: &PollLog, poll: Option<&TargetPoll>, now: Instant) {
        let (account, target, took) = ("main", "CloudApp/cn-shanghai", Duration::from_millis(12));
        log.poll_finished(&PollReport { account, target, poll, took, waits: PollWaits::default() }, now);
    }

    #[test]
    fn a_failed_poll_is_logged_with_its_account_target_and_error() {
        let failed = poll(Some("ServiceUnavailable"));
        let lines = logged(|| finish(&PollLog::default(), Some(&failed), Instant::now()));
        assert_eq!(lines.len(), 2, "{lines:?}");
        let [level, text] = lines[0].split_once(' ').map(|(level, text)| [level, text]).unwrap();
        assert_eq!(level, "WARN");
        assert!(text.starts_with("poll failed account=\"main\" target=\"CloudApp/cn-shanghai\""), "{text}");
        assert!(text.contains("code=\"ServiceUnavailable\"") && text.contains("try later"), "{text}");
        assert!(lines[1].starts_with("INFO poll finished account=\"main\""), "{}", lines[1]);
    }

    #[test]
    fn an_outage_is_logged_at_its_start_at_intervals_and_at_its_end() {
        let (log, start) = (PollLog::default(), Instant::now());
        let (failed, succeeded) = (poll(Some("ServiceUnavailable")), poll(None));
        let polls = 20;
        let lines = logged(|| {
            for number in 0..polls {
                finish(&log, Some(&failed), start + number * REPORT_INTERVAL / 15);
            }
            finish(&log, Some(&succeeded), start + polls * REPORT_INTERVAL / 15);
            finish(&log, Some(&succeeded), start + 2 * REPORT_INTERVAL);
        });
        let starts = ["WARN poll failed", "INFO poll finished", "WARN polls keep failing failed_polls=15"];
        let ends = ["INFO poll finished", "INFO poll succeeded again", "INFO poll finished"];
        assert_eq!(lines.len(), starts.len() + ends.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts.into_iter().chain(ends)) {
            assert!(line.starts_with(start), "{line}");
        }
        let report = "failing_targets=1 codes=\"ServiceUnavailable=1\" account=\"main\"";
        assert!(lines[2].contains(report) && lines[2].contains("try later"), "{}", lines[2]);
        assert!(lines[4].contains("failed_polls=20 failed_for=800s"), "{}", lines[4]);
    }

    #[test]
    fn panics_are_logged_like_failures() {
        let (log, now) = (PollLog::default(), Instant::now());
        let lines = logged(|| (0..5).for_each(|_| finish(&log, None, now)));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("ERROR poll panicked"), "{}", lines[0]);
    }

    fn waits(rate_limit: u64, responses: u64, is_throttled: bool) -> PollWaits {
        let [rate_limit, responses] = [rate_limit, responses].map(Duration::from_secs);
        // Waiting for a slot is not waiting for the rate limit.
        PollWaits { waited: rate_limit + Duration::from_secs(1000), rate_limit, responses, is_throttled }
    }

    #[test]
    fn a_higher_rate_is_advised_only_where_the_rate_limit_took_the_time() {
        let advises_rate = |waits, is_failing| {
            overrun_advice(waits, is_failing).is_some_and(|advice| advice.contains("requests_per_second"))
        };
        assert!(advises_rate(waits(300, 40, false), false));
        assert!(advises_rate(waits(300, 40, false), true), "the poll timed out because of the limit");
        assert!(!advises_rate(waits(2, 400, false), false), "the API responds slowly");
        assert!(!advises_rate(waits(300, 40, true), false), "the API throttles requests");
        assert_eq!(overrun_advice(waits(0, 400, false), true), None, "the API does not respond");
    }

    #[test]
    fn an_overrun_that_failures_explain_is_not_logged() {
        let (log, now) = (PollLog::default(), Instant::now());
        let [took, interval] = [90, 60].map(Duration::from_secs);
        let overrun =
            |waits| PollOverrun { account: "main", target: "CloudApp/cn-shanghai", took, interval, waits };
        finish(&log, Some(&poll(Some("ServiceUnavailable"))), now);
        assert!(logged(|| log.overrun(&overrun(waits(0, 400, false)), now)).is_empty());
        let lines = logged(|| (0..9).for_each(|_| log.overrun(&overrun(waits(300, 40, false)), now)));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("took longer than the interval"), "{}", lines[0]);
    }
}
