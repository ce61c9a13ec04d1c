//! Signing, as pure functions of (request, keys, now, nonce).
//!
//! Every stage is public: vectors prove each by itself, and whoever plays the service can verify what a client
//! signed. Sending is not here, and neither are clock and randomness.
//!
//! Sources: "Alibaba Cloud SDK: V3 request structure and signature" and "V2 RPC request syntax and signature
//! method".

pub mod v2;
pub mod v3;

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access_key::Credentials;

/// RFC 3986's unreserved characters stay, every other byte is escaped. The form encoders of HTTP libraries
/// (`+` for a blank, a bare `*`, `%7E`) make signatures that don't match.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What the body of a form is, word by word: the service compares the signed header with the sent one.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Which scheme signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SignatureVersion {
    /// RPC with HMAC-SHA1: older, for fallback.
    V2,
    /// ACS3-HMAC-SHA256: what the official SDKs send by default.
    #[default]
    V3,
}

/// What a signature depends on beside the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the `host` header will say: lower case, the port only where it isn't the default one.
    pub host: &'a str,
    /// Who signs.
    pub credentials: &'a Credentials,
    /// When; the service refuses what is 15 minutes off its own clock.
    pub now: Timestamp,
    /// Never used before: the service refuses a second request with the same nonce.
    pub nonce: &'a str,
}

/// A signed request, ready to be sent with `POST` to the path `/`.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The query of the URL, encoded.
    pub query: String,
    /// The headers that belong to the signature (lower-case names); `host` is left to the HTTP library.
    pub headers: Vec<(&'static str, String)>,
    /// The body, byte for byte as it must be sent.
    pub body: String,
}

impl fmt::Debug for Signed {
    /// Says nothing of its contents: V2 carries token and signature in the query, V3 in the headers.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signed").finish_non_exhaustive()
    }
}

/// Percent encoding of RFC 3986: only `A-Z a-z 0-9 - _ . ~` stay.
pub fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ESCAPED).into()
}

/// [`encode`] to the end of a buffer.
pub fn encode_into(buffer: &mut String, text: &str) {
    buffer.extend(utf8_percent_encode(text, ESCAPED));
}

/// Parameters sorted by the bytes of their names (`Status.1`, `Status.10`, `Status.2`), encoded and joined;
/// the empty text when there are none. Query and form body are written this way too.
pub fn canonical_query<N: AsRef<str>, V: AsRef<str>>(parameters: impl IntoIterator<Item = (N, V)>) -> String {
    let mut parameters: Vec<_> = parameters.into_iter().collect();
    parameters.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
    let length: usize =
        parameters.iter().map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 2).sum();
    // A little room for what must be escaped.
    let mut query = String::with_capacity(length + length / 4);
    for (name, value) in &parameters {
        if !query.is_empty() {
            query.push('&');
        }
        encode_into(&mut query, name.as_ref());
        query.push('=');
        encode_into(&mut query, value.as_ref());
    }
    query
}

/// UTC with whole seconds, as both schemes want it: `2026-11-22T08:00:00Z`.
pub fn date(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// [`canonical_query`] of a request's own parameters.
fn encoded(parameters: &[super::request::Parameter]) -> String {
    canonical_query(parameters.iter().map(|(name, value)| (name, value)))
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}

#[cfg(test)]
mod tests;
