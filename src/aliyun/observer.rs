//! Events of API requests, for logs and statistics.

use std::time::Duration;

/// Receives every event of API requests. Must not block. Every method does nothing by default.
pub trait RequestObserver: Send + Sync {
    /// One attempt ended.
    fn finished(&self, _outcome: &AttemptOutcome<'_>) {}
    /// A request is going to be attempted again.
    fn retried(&self, _operation: &'static str) {}
    /// A request waited this long for the rate limiter and for a free slot.
    fn waited(&self, _waited: Duration) {}
    /// The allowed rate changed to this many requests per second.
    fn rate_limit(&self, _requests_per_second: f64) {}
    /// A request was sent (+1), or ended (-1).
    fn in_flight(&self, _change: i64) {}
}

/// Ignores every event.
impl RequestObserver for () {}

/// How one attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct AttemptOutcome<'a> {
    /// The operation called.
    pub operation: &'static str,
    /// `OK`, the API's error code, or `timeout`, `connect`, `protocol`.
    pub code: &'a str,
    /// From sending to the last byte of the response, without the wait for the limiter.
    pub took: Duration,
    /// The API's request id, if the response had one.
    pub request_id: Option<&'a str>,
}
