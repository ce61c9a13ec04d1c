//! The exporter's own metrics, its status for the pages, and its log.
//!
//! | module | contents |
//! |---|---|
//! | [`status`] | the exporter's own state as plain data |
//! | [`logging`] | the log's format and level |
//! | `accounts`, `api`, `configuration`, `polls`, `replicas`, `serving`, `process`, `build_info` | one subject's state and metrics each |
//! | `recent_activity` | the last calls and failures |
//! | `exemplars` | exemplars of the latency histogram |
//! | `collectors` | the `prometheus` crate's counters and histograms as [`MetricFamily`] |
//! | `revision` | a number that changes with the recorded values |
//!
//! State is kept as data. [`Telemetry::gather`] makes gauges from it, and [`Telemetry::status`]
//! makes the [`Status`] from it, so no reader looks a value up by the name of a metric. Counters
//! and histograms are the `prometheus` crate's. Every value is recorded through `Telemetry::record`
//! or by the observer of an account's requests, which advance the revision, except for scrapes.
//! What is not here: the fleet's metrics, which are rendered from the snapshot (`metrics`).

mod accounts;
mod api;
mod build_info;
mod collectors;
mod configuration;
mod exemplars;
pub mod logging;
mod polls;
mod process;
mod recent_activity;
mod replicas;
mod revision;
mod serving;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::aliyun::RequestObserver;
use crate::fleet::DecodeIssues;
use crate::metrics::MetricFamily;
use revision::Revision;
use status::{PollFailure, ReplicaStatus, Setup, Status};

pub use build_info::{REVISION, RUSTC, VERSION};
pub use replicas::{RestoreResult, RestoreSource};

/// The values of the label `result`.
const RESULTS: [&str; 2] = ["success", "failure"];

/// Records everything that the exporter counts about itself. Recording a value locks a map for at
/// most one look-up.
pub struct Telemetry {
    started: Timestamp,
    subjects: Subjects,
    revision: Arc<Revision>,
}

/// The recorded values, by subject.
struct Subjects {
    accounts: Arc<accounts::Accounts>,
    activity: Arc<recent_activity::RecentActivity>,
    api: api::ApiMetrics,
    config_loads: configuration::ConfigLoads,
    polls: polls::PollMetrics,
    replicas: replicas::Replicas,
    serving: serving::ServingMetrics,
    settings: configuration::Settings,
}

/// A part of the exporter's own metrics. Each family is in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnPart {
    /// The families of the collector `exporter` that change only with [`Telemetry::revision`].
    Recorded,
    /// The number of scrapes, which is of the collector `exporter` too.
    Scrapes,
    /// The collector `process`.
    Process,
}

/// The exporter's own metrics at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnMetrics {
    /// When every counter was 0.
    pub counted_since: Timestamp,
    /// Every family that has a sample, sorted by name.
    pub families: Vec<MetricFamily>,
}

impl Subjects {
    /// The present values, except the number of scrapes.
    fn families(&self) -> [Vec<MetricFamily>; 8] {
        let Self { accounts, activity: _, api, config_loads, polls, replicas, serving, settings } = self;
        [
            accounts.families(),
            api.families(),
            config_loads.families(),
            polls.families(),
            replicas.families(),
            serving.families(),
            settings.families(),
            vec![build_info::family()],
        ]
    }
}

impl Telemetry {
    /// Telemetry without accounts and targets. Every series whose labels are known in advance
    /// starts at 0.
    pub fn new() -> Arc<Self> {
        let accounts = Arc::new(accounts::Accounts::new());
        let activity = Arc::new(recent_activity::RecentActivity::default());
        let revision = Arc::new(Revision::default());
        let subjects = Subjects {
            api: api::ApiMetrics::new(Arc::clone(&accounts), Arc::clone(&activity), Arc::clone(&revision)),
            accounts,
            activity,
            config_loads: configuration::ConfigLoads::default(),
            polls: polls::PollMetrics::new(),
            replicas: replicas::Replicas::new(),
            serving: serving::ServingMetrics::new(),
            settings: configuration::Settings::default(),
        };
        Arc::new(Self { started: Timestamp::now(), subjects, revision })
    }

    /// A number that changes after every change of a value of [`OwnPart::Recorded`]. Values that
    /// are gathered after this call are at least as new as its result.
    pub fn revision(&self) -> u64 {
        self.revision.get()
    }

    /// A part of the metrics now.
    pub fn part(&self, part: OwnPart) -> OwnMetrics {
        match part {
            OwnPart::Recorded => self.own_metrics(self.subjects.families()),
            OwnPart::Scrapes => self.own_metrics([vec![self.subjects.serving.scrapes()]]),
            OwnPart::Process => self.own_metrics([process::families()]),
        }
    }

    /// All metrics now.
    pub fn gather(&self) -> OwnMetrics {
        let parts = [OwnPart::Recorded, OwnPart::Scrapes, OwnPart::Process];
        self.own_metrics(parts.map(|part| self.part(part).families))
    }

    fn own_metrics<const N: usize>(&self, parts: [Vec<MetricFamily>; N]) -> OwnMetrics {
        let mut families: Vec<MetricFamily> =
            parts.into_iter().flatten().filter(|family| !family.samples.is_empty()).collect();
        families.sort_by(|a, b| a.name.cmp(&b.name));
        OwnMetrics { counted_since: self.started, families }
    }

    /// Changes a value and then the revision.
    fn record<R>(&self, change: impl FnOnce(&Subjects) -> R) -> R {
        self.revision.advance_after(|| change(&self.subjects))
    }

    /// The state now, together with `setup`.
    pub fn status(&self, setup: Setup) -> Status {
        let Subjects { accounts, activity, api, config_loads, polls, replicas, serving, settings: _ } =
            &self.subjects;
        let mut status = Status {
            setup,
            build: build_info::BUILD,
            accounts: accounts.status(),
            series: serving.series(),
            dropped: serving.dropped(),
            reload_failed: config_loads.last_failed(),
            process: process::usage(),
            requests_in_flight: api.in_flight(),
            poll_overruns: polls.overruns(),
            overrun_times: polls.overrun_times(),
            ..Status::default()
        };
        activity.add_to(&mut status);
        replicas.add_to(&mut status);
        status
    }

    /// Adds an account if it is not known, and returns the observer of its requests.
    pub fn observer(&self, account: &str) -> Arc<dyn RequestObserver> {
        self.record(|to| {
            to.accounts.add(account);
            to.api.observer(account)
        })
    }

    /// Adds a target, whose polls are counted from 0.
    pub fn add_target(&self, account: &str, target: &str) {
        self.record(|to| to.polls.add_target(account, target));
    }

    /// Counts the scrapes in a format and content encoding from 0.
    pub fn add_representation(&self, format: &'static str, encoding: &'static str) {
        self.record(|to| to.serving.add_representation(format, encoding));
    }

    /// Removes the series of a target whose polls have ended.
    pub fn forget_target(&self, account: &str, target: &str) {
        self.record(|to| {
            to.polls.forget_target(account, target);
            to.activity.forget_target(account, target);
        });
    }

    /// Removes the series of an account that was removed from the configuration.
    pub fn forget_account(&self, account: &str) {
        self.record(|to| {
            to.api.forget(account);
            to.accounts.forget(account);
        });
    }

    /// A poll of a target ended; `succeeded` only if no part of it failed.
    pub fn poll_finished(&self, account: &str, target: &str, succeeded: bool, took: Duration) {
        self.record(|to| to.polls.finished(account, target, succeeded, took));
    }

    /// Sets why the target's last poll failed; empty if it succeeded.
    pub fn poll_failures(&self, account: &str, target: &str, failures: Vec<PollFailure>) {
        self.record(|to| to.activity.set_failures(account, target, failures));
    }

    /// A poll that ended at `at` took longer than the poll interval, so the next one starts late.
    pub fn poll_overrun(&self, at: Timestamp) {
        self.record(|to| to.polls.overrun(at));
    }

    /// One poll of all the account's targets takes this number of requests, for the fleet as it was
    /// last polled.
    pub fn planned_requests(&self, account: &str, requests: u64) {
        self.record(|to| to.accounts.update(account, |account| account.planned_requests = Some(requests)));
    }

    /// This number of passes over a listing was inconsistent: the reported total did not match the
    /// pages.
    pub fn paging_inconsistencies(&self, operation: &str, passes: u64) {
        self.record(|to| to.polls.inconsistencies(operation, passes));
    }

    /// Counts unknown values and unparsable fields of responses.
    pub fn findings(&self, findings: &DecodeIssues) {
        self.record(|to| to.polls.findings(findings));
    }

    /// The account's credentials come from the provider of this name. Adds the account if it is not
    /// known.
    pub fn credentials_source(&self, account: &str, source: &'static str) {
        self.record(|to| {
            to.accounts.add(account);
            to.accounts.update(account, |account| account.credentials = Some(source));
        });
    }

    /// An attempt to fetch the account's credentials ended.
    pub fn credentials_refreshed(&self, account: &str, succeeded: bool) {
        self.record(|to| to.accounts.credentials_refreshed(account, succeeded));
    }

    /// The account's credentials expire at this time; `None` if they do not, or if the provider
    /// does not know.
    pub fn credentials_expiry(&self, account: &str, expires: Option<Timestamp>) {
        self.record(|to| to.accounts.update(account, |account| account.credentials_expire = expires));
    }

    /// An attempt to load the configuration ended, at start or for a reload.
    pub fn config_loaded(&self, succeeded: bool, at: Timestamp) {
        self.record(|to| to.config_loads.record(succeeded, at));
    }

    /// Sets the poll interval and the shard of the active configuration.
    pub fn settings(&self, setup: &Setup) {
        self.record(|to| to.settings.set(setup));
    }

    /// Whether this replica is active, that is, polls. A process without replicas is.
    pub fn replica_active(&self, is_active: bool) {
        self.record(|to| to.replicas.set_active(is_active));
    }

    /// Sets what the pages show about this replica, except the time of its state
    /// ([`Self::state_served`]).
    pub fn replica(&self, status: ReplicaStatus) {
        self.record(|to| to.replicas.set_status(status));
    }

    /// The snapshot that is served was published, by this replica or by the active one, at `at`.
    pub fn state_served(&self, at: Timestamp) {
        self.record(|to| to.replicas.set_served(at));
    }

    /// The first restore of a state after a start or a takeover ended.
    pub fn state_restored(&self, source: RestoreSource, result: RestoreResult) {
        self.record(|to| to.replicas.restored(source, result, Timestamp::now()));
    }

    /// This replica was a standby and is now active.
    pub fn taken_over(&self) {
        self.record(|to| to.replicas.taken_over());
    }

    /// A snapshot was rendered with this number of series by collector; the limit dropped `dropped`
    /// more.
    pub fn snapshot_rendered(
        &self,
        series: &BTreeMap<&'static str, u64>,
        dropped: &BTreeMap<&'static str, u64>,
    ) {
        self.record(|to| to.serving.rendered(series, dropped));
    }

    /// Sizes of the last snapshot's bodies, by format and encoding: of those that were requested.
    pub fn body_bytes(&self, sizes: BTreeMap<[&'static str; 2], usize>) {
        self.record(|to| to.serving.set_body_bytes(sizes));
    }

    /// A scrape in this format and encoding is served. [`OwnPart::Scrapes`] contains it.
    pub fn scraped(&self, format: &'static str, encoding: &'static str) {
        self.subjects.serving.scraped(format, encoding);
    }
}

/// The value of the label `result`.
fn result(succeeded: bool) -> &'static str {
    let [success, failure] = RESULTS;
    if succeeded { success } else { failure }
}
