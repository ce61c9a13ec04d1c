//! The environment variables that the official SDKs read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::document::trim_text;

/// The AccessKey id.
pub const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
/// The AccessKey secret.
pub const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
/// The token of a temporary key.
pub const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
/// The role to assume.
pub const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
/// The OIDC identity provider.
pub const OIDC_PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
/// The file with the OIDC token.
pub const OIDC_TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
/// Session name of the assumed role.
pub const ROLE_SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
/// A profile of the CLI's file, or a section of the INI file.
pub const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
/// The path of the CLI's file, if not the default one.
pub const CONFIG_FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
/// `true`: the CLI's file is ignored.
pub const CLI_PROFILE_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
/// The path of the INI file, if not the default one.
pub const CREDENTIALS_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
/// The name of the role that is attached to the ECS instance.
pub const ECS_METADATA: &str = "ALIBABA_CLOUD_ECS_METADATA";
/// `true`: the metadata service is not used.
pub const ECS_METADATA_DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
/// `true`: no fallback to metadata requests without a token.
pub const IMDSV1_DISABLED: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";
/// A URL that returns credentials.
pub const CREDENTIALS_URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
/// The region of the STS host.
pub const STS_REGION: &str = "ALIBABA_CLOUD_STS_REGION";
/// `true`: use the VPC host of STS.
pub const VPC_ENDPOINT_ENABLED: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

/// Environment variables. Cheap to clone; never shown, because values may be secrets.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// An environment that consists of `variables`.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }

    /// The variables of this process. Variables that are not Unicode are left out, because no
    /// credential has other characters.
    pub fn of_process() -> Self {
        Self::new(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// A variable's value without the whitespace and the byte order mark around it; `None` when it
    /// is empty or not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| trim_text(value)).filter(|value| !value.is_empty())
    }

    /// Whether a variable is set, even if it is empty.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a variable is `true`; upper and lower case are the same.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A path in the home directory; `None` where no home directory is set.
    pub fn in_home(&self, path: &str) -> Option<PathBuf> {
        let home = ["HOME", "USERPROFILE", "HOMEPATH"].into_iter().find_map(|name| self.get(name))?;
        Some(PathBuf::from(home).join(path))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn values_are_trimmed_and_empty_values_are_unset() {
        let environment = environment(&[
            ("A", " value\r\n"),
            ("B", " "),
            ("C", "TRUE"),
            ("D", "yes"),
            ("E", "\u{feff}value\n"),
        ]);
        assert_eq!((environment.get("A"), environment.get("E")), (Some("value"), Some("value")));
        assert_eq!((environment.get("B"), environment.get("Z")), (None, None));
        assert!(environment.is_set("B") && !environment.is_set("Z"));
        assert!(environment.is_true("C") && !environment.is_true("D") && !environment.is_true("Z"));
    }

    #[test]
    fn the_home_directory_is_found_in_several_variables() {
        let path = |variables: &[(&str, &str)]| environment(variables).in_home(".aliyun/config.json");
        assert_eq!(path(&[("HOME", "/root")]), Some("/root/.aliyun/config.json".into()));
        assert_eq!(path(&[("HOME", ""), ("HOMEPATH", "/h")]), Some("/h/.aliyun/config.json".into()));
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn debug_output_contains_no_value() {
        assert!(!format!("{:?}", environment(&[("A", "hunter2")])).contains("hunter2"));
    }
}
