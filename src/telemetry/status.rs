//! What people are shown besides the fleet's numbers: how the exporter is set up, what it did lately,
//! and why what failed did fail. Plain data; nothing in it is a secret or a user's name.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What does not change while the exporter runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// From one poll to the next.
    pub interval: SignedDuration,
    /// Requests per second that an account may make at most.
    pub requests_per_second: f64,
    /// Whether instances are listed.
    pub lists_instances: bool,
    /// What schedules are written in, and what people are shown times in.
    pub time_zone: TimeZone,
}

/// What changes while it runs.
#[derive(Debug, Clone, Default)]
pub struct Insight {
    /// Every account, sorted by name.
    pub accounts: Vec<AccountInsight>,
    /// Why the last poll of a target failed; a target that is well has none.
    pub failures: Vec<PollFailure>,
    /// The last calls, the newest first.
    pub calls: Vec<ApiCall>,
    /// The last calls that failed, the newest first; they outlive their place in `calls`.
    pub failed_calls: Vec<ApiCall>,
}

/// One account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountInsight {
    /// Its configured name.
    pub account: Arc<str>,
    /// Where its credentials come from, e.g. `environment`.
    pub credentials: Option<&'static str>,
}

/// Failures of one operation with one code in the last poll of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The target.
    pub target: Arc<str>,
    /// The operation that failed.
    pub operation: &'static str,
    /// The API's code, or the client's own.
    pub code: String,
    /// What was said, with its causes.
    pub message: String,
    /// What the cloud's support asks for.
    pub request_id: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// How often it happened in that poll.
    pub count: usize,
}

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// When it ended.
    pub at: Timestamp,
    /// The account's configured name.
    pub account: Arc<str>,
    /// The operation called.
    pub operation: &'static str,
    /// `OK`, the API's code, or the client's own.
    pub code: Box<str>,
    /// From sending to the last byte.
    pub took: Duration,
    /// The API's request id.
    pub request_id: Option<Box<str>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            interval: SignedDuration::from_secs(60),
            requests_per_second: 20.0,
            lists_instances: true,
            time_zone: TimeZone::UTC,
        }
    }
}

impl PollFailure {
    /// What happened, in one line without the advice.
    pub fn summary(&self) -> String {
        let times = if self.count > 1 { format!(", {} times", self.count) } else { String::new() };
        format!("{}: {}{times}", self.operation, self.code)
    }
}
