//! The accounts: how fast they may call, how fast they need to, who signs for them.

use jiff::Timestamp;
use serde::Serialize;

use crate::fleet::problems::{self, Problem, RequestBudget};
use crate::telemetry::status::Status;

/// One account.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView<'a> {
    pub(crate) account: &'a str,
    /// Where its credentials come from.
    pub(crate) credentials: Option<&'static str>,
    /// When they end; `None` where they don't, or the source does not say.
    pub(crate) credentials_expire: Option<Timestamp>,
    pub(crate) pace: RequestBudget,
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn accounts<'a>(status: &'a Status) -> Vec<AccountView<'a>> {
    let setup = &status.setup;
    let accounts = status.accounts.iter().map(|account| {
        let pace = RequestBudget {
            rate: account.rate,
            ceiling: setup.requests_per_second,
            planned: account.planned_requests.map(|requests| requests as f64),
            interval: setup.interval.as_secs_f64(),
        };
        AccountView {
            account: &account.account,
            credentials: account.credentials,
            credentials_expire: account.credentials_expire,
            pace,
            problems: problems::check_budget(&pace),
        }
    });
    accounts.collect()
}
