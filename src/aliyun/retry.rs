//! Which failures are retried, how often, and after which wait.
//!
//! Pure decisions; waiting, signing again and sending are in `client`. The HTTP library must not
//! retry: a request that is sent again would carry a used nonce.

use std::time::Duration;

use super::error::{Error, ErrorKind};

/// Longest wait that a header can request, as in the official SDK.
const MAX_HEADER_WAIT: Duration = Duration::from_secs(120);

/// Number of retries and waits between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Maximum number of attempts after the first one; 0 for none.
    pub max_retries: u32,
    /// Upper bound of the wait before the first retry; doubles with each further retry.
    pub first_wait: Duration,
    /// Upper bound of every wait.
    pub max_wait: Duration,
}

impl RetryPolicy {
    /// Waits of up to 1, 2, 4, 8 and then 10 seconds: within three retries the limiter reaches a
    /// rate that the service accepts.
    pub fn new(max_retries: u32) -> Self {
        Self { max_retries, first_wait: Duration::from_secs(1), max_wait: Duration::from_secs(10) }
    }

    /// Decides after a failed attempt. `random` is in `0.0..1.0`; `new_credentials` is whether the
    /// credentials have been replaced since the attempt.
    pub fn decide(
        &self,
        history: &mut RetryHistory,
        error: &Error,
        new_credentials: bool,
        random: f64,
    ) -> RetryDecision {
        if history.retries >= self.max_retries || !history.use_retry(error.kind(), new_credentials) {
            return RetryDecision::GiveUp;
        }
        let wait = match error.kind() {
            // The service is not overloaded: another nonce or key is enough.
            ErrorKind::Transient | ErrorKind::TokenExpired | ErrorKind::Authentication => Duration::ZERO,
            _ => error.retry_after().unwrap_or_else(|| self.backoff(history.retries, random)),
        };
        history.retries += 1;
        RetryDecision::Again { wait }
    }

    /// A wait that doubles with each retry. A random part of up to a half is subtracted, so that
    /// many clients do not retry at once.
    fn backoff(&self, retries: u32, random: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(retries));
        doubled.min(self.max_wait).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

/// The retries of one call so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RetryHistory {
    retries: u32,
    single: SingleRetries,
}

/// Reasons that allow only one retry per call, and whether that retry was used.
#[derive(Debug, Clone, Copy, Default)]
struct SingleRetries {
    nonce: bool,
    credentials: bool,
    protocol: bool,
}

impl RetryHistory {
    /// Returns whether another attempt can succeed, and marks a reason for a single retry as used.
    fn use_retry(&mut self, kind: ErrorKind, new_credentials: bool) -> bool {
        let first = |used: &mut bool| !std::mem::replace(used, true);
        match kind {
            ErrorKind::Throttled | ErrorKind::Server | ErrorKind::Timeout | ErrorKind::Connect => true,
            // Another request had the same nonce, or this request arrived twice.
            ErrorKind::Transient => first(&mut self.single.nonce),
            // The client has invalidated the credentials: the next attempt uses new ones, if any.
            ErrorKind::TokenExpired => first(&mut self.single.credentials),
            // Only a replaced key can succeed.
            ErrorKind::Authentication => new_credentials && first(&mut self.single.credentials),
            // A proxy may have truncated or replaced the response.
            ErrorKind::Protocol => first(&mut self.single.protocol),
            ErrorKind::Clock
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Request
            | ErrorKind::Credentials => false,
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryDecision {
    /// The call fails.
    GiveUp,
    /// The request is signed and sent again after a wait.
    Again {
        /// May be zero.
        wait: Duration,
    },
}

/// The wait that the headers of a failed response request. `header` returns a header's value by its
/// lower-case name.
///
/// The current SDK core reads `x-acs-retry-after`, older versions read `x-ratelimit-user-api` and
/// `x-ratelimit-user`; none of them is documented. The latter two count only when they report that
/// no requests remain, because any response may have them.
pub(super) fn parse_wait_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let milliseconds =
        |text: &str| text.trim().parse().ok().filter(|wait| *wait > 0).map(Duration::from_millis);
    header("x-acs-retry-after")
        .and_then(milliseconds)
        .or_else(|| {
            ["x-ratelimit-user-api", "x-ratelimit-user"].iter().find_map(|name| {
                let limits = header(name)?;
                let field = |wanted: &str| {
                    limits
                        .split(',')
                        .filter_map(|field| field.split_once(':'))
                        .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
                        .map(|(_, value)| value.trim())
                };
                let exhausted = field("Remain").is_none_or(|remain| remain == "0");
                field("TimeLeft").filter(|_| exhausted).and_then(milliseconds)
            })
        })
        .map(|wait| wait.min(MAX_HEADER_WAIT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_retries: 3,
        first_wait: Duration::from_millis(500),
        max_wait: Duration::from_secs(10),
    };

    fn error(code: &str) -> Error {
        Error::from_body("Operation", 400, format!(r#"{{"Code":"{code}"}}"#).as_bytes())
    }

    fn retries(policy: RetryPolicy, error: &Error, new_credentials: bool) -> usize {
        let mut history = RetryHistory::default();
        (0..20)
            .take_while(|_| policy.decide(&mut history, error, new_credentials, 0.5) != RetryDecision::GiveUp)
            .count()
    }

    #[test]
    fn temporary_failures_are_retried_up_to_the_maximum() {
        let timeout = Error::local("Operation", ErrorKind::Timeout, "");
        let connect = Error::local("Operation", ErrorKind::Connect, "");
        for error in
            [error("Throttling.User"), error("InternalError"), error("ServiceUnavailable"), timeout, connect]
        {
            assert_eq!(retries(POLICY, &error, false), 3, "{error}");
        }
    }

    #[test]
    fn permanent_failures_are_not_retried() {
        let codes =
            ["Forbidden.RAM", "InvalidParameter.PageSize", "InvalidTimeStamp.Expired", "Unknown.Code"];
        for code in codes.into_iter().chain(["InvalidAppInstanceGroup.NotFound", "SignatureDoesNotMatch"]) {
            assert_eq!(retries(POLICY, &error(code), false), 0, "{code}");
        }
        let error = Error::local("Operation", ErrorKind::Credentials, "");
        assert_eq!(retries(POLICY, &error, true), 0);
    }

    #[test]
    fn a_used_nonce_and_an_expired_token_are_retried_once_without_a_wait() {
        for code in ["SignatureNonceUsed", "InvalidSecurityToken.Expired"] {
            assert_eq!(retries(POLICY, &error(code), false), 1, "{code}");
            let decision = POLICY.decide(&mut RetryHistory::default(), &error(code), false, 0.5);
            assert_eq!(decision, RetryDecision::Again { wait: Duration::ZERO }, "{code}");
        }
    }

    #[test]
    fn rejected_credentials_are_retried_only_when_they_were_replaced() {
        assert_eq!(retries(POLICY, &error("InvalidAccessKeyId.NotFound"), false), 0);
        assert_eq!(retries(POLICY, &error("InvalidAccessKeyId.NotFound"), true), 1);
    }

    #[test]
    fn an_invalid_response_is_retried_once() {
        assert_eq!(retries(POLICY, &Error::protocol("Operation", "not JSON"), false), 1);
    }

    #[test]
    fn with_zero_retries_no_failure_is_retried() {
        let policy = RetryPolicy { max_retries: 0, ..POLICY };
        for code in ["Throttling", "InternalError", "SignatureNonceUsed", "InvalidSecurityToken.Expired"] {
            assert_eq!(retries(policy, &error(code), true), 0, "{code}");
        }
    }

    #[test]
    fn the_wait_of_a_header_replaces_the_backoff() {
        let error = error("Throttling").with_retry_after(Duration::from_secs(42));
        let decision = POLICY.decide(&mut RetryHistory::default(), &error, false, 0.0);
        assert_eq!(decision, RetryDecision::Again { wait: Duration::from_secs(42) });
    }

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        let bounds: Vec<_> = (0..7).map(|retries| POLICY.backoff(retries, 1.0).as_millis()).collect();
        assert_eq!(bounds, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn wait_headers_are_in_milliseconds_and_bounded() {
        let read = |name: &'static str, value: &'static str| {
            parse_wait_headers(|wanted| (wanted == name).then_some(value)).map(|wait| wait.as_millis())
        };
        assert_eq!(read("x-acs-retry-after", "1500"), Some(1500));
        assert_eq!(read("x-acs-retry-after", "999999999"), Some(120_000));
        for broken in ["0", "-5", "soon", "1.5", ""] {
            assert_eq!(read("x-acs-retry-after", broken), None, "{broken}");
        }
        let limits = "Limit:10,Remain:0,TimeLeft:2000,Reset:1234";
        assert_eq!(read("x-ratelimit-user-api", limits), Some(2000));
        assert_eq!(read("x-ratelimit-user", limits), Some(2000));
        assert_eq!(read("x-ratelimit-user", "Limit:10,Remain:7,TimeLeft:2000,Reset:1234"), None);
        assert_eq!(read("retry-after", "3"), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_of_its_bound_and_the_bound(retries in 0_u32..100, random in 0.0..1.0_f64) {
            let wait = POLICY.backoff(retries, random);
            let bound = POLICY.backoff(retries, 1.0);
            prop_assert!(wait <= bound && wait >= bound / 2);
            prop_assert!(bound <= POLICY.max_wait);
        }
    }
}
