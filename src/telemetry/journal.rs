//! What happened lately, for people: the last calls, and why polls failed. Bounded, in memory only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::aliyun::AttemptOutcome;
use crate::telemetry::status::{AccountInsight, ApiCall, Insight, PollFailure};

/// Calls that are kept, and of those that failed as many again.
const CALLS: usize = 50;

/// The exporter's memory of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    calls: VecDeque<ApiCall>,
    failed_calls: VecDeque<ApiCall>,
    /// By account: where its credentials come from.
    accounts: BTreeMap<Arc<str>, Option<&'static str>>,
    /// By account and target: why its last poll failed.
    failures: BTreeMap<(Arc<str>, Arc<str>), Vec<PollFailure>>,
}

impl Journal {
    pub(super) fn account(&self, account: &str) {
        self.entries().accounts.entry(account.into()).or_default();
    }

    pub(super) fn credentials_source(&self, account: &str, source: &'static str) {
        self.entries().accounts.insert(account.into(), Some(source));
    }

    /// One attempt ended.
    pub(super) fn called(&self, account: &str, outcome: &AttemptOutcome<'_>, at: Timestamp) {
        let mut entries = self.entries();
        // The account's name is shared by all its calls.
        let account = match entries.accounts.get_key_value(account) {
            Some((name, _)) => Arc::clone(name),
            None => account.into(),
        };
        let call = ApiCall {
            at,
            account,
            operation: outcome.operation,
            code: outcome.code.into(),
            took: outcome.took,
            request_id: outcome.request_id.map(Box::from),
        };
        if outcome.code != "OK" {
            push(&mut entries.failed_calls, call.clone());
        }
        push(&mut entries.calls, call);
    }

    /// A poll of a target ended; no failures mean that it succeeded.
    pub(super) fn polled(&self, account: &str, target: &str, failures: Vec<PollFailure>) {
        let key = (account.into(), target.into());
        let mut entries = self.entries();
        if failures.is_empty() {
            entries.failures.remove(&key);
        } else {
            entries.failures.insert(key, failures);
        }
    }

    /// The account is no longer configured; its last calls fade by themselves.
    pub(super) fn forget_account(&self, account: &str) {
        self.entries().accounts.remove(account);
    }

    /// The target is no longer polled.
    pub(super) fn forget_target(&self, account: &str, target: &str) {
        self.entries().failures.remove(&(account.into(), target.into()));
    }

    pub(super) fn insight(&self) -> Insight {
        let entries = self.entries();
        let account = |(account, credentials): (&Arc<str>, &Option<&'static str>)| AccountInsight {
            account: Arc::clone(account),
            credentials: *credentials,
        };
        Insight {
            accounts: entries.accounts.iter().map(account).collect(),
            failures: entries.failures.values().flatten().cloned().collect(),
            calls: entries.calls.iter().rev().cloned().collect(),
            failed_calls: entries.failed_calls.iter().rev().cloned().collect(),
        }
    }

    /// Whatever panicked elsewhere, entries are whole: each is pushed in one step.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(calls: &mut VecDeque<ApiCall>, call: ApiCall) {
    if calls.len() == CALLS {
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

    #[test]
    fn the_last_calls_are_kept_and_failed_ones_for_longer() {
        let journal = Journal::default();
        journal.account("a");
        journal.called("a", &outcome("Throttling"), Timestamp::UNIX_EPOCH);
        for second in 1..=200 {
            journal.called("a", &outcome("OK"), Timestamp::from_second(second).unwrap());
        }
        let insight = journal.insight();
        assert_eq!((insight.calls.len(), insight.calls[0].at.as_second()), (CALLS, 200));
        assert_eq!(insight.failed_calls.len(), 1);
        assert_eq!(&*insight.failed_calls[0].code, "Throttling");
    }

    #[test]
    fn failures_are_those_of_the_last_poll() {
        let journal = Journal::default();
        journal.polled("a", "t", vec![failure("one"), failure("two")]);
        journal.polled("a", "t", vec![failure("three")]);
        assert_eq!(journal.insight().failures, [failure("three")]);
        journal.polled("a", "t", Vec::new());
        assert!(journal.insight().failures.is_empty());
    }
}
