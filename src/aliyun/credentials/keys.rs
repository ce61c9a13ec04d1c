//! Keys that were written down: in the configuration, or in files that somebody may replace.

use std::path::Path;

use tokio::io::AsyncReadExt as _;

use super::super::Secret;
use super::environment::{self, Environment};
use super::provider::{Fetching, Provider};
use super::{Credentials, Error, KeyText};

/// A key is no book.
const LONGEST_KEY: u64 = 64 * 1024;

/// Keys from wherever they were written.
pub(super) struct Keys {
    name: &'static str,
    id: KeyText,
    secret: KeyText,
    token: Option<KeyText>,
}

impl Keys {
    /// The [name](Provider::name) of keys in a configuration.
    pub(super) const NAME: &'static str = "access_key";
    /// The [name](Provider::name) of keys in the environment.
    pub(super) const OF_ENVIRONMENT: &'static str = "environment";

    pub(super) fn new(id: KeyText, secret: KeyText, token: Option<KeyText>) -> Self {
        Self { name: Self::NAME, id, secret, token }
    }

    /// The keys in the environment. Of half a key it is said what is missing.
    pub(super) fn of(environment: &Environment) -> Result<Self, Error> {
        let given = |name| environment.get(name).map(|value| KeyText::Given(Secret::new(value)));
        let half = |set: &str, missing: &str| {
            Err(Error::new(Self::OF_ENVIRONMENT, format!("{set} is set but {missing} is not")))
        };
        match (given(environment::ACCESS_KEY_ID), given(environment::ACCESS_KEY_SECRET)) {
            (Some(id), Some(secret)) => {
                let token = given(environment::SECURITY_TOKEN);
                Ok(Self { name: Self::OF_ENVIRONMENT, id, secret, token })
            }
            (Some(_), None) => half(environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET),
            (None, Some(_)) => half(environment::ACCESS_KEY_SECRET, environment::ACCESS_KEY_ID),
            (None, None) => Err(Error::not_configured(
                Self::OF_ENVIRONMENT,
                format!("{} and {} are not set", environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET),
            )),
        }
    }

    async fn read(&self) -> Result<Credentials, Error> {
        let id = self.part(&self.id).await?;
        let secret = self.part(&self.secret).await?;
        let token = match &self.token {
            Some(token) => Some(self.part(token).await?),
            None => None,
        };
        Ok(Credentials::new(id.expose(), secret, token))
    }

    async fn part(&self, text: &KeyText) -> Result<Secret, Error> {
        let path = match text {
            KeyText::Given(secret) => return Ok(secret.clone()),
            KeyText::File(path) => path,
        };
        let text = read(path, LONGEST_KEY).await.map_err(|error| {
            Error::new(self.name, format!("{} cannot be read", path.display())).with_source(error)
        })?;
        match text.trim() {
            "" => Err(Error::new(self.name, format!("{} is empty", path.display()))),
            key => Ok(Secret::new(key)),
        }
    }
}

impl Provider for Keys {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.read())
    }
}

/// What is in a small text file; opened for reading only.
pub(super) async fn read(path: &Path, longest: u64) -> std::io::Result<zeroize::Zeroizing<String>> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let file = tokio::fs::File::open(path).await?;
    file.take(longest + 1).read_to_string(&mut text).await?;
    if text.len() as u64 > longest {
        return Err(std::io::Error::other(format!("it has more than {longest} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::environment::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN};
    use super::*;

    async fn of(variables: &[(&str, &str)]) -> Result<Credentials, Error> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Keys::of(&Environment::new(variables))?.fetch().await
    }

    #[tokio::test]
    async fn a_token_in_the_environment_makes_the_keys_temporary() {
        let keys = [(ACCESS_KEY_ID, "id\n"), (ACCESS_KEY_SECRET, " secret\r\n")];
        assert_eq!(of(&keys).await.unwrap(), Credentials::new("id", Secret::new("secret"), None));
        let keys = [keys[0], keys[1], (SECURITY_TOKEN, "token")];
        assert_eq!(of(&keys).await.unwrap().security_token, Some(Secret::new("token")));
    }

    #[tokio::test]
    async fn half_a_key_is_a_mistake_that_names_the_missing_half() {
        let error = of(&[(ACCESS_KEY_ID, "LTAI-id"), (ACCESS_KEY_SECRET, "")]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "credentials from environment: ALIBABA_CLOUD_ACCESS_KEY_ID is set but \
             ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"
        );
        assert!(!error.is_not_configured());
        assert!(!of(&[(ACCESS_KEY_SECRET, "hunter2")]).await.unwrap_err().is_not_configured());
        assert!(of(&[]).await.unwrap_err().is_not_configured());
    }

    #[tokio::test]
    async fn a_replaced_file_gives_another_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "one\n").unwrap();
        let keys = Keys::new(KeyText::Given(Secret::new("id")), KeyText::File(path.clone()), None);
        assert_eq!(keys.fetch().await.unwrap().access_key_secret, Secret::new("one"));
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(keys.fetch().await.unwrap().access_key_secret, Secret::new("two"));
        std::fs::write(&path, " \n").unwrap();
        assert!(keys.fetch().await.unwrap_err().to_string().ends_with("is empty"));
    }
}
