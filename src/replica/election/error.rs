//! Why the election fails, and what an operator can do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::aliyun::TlsError;

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
    /// No cluster was found, or its credentials cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Why the Kubernetes API server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is neither a service account nor a kubeconfig.
    #[error(
        "cannot find the Kubernetes API server: run the exporter in a pod with the token of its service account, or \
         set KUBECONFIG"
    )]
    Missing,
    /// A file of the service account cannot be read.
    #[error(
        "cannot read {path}, which the pod gets with automountServiceAccountToken: true",
        path = path.display()
    )]
    ServiceAccount {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file with the token cannot be read.
    #[error("cannot read the token for the Kubernetes API server from {path}", path = path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig {path}: {reason}", path = path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The reason. It contains no value of the file that may be secret.
        reason: String,
    },
    /// The address of the API server is not a URL.
    #[error("the address of the Kubernetes API server is not a URL: {0}")]
    Server(String),
    /// The certificates or the key cannot be used.
    #[error("cannot use the certificates for the Kubernetes API server")]
    Tls(#[from] TlsError),
    /// The HTTP library refuses its configuration.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
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
    /// No complete response arrived.
    #[error("cannot reach the Kubernetes API server: {0}")]
    Unreachable(String),
    /// The response is not a Lease.
    #[error("the Kubernetes API server returned no Lease")]
    NotALease(#[source] serde_json::Error),
    /// The token cannot be read.
    #[error(transparent)]
    Token(ClusterError),
}

/// The kind of a failure, without the details that differ from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FailureKind {
    Forbidden,
    Unauthorized,
    Refused(u16),
    TimedOut,
    Unreachable,
    NotALease,
    Token,
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
            Self::NotALease(_) => FailureKind::NotALease,
            Self::Token(_) => FailureKind::Token,
        }
    }

    /// What an operator can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Forbidden { verb, lease, .. } => missing_rules(&[*verb], lease),
            Self::Unauthorized | Self::Token(_) => {
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

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
