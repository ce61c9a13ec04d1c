//! What went wrong with a call, told once: to the retry rules, to logs and to metrics.
//!
//! An error is decided by the API's `Code`, see [`Kind`]; reading it out of a body is in `body`, taking secrets
//! out of a text in `redact`. What to do next is not here but in `retry`.

mod body;
mod kind;
mod redact;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::credentials;

pub use kind::Kind;
pub(super) use redact::Redaction;

/// A failed call.
///
/// Displayed as what failed, the code, the message and the request id; the cause beneath, if any, is its
/// [source](StdError::source). Free of secrets and of whole AccessKey ids, so it may be logged and served.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    operation: &'static str,
    kind: Kind,
    code: String,
    message: String,
    status: Option<u16>,
    request_id: Option<String>,
    denied: Option<Denied>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// An error with everything that caused it, in one line for a person.
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

/// Of `AccessDeniedDetail` what tells an administrator which permission to give. Whose it is stays out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Denied {
    /// `AuthAction`, e.g. `appstreaming:ListAppInstances`.
    action: String,
    /// `NoPermissionType`: `ImplicitDeny` (nothing allows it) or `ExplicitDeny` (something forbids it).
    reason: Option<String>,
}

impl Error {
    /// An answer that breaks the rules of the API: not JSON, fields missing, too long.
    pub fn protocol(operation: &'static str, message: impl Into<String>) -> Self {
        Self::own(operation, Kind::Protocol, message)
    }

    /// An answer that is an error, whatever its status: JSON, XML, or a load balancer's HTML, of which only the
    /// status and the first bytes are kept. Without a `Code` in it the [code](Error::code) is `protocol`.
    pub fn from_body(operation: &'static str, status: u16, body: &[u8]) -> Self {
        let Some(parsed) = body::parse(body) else {
            let message = match body::first_bytes(body) {
                text if text.is_empty() => format!("status {status} with an empty body"),
                text => format!("status {status} with a body that is no API error: {text}"),
            };
            // A 403 without a code is some proxy's: no permission of this API would change it.
            let kind = Kind::of_status(status).filter(|kind| *kind != Kind::Forbidden);
            let kind = kind.unwrap_or(Kind::Protocol);
            return Self::own(operation, kind, message).with_status(status);
        };
        let kind = Kind::of_code(&parsed.code, &parsed.message)
            .or_else(|| Kind::of_status(status))
            .unwrap_or(Kind::Request);
        Self(Box::new(Inner {
            operation,
            kind,
            message: redact::message(&parsed.code, &parsed.message),
            code: parsed.code,
            status: Some(status),
            request_id: parsed.request_id,
            denied: parsed.denied,
            retry_after: None,
            source: None,
        }))
    }

    /// [`from_body`](Error::from_body), with what the request was signed with taken out of the body before it is
    /// cut: a cut secret could no longer be found.
    pub(super) fn from_answer(
        operation: &'static str,
        status: u16,
        body: &[u8],
        redaction: &Redaction<'_>,
    ) -> Self {
        let mut text = String::from_utf8_lossy(body).into_owned();
        redaction.apply(&mut text);
        Self::from_body(operation, status, text.as_bytes()).redacted(redaction)
    }

    /// There was nothing to sign with.
    pub fn credentials(operation: &'static str, source: credentials::Error) -> Self {
        Self::own(operation, Kind::Credentials, "no credentials to sign with").with_source(source)
    }

    /// What the error means, and so what can be done about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The API's code, e.g. `Throttling.User`, or `timeout`, `connect`, `protocol`, `credentials`: the metric
    /// label `code`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What was said, without secrets.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// By which Alibaba Cloud's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The operation called.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The RAM action that is missing, e.g. `appstreaming:ListAppInstances`, where the API named it.
    pub fn denied_action(&self) -> Option<&str> {
        self.0.denied.as_ref().map(|denied| denied.action.as_str())
    }

    /// How long the API asks to be left alone: at most two minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What an operator can do about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        self.0.kind.advice(&self.0.code)
    }

    /// An error that is not the API's.
    pub(super) fn own(operation: &'static str, kind: Kind, message: impl Into<String>) -> Self {
        let code = match kind {
            Kind::Timeout => "timeout",
            Kind::Connect => "connect",
            Kind::Credentials => "credentials",
            _ => "protocol",
        };
        Self(Box::new(Inner {
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

    pub(super) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The id from the headers, where the body had none.
    pub(super) fn or_request_id(mut self, request_id: Option<&str>) -> Self {
        if self.0.request_id.is_none() {
            self.0.request_id = request_id.map(body::word);
        }
        self
    }

    /// Adds what this side knows about it.
    pub(super) fn with_note(mut self, note: Option<String>) -> Self {
        if let Some(note) = note {
            self.0.message = format!("{} ({note})", self.0.message);
        }
        self
    }

    /// A wait header makes it a throttled request, whatever the code says.
    pub(super) fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.kind = Kind::Throttled;
        self.0.retry_after = Some(wait);
        self
    }

    /// Takes out what this very request was signed with.
    pub(super) fn redacted(mut self, redaction: &Redaction<'_>) -> Self {
        let inner = &mut *self.0;
        redaction.apply(&mut inner.message);
        redaction.apply(&mut inner.code);
        if let Some(request_id) = &mut inner.request_id {
            redaction.apply(request_id);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, code, message, request_id, denied, .. } = &*self.0;
        write!(formatter, "{operation}: {code}: {message}")?;
        if let Some(Denied { action, reason }) = denied {
            write!(formatter, " ({action}: {})", reason.as_deref().unwrap_or("denied"))?;
        }
        if let Some(request_id) = request_id {
            write!(formatter, " (request id {request_id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
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
