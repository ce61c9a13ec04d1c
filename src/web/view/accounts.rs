//! The accounts: rate limit, planned requests, credentials.

use jiff::Timestamp;
use serde::Serialize;

use crate::fleet::problems::{self, AccountState, Problem, RequestBudget};
use crate::telemetry::status::{ReplicaRole, Status};

/// One account.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView<'a> {
    pub(crate) account: &'a str,
    /// The name of the credential provider.
    pub(crate) credentials: Option<&'static str>,
    /// When the credentials expire; `None` if they do not, or if the provider does not know.
    pub(crate) credentials_expire: Option<Timestamp>,
    /// Allowed and needed requests.
    pub(crate) pace: RequestBudget,
    pub(crate) problems: Vec<Problem>,
}

/// Every account, sorted by name.
pub(super) fn accounts<'a>(status: &'a Status, now: Timestamp) -> Vec<AccountView<'a>> {
    let setup = &status.setup;
    let is_active = status.replica.role == ReplicaRole::Active;
    let accounts = status.accounts.iter().map(|account| {
        let pace = RequestBudget {
            rate: account.rate,
            ceiling: setup.requests_per_second,
            planned: account.planned_requests.map(|requests| requests as f64),
            interval: setup.interval.as_secs_f64(),
        };
        let state = AccountState { budget: pace, credentials_expire: account.credentials_expire };
        // A standby sends no requests, so its rate and its credentials are those of an earlier time.
        let problems = if is_active { problems::check_account(&state, now) } else { Vec::new() };
        AccountView {
            account: &account.account,
            credentials: account.credentials,
            credentials_expire: account.credentials_expire,
            pace,
            problems,
        }
    });
    accounts.collect()
}
