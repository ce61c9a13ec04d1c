//! API requests: count, result codes, duration, retries, and waiting for the rate limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus::{Counter, CounterVec, HistogramVec, IntCounterVec};

use super::accounts::Accounts;
use super::collectors;
use super::exemplars::Exemplars;
use super::recent_activity::RecentActivity;
use super::revision::Revision;
use crate::aliyun::{AttemptOutcome, RequestObserver, Waited};
use crate::fleet::operation;
use crate::metrics::MetricFamily;
use crate::metrics::catalogue::REQUEST_DURATION_BUCKETS;

/// Codes that the client itself sets. They always have series of their own.
const OWN_CODES: [&str; 5] = ["OK", "timeout", "connect", "protocol", "credentials"];
/// The label value of all codes above the limit.
const OTHER: &str = "OTHER";
/// API codes that get series of their own, per account. The API documents a few dozen codes; a
/// faulty endpoint that sends ever new ones must not grow the memory of the exporter or of
/// Prometheus.
const MAX_CODES: usize = 64;
/// Bytes of a code that gets series of its own. The longest code in the API's reference has about
/// 60 bytes.
const MAX_CODE_BYTES: usize = 128;

/// The request metrics of all accounts.
pub(super) struct ApiMetrics {
    requests: Arc<RequestMetrics>,
    observers: Mutex<BTreeMap<Arc<str>, Arc<AccountObserver>>>,
}

struct RequestMetrics {
    finished: IntCounterVec,
    durations: HistogramVec,
    exemplars: Exemplars,
    retries: IntCounterVec,
    waited: CounterVec,
    in_flight: AtomicI64,
    accounts: Arc<Accounts>,
    activity: Arc<RecentActivity>,
    revision: Arc<Revision>,
}

/// Records the requests of one account.
struct AccountObserver {
    account: Arc<str>,
    requests: Arc<RequestMetrics>,
    waited: Counter,
    codes: Mutex<BTreeSet<String>>,
}

impl ApiMetrics {
    /// Metrics without accounts. `accounts` receives rate limits, `activity` receives every call;
    /// the observers advance `revision`.
    pub(super) fn new(
        accounts: Arc<Accounts>,
        activity: Arc<RecentActivity>,
        revision: Arc<Revision>,
    ) -> Self {
        let finished = "appstreaming_exporter_api_requests_total";
        let duration = "appstreaming_exporter_api_request_duration_seconds";
        let waited = "appstreaming_exporter_api_limiter_wait_seconds_total";
        let requests = RequestMetrics {
            finished: collectors::counters(finished, &["account", "operation", "code"]),
            durations: collectors::durations(duration, &["operation"], REQUEST_DURATION_BUCKETS),
            exemplars: Exemplars::default(),
            retries: collectors::counters("appstreaming_exporter_api_retries_total", &["operation"]),
            waited: collectors::fractional_counters(waited, &["account"]),
            in_flight: AtomicI64::new(0),
            accounts,
            activity,
            revision,
        };
        for operation in operation::ALL {
            requests.durations.with_label_values(&[operation]);
            requests.retries.with_label_values(&[operation]);
        }
        Self { requests: Arc::new(requests), observers: Mutex::default() }
    }

    /// The observer of an account. Several clients of an account share it, because the limit of
    /// codes is the account's.
    pub(super) fn observer(&self, account: &str) -> Arc<dyn RequestObserver> {
        let mut observers = self.observers.lock();
        if let Some(observer) = observers.get(account) {
            return Arc::clone(observer) as _;
        }
        let name: Arc<str> = account.into();
        let observer = Arc::new(AccountObserver {
            account: Arc::clone(&name),
            requests: Arc::clone(&self.requests),
            waited: self.requests.waited.with_label_values(&[account]),
            codes: Mutex::default(),
        });
        for operation in operation::ALL {
            self.requests.finished.with_label_values(&[account, operation, "OK"]);
        }
        observers.insert(name, Arc::clone(&observer));
        observer
    }

    /// Removes the series of an account.
    pub(super) fn forget(&self, account: &str) {
        let Some(observer) = self.observers.lock().remove(account) else { return };
        let codes = observer.codes.lock();
        let codes = codes.iter().map(String::as_str).chain(OWN_CODES).chain([OTHER]);
        for (operation, code) in codes.flat_map(|code| operation::ALL.map(|operation| (operation, code))) {
            // An error means that there was no such series.
            let _ = self.requests.finished.remove_label_values(&[account, operation, code]);
        }
        let _ = self.requests.waited.remove_label_values(&[account]);
    }

    /// Requests without a response yet.
    pub(super) fn in_flight(&self) -> i64 {
        self.requests.in_flight.load(Ordering::Relaxed)
    }

    /// The present values; the histogram has exemplars.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let RequestMetrics { finished, durations, exemplars, retries, waited, .. } = &*self.requests;
        let mut families = collectors::families(&[durations]);
        for family in &mut families {
            exemplars.add_to(family);
        }
        families.extend(collectors::families(&[finished, retries, waited]));
        families.push(collectors::gauge("appstreaming_exporter_api_in_flight", self.in_flight() as f64));
        families
    }
}

impl RequestObserver for AccountObserver {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        let code = self.bounded(outcome.code);
        self.record(|to| {
            to.finished.with_label_values(&[&*self.account, outcome.operation, code]).inc();
            to.durations.with_label_values(&[outcome.operation]).observe(outcome.took.as_secs_f64());
            let now = Timestamp::now();
            to.activity.call_finished(&self.account, outcome, now);
            to.exemplars.record(outcome, now);
        });
    }

    fn retried(&self, operation: &'static str) {
        self.record(|to| to.retries.with_label_values(&[operation]).inc());
    }

    fn waited(&self, waited: Waited) {
        self.record(|_| self.waited.inc_by(waited.total.as_secs_f64()));
    }

    fn rate_limit(&self, requests_per_second: f64) {
        self.record(|to| {
            to.accounts.update(&self.account, |account| account.rate = Some(requests_per_second));
        });
    }

    fn in_flight(&self, change: i64) {
        self.record(|to| to.in_flight.fetch_add(change, Ordering::Relaxed));
    }
}

impl AccountObserver {
    /// Changes a value and then the revision.
    fn record<R>(&self, change: impl FnOnce(&RequestMetrics) -> R) -> R {
        self.requests.revision.advance_after(|| change(&self.requests))
    }

    /// The code itself, or [`OTHER`] if it is too long or the account has reached the limit of
    /// codes.
    fn bounded<'a>(&self, code: &'a str) -> &'a str {
        if OWN_CODES.contains(&code) {
            return code;
        }
        let mut codes = self.codes.lock();
        if codes.contains(code) {
            return code;
        }
        if codes.len() >= MAX_CODES || code.len() > MAX_CODE_BYTES {
            return OTHER;
        }
        codes.insert(code.to_owned());
        code
    }
}
