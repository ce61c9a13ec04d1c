//! Summaries of failures: in an outage the listings of all groups fail with the same error, which
//! is reported once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::poll_result::ListingFailure;
use crate::aliyun;
use crate::appstreaming::advice;

/// Failures of one operation with one error code.
#[derive(Debug)]
pub struct FailureSummary<'a> {
    /// The operation that failed.
    pub operation: &'static str,
    /// The error code of the API or of the client, or `poll_timeout`.
    pub code: &'a str,
    /// The group of the first failure; `None` for the listing of groups.
    pub group_id: Option<&'a str>,
    /// The request id of the first failure.
    pub request_id: Option<&'a str>,
    /// What the operator can do.
    pub advice: Option<Cow<'static, str>>,
    /// The error of the first failure, including its causes.
    pub message: String,
    /// The number of failures.
    pub count: usize,
}

/// Summarises failures: one summary for each operation and code, sorted by both.
pub fn summarise_failures(failures: &[ListingFailure]) -> impl Iterator<Item = FailureSummary<'_>> {
    let mut summaries: BTreeMap<(&str, &str), FailureSummary<'_>> = BTreeMap::new();
    for failure in failures {
        let code = failure.error.as_ref().map_or("poll_timeout", aliyun::Error::code);
        let summary = summaries.entry((failure.operation, code)).or_insert_with(|| FailureSummary {
            operation: failure.operation,
            code,
            group_id: failure.group_id.as_deref(),
            request_id: failure.error.as_ref().and_then(aliyun::Error::request_id),
            advice: failure.error.as_ref().and_then(advice),
            message: match &failure.error {
                Some(error) => aliyun::chain(error),
                None => format!("{} did not end within poll.timeout", failure.operation),
            },
            count: 0,
        });
        summary.count += 1;
    }
    summaries.into_values()
}
