//! From a configured account to its source of credentials, whose events are logged and counted.
//!
//! What is not here: the providers and their cache (`aliyun::credentials`).

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::Error;
use super::outages::REPORT_INTERVAL;
use crate::aliyun::chain;
use crate::aliyun::credentials::{
    self, CredentialsSource, Environment, ProviderContext, ProviderEvent, ProviderObserver,
};
use crate::config::Account;
use crate::telemetry::Telemetry;

/// The account's source. Credentials are fetched when the first request needs them.
///
/// # Errors
/// The source cannot be used as it is configured.
pub(crate) fn source(
    account: &Account,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn CredentialsSource>, Error> {
    let context = ProviderContext {
        environment: Environment::of_process(),
        proxy: account.client.proxy.clone(),
        user_agent: account.client.user_agent.clone(),
    };
    let observer = CredentialsObserver {
        account: account.name.clone(),
        telemetry: Arc::clone(telemetry),
        failures: Mutex::default(),
    };
    credentials::build_source(&account.credentials, &context, Arc::new(observer))
        .map_err(|source| Error::Credentials { account: account.name.clone(), source })
}

/// Logs and counts the events of one account's credentials.
struct CredentialsObserver {
    account: String,
    telemetry: Arc<Telemetry>,
    failures: Mutex<Failures>,
}

/// Attempts to fetch credentials that failed in succession.
#[derive(Debug, Default)]
struct Failures {
    attempts: u64,
    /// The last failure that was logged: when, and whether the previous credentials were usable.
    logged: Option<(Instant, bool)>,
}

impl Failures {
    /// Counts a failure. Returns whether to log it: the first one, the first after the previous
    /// credentials expired, and then one per [`REPORT_INTERVAL`].
    fn failed(&mut self, usable: bool, now: Instant) -> bool {
        self.attempts += 1;
        let is_known = |(at, was_usable): (Instant, bool)| {
            was_usable == usable && now.saturating_duration_since(at) < REPORT_INTERVAL
        };
        if self.logged.is_some_and(is_known) {
            return false;
        }
        self.logged = Some((now, usable));
        true
    }
}

impl ProviderObserver for CredentialsObserver {
    fn event(&self, event: ProviderEvent<'_>) {
        let account = self.account.as_str();
        match event {
            ProviderEvent::Found { source } => {
                self.telemetry.credentials_source(account, source);
                tracing::info!(account, source, "credentials found");
            }
            ProviderEvent::Skipped { reason } => {
                let (source, reason) = (reason.source_name(), chain(reason));
                tracing::warn!(
                    account,
                    source,
                    reason,
                    "credentials source cannot be used; trying the next one"
                );
            }
            ProviderEvent::Refreshed { expires } => {
                self.telemetry.credentials_refreshed(account, true);
                self.telemetry.credentials_expiry(account, expires);
                let expires = expires.map(tracing::field::display);
                let attempts = std::mem::take(&mut *self.failures.lock()).attempts;
                if attempts > 0 {
                    tracing::info!(account, expires, failed_attempts = attempts, "credentials fetched again");
                } else {
                    tracing::debug!(account, expires, "credentials fetched");
                }
            }
            ProviderEvent::Failed { error, retry_in, usable } => {
                self.telemetry.credentials_refreshed(account, false);
                let (error, retry_in) = (chain(error), format!("{:.1}s", retry_in.as_secs_f64()));
                let message = if usable {
                    "credentials cannot be fetched; the previous ones are still valid"
                } else {
                    "credentials cannot be fetched"
                };
                let mut failures = self.failures.lock();
                if failures.failed(usable, Instant::now()) {
                    tracing::warn!(account, error, retry_in, attempts = failures.attempts, "{message}");
                } else {
                    tracing::debug!(account, error, retry_in, attempts = failures.attempts, "{message}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_are_logged_at_intervals_and_when_credentials_expire() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let logged = |failures: &mut Failures, minutes: std::ops::Range<u32>, usable| {
            let at = |minute| start + REPORT_INTERVAL * minute / 10;
            minutes.filter(|minute| failures.failed(usable, at(*minute))).collect::<Vec<_>>()
        };
        assert_eq!(logged(&mut failures, 0..15, true), [0, 10]);
        assert_eq!(logged(&mut failures, 15..30, false), [15, 25]);
        assert_eq!(failures.attempts, 30);
    }
}
