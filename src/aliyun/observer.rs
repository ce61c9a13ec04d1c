//! What the client tells whoever keeps statistics.

use std::time::Duration;

/// Told of everything that happens to requests. Implemented by telemetry; must not block.
pub trait Observer: Send + Sync {
    /// One attempt ended.
    fn finished(&self, outcome: &Outcome<'_>);
    /// Another attempt of the same request is going to be made.
    fn retried(&self, operation: &'static str);
    /// A request waited so long for the rate limiter and for a free place.
    fn waited(&self, waited: Duration);
    /// The allowed rate is now so many requests per second.
    fn rate_limit(&self, requests_per_second: f64);
    /// A request went out (+1) or came back (-1).
    fn in_flight(&self, change: i64);
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The operation called.
    pub operation: &'static str,
    /// `OK`, the API's error code, or `timeout`, `connect`, `protocol`.
    pub code: &'a str,
    /// From sending to the last byte; waiting for the limiter not included.
    pub took: Duration,
    /// The API's request id, where it sent one.
    pub request_id: Option<&'a str>,
}

/// An observer that keeps nothing, for tools that have no statistics.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn finished(&self, _outcome: &Outcome<'_>) {}
    fn retried(&self, _operation: &'static str) {}
    fn waited(&self, _waited: Duration) {}
    fn rate_limit(&self, _requests_per_second: f64) {}
    fn in_flight(&self, _change: i64) {}
}
