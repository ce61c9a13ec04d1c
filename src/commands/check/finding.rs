//! What was found, as data: neither how it was found nor how it is shown.

use serde::Serialize;

use crate::document::Problem;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing, or not to be found out.
    Note,
    /// It works, but somebody should look at it.
    Warning,
    /// It doesn't work.
    Error,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Aspect {
    /// Name, connection, TLS and HTTP.
    Endpoint,
    /// This machine's time against the service's.
    Clock,
    /// Where the keys come from and when they end.
    Credentials,
    /// Whose they are.
    Identity,
    /// The three operations, each tried.
    Operation,
    /// Whether a poll fits into its interval.
    Poll,
}

impl Aspect {
    /// One word for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Identity => "identity",
            Self::Operation => "operation",
            Self::Poll => "poll",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub check: Aspect,
    /// How bad it is.
    pub level: Level,
    /// The target it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The operation it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// What was found.
    pub message: String,
    /// The API's code, or `connect`, `timeout` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// By which Alibaba Cloud's support finds the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// A finding about nothing more special.
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

    /// With what can be done about it.
    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    /// About one target.
    pub(super) fn of_target(self, target: &str) -> Self {
        Self { target: Some(target.to_owned()), ..self }
    }
}

/// Everything found about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct AccountReport {
    /// The account's configured name.
    pub name: String,
    /// Where it is asked.
    pub endpoint: String,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The smallest policy that allows what is asked for, where something isn't allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl AccountReport {
    /// The worst of its findings.
    pub(super) fn level(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// How many findings are as bad as that.
    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Everything found.
#[derive(Debug, Clone)]
pub(super) struct CheckReport {
    /// The files that the configuration was read from.
    pub origins: Vec<String>,
    /// What is odd about the configuration.
    pub warnings: Vec<Problem>,
    /// The accounts, unless nobody was asked.
    pub accounts: Option<Vec<AccountReport>>,
}

impl CheckReport {
    /// Whether something doesn't work.
    pub(super) fn has_errors(&self) -> bool {
        self.accounts.iter().flatten().any(|account| account.level() == Level::Error)
    }
}
