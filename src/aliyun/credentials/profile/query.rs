//! Which profile to read, for parsers of both formats.

use crate::aliyun::credentials::error::Error;
use crate::aliyun::credentials::provider_config::ServiceEndpoints;

/// Which profile to read, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProfileQuery<'a> {
    /// The source that errors belong to.
    pub(super) source_name: &'static str,
    /// The profile's name; `None`: the file's default.
    pub(super) profile: Option<&'a str>,
    /// Endpoints that override the profile's.
    pub(super) endpoints: &'a ServiceEndpoints,
}

impl ProfileQuery<'_> {
    /// The profile is invalid.
    pub(super) fn error(self, message: impl Into<String>) -> Error {
        Error::new(self.source_name, message)
    }

    /// The file does not contain the profile.
    pub(super) fn not_configured(self, message: impl Into<String>) -> Error {
        Error::not_configured(self.source_name, message)
    }
}
