//! The exporter's own metrics, and its log.
//!
//! What the exporter does is counted in the `prometheus` crate's collectors, in a registry of its own,
//! and handed out by [`Telemetry::gather`] as plain [`MetricFamily`] values, so that every format our
//! encoders know carries them. Names, labels and help texts are the catalogue's. What is not here: the
//! fleet's metrics, which are rendered from the snapshot (`metrics`).

mod api;
mod build_info;
mod configuration;
mod convert;
mod credentials;
mod exemplars;
mod journal;
pub mod logging;
mod polls;
mod process;
mod serving;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry,
};

use crate::aliyun::RequestObserver;
use crate::fleet::DecodeIssues;
use crate::metrics::{MetricFamily, catalogue};
use crate::telemetry::status::{Insight, PollFailure};

pub use build_info::{REVISION, RUSTC, VERSION};

/// Everything the exporter counts about itself. Recording never blocks for longer than a map look-up.
pub struct Telemetry {
    started: Timestamp,
    registry: Registry,
    api: api::Api,
    configuration: configuration::Configuration,
    credentials: credentials::Credentials,
    journal: Arc<journal::Journal>,
    polls: polls::Polls,
    serving: serving::Serving,
}

impl Telemetry {
    /// All metrics, with every series whose labels are known beforehand at 0.
    pub fn new() -> Arc<Telemetry> {
        let registry = Registry::new();
        let maker = Maker { registry: &registry };
        let journal = Arc::new(journal::Journal::default());
        Arc::new(Telemetry {
            started: Timestamp::now(),
            api: api::Api::new(&maker, Arc::clone(&journal)),
            configuration: configuration::Configuration::new(&maker),
            credentials: credentials::Credentials::new(&maker),
            journal,
            polls: polls::Polls::new(&maker),
            serving: serving::Serving::new(&maker),
            registry,
        })
    }

    /// When everything that is counted here was 0.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Every family that has a sample now, sorted by name, with the process' and the build's.
    pub fn gather(&self) -> Vec<MetricFamily> {
        let mut families: Vec<MetricFamily> = self.registry.gather().iter().map(convert::family).collect();
        self.api.put_exemplars_on(&mut families);
        families.push(build_info::family());
        families.extend(process::families());
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    }

    /// Who counts the requests of one account; the same one each time for the same name.
    pub fn observer(&self, account: &str) -> Arc<dyn RequestObserver> {
        self.credentials.account(account);
        self.journal.account(account);
        self.polls.account(account);
        self.api.observer(account)
    }

    /// Announces a target, so that its polls are counted from 0.
    pub fn target(&self, account: &str, target: &str) {
        self.polls.target(account, target);
    }

    /// Takes the target's series away: it is no longer polled.
    pub fn forget_target(&self, account: &str, target: &str) {
        self.polls.forget_target(account, target);
        self.journal.forget_target(account, target);
    }

    /// Takes the account's series away: it is no longer configured.
    pub fn forget_account(&self, account: &str) {
        self.api.forget(account);
        self.credentials.forget(account);
        self.polls.forget_account(account);
        self.journal.forget_account(account);
    }

    /// A poll of a target ended; `succeeded` only if it succeeded whole.
    pub fn poll_finished(&self, account: &str, target: &str, succeeded: bool, took: Duration) {
        self.polls.finished(account, target, succeeded, took);
    }

    /// Why that poll failed; empty when it did not. Shown to people until the next poll of the target.
    pub fn poll_failures(&self, account: &str, target: &str, failures: Vec<PollFailure>) {
        self.journal.polled(account, target, failures);
    }

    /// A poll took longer than the interval, so that the next one started late.
    pub fn poll_overrun(&self) {
        self.polls.overrun();
    }

    /// One poll of the account's targets, as the fleet is now, takes so many requests.
    pub fn planned_requests(&self, account: &str, requests: u64) {
        self.polls.planned(account, requests);
    }

    /// So many listings of the operation were inconsistent: the reported total didn't match the pages.
    pub fn paging_inconsistencies(&self, operation: &str, listings: u64) {
        self.polls.inconsistencies(operation, listings);
    }

    /// Adds what reading an answer brought up.
    pub fn findings(&self, findings: &DecodeIssues) {
        self.polls.findings(findings);
    }

    /// Where the account's credentials come from, by the source's name.
    pub fn credentials_source(&self, account: &str, source: &'static str) {
        self.journal.credentials_source(account, source);
    }

    /// What happened lately, for people.
    pub fn insight(&self) -> Insight {
        self.journal.insight()
    }

    /// The account's credentials were fetched again, or that failed.
    pub fn credentials_refreshed(&self, account: &str, succeeded: bool) {
        self.credentials.refreshed(account, succeeded);
    }

    /// When the account's credentials end; `None` (they don't) takes the series away.
    pub fn credentials_expiry(&self, account: &str, expires: Option<Timestamp>) {
        self.credentials.expiry(account, expires);
    }

    /// The configuration was read at `at`, at start or again. Before the first call there is no series.
    pub fn config_loaded(&self, succeeded: bool, at: Timestamp) {
        self.configuration.loaded(succeeded, at);
    }

    /// A snapshot was rendered: series by collector, and those that the limit took away.
    pub fn exposition(&self, series: &BTreeMap<&'static str, u64>, dropped: &BTreeMap<&'static str, u64>) {
        self.serving.exposition(series, dropped);
    }

    /// The last snapshot's body in one format and encoding has so many bytes; `None` (nobody asked for it
    /// yet) takes the series away.
    pub fn snapshot_bytes(&self, format: &str, encoding: &str, bytes: Option<usize>) {
        self.serving.snapshot_bytes(format, encoding, bytes);
    }

    /// Somebody was served in that format and encoding.
    pub fn scraped(&self, format: &str, encoding: &str) {
        self.serving.scraped(format, encoding);
    }
}

/// Makes and registers collectors. A name stands here and in the catalogue, which brings the help text.
struct Maker<'a> {
    registry: &'a Registry,
}

/// Names and labels are constants of this room, each registered once: making a collector of them can't
/// fail, and every test that makes a `Telemetry` proves it.
const CONSTANT: &str = "the names and labels of our own metrics are valid and different";

impl Maker<'_> {
    fn counter(&self, name: &str) -> IntCounter {
        self.register(IntCounter::with_opts(options(name)))
    }

    fn counters(&self, name: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(options(name), labels))
    }

    fn fractional_counters(&self, name: &str, labels: &[&str]) -> CounterVec {
        self.register(CounterVec::new(options(name), labels))
    }

    fn gauge(&self, name: &str) -> IntGauge {
        self.register(IntGauge::with_opts(options(name)))
    }

    fn gauges(&self, name: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(options(name), labels))
    }

    fn fractional_gauges(&self, name: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(options(name), labels))
    }

    /// Durations in seconds, counted up to each of `bounds`.
    fn durations(&self, name: &str, labels: &[&str], bounds: &[f64]) -> HistogramVec {
        let options = HistogramOpts::from(options(name)).buckets(bounds.to_vec());
        self.register(HistogramVec::new(options, labels))
    }

    fn register<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> C {
        let collector = collector.expect(CONSTANT);
        self.registry.register(Box::new(collector.clone())).expect(CONSTANT);
        collector
    }
}

fn options(name: &str) -> Opts {
    Opts::new(name, help(name))
}

/// The catalogue's help text; that it describes every one of our metrics is tested.
fn help(name: &str) -> &'static str {
    catalogue::help(name).expect("the catalogue describes every metric of the exporter's own")
}

/// The two values of every label `result`.
fn result(succeeded: bool) -> &'static str {
    if succeeded { "success" } else { "failure" }
}

/// Counts reach nowhere near the limit of the gauge; one that did would stay there.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
