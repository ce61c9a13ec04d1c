//! The accounts: how fast they may call, how fast they need to, who signs for them.

use jiff::Timestamp;
use serde::Serialize;

use super::Facts;
use crate::fleet::problems::{self, Problem, RequestBudget};
use crate::metrics::{MetricFamily, Value};

/// One account.
#[derive(Debug, Serialize)]
pub(crate) struct Account<'a> {
    pub(crate) account: &'a str,
    /// Where its credentials come from.
    pub(crate) credentials: Option<&'static str>,
    /// When they end; `None` where they don't, or the source does not say.
    pub(crate) credentials_expire: Option<Timestamp>,
    pub(crate) pace: RequestBudget,
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn accounts<'a>(facts: &Facts<'a>) -> Vec<Account<'a>> {
    let accounts = facts.insight.accounts.iter().map(|known| {
        let name = &*known.account;
        let of = |metric| number(facts.telemetry, metric, &[("account", name)]);
        let expires = of("appstreaming_exporter_credentials_expiry_timestamp_seconds");
        let pace = RequestBudget {
            // 0 until the client has said what it allows.
            rate: of("appstreaming_exporter_api_rate_limit").filter(|rate| *rate > 0.0),
            ceiling: facts.setup.requests_per_second,
            planned: of("appstreaming_exporter_poll_planned_requests").filter(|planned| *planned > 0.0),
            interval: facts.setup.interval.as_secs_f64(),
        };
        Account {
            account: name,
            credentials: known.credentials,
            credentials_expire: expires.and_then(|seconds| Timestamp::from_second(seconds as i64).ok()),
            pace,
            problems: problems::check_budget(&pace),
        }
    });
    accounts.collect()
}

/// The value of the series of `name` that has these labels.
pub(crate) fn number(families: &[MetricFamily], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.iter().find(|family| family.name == name)?;
    let has = |sample: &&crate::metrics::Sample| {
        labels.iter().all(|(key, value)| sample.labels.iter().any(|(k, v)| k == key && v == value))
    };
    match family.samples.iter().find(has)?.value {
        Value::Number(number) => Some(number),
        Value::Histogram { .. } => None,
    }
}
