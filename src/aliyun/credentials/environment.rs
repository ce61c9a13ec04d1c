//! Keys in the environment, under the names that the official SDKs read.

use super::super::Secret;
use super::{Credentials, Error};

/// The [name](super::Source::name) of this source.
pub const NAME: &str = "environment";
/// The AccessKey id.
pub const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// The AccessKey secret.
pub const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The token, only with temporary keys.
pub const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// The keys that `lookup` knows; `None` when it knows neither id nor secret, an error when only one of them:
/// going on to another source would hide a mistake. Blanks around a value are dropped, an empty one
/// counts as unset.
pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, Error> {
    let variable = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    match (variable(ACCESS_KEY_ID), variable(ACCESS_KEY_SECRET).map(Secret::new)) {
        (Some(id), Some(secret)) => {
            Ok(Some(Credentials::new(id, secret, variable(SECURITY_TOKEN).map(Secret::new))))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(ACCESS_KEY_ID, ACCESS_KEY_SECRET)),
        (None, Some(_)) => Err(half(ACCESS_KEY_SECRET, ACCESS_KEY_ID)),
    }
}

fn half(set: &str, missing: &str) -> Error {
    Error::new(NAME, format!("{set} is set but {missing} is not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Option<Credentials>, Error> {
        read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn keys_are_read_without_the_line_feed_of_the_file_they_came_from() {
        let credentials =
            from(&[(ACCESS_KEY_ID, "id\n"), (ACCESS_KEY_SECRET, " secret\r\n")]).unwrap().unwrap();
        assert_eq!(credentials, Credentials::new("id", Secret::new("secret"), None));
    }

    #[test]
    fn a_token_makes_the_keys_temporary() {
        let variables = [(ACCESS_KEY_ID, "id"), (ACCESS_KEY_SECRET, "secret"), (SECURITY_TOKEN, "token")];
        assert_eq!(from(&variables).unwrap().unwrap().security_token, Some(Secret::new("token")));
    }

    #[test]
    fn empty_variables_count_as_unset() {
        assert!(from(&[]).unwrap().is_none());
        assert!(from(&[(ACCESS_KEY_ID, " "), (ACCESS_KEY_SECRET, "")]).unwrap().is_none());
    }

    #[test]
    fn half_a_key_is_a_mistake_that_names_the_missing_half() {
        let error = from(&[(ACCESS_KEY_ID, "LTAI-id"), (ACCESS_KEY_SECRET, "")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "credentials from environment: ALIBABA_CLOUD_ACCESS_KEY_ID is set but \
             ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"
        );
        assert!(from(&[(ACCESS_KEY_SECRET, "hunter2")]).is_err());
    }
}
