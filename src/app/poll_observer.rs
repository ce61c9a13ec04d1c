//! Turns reports of the poller into log lines and into the exporter's own metrics and status.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::poll_log::PollLog;
use crate::poller::{self, Observer, PollOverrun, PollReport, TargetPoll};
use crate::telemetry::Telemetry;
use crate::telemetry::status::PollFailure;

/// Logs polls, and reports them to telemetry, so that neither the poller nor telemetry imports the
/// other.
pub(crate) struct PollObserver {
    telemetry: Arc<Telemetry>,
    /// Requests that a poll needs, by account and target. The metric has their sum for each
    /// account, because the rate limit is the account's.
    planned: Mutex<BTreeMap<(String, String), u64>>,
    log: PollLog,
}

impl PollObserver {
    /// An observer that has seen no poll.
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry, planned: Mutex::default(), log: PollLog::default() }
    }

    /// Drops the target's failures, and its share of its account's planned requests; the metric
    /// follows with the account's next poll.
    pub(crate) fn forget(&self, account: &str, target: &str) {
        self.log.forget(account, target);
        let mut planned = self.planned.lock();
        planned.remove(&(account.to_owned(), target.to_owned()));
    }

    /// Records the requests of this target, and returns those of all the account's targets.
    fn record_planned(&self, report: &PollReport<'_>, requests: u64) -> u64 {
        let mut planned = self.planned.lock();
        planned.insert((report.account.to_owned(), report.target.to_owned()), requests);
        planned
            .iter()
            .filter(|((account, _), _)| account == report.account)
            .map(|(_, requests)| requests)
            .sum()
    }
}

impl Observer for PollObserver {
    fn poll_finished(&self, report: &PollReport<'_>) {
        self.log.poll_finished(report, Instant::now());
        let succeeded = report.poll.is_some_and(TargetPoll::succeeded);
        self.telemetry.poll_finished(report.account, report.target, succeeded, report.took);
        self.telemetry.poll_failures(report.account, report.target, failures(report));
        let Some(poll) = report.poll else { return };
        self.telemetry.findings(&poll.issues);
        self.telemetry.planned_requests(report.account, self.record_planned(report, poll.planned_requests));
        for (operation, count) in &poll.inconsistencies {
            self.telemetry.paging_inconsistencies(operation, *count);
        }
    }

    fn poll_overrun(&self, overrun: &PollOverrun<'_>) {
        self.log.overrun(overrun, Instant::now());
        self.telemetry.poll_overrun(jiff::Timestamp::now());
    }
}

/// The failures of the poll, as the pages show them.
fn failures(report: &PollReport<'_>) -> Vec<PollFailure> {
    let failure = |operation, code: &str| PollFailure {
        account: report.account.into(),
        target: report.target.into(),
        operation,
        code: code.to_owned(),
        message: String::new(),
        request_id: None,
        advice: None,
        count: 1,
    };
    let Some(poll) = report.poll else {
        let message = "the poll panicked: see the log".to_owned();
        return vec![PollFailure { message, ..failure("poll", "panic") }];
    };
    poller::summarise_failures(&poll.failures)
        .map(|summary| PollFailure {
            request_id: summary.request_id.map(str::to_owned),
            advice: summary.advice.map(|advice| advice.into_owned()),
            message: summary.message,
            count: summary.count,
            ..failure(summary.operation, summary.code)
        })
        .collect()
}
