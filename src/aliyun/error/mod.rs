//! Why a call failed: one type for retry rules, logs and metrics.
//!
//! The API's `Code` decides the [`ErrorKind`]. Parsing a response body is in `body`, removing
//! secrets from a text in `redact`. What is not here: what to do next, which is in `retry`.

mod body;
mod kind;
mod redact;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::body::Denial;

pub use kind::ErrorKind;
pub(super) use redact::Redaction;

/// A failed call.
///
/// The text of the error has the operation, the code, the message and the request id; a cause is
/// its [source](StdError::source). The text contains no secret and no whole AccessKey id, so it may
/// be logged and served.
#[derive(Clone)]
pub struct Error(Box<ErrorParts>);

#[derive(Clone)]
struct ErrorParts {
    operation: &'static str,
    kind: ErrorKind,
    code: String,
    message: String,
    status: Option<u16>,
    request_id: Option<String>,
    denied: Option<Denial>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The text of an error and of its causes, in one line.
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

impl Error {
    /// A response that is not valid for the API: not JSON, missing fields, too large.
    pub fn protocol(operation: &'static str, message: impl Into<String>) -> Self {
        Self::local(operation, ErrorKind::Protocol, message)
    }

    /// An error response of any status: JSON, XML, or a load balancer's HTML, of which only the
    /// status and the first bytes are kept. Without a `Code` in the body the [code](Error::code) is
    /// `protocol`.
    pub fn from_body(operation: &'static str, status: u16, body: &[u8]) -> Self {
        let Some(parsed) = body::parse(body) else {
            let message = match body::excerpt(body) {
                text if text.is_empty() => format!("status {status} with an empty body"),
                text => format!("status {status} with a body that is not an API error: {text}"),
            };
            // A 403 without a code comes from a proxy: no permission of this API would change it.
            let kind = ErrorKind::from_status(status).filter(|kind| *kind != ErrorKind::Forbidden);
            let kind = kind.unwrap_or(ErrorKind::Protocol);
            return Self::local(operation, kind, message).with_status(status);
        };
        let kind = ErrorKind::from_code(&parsed.code, &parsed.message)
            .or_else(|| ErrorKind::from_status(status))
            .unwrap_or(ErrorKind::Request);
        Self(Box::new(ErrorParts {
            operation,
            kind,
            message: redact::clean_message(&parsed.code, &parsed.message),
            code: parsed.code,
            status: Some(status),
            request_id: parsed.request_id,
            denied: parsed.denied,
            retry_after: None,
            source: None,
        }))
    }

    /// [`from_body`](Error::from_body), after the request's own credentials were removed from the
    /// body. They are removed before the text is truncated: a truncated secret would not be
    /// recognised.
    pub(super) fn from_response(
        operation: &'static str,
        status: u16,
        body: &[u8],
        redaction: &Redaction<'_>,
    ) -> Self {
        let mut text = String::from_utf8_lossy(body).into_owned();
        redaction.apply(&mut text);
        Self::from_body(operation, status, text.as_bytes()).redacted(redaction)
    }

    /// A call for which there are no credentials to sign with, because of `source`.
    pub fn credentials(operation: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::local(operation, ErrorKind::Credentials, "no credentials to sign with").with_source(source)
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The API's code, e.g. `Throttling.User`, or `timeout`, `connect`, `protocol`, `credentials`.
    /// This is the label `code` of metrics.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The message, without secrets.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The id by which Alibaba Cloud's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The operation called.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The missing RAM action, e.g. `appstreaming:ListAppInstances`, if the API named it.
    pub fn denied_action(&self) -> Option<&str> {
        self.0.denied.as_ref().map(|denied| denied.action.as_str())
    }

    /// The wait that the API requests: at most two minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What an operator can do, if that is known.
    pub fn advice(&self) -> Option<&'static str> {
        self.0.kind.advice(&self.0.code)
    }

    /// A failure without an error code of the API: no response, or one that cannot be used.
    pub(super) fn local(operation: &'static str, kind: ErrorKind, message: impl Into<String>) -> Self {
        let code = match kind {
            ErrorKind::Timeout => "timeout",
            ErrorKind::Connect => "connect",
            ErrorKind::Credentials => "credentials",
            _ => "protocol",
        };
        Self(Box::new(ErrorParts {
            operation,
            kind,
            code: code.to_owned(),
            message: message.into(),
            status: None,
            request_id: None,
            denied: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Adds the cause, whose text must not contain secrets.
    pub(super) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Adds the HTTP status of the response.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the id from the headers, if the body had none.
    pub(super) fn or_request_id(mut self, request_id: Option<&str>) -> Self {
        if self.0.request_id.is_none() {
            self.0.request_id = request_id.map(body::clean_identifier);
        }
        self
    }

    /// Appends a note in parentheses to the message, if there is one.
    pub(super) fn with_note(mut self, note: Option<String>) -> Self {
        if let Some(note) = note {
            self.0.message = format!("{} ({note})", self.0.message);
        }
        self
    }

    /// Adds the wait that a header requests, which makes the kind `Throttled` regardless of the
    /// code.
    pub(super) fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.kind = ErrorKind::Throttled;
        self.0.retry_after = Some(wait);
        self
    }

    /// Removes the credentials that the request was signed with from code, message and request id.
    pub(super) fn redacted(mut self, redaction: &Redaction<'_>) -> Self {
        let parts = &mut *self.0;
        redaction.apply(&mut parts.message);
        redaction.apply(&mut parts.code);
        if let Some(request_id) = &mut parts.request_id {
            redaction.apply(request_id);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorParts { operation, code, message, request_id, denied, .. } = &*self.0;
        write!(f, "{operation}: {code}: {message}")?;
        if let Some(Denial { action, reason }) = denied {
            write!(f, " ({action}: {})", reason.as_deref().unwrap_or("denied"))?;
        }
        if let Some(request_id) = request_id {
            write!(f, " (request id {request_id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("status", &self.0.status)
            .field("retry_after", &self.0.retry_after)
            .field("message", &format_args!("{self}"))
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests;
