//! The data of the pages and of the JSON API: the fleet with its problems, counted, filtered and
//! sorted. Both are made from the same values, so they cannot disagree.
//!
//! Views are pure functions of the snapshot, of the exporter's status and of the time. What is not
//! here: the markup (`page`), and the rules for problems (`fleet::problems`).

mod accounts;
mod exporter;
mod group;
mod query;
#[cfg(test)]
mod tests;
mod totals;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::fleet::problems::{self, EvaluationContext, Problem};
use crate::fleet::{PersistentInterval, Snapshot, TargetHealth};
use crate::telemetry::status::{PollFailure, Setup, Status};

pub(crate) use accounts::AccountView;
pub(crate) use exporter::{ExporterView, ReplicaView};
pub(crate) use group::{
    DurationsView, EventsView, GroupDetails, GroupView, NodePoolView, SessionNumbers, StatusCount, details,
};
pub(crate) use query::{FleetQuery, ProblemFilter, SortColumn};
pub(crate) use totals::FleetTotals;

/// The input of every view.
#[derive(Clone, Copy)]
pub(crate) struct ViewContext<'a> {
    /// The fleet as of the last poll; `None` before the first one has ended.
    pub(crate) snapshot: Option<&'a Snapshot>,
    /// The exporter's own state.
    pub(crate) status: &'a Status,
    /// Why the exporter is not ready; empty if it is.
    pub(crate) waiting_for: &'a [String],
    /// The time that ages are relative to.
    pub(crate) now: Timestamp,
}

/// The fleet, as `/api/v1/fleet` returns it.
#[derive(Debug, Serialize)]
pub(crate) struct FleetView<'a> {
    /// The exporter's version.
    pub(crate) version: &'static str,
    /// When the snapshot was made; `None` before the first poll has ended.
    pub(crate) at: Option<Timestamp>,
    /// Why the exporter is not ready; empty if it is.
    pub(crate) waiting_for: &'a [String],
    /// Sums over every group, also those that the filter hides.
    pub(crate) totals: FleetTotals,
    /// Every target.
    pub(crate) targets: Vec<TargetView<'a>>,
    /// Every account.
    pub(crate) accounts: Vec<AccountView<'a>>,
    /// The regions that have a problem.
    pub(crate) regions: Vec<RegionView<'a>>,
    /// The exporter itself.
    pub(crate) exporter: ExporterView<'a>,
    /// The groups that match the filter, sorted.
    pub(crate) groups: Vec<GroupView<'a>>,
    /// All problems, most urgent first.
    #[serde(skip)]
    pub(crate) problems: Vec<LocatedProblem<'a>>,
    /// The statuses that occur, for the filter.
    #[serde(skip)]
    pub(crate) statuses: Vec<&'a str>,
}

/// One target.
#[derive(Debug, Serialize)]
pub(crate) struct TargetView<'a> {
    pub(crate) account: &'a str,
    pub(crate) target: &'a str,
    /// Whether no part of the last poll failed; `None` before the first one has ended.
    pub(crate) up: Option<bool>,
    /// When a poll of the target last succeeded.
    pub(crate) last_success: Option<Timestamp>,
    /// The number of its groups.
    pub(crate) groups: usize,
    pub(crate) problems: Vec<Problem>,
    /// Why the last poll failed, if the target is down.
    pub(crate) failures: Vec<FailureView<'a>>,
}

/// One region of an account.
#[derive(Debug, Serialize)]
pub(crate) struct RegionView<'a> {
    pub(crate) account: &'a str,
    pub(crate) region_id: &'a str,
    pub(crate) problems: Vec<Problem>,
}

/// Why a poll failed; see [`PollFailure`].
#[derive(Debug, Serialize)]
pub(crate) struct FailureView<'a> {
    pub(crate) operation: &'static str,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) advice: Option<&'a str>,
    /// How often the failure occurred in the poll.
    pub(crate) count: usize,
}

/// A problem, and the object that has it.
#[derive(Debug)]
pub(crate) struct LocatedProblem<'a> {
    pub(crate) problem: Problem,
    pub(crate) subject: ProblemSubject<'a>,
}

/// The object that has a problem.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ProblemSubject<'a> {
    Target { account: &'a str, target: &'a str },
    Account(&'a str),
    Region { account: &'a str, region_id: &'a str },
    Exporter,
    Group { account: &'a str, id: &'a str, name: &'a str },
}

impl<'a> ViewContext<'a> {
    /// The fleet with the groups that `query` selects, in its order.
    pub(crate) fn fleet(&self, query: &FleetQuery) -> FleetView<'a> {
        let evaluation = self.evaluation_context();
        let zone = self.time_zone();
        let snapshots = self.snapshot.map_or(&[][..], |snapshot| &snapshot.groups);
        let mut groups: Vec<GroupView<'a>> =
            snapshots.iter().map(|group| GroupView::new(group, &evaluation, zone)).collect();
        let targets = self.targets();
        let accounts = accounts::accounts(self.status, self.now);
        let regions = self.regions();
        let exporter = self.exporter();

        let mut statuses: Vec<&str> = groups.iter().filter_map(|group| group.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let totals = FleetTotals::new(&groups, &targets);
        let mut problems = findings(&targets, &accounts, &groups);
        problems.extend(regions.iter().flat_map(RegionView::located));
        problems.extend(exporter.located());
        problems.sort_by_key(|finding| (finding.problem.severity, finding.problem.kind));
        groups.retain(|group| query.matches(group));
        query.sort(&mut groups);
        FleetView {
            version: self.status.build.version,
            at: self.snapshot.map(|snapshot| snapshot.at),
            waiting_for: self.waiting_for,
            totals,
            targets,
            accounts,
            regions,
            exporter,
            groups,
            problems,
            statuses,
        }
    }

    /// The context of the rules for problems.
    pub(crate) fn evaluation_context(&self) -> EvaluationContext<'a> {
        let Setup { interval, persistent_interval, lists_instances, .. } = self.status.setup;
        let persistent = PersistentInterval { poll: interval, configured: persistent_interval };
        EvaluationContext {
            now: self.now,
            time_zone: self.time_zone(),
            interval,
            persistent,
            lists_instances,
        }
    }

    /// The time zone of schedules, and of times on the pages.
    pub(crate) fn time_zone(&self) -> &'a TimeZone {
        &self.status.setup.time_zone
    }

    /// The time since `at`.
    pub(crate) fn age(&self, at: Timestamp) -> SignedDuration {
        self.now.duration_since(at)
    }

    fn regions(&self) -> Vec<RegionView<'a>> {
        let groups = self.snapshot.into_iter().flat_map(|snapshot| &snapshot.groups);
        problems::check_regions(groups.map(|group| &**group), self.now)
            .into_iter()
            .map(|(account, region_id, problem)| RegionView { account, region_id, problems: vec![problem] })
            .collect()
    }

    /// The exporter itself.
    pub(crate) fn exporter(&self) -> ExporterView<'a> {
        ExporterView::new(self.status, self.now)
    }

    fn targets(&self) -> Vec<TargetView<'a>> {
        let Some(snapshot) = self.snapshot else { return Vec::new() };
        let mut targets: Vec<TargetView<'a>> =
            snapshot.targets.iter().map(|target| self.target(snapshot, target)).collect();
        targets.sort_by_key(|target| match target.up {
            Some(false) => 0,
            None => 1,
            Some(true) => 2,
        });
        targets
    }

    fn target(&self, snapshot: &'a Snapshot, target: &'a TargetHealth) -> TargetView<'a> {
        let is_target = |account: &str, name: &str| *target.account == *account && *target.target == *name;
        let failures: Vec<&PollFailure> = self
            .status
            .failures
            .iter()
            .filter(|failure| target.up == Some(false) && is_target(&failure.account, &failure.target))
            .collect();
        let reason = failures.first().map(|failure| failure.summary());
        let codes = failures.iter().map(|failure| &*failure.code);
        TargetView {
            account: &target.account,
            target: &target.target,
            up: target.up,
            last_success: target.last_success,
            groups: snapshot.groups.iter().filter(|group| is_target(&group.account, &group.target)).count(),
            problems: problems::check_target(target, codes, reason, self.now).into_iter().collect(),
            failures: failures.into_iter().map(FailureView::new).collect(),
        }
    }
}

impl<'a> RegionView<'a> {
    fn located(&self) -> impl Iterator<Item = LocatedProblem<'a>> {
        let subject = ProblemSubject::Region { account: self.account, region_id: self.region_id };
        self.problems.iter().map(move |problem| LocatedProblem { problem: problem.clone(), subject })
    }
}

impl<'a> FailureView<'a> {
    fn new(failure: &'a PollFailure) -> Self {
        Self {
            operation: failure.operation,
            code: &failure.code,
            message: &failure.message,
            request_id: failure.request_id.as_deref(),
            advice: failure.advice.as_deref(),
            count: failure.count,
        }
    }
}

/// The problems of targets, accounts and groups, in the order of the fleet.
fn findings<'a>(
    targets: &[TargetView<'a>],
    accounts: &[AccountView<'a>],
    groups: &[GroupView<'a>],
) -> Vec<LocatedProblem<'a>> {
    let of_targets = targets.iter().flat_map(|target| {
        let subject = ProblemSubject::Target { account: target.account, target: target.target };
        target.problems.iter().map(move |problem| (problem, subject))
    });
    let of_accounts = accounts.iter().flat_map(|account| {
        account.problems.iter().map(move |problem| (problem, ProblemSubject::Account(account.account)))
    });
    let of_groups = groups.iter().flat_map(|group| {
        let subject = ProblemSubject::Group { account: group.account, id: group.group_id, name: group.name };
        group.problems.iter().map(move |problem| (problem, subject))
    });
    let all = of_targets.chain(of_accounts).chain(of_groups);
    all.map(|(problem, subject)| LocatedProblem { problem: problem.clone(), subject }).collect()
}
