//! Which profile to read: the input of the parsers of both formats.

use crate::aliyun::credentials::error::Error;
use crate::aliyun::credentials::provider_config::ServiceEndpoints;

/// Which profile to read, for which source and with which endpoints.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProfileQuery<'a> {
    /// The name of the source that errors belong to.
    pub(super) source_name: &'static str,
    /// The profile's name; `None`: the file's default.
    pub(super) profile: Option<&'a str>,
    /// Endpoints that take precedence over those of the profile.
    pub(super) endpoints: &'a ServiceEndpoints,
    /// The credentials URI of the environment, for a profile without one.
    pub(super) credentials_uri: Option<&'a str>,
}

impl<'a> ProfileQuery<'a> {
    /// A query for the file's default profile, in an environment without a credentials URI.
    pub(super) fn new(source_name: &'static str, endpoints: &'a ServiceEndpoints) -> Self {
        Self { source_name, profile: None, endpoints, credentials_uri: None }
    }

    /// The error of an invalid profile.
    pub(super) fn error(self, message: impl Into<String>) -> Error {
        Error::new(self.source_name, message)
    }

    /// The error of a file that does not contain the profile.
    pub(super) fn not_configured(self, message: impl Into<String>) -> Error {
        Error::not_configured(self.source_name, message)
    }
}
