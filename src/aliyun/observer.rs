//! Events of API requests, for logs and statistics.

use std::time::Duration;

/// Receives every event of API requests. Must not block. Every method does nothing by default.
pub trait RequestObserver: Send + Sync {
    /// One attempt ended.
    fn finished(&self, _outcome: &AttemptOutcome<'_>) {}
    /// A failed attempt is going to be followed by another one.
    fn retried(&self, _operation: &'static str) {}
    /// A request waited this long until it could be sent.
    fn waited(&self, _waited: Waited) {}
    /// The allowed rate is now this many requests per second: when the client is set up, and after
    /// each change.
    fn rate_limit(&self, _requests_per_second: f64) {}
    /// A request was sent (+1), or ended (-1).
    fn in_flight(&self, _change: i64) {}
}

/// How long a request waited until it could be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waited {
    /// For a free slot and for the rate limit.
    pub total: Duration,
    /// For the rate limit, after it had a slot.
    pub rate_limit: Duration,
}

/// Ignores every event.
impl RequestObserver for () {}

/// How one attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct AttemptOutcome<'a> {
    /// The operation called.
    pub operation: &'static str,
    /// `OK`, the API's error code, or `timeout`, `connect`, `protocol`, `credentials`.
    pub code: &'a str,
    /// From sending the request to the end of parsing the response, without the wait for the
    /// limiter.
    pub took: Duration,
    /// The id that the API gave the request, if the response had one.
    pub request_id: Option<&'a str>,
}
