//! Kinds of failures: one bounded set for retry rules, logs and metrics.

/// The kind of a failure.
///
/// Determined by the API's `Code`: gateways send the same code with different HTTP statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many requests.
    Throttled,
    /// The service failed; a retry may succeed.
    Server,
    /// Only this attempt failed: its nonce was used before.
    Transient,
    /// This machine's clock and the service's differ too much.
    Clock,
    /// The AccessKey is unknown, disabled, or its secret is wrong.
    Authentication,
    /// The temporary credentials have expired.
    TokenExpired,
    /// The AccessKey has no permission for the operation.
    Forbidden,
    /// The requested object does not exist: normal where it was deleted between two listings.
    NotFound,
    /// The request itself is wrong: a parameter, the endpoint, the version.
    Request,
    /// No complete response in time.
    Timeout,
    /// No connection, or a broken one.
    Connect,
    /// A response that is not valid.
    Protocol,
    /// No credentials to sign with.
    Credentials,
}

impl ErrorKind {
    /// The name for logs and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Transient => "transient",
            Self::Clock => "clock",
            Self::Authentication => "authentication",
            Self::TokenExpired => "token_expired",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Request => "request",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Protocol => "protocol",
            Self::Credentials => "credentials",
        }
    }

    /// The kind of an API code; `None` for an unknown code. The service adds codes, which consist
    /// of parts with dots between them: the whole code is matched first, then its first part.
    ///
    /// Sources: "App Streaming: Error codes", "OpenAPI Explorer: API error diagnosis", and the
    /// client error tables of products behind the same gateway.
    pub fn from_code(code: &str, message: &str) -> Option<Self> {
        let whole = match code {
            "InvalidSecurityToken.Expired" => Some(Self::TokenExpired),
            // An older form of the same error, which can be recognised only by its message.
            "InvalidParameter" if message.contains("SecurityToken.Expired") => Some(Self::TokenExpired),
            "InvalidAction.NotFound"
            | "InvalidApi.NotFound"
            | "InvalidProduct.NotFound"
            | "NoSuchVersion" => Some(Self::Request),
            _ => None,
        };
        whole.or_else(|| Self::from_first_part(code.split('.').next().unwrap_or(code))).or_else(|| {
            // `InvalidAppInstanceGroup.NotFound` and similar codes.
            code.ends_with(".NotFound").then_some(Self::NotFound)
        })
    }

    fn from_first_part(part: &str) -> Option<Self> {
        match part {
            "Throttling" => Some(Self::Throttled),
            "ServiceUnavailable" | "InternalError" => Some(Self::Server),
            "SignatureNonceUsed" => Some(Self::Transient),
            "InvalidTimeStamp" => Some(Self::Clock),
            "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "InvalidAccessKeyId"
            | "InvalidSecurityToken" => Some(Self::Authentication),
            "NoPermission" | "Forbidden" => Some(Self::Forbidden),
            "InvalidParameter" | "ProductTypeInvalid" | "InvalidRegion" | "InvalidProtocol" => {
                Some(Self::Request)
            }
            _ if part.starts_with("Missing") => Some(Self::Request),
            _ => None,
        }
    }

    /// The kind of an HTTP status, for responses without a known code.
    pub(super) fn from_status(status: u16) -> Option<Self> {
        match status {
            429 => Some(Self::Throttled),
            500..=599 => Some(Self::Server),
            403 => Some(Self::Forbidden),
            _ => None,
        }
    }

    /// What an operator can do, if that is known.
    pub(super) fn advice(self, code: &str) -> Option<&'static str> {
        match code {
            "InvalidRegion.NotMatch" => {
                return Some("use the endpoint of the site that this account belongs to");
            }
            "InvalidProtocol.NeedSsl" => return Some("use an https endpoint"),
            "Forbidden.RiskControl" => {
                return Some("Alibaba Cloud has blocked this account: contact its support");
            }
            "InvalidAccessKeyId.Inactive" => return Some("enable the AccessKey, or use another one"),
            "SignatureDoesNotMatch" => {
                return Some("check the AccessKey secret, also for spaces and line feeds around it");
            }
            "InvalidAction.NotFound"
            | "InvalidApi.NotFound"
            | "InvalidProduct.NotFound"
            | "NoSuchVersion" => {
                return Some("check the endpoint: it seems to belong to another product");
            }
            _ => {}
        }
        match self {
            Self::Throttled => Some(
                "lower the request rate: the limits apply to all clients of the Alibaba Cloud account together",
            ),
            Self::Clock => {
                Some("correct this machine's clock: the service accepts a difference of up to 15 minutes")
            }
            Self::Authentication => {
                Some("check the AccessKey id, its secret and, with temporary keys, its token")
            }
            Self::TokenExpired => Some("supply fresh temporary credentials, or a source that refreshes them"),
            Self::Forbidden => {
                Some("grant the RAM user or role of this AccessKey the permission for the operation")
            }
            Self::Timeout => Some("check the network, or allow the request more time"),
            Self::Connect => {
                Some("check the endpoint, name resolution, the proxy and outbound firewall rules")
            }
            Self::Server
            | Self::Transient
            | Self::NotFound
            | Self::Request
            | Self::Protocol
            | Self::Credentials => None,
        }
    }
}
