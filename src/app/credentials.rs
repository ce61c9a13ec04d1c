//! From a configured source of credentials to one that hands them out, and what is told of it.

use std::{path::PathBuf, sync::Arc};

use super::Error;
use crate::aliyun::chain;
use crate::{
    aliyun::{
        self, Secret,
        credentials::{
            self, AssumedRole, CredentialsSource, Environment, KeySource, ProviderConfig, ProviderContext,
            ProviderEvent, ProviderObserver,
        },
    },
    config::{self, Account},
    telemetry::Telemetry,
};

/// The account's source. Nothing is asked before the first request needs it.
pub(crate) fn source(
    account: &Account,
    options: &aliyun::ClientOptions,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn CredentialsSource>, Error> {
    let context = ProviderContext {
        environment: Environment::of_process(),
        proxy: options.proxy.clone(),
        user_agent: options.user_agent.clone(),
    };
    let observer = Told { account: account.name.clone(), telemetry: Arc::clone(telemetry) };
    credentials::build_source(&provider_config(&account.credentials), &context, Arc::new(observer))
        .map_err(|source| Error::Credentials { account: account.name.clone(), source })
}

fn provider_config(credentials: &config::Credentials) -> ProviderConfig {
    match credentials {
        config::Credentials::Default { places } => ProviderConfig::Default(places.clone()),
        config::Credentials::AccessKey { id, secret, security_token, files } => {
            let part = |file: &Option<PathBuf>, value: &Secret| match file {
                Some(path) => KeySource::File { path: path.clone(), loaded: value.clone() },
                None => KeySource::Value(value.clone()),
            };
            ProviderConfig::AccessKey {
                id: part(&files.id, &Secret::new(id.expose())),
                secret: part(&files.secret, secret),
                security_token: security_token.as_ref().map(|token| part(&files.security_token, token)),
            }
        }
        config::Credentials::OidcRole { role, provider_arn, token_file, sts } => ProviderConfig::OidcRole {
            provider_arn: provider_arn.clone(),
            token_file: token_file.clone(),
            role: of(role, None),
            sts: sts.clone().into(),
        },
        config::Credentials::EcsRamRole { role_name, metadata } => {
            ProviderConfig::EcsRamRole { role_name: role_name.clone(), metadata: metadata.clone() }
        }
        config::Credentials::AssumeRole { role, external_id, base, sts } => ProviderConfig::AssumeRole {
            base: Box::new(provider_config(base)),
            role: of(role, external_id.clone()),
            sts: sts.clone().into(),
        },
        config::Credentials::Uri(uri) => ProviderConfig::Uri(uri.clone()),
        config::Credentials::Profile { profile, file, places } => {
            ProviderConfig::Profile { name: profile.clone(), file: file.clone(), endpoints: places.clone() }
        }
    }
}

fn of(role: &config::AssumedRole, external_id: Option<Secret>) -> AssumedRole {
    AssumedRole {
        arn: role.arn.clone(),
        session_name: role.session_name.clone(),
        duration: role.duration.get(),
        policy: role.policy.clone(),
        external_id,
    }
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
