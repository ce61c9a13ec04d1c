//! What goes wrong on purpose: rules that pick requests, and what happens to those.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use serde::Deserialize;

/// The most bytes of a huge answer.
const MAX_HUGE: u64 = 1 << 40;

/// Which requests something goes wrong with, and what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only this operation.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only requests that name this group.
    #[serde(default)]
    pub group_id: Option<String>,
    /// Only this page.
    #[serde(default)]
    pub page: Option<u64>,
    /// So many of the requests in scope, 0 to 1.
    #[serde(default = "all")]
    pub share: f64,
    /// How often the rule still applies; `None` for ever.
    #[serde(default)]
    pub requests: Option<u64>,
    /// What happens.
    pub fault: RequestFault,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestFault {
    /// An error of the API.
    Error(ErrorFault),
    /// The answer takes so much longer.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed without an answer.
    Drop,
    /// Half the answer arrives, then the connection is closed.
    Truncate,
    /// A load balancer answers, in HTML.
    Html,
    /// The answer is valid JSON and has so many bytes.
    Huge {
        /// Bytes.
        bytes: u64,
    },
    /// `TotalCount` is wrong.
    TotalCount(WrongTotal),
    /// The list is null.
    NullList,
}

/// An error that is answered instead of the operation's own answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorFault {
    /// The API's code.
    pub code: String,
    /// HTTP status; by default the one that goes with the code.
    #[serde(default)]
    pub status: Option<u16>,
    /// The API's message; by default the one that goes with the code.
    #[serde(default)]
    pub message: Option<String>,
    /// `x-acs-retry-after`, milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// How `TotalCount` lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongTotal {
    /// Off by so much; never below 0.
    Add(i64),
    /// Always this.
    Set(u64),
}

/// What a rule's scope is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestScope<'a> {
    /// The operation called.
    pub(super) operation: &'a str,
    /// `AppInstanceGroupId`, where the request has one.
    pub(super) group_id: Option<&'a str>,
    /// `PageNumber`.
    pub(super) page: u64,
    /// Only rules that name the operation count: it is none of the API's own.
    pub(super) only_named: bool,
}

/// What happens to one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Injection {
    /// Milliseconds to wait.
    pub(super) latency_ms: u64,
    /// At most one fault that is not latency.
    pub(super) fault: Option<RequestFault>,
}

/// The rules in force.
#[derive(Debug)]
pub(super) struct FaultRules {
    rules: Vec<FaultRule>,
    rng: Xoshiro256PlusPlus,
}

impl FaultRule {
    /// Answers this share of all requests with an error.
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

    /// Why this rule makes no sense, if it makes none.
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
            RequestFault::Huge { bytes } if *bytes > MAX_HUGE => {
                Some(format!("a huge answer has {bytes} bytes: at most {MAX_HUGE} are possible"))
            }
            _ => None,
        }
    }

    fn covers(&self, scope: &RequestScope<'_>) -> bool {
        self.requests != Some(0)
            && self.operation.as_deref().map_or(!scope.only_named, |operation| operation == scope.operation)
            && self.group_id.as_deref().is_none_or(|group| Some(group) == scope.group_id)
            && self.page.is_none_or(|page| page == scope.page)
    }
}

impl FaultRules {
    /// These rules; chance depends on the seed and on the requests' order.
    pub(super) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self { rules, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Other rules from here on.
    pub(super) fn replace(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules;
    }

    /// One more rule, behind the others.
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    /// What happens to this request; uses up the rules that apply.
    pub(super) fn judge(&mut self, scope: &RequestScope<'_>) -> Injection {
        let mut verdict = Injection::default();
        for rule in &mut self.rules {
            let is_latency = matches!(rule.fault, RequestFault::Latency { .. });
            if (verdict.fault.is_some() && !is_latency) || !rule.covers(scope) {
                continue;
            }
            if rule.share < 1.0 && !self.rng.random_bool(rule.share) {
                continue;
            }
            if let Some(left) = &mut rule.requests {
                *left -= 1;
            }
            match &rule.fault {
                RequestFault::Latency { ms } => verdict.latency_ms = verdict.latency_ms.saturating_add(*ms),
                fault => verdict.fault = Some(fault.clone()),
            }
        }
        self.rules.retain(|rule| rule.requests != Some(0));
        verdict
    }
}

impl WrongTotal {
    /// What is answered instead of the truth.
    pub(super) fn apply(self, total: u64) -> u64 {
        match self {
            Self::Add(difference) => total.saturating_add_signed(difference),
            Self::Set(value) => value,
        }
    }
}

fn all() -> f64 {
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
    fn a_rule_applies_within_its_scope_and_as_often_as_it_says() {
        let rule = rule(
            r#"{"operation":"ListAppInstances","group_id":"aig-1","page":2,"requests":2,"fault":"drop"}"#,
        );
        let mut faults = FaultRules::new(vec![rule], 1);
        assert_eq!(faults.judge(&RequestScope { page: 1, ..SCOPE }).fault, None);
        assert_eq!(faults.judge(&RequestScope { group_id: None, ..SCOPE }).fault, None);
        assert_eq!(faults.judge(&SCOPE).fault, Some(RequestFault::Drop));
        assert_eq!(faults.judge(&SCOPE).fault, Some(RequestFault::Drop));
        assert_eq!(faults.judge(&SCOPE).fault, None);
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
        assert_eq!(faults.judge(&SCOPE), Injection { latency_ms: 50, fault: Some(RequestFault::Truncate) });
        assert_eq!(faults.rules.len(), 4, "a rule that lost is not used up");
    }

    #[test]
    fn a_share_is_about_so_many_of_the_requests() {
        let mut faults = FaultRules::new(vec![FaultRule::share(0.25, "InternalError")], 7);
        let hit = (0..4_000).filter(|_| faults.judge(&SCOPE).fault.is_some()).count();
        assert!((800..1_200).contains(&hit), "{hit}");
    }

    #[test]
    fn a_total_count_never_falls_below_zero() {
        assert_eq!(WrongTotal::Add(-5).apply(3), 0);
        assert_eq!(WrongTotal::Add(5).apply(3), 8);
        assert_eq!(WrongTotal::Set(9).apply(3), 9);
    }
}
