//! The provider of a role that is assumed with an OIDC token, such as that of a service account in
//! an ACK cluster (RRSA: RAM roles for service accounts).

use std::path::PathBuf;

use super::environment::{self, Environment};
use super::error::Error;
use super::provider::{FetchFuture, Provider};
use super::provider_config::{AssumedRole, ProviderConfig, StsEndpoint};
use super::sts::Sts;
use super::text_file::read_text_file;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::secret::Secret;
use crate::document::trim_text;

/// The API accepts an `OIDCToken` of 4 to 20,000 characters.
const MAX_TOKEN_BYTES: u64 = 20_000;

/// A role, and the file with the token that it is assumed with.
pub(super) struct OidcRoleProvider {
    provider_arn: String,
    token_file: PathBuf,
    role: AssumedRole,
    sts: Sts,
}

impl OidcRoleProvider {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "oidc_role";

    /// The role `role`, assumed with the token in `token_file`.
    pub(super) fn new(provider_arn: String, token_file: PathBuf, role: AssumedRole, sts: Sts) -> Self {
        Self { provider_arn, token_file, role, sts }
    }

    /// The role that the environment configures.
    ///
    /// # Errors
    /// "Not configured" when none of the required variables is set, or only the role's ARN, which
    /// other tools use too. Otherwise the error names the missing variables.
    pub(super) fn configured_in(
        environment: &Environment,
        sts: StsEndpoint,
    ) -> Result<ProviderConfig, Error> {
        const REQUIRED: [&str; 3] =
            [environment::ROLE_ARN, environment::OIDC_PROVIDER_ARN, environment::OIDC_TOKEN_FILE];
        if let [Some(arn), Some(provider_arn), Some(token_file)] = REQUIRED.map(|name| environment.get(name))
        {
            let mut role = AssumedRole::new(arn);
            if let Some(name) = environment.get(environment::ROLE_SESSION_NAME) {
                name.clone_into(&mut role.session_name);
            }
            let (provider_arn, token_file) = (provider_arn.to_owned(), PathBuf::from(token_file));
            return Ok(ProviderConfig::OidcRole { provider_arn, token_file, role, sts });
        }
        let (set, missing): (Vec<_>, Vec<_>) =
            REQUIRED.into_iter().partition(|name| environment.get(name).is_some());
        if set.iter().all(|name| *name == environment::ROLE_ARN) {
            let message = format!("{} are not set", REQUIRED[1..].join(" and "));
            return Err(Error::not_configured(Self::NAME, message));
        }
        let message = format!("{} set but {} not", with_verb(&set), with_verb(&missing));
        Err(Error::new(Self::NAME, message))
    }

    async fn assume(&self) -> Result<Credentials, Error> {
        let token = self.read_token().await?;
        self.sts.assume_role_with_oidc(&self.role, &self.provider_arn, &token).await
    }

    /// Reads the file, again for every request, because the kubelet replaces the token.
    async fn read_token(&self) -> Result<Secret, Error> {
        let path = self.token_file.display();
        let text = read_text_file(&self.token_file, MAX_TOKEN_BYTES).await.map_err(|error| {
            Error::new(Self::NAME, format!("cannot read the OIDC token file {path}")).with_source(error)
        })?;
        match trim_text(&text) {
            "" => Err(Error::new(Self::NAME, format!("the OIDC token file {path} is empty"))),
            token => Ok(Secret::new(token)),
        }
    }
}

impl Provider for OidcRoleProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.assume())
    }
}

/// The names and their verb: `A is`, `A and B are`.
fn with_verb(names: &[&str]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
}

#[cfg(test)]
mod tests {
    use super::environment::{OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE, ROLE_ARN, ROLE_SESSION_NAME};
    use super::*;
    use crate::aliyun::credentials::provider_config::DEFAULT_SESSION_NAME;

    fn configured_in(variables: &[&str]) -> Result<ProviderConfig, Error> {
        let variables = variables.iter().map(|name| ((*name).to_owned(), format!("value of {name}")));
        OidcRoleProvider::configured_in(&Environment::new(variables), StsEndpoint::Environment)
    }

    fn session_name(variables: &[&str]) -> String {
        match configured_in(variables).unwrap() {
            ProviderConfig::OidcRole { role, .. } => role.session_name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_variables_configure_a_role_and_a_fourth_names_its_session() {
        let required = [ROLE_ARN, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE];
        assert_eq!(session_name(&required), DEFAULT_SESSION_NAME);
        let all = [&required[..], &[ROLE_SESSION_NAME]].concat();
        assert!(session_name(&all).contains(ROLE_SESSION_NAME));
    }

    #[test]
    fn two_of_three_variables_are_an_error_and_a_role_alone_is_not_a_configuration() {
        for variables in [&[][..], &[ROLE_ARN], &[ROLE_SESSION_NAME]] {
            assert!(configured_in(variables).unwrap_err().is_not_configured(), "{variables:?}");
        }
        let error = configured_in(&[ROLE_ARN, OIDC_TOKEN_FILE]).unwrap_err();
        assert!(!error.is_not_configured());
        assert_eq!(
            error.to_string(),
            "credentials from oidc_role: ALIBABA_CLOUD_ROLE_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE are set but \
             ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not"
        );
    }
}
