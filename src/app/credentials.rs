//! From a configured source of credentials to one that hands them out, and what is told of it.

use std::{path::PathBuf, sync::Arc};

use super::Error;
use crate::aliyun::chain;
use crate::{
    aliyun::{
        self, Secret,
        credentials::{self, Environment, Event, KeyText, Recipe, Role, Source, StsPlace, Surroundings},
    },
    config::{self, Account},
    telemetry::Telemetry,
};

/// The account's source. Nothing is asked before the first request needs it.
pub(crate) fn source(
    account: &Account,
    options: &aliyun::Options,
    telemetry: &Arc<Telemetry>,
) -> Result<Arc<dyn Source>, Error> {
    let surroundings = Surroundings {
        environment: Environment::of_process(),
        proxy: options.proxy.clone(),
        user_agent: options.user_agent.clone(),
    };
    let observer = Told { account: account.name.clone(), telemetry: Arc::clone(telemetry) };
    credentials::source(&recipe(&account.credentials), &surroundings, Arc::new(observer))
        .map_err(|source| Error::Credentials { account: account.name.clone(), source })
}

fn recipe(credentials: &config::Credentials) -> Recipe {
    match credentials {
        config::Credentials::Default { places } => Recipe::Default(places.clone()),
        config::Credentials::AccessKey { id, secret, security_token, files } => {
            let text = |file: &Option<PathBuf>, given: &Secret| match file {
                Some(path) => KeyText::File(path.clone()),
                None => KeyText::Given(given.clone()),
            };
            Recipe::AccessKey {
                id: text(&files.id, &Secret::new(id.expose())),
                secret: text(&files.secret, secret),
                token: security_token.as_ref().map(|token| text(&files.security_token, token)),
            }
        }
        config::Credentials::OidcRole { role, provider_arn, token_file, sts } => Recipe::OidcRole {
            provider_arn: provider_arn.clone(),
            token_file: token_file.clone(),
            role: of(role, None),
            sts: StsPlace::at(sts.clone()),
        },
        config::Credentials::EcsRamRole { role_name, metadata } => {
            Recipe::EcsRamRole { role_name: role_name.clone(), metadata: metadata.clone() }
        }
        config::Credentials::AssumeRole { role, external_id, base, sts } => Recipe::AssumeRole {
            base: Box::new(recipe(base)),
            role: of(role, external_id.clone()),
            sts: StsPlace::at(sts.clone()),
        },
        config::Credentials::Uri(uri) => Recipe::Uri(Secret::new(uri.expose())),
        config::Credentials::Profile { profile, file, places } => {
            Recipe::Profile { name: profile.clone(), file: file.clone(), places: places.clone() }
        }
    }
}

fn of(role: &config::AssumedRole, external_id: Option<Secret>) -> Role {
    Role {
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

impl credentials::Observer for Told {
    fn event(&self, event: Event<'_>) {
        let account = self.account.as_str();
        match event {
            Event::Found { source } => {
                self.telemetry.credentials_source(account, source);
                tracing::info!(account, source, "credentials found");
            }
            Event::Skipped { reason } => {
                let (source, reason) = (reason.from(), chain(reason));
                tracing::warn!(
                    account,
                    source,
                    reason,
                    "a source of credentials can't be used and is skipped"
                );
            }
            Event::Refreshed { expires } => {
                self.telemetry.credentials_refreshed(account, true);
                self.telemetry.credentials_expiry(account, expires);
                let expires = expires.map(tracing::field::display);
                tracing::debug!(account, expires, "credentials fetched");
            }
            Event::Failed { error, retry_in, usable } => {
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
