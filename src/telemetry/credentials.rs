//! Credentials: when they end and how renewing them went. Never what they are.

use jiff::Timestamp;
use prometheus::{GaugeVec, IntCounterVec};

use super::Maker;
use crate::fleet::timestamp::seconds;

pub(super) struct Credentials {
    expiry: GaugeVec,
    refreshes: IntCounterVec,
}

impl Credentials {
    pub(super) fn new(make: &Maker<'_>) -> Credentials {
        let expiry = "appstreaming_exporter_credentials_expiry_timestamp_seconds";
        let refreshes = "appstreaming_exporter_credentials_refreshes_total";
        Credentials {
            expiry: make.fractional_gauges(expiry, &["account"]),
            refreshes: make.counters(refreshes, &["account", "result"]),
        }
    }

    pub(super) fn account(&self, account: &str) {
        for result in [super::result(true), super::result(false)] {
            self.refreshes.with_label_values(&[account, result]);
        }
    }

    pub(super) fn forget(&self, account: &str) {
        for result in [super::result(true), super::result(false)] {
            // It may never have been there: then there is nothing to do.
            let _ = self.refreshes.remove_label_values(&[account, result]);
        }
        self.expiry(account, None);
    }

    pub(super) fn refreshed(&self, account: &str, succeeded: bool) {
        self.refreshes.with_label_values(&[account, super::result(succeeded)]).inc();
    }

    pub(super) fn expiry(&self, account: &str, expires: Option<Timestamp>) {
        match expires {
            Some(at) => self.expiry.with_label_values(&[account]).set(seconds(at)),
            // An error only says that there was no such series.
            None => drop(self.expiry.remove_label_values(&[account])),
        }
    }
}
