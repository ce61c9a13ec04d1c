//! Signing, as pure functions of request, credentials, time and nonce.
//!
//! Every stage is public: test vectors verify each one separately, and the simulated cloud verifies
//! signatures with the same functions. What is not here: sending, the clock, and random numbers.
//!
//! Sources: "Alibaba Cloud SDK: V3 request structure and signature" and "V2 RPC request syntax and
//! signature method".

pub mod v2;
pub mod v3;

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access_key::Credentials;
use super::request::Parameter;

/// Every byte but RFC 3986's unreserved characters. The form encoders of HTTP libraries produce
/// other text (`+` for a space, an unescaped `*`, `%7E`), for which the service computes another
/// signature.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The content type of a form. It is signed, so it must be sent exactly like this.
pub(crate) const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// A signature scheme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SignatureVersion {
    /// RPC with HMAC-SHA1: the older scheme.
    V2,
    /// ACS3-HMAC-SHA256: the default of the official SDKs.
    #[default]
    V3,
}

/// Inputs of a signature in addition to the request.
#[derive(Debug, Clone, Copy)]
pub struct SigningContext<'a> {
    /// The `host` header: lower case, with a port only where it is not the default one.
    pub host: &'a str,
    /// The credentials to sign with.
    pub credentials: &'a Credentials,
    /// The time of the request. The service rejects a difference of more than 15 minutes.
    pub now: Timestamp,
    /// A unique text: the service rejects a second request with the same nonce.
    pub nonce: &'a str,
}

/// A signed request, ready to be sent with `POST` to the path `/`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The query of the URL, encoded.
    pub query: String,
    /// The headers that the scheme requires, with lower-case names; without `host`, which the HTTP
    /// library adds.
    pub headers: Vec<(&'static str, String)>,
    /// The body, exactly as it must be sent.
    pub body: String,
}

impl fmt::Debug for SignedRequest {
    /// Shows no content: token and signature are in the query (V2) or in the headers (V3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest").finish_non_exhaustive()
    }
}

/// Percent-encodes every byte but `A-Z a-z 0-9 - _ . ~`, as in RFC 3986.
pub fn percent_encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ESCAPED).into()
}

/// [Percent-encodes](percent_encode) a text and appends it to a buffer.
pub fn percent_encode_into(buffer: &mut String, text: &str) {
    buffer.extend(utf8_percent_encode(text, ESCAPED));
}

/// Percent-encodes parameters and joins them, sorted by the bytes of their unencoded names
/// (`Status.1`, `Status.10`, `Status.2`). The result is empty without parameters. The query and the
/// form body have the same format.
pub fn canonical_query<N: AsRef<str>, V: AsRef<str>>(parameters: impl IntoIterator<Item = (N, V)>) -> String {
    let mut parameters: Vec<_> = parameters.into_iter().collect();
    parameters.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
    let length: usize =
        parameters.iter().map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 2).sum();
    // Spare capacity for escaped characters.
    let mut query = String::with_capacity(length + length / 4);
    for (name, value) in &parameters {
        if !query.is_empty() {
            query.push('&');
        }
        percent_encode_into(&mut query, name.as_ref());
        query.push('=');
        percent_encode_into(&mut query, value.as_ref());
    }
    query
}

/// A time in UTC with whole seconds, as both schemes require: `2026-11-22T08:00:00Z`.
pub fn format_date(now: Timestamp) -> String {
    // Whole seconds are shown without a fraction.
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

fn encode_parameters(parameters: &[Parameter]) -> String {
    canonical_query(parameters.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests;
