//! The accounts: rate limit, planned requests, and the provider and the expiry of credentials. The
//! credentials themselves are not kept here.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::IntCounterVec;

use super::collectors;
use super::status::AccountStatus;
use crate::fleet::timestamp::seconds;
use crate::metrics::MetricFamily;

/// The state of every account, and the metrics made from it.
pub(super) struct Accounts {
    by_name: Mutex<BTreeMap<Arc<str>, AccountStatus>>,
    refreshes: IntCounterVec,
}

impl Accounts {
    /// A state without accounts.
    pub(super) fn new() -> Self {
        let refreshes = "appstreaming_exporter_credentials_refreshes_total";
        Self { by_name: Mutex::default(), refreshes: collectors::counters(refreshes, &["account", "result"]) }
    }

    /// Adds an account; does nothing if it is known already. No other method adds one, so that a
    /// poll that ends after its account was removed does not add it again.
    pub(super) fn add(&self, account: &str) {
        let mut accounts = self.by_name.lock();
        if accounts.contains_key(account) {
            return;
        }
        let name: Arc<str> = account.into();
        accounts.insert(Arc::clone(&name), AccountStatus { account: name, ..AccountStatus::default() });
        for result in super::RESULTS {
            self.refreshes.with_label_values(&[account, result]);
        }
    }

    /// Removes an account and its series.
    pub(super) fn forget(&self, account: &str) {
        let mut accounts = self.by_name.lock();
        accounts.remove(account);
        for result in super::RESULTS {
            // An error means that there was no such series.
            let _ = self.refreshes.remove_label_values(&[account, result]);
        }
    }

    /// Changes the state of an account if it is known.
    pub(super) fn update(&self, account: &str, change: impl FnOnce(&mut AccountStatus)) {
        if let Some(status) = self.by_name.lock().get_mut(account) {
            change(status);
        }
    }

    /// Counts an attempt to fetch credentials if the account is known: an attempt may end after its
    /// account was removed.
    pub(super) fn credentials_refreshed(&self, account: &str, succeeded: bool) {
        if self.by_name.lock().contains_key(account) {
            self.refreshes.with_label_values(&[account, super::result(succeeded)]).inc();
        }
    }

    /// Every account, sorted by name.
    pub(super) fn status(&self) -> Vec<AccountStatus> {
        self.by_name.lock().values().cloned().collect()
    }

    /// Families with a sample for each account. A rate or a plan that is not known yet is 0; an
    /// expiry that is not known has no sample.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let accounts = self.status();
        let sample = |account: &AccountStatus, value: f64| ([account.account.to_string()], value);
        let rate = |account: &AccountStatus| sample(account, account.rate.unwrap_or_default());
        let planned =
            |account: &AccountStatus| sample(account, account.planned_requests.unwrap_or_default() as f64);
        let expiry = |account: &AccountStatus| {
            account.credentials_expire.map(|expiry| sample(account, seconds(expiry)))
        };
        let gauges = [
            collectors::gauges(
                "appstreaming_exporter_api_rate_limit",
                ["account"],
                accounts.iter().map(rate),
            ),
            collectors::gauges(
                "appstreaming_exporter_poll_planned_requests",
                ["account"],
                accounts.iter().map(planned),
            ),
            collectors::gauges(
                "appstreaming_exporter_credentials_expiry_timestamp_seconds",
                ["account"],
                accounts.iter().filter_map(expiry),
            ),
        ];
        gauges.into_iter().chain(collectors::families(&[&self.refreshes])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_known_is_none_in_the_status_and_zero_in_the_gauge() {
        let accounts = Accounts::new();
        accounts.add("a");
        let status = accounts.status();
        assert_eq!((status[0].rate, status[0].planned_requests), (None, None));
        let gauge = &accounts.families()[0];
        assert_eq!(gauge.samples[0].value, crate::metrics::Value::Number(0.0));
        accounts.update("a", |account| account.rate = Some(2.5));
        assert_eq!(accounts.status()[0].rate, Some(2.5));
    }

    #[test]
    fn an_update_of_a_removed_account_does_not_add_it_again() {
        let accounts = Accounts::new();
        accounts.add("a");
        accounts.forget("a");
        accounts.update("a", |account| account.planned_requests = Some(3));
        assert!(accounts.status().is_empty());
    }
}
