//! The reply of the simulated cloud to one request, before the reply becomes an HTTP response.

use std::borrow::Cow;
use std::time::Duration;

use super::api::ApiError;

/// One handled request.
#[derive(Debug)]
pub(super) struct HandledRequest {
    /// The operation or service, for statistics; `unknown` if the request was rejected before the
    /// operation was known.
    pub(super) operation: &'static str,
    /// The wait before the reply is sent.
    pub(super) latency: Duration,
    /// The reply.
    pub(super) reply: CloudReply,
}

/// The reply that the client receives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CloudReply {
    /// The JSON of a successful operation.
    Success(Vec<u8>),
    /// An error of the API, with its body in JSON or XML.
    Error {
        /// Code, status and headers.
        error: ApiError,
        /// Whether the body is XML.
        xml: bool,
        /// The rendered body.
        body: Vec<u8>,
    },
    /// Status and body of a service that does not use the API's formats.
    Plain {
        /// The HTTP status.
        status: u16,
        /// JSON, a token, or a short text.
        body: String,
    },
    /// The first half of this JSON, then a broken connection.
    Truncated(Vec<u8>),
    /// The HTML page of a load balancer.
    Html,
    /// Valid JSON of this many bytes.
    Huge(u64),
    /// The connection is closed without a response.
    Dropped,
}

impl CloudReply {
    /// The name in the statistics: `OK`, an error code, an HTTP status, or a fault.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Success(_) | Self::Plain { status: 200, .. } => "OK".into(),
            Self::Error { error, .. } => error.code.clone(),
            Self::Plain { status, .. } => status.to_string().into(),
            Self::Truncated(_) => "truncate".into(),
            Self::Html => "html".into(),
            Self::Huge(_) => "huge".into(),
            Self::Dropped => "drop".into(),
        }
    }
}
