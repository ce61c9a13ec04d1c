//! From a configured source of credentials to one that hands them out, and what is told of it.

use std::sync::Arc;

use super::Error;
use crate::aliyun::chain;
use crate::{
    aliyun::credentials::{
        self, CredentialsSource, Environment, ProviderContext, ProviderEvent, ProviderObserver,
    },
    config::Account,
    telemetry::Telemetry,
};

/// The account's source. Nothing is asked before the first request needs it.
pub(crate) fn source(
    account: &Account,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn CredentialsSource>, Error> {
    let context = ProviderContext {
        environment: Environment::of_process(),
        proxy: account.client.proxy.clone(),
        user_agent: account.client.user_agent.clone(),
    };
    let observer = Told { account: account.name.clone(), telemetry: Arc::clone(telemetry) };
    credentials::build_source(&account.credentials, &context, Arc::new(observer))
        .map_err(|source| Error::Credentials { account: account.name.clone(), source })
}

/// Logs and counts what happens to one account's credentials.
struct Told {
    account: String,
    telemetry: Arc<Telemetry>,
}

impl ProviderObserver for Told {
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
                    "a source of credentials can't be used and is skipped"
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
                    "credentials can't be fetched; the old ones are still good"
                } else {
                    "credentials can't be fetched"
                };
                tracing::warn!(account, error, retry_in, "{message}");
            }
        }
    }
}
