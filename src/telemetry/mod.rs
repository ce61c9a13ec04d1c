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
//!
//! State is kept as data. [`Telemetry::gather`] makes gauges from it, and [`Telemetry::status`]
//! makes the [`Status`] from it, so no reader looks a value up by the name of a metric. Counters
//! and histograms are the `prometheus` crate's. What is not here: the fleet's metrics, which are
//! rendered from the snapshot (`metrics`).

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
use status::{PollFailure, ReplicaStatus, Setup, Status};

pub use build_info::{REVISION, RUSTC, VERSION};
pub use replicas::{RestoreResult, RestoreSource};

/// The values of the label `result`.
const RESULTS: [&str; 2] = ["success", "failure"];

/// Records everything that the exporter counts about itself. Recording a value locks a map for at
/// most one look-up.
pub struct Telemetry {
    started: Timestamp,
    accounts: Arc<accounts::Accounts>,
    activity: Arc<recent_activity::RecentActivity>,
    api: api::ApiMetrics,
    config_loads: configuration::ConfigLoads,
    polls: polls::PollMetrics,
    replicas: replicas::Replicas,
    serving: serving::ServingMetrics,
    settings: configuration::Settings,
}

/// The exporter's own metrics at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnMetrics {
    /// When every counter was 0.
    pub counted_since: Timestamp,
    /// Every family that has a sample, sorted by name.
    pub families: Vec<MetricFamily>,
}

impl Telemetry {
    /// Telemetry without accounts and targets. Every series whose labels are known in advance
    /// starts at 0.
    pub fn new() -> Arc<Self> {
        let accounts = Arc::new(accounts::Accounts::new());
        let activity = Arc::new(recent_activity::RecentActivity::default());
        Arc::new(Self {
            started: Timestamp::now(),
            api: api::ApiMetrics::new(Arc::clone(&accounts), Arc::clone(&activity)),
            accounts,
            activity,
            config_loads: configuration::ConfigLoads::default(),
            polls: polls::PollMetrics::new(),
            replicas: replicas::Replicas::new(),
            serving: serving::ServingMetrics::new(),
            settings: configuration::Settings::default(),
        })
    }

    /// The metrics now, including those of the process and of the build.
    pub fn gather(&self) -> OwnMetrics {
        let parts = [
            self.accounts.families(),
            self.api.families(),
            self.config_loads.families(),
            self.polls.families(),
            self.replicas.families(),
            self.serving.families(),
            self.settings.families(),
            vec![build_info::family()],
            process::families(),
        ];
        let mut families: Vec<MetricFamily> =
            parts.into_iter().flatten().filter(|family| !family.samples.is_empty()).collect();
        families.sort_by(|a, b| a.name.cmp(&b.name));
        OwnMetrics { counted_since: self.started, families }
    }

    /// The state now, together with `setup`.
    pub fn status(&self, setup: Setup) -> Status {
        let mut status = Status {
            setup,
            build: build_info::BUILD,
            accounts: self.accounts.status(),
            series: self.serving.series(),
            dropped: self.serving.dropped(),
            reload_failed: self.config_loads.last_failed(),
            process: process::usage(),
            requests_in_flight: self.api.in_flight(),
            poll_overruns: self.polls.overruns(),
            overrun_times: self.polls.overrun_times(),
            ..Status::default()
        };
        self.activity.add_to(&mut status);
        self.replicas.add_to(&mut status);
        status
    }

    /// Adds an account if it is not known, and returns the observer of its requests.
    pub fn observer(&self, account: &str) -> Arc<dyn RequestObserver> {
        self.accounts.add(account);
        self.api.observer(account)
    }

    /// Adds a target, whose polls are counted from 0.
    pub fn add_target(&self, account: &str, target: &str) {
        self.polls.add_target(account, target);
    }

    /// Counts the scrapes in a format and content encoding from 0.
    pub fn add_representation(&self, format: &'static str, encoding: &'static str) {
        self.serving.add_representation(format, encoding);
    }

    /// Removes the series of a target whose polls have ended.
    pub fn forget_target(&self, account: &str, target: &str) {
        self.polls.forget_target(account, target);
        self.activity.forget_target(account, target);
    }

    /// Removes the series of an account that was removed from the configuration.
    pub fn forget_account(&self, account: &str) {
        self.api.forget(account);
        self.accounts.forget(account);
    }

    /// A poll of a target ended; `succeeded` only if no part of it failed.
    pub fn poll_finished(&self, account: &str, target: &str, succeeded: bool, took: Duration) {
        self.polls.finished(account, target, succeeded, took);
    }

    /// Sets why the target's last poll failed; empty if it succeeded.
    pub fn poll_failures(&self, account: &str, target: &str, failures: Vec<PollFailure>) {
        self.activity.set_failures(account, target, failures);
    }

    /// A poll that ended at `at` took longer than the poll interval, so the next one starts late.
    pub fn poll_overrun(&self, at: Timestamp) {
        self.polls.overrun(at);
    }

    /// One poll of all the account's targets takes this number of requests, for the fleet as it was
    /// last polled.
    pub fn planned_requests(&self, account: &str, requests: u64) {
        self.accounts.update(account, |account| account.planned_requests = Some(requests));
    }

    /// This number of passes over a listing was inconsistent: the reported total did not match the
    /// pages.
    pub fn paging_inconsistencies(&self, operation: &str, passes: u64) {
        self.polls.inconsistencies(operation, passes);
    }

    /// Counts unknown values and unparsable fields of responses.
    pub fn findings(&self, findings: &DecodeIssues) {
        self.polls.findings(findings);
    }

    /// The account's credentials come from the provider of this name. Adds the account if it is not
    /// known.
    pub fn credentials_source(&self, account: &str, source: &'static str) {
        self.accounts.add(account);
        self.accounts.update(account, |account| account.credentials = Some(source));
    }

    /// An attempt to fetch the account's credentials ended.
    pub fn credentials_refreshed(&self, account: &str, succeeded: bool) {
        self.accounts.credentials_refreshed(account, succeeded);
    }

    /// The account's credentials expire at this time; `None` if they do not, or if the provider
    /// does not know.
    pub fn credentials_expiry(&self, account: &str, expires: Option<Timestamp>) {
        self.accounts.update(account, |account| account.credentials_expire = expires);
    }

    /// An attempt to load the configuration ended, at start or for a reload.
    pub fn config_loaded(&self, succeeded: bool, at: Timestamp) {
        self.config_loads.record(succeeded, at);
    }

    /// Sets the poll interval and the shard of the active configuration.
    pub fn settings(&self, setup: &Setup) {
        self.settings.set(setup);
    }

    /// Whether this replica is active, that is, polls. A process without replicas is.
    pub fn replica_active(&self, is_active: bool) {
        self.replicas.set_active(is_active);
    }

    /// Sets what the pages show about this replica, except the time of its state
    /// ([`Self::state_served`]).
    pub fn replica(&self, status: ReplicaStatus) {
        self.replicas.set_status(status);
    }

    /// The snapshot that is served was published, by this replica or by the active one, at `at`.
    pub fn state_served(&self, at: Timestamp) {
        self.replicas.set_served(at);
    }

    /// The first restore of a state after a start or a takeover ended.
    pub fn state_restored(&self, source: RestoreSource, result: RestoreResult) {
        self.replicas.restored(source, result, Timestamp::now());
    }

    /// This replica was a standby and is now active.
    pub fn taken_over(&self) {
        self.replicas.taken_over();
    }

    /// A snapshot was rendered with this number of series by collector; the limit dropped `dropped`
    /// more.
    pub fn snapshot_rendered(
        &self,
        series: &BTreeMap<&'static str, u64>,
        dropped: &BTreeMap<&'static str, u64>,
    ) {
        self.serving.rendered(series, dropped);
    }

    /// Size of the last snapshot's body in a format and encoding; `None` while it has not been
    /// requested.
    pub fn body_bytes(&self, format: &'static str, encoding: &'static str, bytes: Option<usize>) {
        self.serving.set_body_bytes(format, encoding, bytes);
    }

    /// A scrape in this format and encoding is served.
    pub fn scraped(&self, format: &str, encoding: &str) {
        self.serving.scraped(format, encoding);
    }
}

/// The value of the label `result`.
fn result(succeeded: bool) -> &'static str {
    let [success, failure] = RESULTS;
    if succeeded { success } else { failure }
}
