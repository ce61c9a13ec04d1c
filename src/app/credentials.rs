//! From a configured account to its source of credentials, whose events are logged and counted.
//!
//! What is not here: the providers and their cache (`aliyun::credentials`).

use std::sync::Arc;

use super::Error;
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
    let observer = CredentialsObserver { account: account.name.clone(), telemetry: Arc::clone(telemetry) };
    credentials::build_source(&account.credentials, &context, Arc::new(observer))
        .map_err(|source| Error::Credentials { account: account.name.clone(), source })
}

/// Logs and counts the events of one account's credentials.
struct CredentialsObserver {
    account: String,
    telemetry: Arc<Telemetry>,
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
                tracing::debug!(account, expires, "credentials fetched");
            }
            ProviderEvent::Failed { error, retry_in, usable } => {
                self.telemetry.credentials_refreshed(account, false);
                let (error, retry_in) = (chain(error), format!("{:.1}s", retry_in.as_secs_f64()));
                let message = if usable {
                    "credentials cannot be fetched; the previous ones are still valid"
                } else {
                    "credentials cannot be fetched"
                };
                tracing::warn!(account, error, retry_in, "{message}");
            }
        }
    }
}
