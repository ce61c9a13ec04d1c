//! Why a source has no credentials.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::aliyun::error::chain;

/// Why a source has no credentials. The text contains no part of a credential.
#[derive(Debug, Clone)]
pub struct Error {
    source_name: &'static str,
    message: String,
    not_configured: bool,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of the source named `source_name`; the message states what is missing or failed.
    pub fn new(source_name: &'static str, message: impl Into<String>) -> Self {
        Self { source_name, message: message.into(), not_configured: false, cause: None }
    }

    /// An error of a source that is not configured, which is normal in the default chain.
    pub(super) fn not_configured(source_name: &'static str, message: impl Into<String>) -> Self {
        Self { not_configured: true, ..Self::new(source_name, message) }
    }

    /// The name of the source that failed.
    pub fn source_name(&self) -> &'static str {
        self.source_name
    }

    /// Whether the source is simply not configured.
    pub fn is_not_configured(&self) -> bool {
        self.not_configured
    }

    /// What is missing or failed, without the source's name and without the causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Adds the cause. The cause's text must not contain secrets.
    pub fn with_source(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The source's name, the message and the causes, for the default chain's list of errors.
    pub(super) fn summary(&self) -> String {
        let mut text = format!("{}: {}", self.source_name, self.message);
        if let Some(cause) = &self.cause {
            text.push_str(": ");
            text.push_str(&chain(&**cause));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credentials from {}: {}", self.source_name, self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}
