//! Which failures of polls are logged: rules without a clock and without I/O.
//!
//! In an outage of the cloud, every poll of every target fails for the same reason. The first
//! failure of a target is logged completely, the following ones are counted, and one line for all
//! targets reports their number at intervals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Time between two reports of failures that were not logged, long enough that an outage does not
/// fill the log, and short enough that a reader of the last quarter of an hour sees it.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(600);
/// The most kinds of failures that are logged completely while a target fails. The limit bounds
/// memory and the log if an endpoint returns ever new codes.
const MAX_KINDS: usize = 16;

/// An account's name and a target's name.
type TargetKey = (Box<str>, Box<str>);
/// An operation and an error code.
pub(super) type FailureKind = (&'static str, Box<str>);

/// The targets whose last poll failed.
#[derive(Debug, Default)]
pub(super) struct Outages {
    failing: BTreeMap<TargetKey, FailingTarget>,
    /// Polls that failed since the last report and were not logged.
    unreported: u64,
    /// Time of the last report; before the first one, of the first failure. `None` while no target
    /// fails.
    reported_at: Option<Instant>,
    /// When it was last logged that a poll of the target took longer than the interval.
    overrun_logged_at: BTreeMap<TargetKey, Instant>,
}

#[derive(Debug)]
struct FailingTarget {
    since: Instant,
    polls: u64,
    /// Kinds of failures that were logged completely.
    logged: BTreeSet<FailureKind>,
    /// The code of the last failure.
    code: Box<str>,
}

/// What to log about a poll that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// Kinds to log completely, because the target did not fail in this way before. If it is empty,
    /// the poll failed like an earlier one.
    pub(super) new: BTreeSet<FailureKind>,
    /// The report to log.
    pub(super) report: Option<OutageReport>,
}

/// Failures of all targets that were not logged since the last report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutageReport {
    /// Number of failed polls.
    pub(super) polls: u64,
    /// Number of targets whose last poll failed, by code.
    pub(super) targets: BTreeMap<Box<str>, usize>,
}

/// The end of a target's failures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recovery {
    /// Number of polls that failed in succession.
    pub(super) polls: u64,
    /// Time from the first of them to the success.
    pub(super) lasted: Duration,
}

impl Outages {
    /// Records a poll that failed with failures of these kinds, of which there is at least one.
    pub(super) fn failed(
        &mut self,
        (account, target): (&str, &str),
        kinds: BTreeSet<FailureKind>,
        now: Instant,
    ) -> Failed {
        let reported_at = *self.reported_at.get_or_insert(now);
        let failing = self.failing.entry((account.into(), target.into())).or_insert_with(|| FailingTarget {
            since: now,
            polls: 0,
            logged: BTreeSet::new(),
            code: Box::default(),
        });
        failing.polls += 1;
        failing.code = kinds.first().map(|(_, code)| code.clone()).unwrap_or_default();
        let room = MAX_KINDS.saturating_sub(failing.logged.len());
        let new: BTreeSet<_> =
            kinds.into_iter().filter(|kind| !failing.logged.contains(kind)).take(room).collect();
        failing.logged.extend(new.iter().cloned());
        self.unreported += u64::from(new.is_empty());
        let is_due = self.unreported > 0 && now.saturating_duration_since(reported_at) >= REPORT_INTERVAL;
        Failed { new, report: is_due.then(|| self.report(now)) }
    }

    fn report(&mut self, now: Instant) -> OutageReport {
        self.reported_at = Some(now);
        let mut targets = BTreeMap::new();
        for failing in self.failing.values() {
            *targets.entry(failing.code.clone()).or_default() += 1;
        }
        OutageReport { polls: std::mem::take(&mut self.unreported), targets }
    }

    /// Records a poll that succeeded. Returns the end of the target's failures, if it failed
    /// before.
    pub(super) fn succeeded(&mut self, (account, target): (&str, &str), now: Instant) -> Option<Recovery> {
        let failing = self.failing.remove(&(account.into(), target.into()))?;
        self.end_if_all_succeed();
        Some(Recovery { polls: failing.polls, lasted: now.saturating_duration_since(failing.since) })
    }

    /// Whether to log that a poll of the target took longer than the interval: the first time, and
    /// then at most once per [`REPORT_INTERVAL`].
    pub(super) fn overran(&mut self, (account, target): (&str, &str), now: Instant) -> bool {
        let key = (account.into(), target.into());
        let logged_at = self.overrun_logged_at.get(&key);
        let is_due = logged_at.is_none_or(|at| now.saturating_duration_since(*at) >= REPORT_INTERVAL);
        if is_due {
            self.overrun_logged_at.insert(key, now);
        }
        is_due
    }

    /// Whether the target's last poll failed.
    pub(super) fn is_failing(&self, (account, target): (&str, &str)) -> bool {
        self.failing.contains_key(&(account.into(), target.into()))
    }

    /// Drops a target that is no longer polled.
    pub(super) fn forget(&mut self, (account, target): (&str, &str)) {
        let key = (account.into(), target.into());
        self.failing.remove(&key);
        self.overrun_logged_at.remove(&key);
        self.end_if_all_succeed();
    }

    fn end_if_all_succeed(&mut self) {
        if self.failing.is_empty() {
            (self.unreported, self.reported_at) = (0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: (&str, &str) = ("main", "CloudApp");
    const MINUTE: Duration = Duration::from_secs(60);

    fn kinds(codes: &[&str]) -> BTreeSet<FailureKind> {
        codes.iter().map(|code| ("ListAppInstanceGroup", (*code).into())).collect()
    }

    #[test]
    fn an_outage_of_fifty_accounts_is_a_line_for_each_and_then_one_per_ten_minutes() {
        let (mut outages, start) = (Outages::default(), Instant::now());
        let (mut full, mut reports) = (0, Vec::new());
        for minute in 0..60 {
            for account in 0..50 {
                let (account, now) = (format!("account-{account}"), start + minute * MINUTE);
                let failed = outages.failed((&account, "CloudApp"), kinds(&["connect"]), now);
                full += failed.new.len();
                reports.extend(failed.report);
            }
        }
        assert_eq!((full, reports.len()), (50, 5));
        assert_eq!(reports[1].polls, 500);
        assert_eq!(reports[1].targets, BTreeMap::from([("connect".into(), 50)]));
    }

    #[test]
    fn a_failure_of_another_kind_is_logged_completely() {
        let (mut outages, now) = (Outages::default(), Instant::now());
        assert_eq!(outages.failed(TARGET, kinds(&["timeout"]), now).new, kinds(&["timeout"]));
        assert_eq!(outages.failed(TARGET, kinds(&["timeout", "connect"]), now).new, kinds(&["connect"]));
        assert!(outages.failed(TARGET, kinds(&["connect"]), now).new.is_empty());
        let codes: Vec<String> = (0..100).map(|number| format!("Odd{number}")).collect();
        let logged = codes.iter().filter(|code| !outages.failed(TARGET, kinds(&[code]), now).new.is_empty());
        assert_eq!(logged.count(), MAX_KINDS - 2, "ever new codes do not fill the log");
    }

    #[test]
    fn the_first_success_is_a_recovery_and_the_next_failure_is_logged_completely_again() {
        let (mut outages, now) = (Outages::default(), Instant::now());
        assert_eq!(outages.succeeded(TARGET, now), None);
        for minute in 0..3 {
            outages.failed(TARGET, kinds(&["connect"]), now + minute * MINUTE);
        }
        let recovery = Recovery { polls: 3, lasted: 3 * MINUTE };
        assert_eq!(outages.succeeded(TARGET, now + 3 * MINUTE), Some(recovery));
        assert_eq!(outages.succeeded(TARGET, now + 4 * MINUTE), None);
        let failed = outages.failed(TARGET, kinds(&["connect"]), now + 60 * MINUTE);
        assert_eq!(failed, Failed { new: kinds(&["connect"]), report: None });
    }

    #[test]
    fn a_target_that_is_no_longer_polled_is_not_reported() {
        let (mut outages, now) = (Outages::default(), Instant::now());
        outages.failed(("removed", "CloudApp"), kinds(&["connect"]), now);
        outages.failed(TARGET, kinds(&["timeout"]), now);
        outages.forget(("removed", "CloudApp"));
        let report = outages.failed(TARGET, kinds(&["timeout"]), now + REPORT_INTERVAL).report;
        assert_eq!(report.unwrap().targets, BTreeMap::from([("timeout".into(), 1)]));
    }

    #[test]
    fn polls_that_take_too_long_are_logged_at_intervals() {
        let (mut outages, now) = (Outages::default(), Instant::now());
        let logged = (0..21).filter(|minute| outages.overran(TARGET, now + *minute * MINUTE));
        assert_eq!(logged.collect::<Vec<_>>(), [0, 10, 20]);
    }
}
