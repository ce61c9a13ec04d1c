//! A role taken on with an OIDC token: RRSA in ACK clusters.

use std::path::PathBuf;

use super::super::Secret;
use super::environment::{self, Environment};
use super::provider::{Fetching, Provider};
use super::sts::Sts;
use super::{Credentials, Error, Recipe, Role, StsPlace, keys};

/// `OIDCToken` has 4 to 20,000 characters.
const LONGEST_TOKEN: u64 = 20_000;

/// A role, and the token that opens it.
pub(super) struct OidcRole {
    provider_arn: String,
    token_file: PathBuf,
    role: Role,
    sts: Sts,
}

impl OidcRole {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "oidc_role";

    pub(super) fn new(provider_arn: String, token_file: PathBuf, role: Role, sts: Sts) -> Self {
        Self { provider_arn, token_file, role, sts }
    }

    /// The role that the environment describes. A role's name alone describes none: it serves others too.
    pub(super) fn of(environment: &Environment, sts: StsPlace) -> Result<Recipe, Error> {
        const NEEDED: [&str; 3] =
            [environment::ROLE_ARN, environment::OIDC_PROVIDER_ARN, environment::OIDC_TOKEN_FILE];
        if let [Some(arn), Some(provider_arn), Some(token_file)] = NEEDED.map(|name| environment.get(name)) {
            let mut role = Role::new(arn);
            if let Some(name) = environment.get(environment::ROLE_SESSION_NAME) {
                name.clone_into(&mut role.session_name);
            }
            let (provider_arn, token_file) = (provider_arn.to_owned(), PathBuf::from(token_file));
            return Ok(Recipe::OidcRole { provider_arn, token_file, role, sts });
        }
        let (set, unset): (Vec<_>, Vec<_>) =
            NEEDED.into_iter().partition(|name| environment.get(name).is_some());
        if set.iter().all(|name| *name == environment::ROLE_ARN) {
            return Err(Error::not_configured(
                Self::NAME,
                format!("{} are not set", NEEDED[1..].join(" and ")),
            ));
        }
        let message = format!("{} set but {} not", listed(&set), listed(&unset));
        Err(Error::new(Self::NAME, message))
    }

    async fn assume(&self) -> Result<Credentials, Error> {
        // Anew each time: the kubelet replaces it.
        let token = keys::read(&self.token_file, LONGEST_TOKEN).await.map_err(|error| {
            let message = format!("the OIDC token file {} cannot be read", self.token_file.display());
            Error::new(Self::NAME, message).with_source(error)
        })?;
        let token = Secret::new(token.trim());
        if token.expose().is_empty() {
            let message = format!("the OIDC token file {} is empty", self.token_file.display());
            return Err(Error::new(Self::NAME, message));
        }
        self.sts.assume_role_with_oidc(&self.role, &self.provider_arn, &token).await
    }
}

impl Provider for OidcRole {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.assume())
    }
}

/// `A is`, `A and B are`.
fn listed(names: &[&str]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::environment::{OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE, ROLE_ARN, ROLE_SESSION_NAME};
    use super::*;

    fn of(variables: &[&str]) -> Result<Recipe, Error> {
        let variables = variables.iter().map(|name| ((*name).to_owned(), format!("value of {name}")));
        OidcRole::of(&Environment::new(variables), StsPlace::Usual)
    }

    #[test]
    fn all_three_variables_describe_a_role() {
        let Recipe::OidcRole { role, .. } = of(&[ROLE_ARN, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE]).unwrap()
        else {
            panic!("another recipe");
        };
        assert_eq!(role.session_name, super::super::recipe::SESSION_NAME);
        let all = [ROLE_ARN, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE, ROLE_SESSION_NAME];
        let Recipe::OidcRole { role, .. } = of(&all).unwrap() else { panic!("another recipe") };
        assert!(role.session_name.contains(ROLE_SESSION_NAME));
    }

    #[test]
    fn two_of_three_variables_are_a_mistake_and_a_role_alone_is_none() {
        for variables in [&[][..], &[ROLE_ARN], &[ROLE_SESSION_NAME]] {
            assert!(of(variables).unwrap_err().is_not_configured(), "{variables:?}");
        }
        let error = of(&[ROLE_ARN, OIDC_TOKEN_FILE]).unwrap_err();
        assert!(!error.is_not_configured());
        assert_eq!(
            error.to_string(),
            "credentials from oidc_role: ALIBABA_CLOUD_ROLE_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE are set but \
             ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not"
        );
    }
}
