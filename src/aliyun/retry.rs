//! What can be retried, why, how often, how long to wait, and whose wait header is obeyed.
//!
//! Pure decisions; waiting, signing anew and sending are in `client`. No HTTP layer beneath retries on its own:
//! a resent request would carry a used nonce.

use std::time::Duration;

use super::{Error, Kind};

/// The longest wait that a header can ask for, as in the official SDK.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How often and how patiently.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Attempts after the first one, whatever their reason. 0: never.
    pub max_retries: u32,
    /// The longest wait before the first retry; doubles with each further one.
    pub first_wait: Duration,
    /// What doubling ends at.
    pub longest_wait: Duration,
}

impl Policy {
    /// From half a second or one up to ten: three retries outlast the time in which the limiter finds a rate
    /// that the service bears.
    pub fn new(max_retries: u32) -> Self {
        Self { max_retries, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(10) }
    }

    /// Decides after a failed attempt. `random` is in `0.0..1.0`; `fresh` says whether the source of the
    /// credentials has others by now.
    pub fn decide(&self, history: &mut History, error: &Error, fresh: bool, random: f64) -> Decision {
        if history.retries >= self.max_retries || !history.worth(error.kind(), fresh) {
            return Decision::GiveUp;
        }
        let wait = match error.kind() {
            // Nothing is overloaded and nothing needs time to recover: another nonce or key does it.
            Kind::Transient | Kind::TokenExpired | Kind::Authentication => Duration::ZERO,
            _ => error.retry_after().unwrap_or_else(|| self.backoff(history.retries, random)),
        };
        history.retries += 1;
        Decision::Again { wait }
    }

    /// Doubling waits, of which a random half is taken away so that many clients don't come back as one.
    fn backoff(&self, retries: u32, random: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(retries));
        doubled.min(self.longest_wait).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

/// What has been tried for one call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    retries: u32,
    once: Once,
}

/// Reasons that are good for one retry a call.
#[derive(Debug, Clone, Copy, Default)]
struct Once {
    nonce: bool,
    keys: bool,
    unreadable: bool,
}

impl History {
    /// Whether a further attempt can end otherwise.
    fn worth(&mut self, kind: Kind, fresh: bool) -> bool {
        let first = |used: &mut bool| !std::mem::replace(used, true);
        match kind {
            Kind::Throttled | Kind::Server | Kind::Timeout | Kind::Connect => true,
            // Some other request had the same nonce, or one arrived twice.
            Kind::Transient => first(&mut self.once.nonce),
            // The source has been told: by now it may have fetched others.
            Kind::TokenExpired => first(&mut self.once.keys),
            // Blindly no: only a rotated key helps.
            Kind::Authentication => fresh && first(&mut self.once.keys),
            // Something on the way may have cut or replaced the answer.
            Kind::Protocol => first(&mut self.once.unreadable),
            Kind::Clock | Kind::Forbidden | Kind::NotFound | Kind::Request | Kind::Credentials => false,
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The failure is the call's.
    GiveUp,
    /// Sign and send again after so long.
    Again {
        /// May be zero.
        wait: Duration,
    },
}

/// How long the service asks to be left alone, from the headers of an answer that failed: `header` gives the
/// value of a header by its lower-case name.
///
/// The present SDK core reads `x-acs-retry-after`, older ones `x-ratelimit-user-api` and `x-ratelimit-user`;
/// none is promised. Those of the rate limits count only when nothing remains: they may come with any answer.
pub(super) fn wait_header<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
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
        .map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        max_retries: 3,
        first_wait: Duration::from_millis(500),
        longest_wait: Duration::from_secs(10),
    };

    fn error(code: &str) -> Error {
        Error::from_body("Operation", 400, format!(r#"{{"Code":"{code}"}}"#).as_bytes())
    }

    fn retries(policy: Policy, error: &Error, fresh: bool) -> usize {
        let mut history = History::default();
        (0..20).take_while(|_| policy.decide(&mut history, error, fresh, 0.5) != Decision::GiveUp).count()
    }

    #[test]
    fn what_can_pass_is_retried_as_often_as_allowed() {
        let timeout = Error::own("Operation", Kind::Timeout, "");
        let connect = Error::own("Operation", Kind::Connect, "");
        for error in
            [error("Throttling.User"), error("InternalError"), error("ServiceUnavailable"), timeout, connect]
        {
            assert_eq!(retries(POLICY, &error, false), 3, "{error}");
        }
    }

    #[test]
    fn what_stays_wrong_is_not_retried() {
        let codes = ["Forbidden.RAM", "InvalidParameter.PageSize", "InvalidTimeStamp.Expired", "Unheard.Of"];
        for code in codes.into_iter().chain(["InvalidAppInstanceGroup.NotFound", "SignatureDoesNotMatch"]) {
            assert_eq!(retries(POLICY, &error(code), false), 0, "{code}");
        }
        let error = Error::own("Operation", Kind::Credentials, "");
        assert_eq!(retries(POLICY, &error, true), 0);
    }

    #[test]
    fn a_used_nonce_and_an_expired_token_are_tried_once_more_and_at_once() {
        for code in ["SignatureNonceUsed", "InvalidSecurityToken.Expired"] {
            assert_eq!(retries(POLICY, &error(code), false), 1, "{code}");
            let decision = POLICY.decide(&mut History::default(), &error(code), false, 0.5);
            assert_eq!(decision, Decision::Again { wait: Duration::ZERO }, "{code}");
        }
    }

    #[test]
    fn refused_keys_are_tried_again_only_when_they_were_replaced() {
        assert_eq!(retries(POLICY, &error("InvalidAccessKeyId.NotFound"), false), 0);
        assert_eq!(retries(POLICY, &error("InvalidAccessKeyId.NotFound"), true), 1);
    }

    #[test]
    fn an_unreadable_answer_is_asked_for_once_more() {
        assert_eq!(retries(POLICY, &Error::protocol("Operation", "not JSON"), false), 1);
    }

    #[test]
    fn no_retries_means_none_whatever_happens() {
        let policy = Policy { max_retries: 0, ..POLICY };
        for code in ["Throttling", "InternalError", "SignatureNonceUsed", "InvalidSecurityToken.Expired"] {
            assert_eq!(retries(policy, &error(code), true), 0, "{code}");
        }
    }

    #[test]
    fn the_services_own_wait_beats_the_backoff() {
        let error = error("Throttling").with_retry_after(Duration::from_secs(42));
        let decision = POLICY.decide(&mut History::default(), &error, false, 0.0);
        assert_eq!(decision, Decision::Again { wait: Duration::from_secs(42) });
    }

    #[test]
    fn backoff_doubles_up_to_its_end() {
        let longest: Vec<_> = (0..7).map(|retries| POLICY.backoff(retries, 1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn wait_headers_are_read_in_milliseconds_and_capped() {
        let read = |name: &'static str, value: &'static str| {
            wait_header(|wanted| (wanted == name).then_some(value)).map(|wait| wait.as_millis())
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
        fn a_wait_stays_within_half_of_its_bound(retries in 0_u32..100, random in 0.0..1.0_f64) {
            let wait = POLICY.backoff(retries, random);
            let bound = POLICY.backoff(retries, 1.0);
            prop_assert!(wait <= bound && wait >= bound / 2);
            prop_assert!(bound <= POLICY.longest_wait);
        }
    }
}
