//! Faults that are injected on purpose: the rules that pick requests, and the fault that each rule
//! injects.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;

/// The most bytes of a huge response: 1 TiB, far beyond every limit that a client may have.
const MAX_HUGE_BYTES: u64 = 1 << 40;

/// A fault, and the requests that it applies to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only this operation or service; `None`: every operation of the API.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only requests that name this group.
    #[serde(default)]
    pub group_id: Option<String>,
    /// Only this page.
    #[serde(default)]
    pub page: Option<u64>,
    /// The share of the requests in scope that the rule applies to, 0 to 1.
    #[serde(default = "every_request")]
    pub share: f64,
    /// The number of requests that the rule still applies to; `None`: no limit.
    #[serde(default)]
    pub requests: Option<u64>,
    /// The fault that is injected.
    pub fault: RequestFault,
}

/// A fault that a rule injects into the response to a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestFault {
    /// An error of the API.
    Error(ErrorFault),
    /// The response is delayed. Latencies of several rules add up.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed without a response.
    Drop,
    /// Half of the response is sent, then the connection is closed.
    Truncate,
    /// The response is the HTML page of a load balancer.
    Html,
    /// The response is valid JSON of this size.
    Huge {
        /// Bytes.
        bytes: u64,
    },
    /// `TotalCount` is wrong.
    TotalCount(WrongTotal),
    /// The list is null.
    NullList,
}

/// An error that is returned instead of the operation's result.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorFault {
    /// The API's code.
    pub code: String,
    /// HTTP status; by default that of the code.
    #[serde(default)]
    pub status: Option<u16>,
    /// The API's message; by default that of the code.
    #[serde(default)]
    pub message: Option<String>,
    /// `x-acs-retry-after`, milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// How `TotalCount` is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongTotal {
    /// The true count plus this number, at least 0.
    Add(i64),
    /// This number.
    Set(u64),
}

/// The properties of a request that decide which rules apply.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestScope<'a> {
    /// The operation or service.
    pub(super) operation: &'a str,
    /// `AppInstanceGroupId`, if the request has it.
    pub(super) group_id: Option<&'a str>,
    /// `PageNumber`; 0 if it is invalid.
    pub(super) page: u64,
    /// Whether only rules that name the operation apply. It is set for services that are not part
    /// of the API.
    pub(super) only_named: bool,
}

/// The latency and the fault that are injected into one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Injection {
    /// Milliseconds of additional latency.
    pub(super) latency_ms: u64,
    /// The first fault that is not latency.
    pub(super) fault: Option<RequestFault>,
}

/// The active rules.
#[derive(Debug)]
pub(super) struct FaultRules {
    rules: Vec<FaultRule>,
    rng: Xoshiro256PlusPlus,
}

impl FaultRule {
    /// A rule with which this share of all API requests fails with an error code.
    pub fn share(share: f64, code: impl Into<String>) -> Self {
        let error = ErrorFault { code: code.into(), status: None, message: None, retry_after_ms: None };
        Self {
            operation: None,
            group_id: None,
            page: None,
            share,
            requests: None,
            fault: RequestFault::Error(error),
        }
    }

    /// Why this rule is invalid; `None` if it is valid.
    pub(super) fn problem(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.share) {
            return Some(format!("the share of a fault is {}: it must be from 0 to 1", self.share));
        }
        match &self.fault {
            RequestFault::Error(ErrorFault { code, status, .. }) => {
                if code.is_empty() {
                    return Some("the code of a fault is empty".to_owned());
                }
                status
                    .filter(|status| !(200..=599).contains(status))
                    .map(|status| format!("the status of a fault is {status}: it must be from 200 to 599"))
            }
            RequestFault::Huge { bytes } if *bytes > MAX_HUGE_BYTES => {
                Some(format!("a huge response has {bytes} bytes: at most {MAX_HUGE_BYTES} are possible"))
            }
            _ => None,
        }
    }

    fn matches(&self, scope: &RequestScope<'_>) -> bool {
        self.requests != Some(0)
            && self.operation.as_deref().map_or(!scope.only_named, |operation| operation == scope.operation)
            && self.group_id.as_deref().is_none_or(|group| Some(group) == scope.group_id)
            && self.page.is_none_or(|page| page == scope.page)
    }
}

impl FaultRules {
    /// A set of these rules. Random choices depend on the seed and on the order of the requests.
    pub(super) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self { rules, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Replaces all rules.
    pub(super) fn replace(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules;
    }

    /// Appends a rule.
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    /// Applies the rules to a request. A rule that applies to a limited number of requests counts
    /// this one.
    pub(super) fn inject(&mut self, scope: &RequestScope<'_>) -> Injection {
        let mut injection = Injection::default();
        for rule in &mut self.rules {
            let is_latency = matches!(rule.fault, RequestFault::Latency { .. });
            if (injection.fault.is_some() && !is_latency) || !rule.matches(scope) {
                continue;
            }
            if rule.share < 1.0 && !self.rng.random_bool(rule.share) {
                continue;
            }
            if let Some(left) = &mut rule.requests {
                *left -= 1;
            }
            match &rule.fault {
                RequestFault::Latency { ms } => {
                    injection.latency_ms = injection.latency_ms.saturating_add(*ms);
                }
                fault => injection.fault = Some(fault.clone()),
            }
        }
        self.rules.retain(|rule| rule.requests != Some(0));
        injection
    }
}

impl WrongTotal {
    /// The wrong count for a true one.
    pub(super) fn apply(self, total: u64) -> u64 {
        match self {
            Self::Add(difference) => total.saturating_add_signed(difference),
            Self::Set(value) => value,
        }
    }
}

fn every_request() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: RequestScope<'_> =
        RequestScope { operation: "ListAppInstances", group_id: Some("aig-1"), page: 2, only_named: false };

    fn rule(json: &str) -> FaultRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_rule_applies_within_its_scope_and_for_its_number_of_requests() {
        let rule = rule(
            r#"{"operation":"ListAppInstances","group_id":"aig-1","page":2,"requests":2,"fault":"drop"}"#,
        );
        let mut faults = FaultRules::new(vec![rule], 1);
        assert_eq!(faults.inject(&RequestScope { page: 1, ..SCOPE }).fault, None);
        assert_eq!(faults.inject(&RequestScope { group_id: None, ..SCOPE }).fault, None);
        assert_eq!(faults.inject(&SCOPE).fault, Some(RequestFault::Drop));
        assert_eq!(faults.inject(&SCOPE).fault, Some(RequestFault::Drop));
        assert_eq!(faults.inject(&SCOPE).fault, None);
    }

    #[test]
    fn latencies_add_up_and_the_first_other_fault_wins() {
        let rules = [
            r#"{"fault":{"latency":{"ms":20}}}"#,
            r#"{"fault":"truncate"}"#,
            r#"{"requests":1,"fault":{"error":{"code":"Throttling"}}}"#,
            r#"{"fault":{"latency":{"ms":30}}}"#,
        ];
        let mut faults = FaultRules::new(rules.map(rule).into(), 1);
        assert_eq!(faults.inject(&SCOPE), Injection { latency_ms: 50, fault: Some(RequestFault::Truncate) });
        assert_eq!(faults.rules.len(), 4, "a rule that did not apply keeps its number of requests");
    }

    #[test]
    fn a_share_hits_about_that_share_of_the_requests() {
        let mut faults = FaultRules::new(vec![FaultRule::share(0.25, "InternalError")], 7);
        let hit = (0..4_000).filter(|_| faults.inject(&SCOPE).fault.is_some()).count();
        assert!((800..1_200).contains(&hit), "{hit}");
    }

    #[test]
    fn a_total_count_never_falls_below_zero() {
        assert_eq!(WrongTotal::Add(-5).apply(3), 0);
        assert_eq!(WrongTotal::Add(5).apply(3), 8);
        assert_eq!(WrongTotal::Set(9).apply(3), 9);
    }
}
