//! The environment that sources look into, under the names that the official SDKs read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The AccessKey id.
pub const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// The AccessKey secret.
pub const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The token, only with temporary keys.
pub const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
/// The role to assume.
pub const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
/// Who vouches for an OIDC token.
pub const OIDC_PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
/// Where the OIDC token lies.
pub const OIDC_TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
/// What sessions are called in audits.
pub const ROLE_SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// A profile of the CLI's file, or a section of the INI file.
pub const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
/// Another path of the CLI's file.
pub const CONFIG_FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
/// `true`: the CLI's file isn't looked at.
pub const CLI_PROFILE_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
/// Another path of the INI file.
pub const CREDENTIALS_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
/// The name of the instance's role.
pub const ECS_METADATA: &str = "ALIBABA_CLOUD_ECS_METADATA";
/// `true`: the metadata service isn't asked.
pub const ECS_METADATA_DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
/// `true`: no fall-back to metadata without a token.
pub const IMDSV1_DISABLED: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";
/// A URL that hands out credentials.
pub const CREDENTIALS_URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
/// The region of the STS host.
pub const STS_REGION: &str = "ALIBABA_CLOUD_STS_REGION";
/// `true`: STS by its VPC host.
pub const VPC_ENDPOINT_ENABLED: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

/// Variables as they were when the process started. Cheap to clone, and never shown: secrets are in it.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// These variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }

    /// The variables of this process; those that aren't Unicode are none of ours.
    pub fn of_process() -> Self {
        Self::new(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// A value without the blanks around it; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether a variable says `true`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A path below the home directory.
    pub fn at_home(&self, path: &str) -> Option<PathBuf> {
        let home = ["HOME", "USERPROFILE", "HOMEPATH"].into_iter().find_map(|name| self.get(name))?;
        Some(PathBuf::from(home).join(path))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn values_are_read_without_the_line_feed_of_the_file_they_came_from_and_empty_ones_are_unset() {
        let environment = environment(&[("A", " value\r\n"), ("B", " "), ("C", "TRUE"), ("D", "yes")]);
        assert_eq!(environment.get("A"), Some("value"));
        assert_eq!((environment.get("B"), environment.get("Z")), (None, None));
        assert!(environment.is_true("C") && !environment.is_true("D") && !environment.is_true("Z"));
    }

    #[test]
    fn the_home_directory_has_several_names() {
        let path = |variables: &[(&str, &str)]| environment(variables).at_home(".aliyun/config.json");
        assert_eq!(path(&[("HOME", "/root")]), Some("/root/.aliyun/config.json".into()));
        assert_eq!(path(&[("HOME", ""), ("HOMEPATH", "/h")]), Some("/h/.aliyun/config.json".into()));
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn an_environment_is_never_shown() {
        assert!(!format!("{:?}", environment(&[("A", "hunter2")])).contains("hunter2"));
    }
}
