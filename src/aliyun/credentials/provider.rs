//! What fetches credentials once, and which provider a recipe asks for.

use std::pin::Pin;
use std::sync::Arc;

use super::assume_role::AssumeRole;
use super::default_chain::DefaultChain;
use super::ecs_ram_role::EcsRamRole;
use super::environment::Environment;
use super::keys::Keys;
use super::observer::Observer;
use super::oidc_role::OidcRole;
use super::profile::Profiles;
use super::sts::Sts;
use super::uri::Uri;
use super::{Credentials, Error, Recipe};

/// What a provider is going to say.
pub(super) type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + 'a>>;

/// Fetches credentials. Keeps none: that is the business of `refreshing`.
pub(super) trait Provider: Send + Sync {
    /// For logs; of a chain, the name of what won it.
    fn name(&self) -> &'static str;

    /// Asks once, and takes no longer than its time-outs.
    fn fetch(&self) -> Fetching<'_>;
}

/// What providers need to know of the process they are in.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where the SDKs' variables are looked up.
    pub environment: Environment,
    /// A proxy's URL for STS; `None` or empty: what the environment says. Metadata and credentials URIs are always
    /// asked directly.
    pub proxy: Option<String>,
    /// Who asks, e.g. `name/version`.
    pub user_agent: String,
}

/// Sets up what a recipe asks for; nothing is sent yet.
pub(super) fn provider(
    recipe: &Recipe,
    surroundings: &Surroundings,
    observer: &Arc<dyn Observer>,
) -> Result<Arc<dyn Provider>, Error> {
    let sts = |from, place: &super::StsPlace| Sts::new(from, place, surroundings);
    Ok(match recipe {
        Recipe::Default(places) => {
            Arc::new(DefaultChain::new(places.clone(), surroundings.clone(), Arc::clone(observer)))
        }
        Recipe::AccessKey { id, secret, token } => {
            Arc::new(Keys::new(id.clone(), secret.clone(), token.clone()))
        }
        Recipe::OidcRole { provider_arn, token_file, role, sts: place } => {
            let sts = sts(OidcRole::NAME, place)?;
            Arc::new(OidcRole::new(provider_arn.clone(), token_file.clone(), role.clone(), sts))
        }
        Recipe::EcsRamRole { role_name, metadata } => {
            Arc::new(EcsRamRole::new(role_name.clone(), metadata.as_ref(), surroundings)?)
        }
        Recipe::AssumeRole { base, role, sts: place } => {
            let base = provider(base, surroundings, observer)?;
            Arc::new(AssumeRole::new(base, role.clone(), sts(AssumeRole::NAME, place)?))
        }
        Recipe::Uri(uri) => Arc::new(Uri::new(uri.expose(), surroundings)?),
        Recipe::Profile { name, file, places } => Arc::new(Profiles::configured(
            name.clone(),
            file.clone(),
            places.clone(),
            surroundings.clone(),
            Arc::clone(observer),
        )),
    })
}
