//! Recent activity for people: the last API calls, and why polls failed. Bounded, in memory only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::status::{ApiCall, PollFailure, Status};
use crate::aliyun::AttemptOutcome;

/// The number of calls that are kept; the same number of failed calls is kept in addition.
const MAX_CALLS: usize = 50;

/// The last calls of all accounts, and the failures of every target's last poll.
#[derive(Debug, Default)]
pub(super) struct RecentActivity(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    calls: VecDeque<ApiCall>,
    failed_calls: VecDeque<ApiCall>,
    /// Why the last poll failed, by account and target.
    failures: BTreeMap<(Arc<str>, Arc<str>), Vec<PollFailure>>,
}

impl RecentActivity {
    /// Records an attempt that ended at `at`.
    pub(super) fn call_finished(&self, account: &Arc<str>, outcome: &AttemptOutcome<'_>, at: Timestamp) {
        let call = ApiCall {
            at,
            account: Arc::clone(account),
            operation: outcome.operation,
            code: outcome.code.into(),
            took: outcome.took,
            request_id: outcome.request_id.map(Box::from),
        };
        let mut entries = self.0.lock();
        if outcome.code != "OK" {
            push(&mut entries.failed_calls, call.clone());
        }
        push(&mut entries.calls, call);
    }

    /// Replaces the failures of a target by those of its last poll; empty if that poll succeeded.
    pub(super) fn set_failures(&self, account: &str, target: &str, failures: Vec<PollFailure>) {
        let key = (account.into(), target.into());
        let mut entries = self.0.lock();
        if failures.is_empty() {
            entries.failures.remove(&key);
        } else {
            entries.failures.insert(key, failures);
        }
    }

    /// Removes the failures of a target whose polls have ended.
    pub(super) fn forget_target(&self, account: &str, target: &str) {
        self.set_failures(account, target, Vec::new());
    }

    /// Sets the calls and failures of `status`.
    pub(super) fn add_to(&self, status: &mut Status) {
        let entries = self.0.lock();
        status.failures = entries.failures.values().flatten().cloned().collect();
        status.calls = entries.calls.iter().rev().cloned().collect();
        status.failed_calls = entries.failed_calls.iter().rev().cloned().collect();
    }
}

fn push(calls: &mut VecDeque<ApiCall>, call: ApiCall) {
    if calls.len() == MAX_CALLS {
        calls.pop_front();
    }
    calls.push_back(call);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(code: &str) -> AttemptOutcome<'_> {
        let took = Duration::from_millis(3);
        AttemptOutcome { operation: "ListAppInstances", code, took, request_id: Some("R-1") }
    }

    fn failure(code: &str) -> PollFailure {
        PollFailure {
            account: "a".into(),
            target: "t".into(),
            operation: "ListAppInstances",
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
            advice: None,
            count: 1,
        }
    }

    fn status(activity: &RecentActivity) -> Status {
        let mut status = Status::default();
        activity.add_to(&mut status);
        status
    }

    #[test]
    fn the_last_calls_are_kept_and_failed_ones_for_longer() {
        let activity = RecentActivity::default();
        let account = "a".into();
        activity.call_finished(&account, &outcome("Throttling"), Timestamp::UNIX_EPOCH);
        for second in 1..=200 {
            activity.call_finished(&account, &outcome("OK"), Timestamp::from_second(second).unwrap());
        }
        let status = status(&activity);
        assert_eq!((status.calls.len(), status.calls[0].at.as_second()), (MAX_CALLS, 200));
        assert_eq!(status.failed_calls.len(), 1);
        assert_eq!(&*status.failed_calls[0].code, "Throttling");
    }

    #[test]
    fn the_failures_are_those_of_the_last_poll() {
        let activity = RecentActivity::default();
        activity.set_failures("a", "t", vec![failure("one"), failure("two")]);
        activity.set_failures("a", "t", vec![failure("three")]);
        assert_eq!(status(&activity).failures, [failure("three")]);
        activity.set_failures("a", "t", Vec::new());
        assert!(status(&activity).failures.is_empty());
    }
}
