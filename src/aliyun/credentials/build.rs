//! Builds the source of credentials that a configuration describes.

use std::sync::Arc;

use super::access_key::AccessKeyProvider;
use super::assume_role::AssumeRoleProvider;
use super::cache::CachedSource;
use super::default_chain::DefaultChain;
use super::ecs_ram_role::EcsRamRoleProvider;
use super::error::Error;
use super::observer::ProviderObserver;
use super::oidc_role::OidcRoleProvider;
use super::profile::ProfileProvider;
use super::provider::{Provider, ProviderBuilder, ProviderContext};
use super::provider_config::{ProviderConfig, StsEndpoint};
use super::source::CredentialsSource;
use super::sts::Sts;
use super::uri::UriProvider;

/// Sets up a source. Nothing is read or sent before the first call of
/// [`CredentialsSource::current`]; from then on a background task of the caller's runtime fetches.
///
/// # Errors
/// When an HTTP client for the configured service cannot be set up.
pub fn build_source(
    config: &ProviderConfig,
    context: &ProviderContext,
    observer: Arc<dyn ProviderObserver>,
) -> Result<Arc<dyn CredentialsSource>, Error> {
    let builder =
        ProviderBuilder { context: context.clone(), observer: Arc::clone(&observer), build: build_provider };
    let provider = builder.build(config)?;
    Ok(Arc::new(CachedSource::new(provider, observer)))
}

/// Sets up the provider that `config` describes; sends nothing.
pub(super) fn build_provider(
    config: &ProviderConfig,
    builder: &ProviderBuilder,
) -> Result<Arc<dyn Provider>, Error> {
    let context = &builder.context;
    let sts = |name, endpoint: &StsEndpoint| Sts::new(name, endpoint, context);
    Ok(match config {
        ProviderConfig::Default(endpoints) => Arc::new(DefaultChain::new(endpoints.clone(), builder.clone())),
        ProviderConfig::AccessKey { id, secret, security_token } => {
            Arc::new(AccessKeyProvider::new(id.clone(), secret.clone(), security_token.clone()))
        }
        ProviderConfig::OidcRole { provider_arn, token_file, role, sts: endpoint } => {
            let sts = sts(OidcRoleProvider::NAME, endpoint)?;
            Arc::new(OidcRoleProvider::new(provider_arn.clone(), token_file.clone(), role.clone(), sts))
        }
        ProviderConfig::EcsRamRole { role_name, metadata } => {
            Arc::new(EcsRamRoleProvider::new(role_name.clone(), metadata.as_ref(), context)?)
        }
        ProviderConfig::AssumeRole { base, role, sts: endpoint } => {
            let sts = sts(AssumeRoleProvider::NAME, endpoint)?;
            Arc::new(AssumeRoleProvider::new(builder.build(base)?, role.clone(), sts))
        }
        ProviderConfig::Uri(uri) => Arc::new(UriProvider::new(uri, context)?),
        ProviderConfig::Profile { name, file, endpoints } => Arc::new(ProfileProvider::configured(
            name.clone(),
            file.clone(),
            endpoints.clone(),
            builder.clone(),
        )),
    })
}
