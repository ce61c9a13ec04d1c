//! The provider of an AccessKey that is configured: values, or files that may be replaced.

use super::environment::{self, Environment};
use super::error::Error;
use super::provider::{FetchFuture, Provider};
use super::provider_config::KeySource;
use super::text_file::read_text_file;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::secret::Secret;
use crate::document::trim_text;

/// Maximum size of a key file. A larger file is probably the wrong one.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// An AccessKey from the configuration, a profile or the environment.
pub(super) struct AccessKeyProvider {
    name: &'static str,
    id: KeySource,
    secret: KeySource,
    security_token: Option<KeySource>,
}

impl AccessKeyProvider {
    /// The [name](Provider::name) of a key in the configuration or in a profile.
    const NAME: &'static str = "access_key";
    /// The [name](Provider::name) of a key in the environment.
    const ENVIRONMENT_NAME: &'static str = "environment";

    /// A key in the configuration or in a profile.
    pub(super) fn new(id: KeySource, secret: KeySource, security_token: Option<KeySource>) -> Self {
        Self { name: Self::NAME, id, secret, security_token }
    }

    /// The key that the environment configures.
    ///
    /// # Errors
    /// "Not configured" when neither the id nor the secret is set. When only one of them is set,
    /// the error names the missing one.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, Error> {
        use environment::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN};
        let name = Self::ENVIRONMENT_NAME;
        let variable = |name| environment.get(name).map(|value| KeySource::Value(Secret::new(value)));
        let incomplete =
            |set: &str, missing: &str| Err(Error::new(name, format!("{set} is set but {missing} is not")));
        match (variable(ACCESS_KEY_ID), variable(ACCESS_KEY_SECRET)) {
            (Some(id), Some(secret)) => {
                Ok(Self { name, id, secret, security_token: variable(SECURITY_TOKEN) })
            }
            (Some(_), None) => incomplete(ACCESS_KEY_ID, ACCESS_KEY_SECRET),
            (None, Some(_)) => incomplete(ACCESS_KEY_SECRET, ACCESS_KEY_ID),
            (None, None) => Err(Error::not_configured(
                name,
                format!("{ACCESS_KEY_ID} and {ACCESS_KEY_SECRET} are not set"),
            )),
        }
    }

    async fn read(&self) -> Result<Credentials, Error> {
        let id = self.read_part(&self.id).await?;
        let secret = self.read_part(&self.secret).await?;
        let token = match &self.security_token {
            Some(token) => Some(self.read_part(token).await?),
            None => None,
        };
        Ok(Credentials::new(id.expose(), secret, token))
    }

    async fn read_part(&self, source: &KeySource) -> Result<Secret, Error> {
        let path = match source {
            KeySource::Value(value) => return Ok(value.clone()),
            KeySource::File { path, .. } => path,
        };
        let text = read_text_file(path, MAX_KEY_FILE_BYTES).await.map_err(|error| {
            Error::new(self.name, format!("cannot read {}", path.display())).with_source(error)
        })?;
        match trim_text(&text) {
            "" => Err(Error::new(self.name, format!("{} is empty", path.display()))),
            value => Ok(Secret::new(value)),
        }
    }
}

impl Provider for AccessKeyProvider {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::environment::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN};
    use super::*;

    async fn fetch_from(variables: &[(&str, &str)]) -> Result<Credentials, Error> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        AccessKeyProvider::from_environment(&Environment::new(variables))?.fetch().await
    }

    #[tokio::test]
    async fn a_token_in_the_environment_belongs_to_the_key() {
        let key = [(ACCESS_KEY_ID, "id\n"), (ACCESS_KEY_SECRET, " secret\r\n")];
        assert_eq!(fetch_from(&key).await.unwrap(), Credentials::new("id", Secret::new("secret"), None));
        let key = [key[0], key[1], (SECURITY_TOKEN, "token")];
        assert_eq!(fetch_from(&key).await.unwrap().security_token, Some(Secret::new("token")));
    }

    #[tokio::test]
    async fn an_incomplete_key_is_an_error_that_names_the_missing_variable() {
        let error = fetch_from(&[(ACCESS_KEY_ID, "LTAI-id"), (ACCESS_KEY_SECRET, "")]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "credentials from environment: ALIBABA_CLOUD_ACCESS_KEY_ID is set but \
             ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"
        );
        assert!(!error.is_not_configured());
        assert!(!fetch_from(&[(ACCESS_KEY_SECRET, "hunter2")]).await.unwrap_err().is_not_configured());
        assert!(fetch_from(&[]).await.unwrap_err().is_not_configured());
    }

    #[tokio::test]
    async fn a_replaced_file_provides_another_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "one\n").unwrap();
        let file = KeySource::File { path: path.clone(), loaded: Secret::new("one") };
        let provider = AccessKeyProvider::new(KeySource::Value(Secret::new("id")), file, None);
        assert_eq!(provider.fetch().await.unwrap().access_key_secret, Secret::new("one"));
        std::fs::write(&path, "\u{feff}two\r\n").unwrap();
        assert_eq!(provider.fetch().await.unwrap().access_key_secret, Secret::new("two"));
        std::fs::write(&path, " \n").unwrap();
        assert!(provider.fetch().await.unwrap_err().to_string().ends_with("is empty"));
    }
}
