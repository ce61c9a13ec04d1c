//! Requests to the API: how many, how they ended, how long they took, how they were held back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::{Counter, CounterVec, Gauge, GaugeVec, HistogramVec, IntCounterVec, IntGauge};

use super::exemplars::Exemplars;
use super::{Maker, journal::Journal};
use crate::aliyun::{AttemptOutcome, RequestObserver};
use crate::fleet::operation;
use crate::metrics::MetricFamily;
use crate::metrics::catalogue::REQUEST_DURATION_BUCKETS;

/// Codes that the client itself makes up: always told apart.
const OWN_CODES: [&str; 5] = ["OK", "timeout", "connect", "protocol", "credentials"];
/// Stands for all that aren't told apart.
const OTHER: &str = "OTHER";
/// Codes of the API that are told apart per account. It has some dozens; what is beyond is a fault that
/// must not grow our memory or Prometheus'.
const MOST_CODES: usize = 64;
/// The histogram that has exemplars.
const DURATIONS: &str = "appstreaming_exporter_api_request_duration_seconds";
/// The longest code of the API's reference has about 60 bytes.
const LONGEST_CODE: usize = 128;

pub(super) struct Api {
    shared: Shared,
    rate_limit: GaugeVec,
    waited: CounterVec,
    accounts: Mutex<BTreeMap<String, Arc<AccountObserver>>>,
    journal: Arc<Journal>,
}

#[derive(Clone)]
struct Shared {
    requests: IntCounterVec,
    durations: HistogramVec,
    exemplars: Arc<Exemplars>,
    retries: IntCounterVec,
    in_flight: IntGauge,
}

/// Counts for one account.
struct AccountObserver {
    account: String,
    shared: Shared,
    rate_limit: Gauge,
    waited: Counter,
    codes: Mutex<BTreeSet<String>>,
    journal: Arc<Journal>,
}

impl Api {
    pub(super) fn new(make: &Maker<'_>, journal: Arc<Journal>) -> Api {
        let requests = "appstreaming_exporter_api_requests_total";
        let shared = Shared {
            requests: make.counters(requests, &["account", "operation", "code"]),
            durations: make.durations(DURATIONS, &["operation"], REQUEST_DURATION_BUCKETS),
            exemplars: Arc::default(),
            retries: make.counters("appstreaming_exporter_api_retries_total", &["operation"]),
            in_flight: make.gauge("appstreaming_exporter_api_in_flight"),
        };
        for operation in operation::ALL {
            shared.durations.with_label_values(&[operation]);
            shared.retries.with_label_values(&[operation]);
        }
        let waited = "appstreaming_exporter_api_limiter_wait_seconds_total";
        Api {
            shared,
            rate_limit: make.fractional_gauges("appstreaming_exporter_api_rate_limit", &["account"]),
            waited: make.fractional_counters(waited, &["account"]),
            accounts: Mutex::default(),
            journal,
        }
    }

    /// Adds to what was gathered what the registry doesn't keep.
    pub(super) fn put_exemplars_on(&self, families: &mut [MetricFamily]) {
        if let Some(family) = families.iter_mut().find(|family| family.name == DURATIONS) {
            self.shared.exemplars.put_on(family);
        }
    }

    /// One observer an account, also when several clients serve it: the bound on codes is the account's.
    pub(super) fn observer(&self, account: &str) -> Arc<dyn RequestObserver> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(observer) = accounts.get(account) {
            return Arc::clone(observer) as _;
        }
        let observer = Arc::new(AccountObserver {
            account: account.to_owned(),
            shared: self.shared.clone(),
            rate_limit: self.rate_limit.with_label_values(&[account]),
            waited: self.waited.with_label_values(&[account]),
            codes: Mutex::default(),
            journal: Arc::clone(&self.journal),
        });
        for operation in operation::ALL {
            self.shared.requests.with_label_values(&[account, operation, "OK"]);
        }
        accounts.insert(account.to_owned(), Arc::clone(&observer));
        observer
    }
}

impl Api {
    /// Takes the account's series away.
    pub(super) fn forget(&self, account: &str) {
        let observer = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        let Some(observer) = observer else { return };
        let codes = observer.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = codes.iter().map(String::as_str).chain(OWN_CODES).chain([OTHER]);
        // Most of these were never there: then there is nothing to do.
        for (operation, code) in codes.flat_map(|code| operation::ALL.map(|operation| (operation, code))) {
            let _ = self.shared.requests.remove_label_values(&[account, operation, code]);
        }
        let _ = self.rate_limit.remove_label_values(&[account]);
        let _ = self.waited.remove_label_values(&[account]);
    }
}

impl RequestObserver for AccountObserver {
    fn finished(&self, outcome: &AttemptOutcome<'_>) {
        let code = self.bounded(outcome.code);
        self.shared.requests.with_label_values(&[&*self.account, outcome.operation, code]).inc();
        self.shared.durations.with_label_values(&[outcome.operation]).observe(outcome.took.as_secs_f64());
        let now = Timestamp::now();
        self.journal.called(&self.account, outcome, now);
        self.shared.exemplars.finished(outcome, now);
    }

    fn retried(&self, operation: &'static str) {
        self.shared.retries.with_label_values(&[operation]).inc();
    }

    fn waited(&self, waited: Duration) {
        self.waited.inc_by(waited.as_secs_f64());
    }

    fn rate_limit(&self, requests_per_second: f64) {
        self.rate_limit.set(requests_per_second);
    }

    fn in_flight(&self, change: i64) {
        self.shared.in_flight.add(change);
    }
}

impl AccountObserver {
    /// The code itself as long as there are few of them, `OTHER` from then on.
    fn bounded<'a>(&self, code: &'a str) -> &'a str {
        if OWN_CODES.contains(&code) {
            return code;
        }
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.contains(code) {
            return code;
        }
        if codes.len() >= MOST_CODES || code.len() > LONGEST_CODE {
            return OTHER;
        }
        codes.insert(code.to_owned());
        code
    }
}
