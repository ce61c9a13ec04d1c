//! Decides whether a response is a success or an error, and finds the request id.

use std::time::SystemTime;

use crate::aliyun::access_key::Credentials;
use crate::aliyun::error::{Error, ErrorKind, Redaction};
use crate::aliyun::retry::parse_wait_headers;
use crate::aliyun::transport::RawResponse;

/// Returns the value that `parse` reads from a successful response, or the error that the response
/// reports.
pub(super) fn classify<T>(
    operation: &'static str,
    response: &RawResponse,
    credentials: &Credentials,
    parse: &impl Fn(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let redaction = Redaction::new(credentials);
    let RawResponse { status, body, .. } = response;
    let (error, wait_header_allowed) = match status {
        200..=299 => {
            let error = match parse(body) {
                Ok(value) => return Ok(value),
                Err(error) => error.redacted(&redaction),
            };
            let throttled = error.kind() == ErrorKind::Throttled;
            (error, throttled)
        }
        300..=399 => {
            // The message does not contain the target, which may repeat the signed query.
            let message = format!("status {status}: redirects are not followed");
            (Error::protocol(operation, message).with_status(*status), false)
        }
        _ => (Error::from_response(operation, *status, body, &redaction), true),
    };
    let error = match (error.kind(), response.header("date")) {
        (ErrorKind::Clock, Some(date)) => error.with_note(clock_difference(date, SystemTime::now())),
        _ => error,
    };
    Err(match parse_wait_headers(|name| response.header(name)) {
        Some(wait) if wait_header_allowed => error.with_retry_after(wait),
        _ => error,
    })
}

/// The difference between this machine's clock and a response's `date`, as text.
pub(super) fn clock_difference(date: &str, now: SystemTime) -> Option<String> {
    let service_time = httpdate::parse_http_date(date).ok()?;
    Some(match now.duration_since(service_time) {
        Ok(ahead) => format!("this machine's clock is {} s ahead of the service's", ahead.as_secs()),
        Err(behind) => {
            format!("this machine's clock is {} s behind the service's", behind.duration().as_secs())
        }
    })
}

/// The id that the API gave the request: from the header, or from the beginning or the end of the
/// body, where the API writes it. The rest of the body, which may have megabytes, is not searched.
pub(super) fn request_id(response: &RawResponse) -> Option<&str> {
    const SEARCHED_BYTES: usize = 256;
    response.header("x-acs-request-id").or_else(|| {
        let body = &response.body[..];
        let beginning = &body[..body.len().min(SEARCHED_BYTES)];
        let end = &body[body.len().saturating_sub(SEARCHED_BYTES)..];
        find_request_id(beginning).or_else(|| find_request_id(end))
    })
}

fn find_request_id(part: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"RequestId\"";
    let start = part.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let mut quoted = part[start..].split(|byte| *byte == b'"');
    let separator = quoted.next()?;
    let id = quoted.next()?;
    // Without a closing quote the id is truncated.
    quoted.next()?;
    let is_id = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
    (separator.trim_ascii() == b":" && is_id).then(|| std::str::from_utf8(id).ok()).flatten()
}
