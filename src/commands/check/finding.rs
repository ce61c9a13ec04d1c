//! Findings as data. What is not here: how they are collected, judged and printed.

use serde::Serialize;

use crate::document::Problem;

/// The severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Works.
    Ok,
    /// Information, or not determined.
    Note,
    /// Works, but needs the operator's attention.
    Warning,
    /// Does not work.
    Error,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Aspect {
    /// Name, connection, TLS and HTTP.
    Endpoint,
    /// The clock of this machine compared to the service's.
    Clock,
    /// Source and expiry of the credentials.
    Credentials,
    /// The caller that the credentials belong to.
    Identity,
    /// A call of one of the three operations.
    Operation,
    /// Whether a poll fits into its interval.
    Poll,
    /// The state file and its folder.
    State,
    /// The address that other replicas use for this one.
    Advertise,
    /// The other replica of a pair.
    Peer,
    /// The Lease that decides which replica is active.
    #[cfg(feature = "kubernetes")]
    Lease,
}

impl Aspect {
    /// The label in text output.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Identity => "identity",
            Self::Operation => "operation",
            Self::Poll => "poll",
            Self::State => "state",
            Self::Advertise => "advertise",
            Self::Peer => "peer",
            #[cfg(feature = "kubernetes")]
            Self::Lease => "lease",
        }
    }
}

/// One result of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was checked.
    pub check: Aspect,
    /// The severity.
    pub level: Level,
    /// The target, if the finding concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The operation, if the finding concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// The result, as a sentence fragment.
    pub message: String,
    /// The API's error code, the client's own such as `timeout`, or the failed stage of the
    /// connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The API's request id, which Alibaba Cloud's support needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// A finding without target, operation, code and advice.
    pub(super) fn new(check: Aspect, level: Level, message: impl Into<String>) -> Self {
        Self {
            check,
            level,
            target: None,
            operation: None,
            message: message.into(),
            code: None,
            request_id: None,
            advice: None,
        }
    }

    /// Adds what to do.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// Sets the target.
    pub(super) fn of_target(self, target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..self }
    }
}

/// The findings about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct AccountReport {
    /// The account's configured name.
    pub name: String,
    /// Its API endpoint.
    pub endpoint: String,
    /// The findings, in the order of the check.
    pub findings: Vec<Finding>,
    /// The smallest policy that allows the required operations, if one is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl AccountReport {
    /// The highest level of its findings.
    pub(super) fn level(&self) -> Level {
        highest(&self.findings)
    }
}

/// The findings about a part of the exporter that belongs to no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartReport {
    /// The section of the configuration.
    pub name: &'static str,
    /// The findings, in the order of the check.
    pub findings: Vec<Finding>,
}

/// The highest level of the findings.
pub(super) fn highest(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}

/// The result of `check`.
#[derive(Debug, Clone)]
pub(super) struct CheckReport {
    /// The files that the configuration was read from.
    pub origins: Vec<String>,
    /// Warnings about the configuration.
    pub warnings: Vec<Problem>,
    /// The state file and the replicas, where they are configured.
    pub parts: Vec<PartReport>,
    /// The accounts; `None` without `--online`.
    pub accounts: Option<Vec<AccountReport>>,
}

impl CheckReport {
    /// Whether there is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.count(Level::Error) > 0
    }

    /// The number of findings of this level.
    pub(super) fn count(&self, level: Level) -> usize {
        let of_parts = self.parts.iter().flat_map(|part| &part.findings);
        let of_accounts = self.accounts.iter().flatten().flat_map(|account| &account.findings);
        of_parts.chain(of_accounts).filter(|finding| finding.level == level).count()
    }
}
