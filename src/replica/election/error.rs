//! Why the election fails, and what an operator can do about it.

use std::time::Duration;

use kube::client::AuthError;

/// The resource of Leases, as rules of a Role name it with its API group.
pub(super) const RESOURCE: &str = "leases.coordination.k8s.io";

/// What a Role must permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Read the Lease.
    Get,
    /// Create the Lease, also again after it was deleted.
    Create,
    /// Claim, renew and release the Lease.
    Update,
}

/// Why the election cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ElectionError {
    /// There is neither a service account nor a kubeconfig.
    #[error(
        "cannot find the Kubernetes API server: run the exporter in a pod with the token of its service account, or \
         set KUBECONFIG"
    )]
    NoCluster(#[source] kube::config::InferConfigError),
    /// The kubeconfig names a proxy.
    #[error("the kubeconfig names a proxy, which is not supported: remove `proxy-url`")]
    Proxy,
    /// The certificates or credentials of the configuration cannot be used.
    #[error("cannot use the credentials for the Kubernetes API server: {0}")]
    Credentials(String),
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Why a request to the API server failed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The Role does not permit the request.
    #[error("the service account is not permitted to {verb} {RESOURCE} {lease} in namespace {namespace}")]
    Forbidden {
        /// What was requested.
        verb: Verb,
        /// The name of the Lease.
        lease: String,
        /// Its namespace.
        namespace: String,
    },
    /// The API server does not accept the token or the certificate.
    #[error("the Kubernetes API server does not accept the credentials")]
    Unauthorized,
    /// The API server returned another error.
    #[error("the Kubernetes API server returned {code}: {message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// The message of the API server.
        message: String,
    },
    /// There was no response in time.
    #[error("the Kubernetes API server did not respond within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// There was no response, or one that is not JSON.
    #[error("cannot reach the Kubernetes API server: {0}")]
    Unreachable(String),
}

/// The kind of a failure, without the details that differ from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FailureKind {
    Forbidden,
    Unauthorized,
    Refused(u16),
    TimedOut,
    Unreachable,
}

impl Verb {
    /// The verb as a Role spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

impl RequestError {
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Forbidden { .. } => FailureKind::Forbidden,
            Self::Unauthorized => FailureKind::Unauthorized,
            Self::Refused { code, .. } => FailureKind::Refused(*code),
            Self::TimedOut(_) => FailureKind::TimedOut,
            Self::Unreachable(_) => FailureKind::Unreachable,
        }
    }

    /// What an operator can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Forbidden { verb, lease, .. } => missing_rules(&[*verb], lease),
            Self::Unauthorized => {
                "check the token of the service account, or the user of the kubeconfig".to_owned()
            }
            _ => "check that the API server runs, and that network policies permit connections to it"
                .to_owned(),
        }
    }
}

/// What the Role must contain for these verbs. `create` cannot be limited to a name, because the
/// API server authorises it before it reads the name.
pub(super) fn missing_rules(verbs: &[Verb], lease: &str) -> String {
    let named: Vec<&str> =
        verbs.iter().filter(|verb| **verb != Verb::Create).map(|verb| verb.as_str()).collect();
    let mut rules = Vec::new();
    if !named.is_empty() {
        rules.push(format!("verbs {} with resourceNames [{lease}]", named.join(", ")));
    }
    if verbs.contains(&Verb::Create) {
        rules.push("verb create without resourceNames".to_owned());
    }
    format!(
        "add to the Role of the service account: apiGroups [coordination.k8s.io], resources [leases], {}",
        rules.join(", and in a rule of its own ")
    )
}

/// The cause of a failure, without anything that the command of a kubeconfig prints, because that
/// contains credentials.
pub(super) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    if causes.any(|cause| cause.is::<AuthError>()) {
        return "the credentials cannot be obtained: check the user of the kubeconfig".to_owned();
    }
    let mut texts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |cause| cause.source()) {
        let text = cause.to_string();
        // Errors of `kube` and `hyper-util` repeat their source.
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
