//! Turns what the poller reports into the exporter's own metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    poller::{self, Observer, PollReport, TargetPoll},
    telemetry::{Telemetry, status::PollFailure},
};

/// Between the poller, which knows no metrics, and telemetry, which knows no polls.
pub(crate) struct Reporter {
    telemetry: Arc<Telemetry>,
    /// Requests that a poll needs, by account and target: the metric is an account's, as the limit is.
    planned: Mutex<BTreeMap<(String, String), u64>>,
}

impl Reporter {
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry, planned: Mutex::default() }
    }
}

impl Reporter {
    /// The target is no longer polled; what is left of its account's plan is told with the next poll.
    pub(crate) fn forget(&self, account: &str, target: &str) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.remove(&(account.to_owned(), target.to_owned()));
    }

    /// What all targets of the account need together, this one included.
    fn planned(&self, report: &PollReport<'_>, requests: u64) -> u64 {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.insert((report.account.to_owned(), report.target.to_owned()), requests);
        planned
            .iter()
            .filter(|((account, _), _)| account == report.account)
            .map(|(_, requests)| requests)
            .sum()
    }
}

impl Observer for Reporter {
    fn poll_finished(&self, report: &PollReport<'_>) {
        let succeeded = report.poll.is_some_and(TargetPoll::succeeded);
        self.telemetry.poll_finished(report.account, report.target, succeeded, report.took);
        self.telemetry.poll_failures(report.account, report.target, failures(report));
        let Some(poll) = report.poll else { return };
        self.telemetry.findings(&poll.issues);
        self.telemetry.planned_requests(report.account, self.planned(report, poll.planned_requests));
        for (operation, count) in &poll.inconsistencies {
            self.telemetry.paging_inconsistencies(operation, *count);
        }
    }

    fn poll_overrun(&self) {
        self.telemetry.poll_overrun();
    }
}

/// Why the poll failed, for people.
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
