//! What an error means: one bounded set that serves retry rules, logs and metrics.

/// The kind of a failure.
///
/// Decided by the API's `Code`: the same code comes with different HTTP statuses from different gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Too many requests for now.
    Throttled,
    /// The service failed; it may work in a moment.
    Server,
    /// Bad luck of this one attempt: its nonce was used already.
    Transient,
    /// This machine's clock and the service's differ too much.
    Clock,
    /// The AccessKey is unknown, disabled, or its secret is wrong.
    Authentication,
    /// The temporary credentials are over.
    TokenExpired,
    /// The AccessKey may not do this.
    Forbidden,
    /// What was asked for isn't there: normal where something went away between two listings.
    NotFound,
    /// The request itself is wrong: a parameter, the endpoint, the version.
    Request,
    /// No whole answer in time.
    Timeout,
    /// No connection, or a broken one.
    Connect,
    /// An answer that can't be understood.
    Protocol,
    /// No credentials to sign with.
    Credentials,
}

impl Kind {
    /// For logs and metric labels.
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

    /// What a code of the API means; `None` for one that nobody here has heard of. Codes are dotted and
    /// open-ended: first the whole is matched, then the part before the first dot.
    ///
    /// Sources: "App Streaming: Error codes", "OpenAPI Explorer: API error diagnosis", and the client error
    /// tables of products behind the same gateway.
    pub fn of_code(code: &str, message: &str) -> Option<Self> {
        let whole = match code {
            "InvalidSecurityToken.Expired" => Some(Self::TokenExpired),
            // An older form, in which the fact is only in the message.
            "InvalidParameter" if message.contains("SecurityToken.Expired") => Some(Self::TokenExpired),
            "InvalidAction.NotFound"
            | "InvalidApi.NotFound"
            | "InvalidProduct.NotFound"
            | "NoSuchVersion" => Some(Self::Request),
            _ => None,
        };
        whole.or_else(|| Self::of_first_part(code.split('.').next().unwrap_or(code))).or_else(|| {
            // `InvalidAppInstanceGroup.NotFound` and its many siblings.
            code.ends_with(".NotFound").then_some(Self::NotFound)
        })
    }

    fn of_first_part(part: &str) -> Option<Self> {
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

    /// The meaning of a status, for answers whose code says nothing.
    pub(super) fn of_status(status: u16) -> Option<Self> {
        match status {
            429 => Some(Self::Throttled),
            500..=599 => Some(Self::Server),
            403 => Some(Self::Forbidden),
            _ => None,
        }
    }

    /// What an operator can do, where that is known.
    pub(super) fn advice(self, code: &str) -> Option<&'static str> {
        match code {
            "InvalidRegion.NotMatch" => {
                return Some("use the endpoint of the site that this account belongs to");
            }
            "InvalidProtocol.NeedSsl" => return Some("use an https endpoint"),
            "Forbidden.RiskControl" => {
                return Some("Alibaba Cloud has blocked this account: ask its support");
            }
            "InvalidAccessKeyId.Inactive" => return Some("enable the AccessKey, or use another one"),
            "SignatureDoesNotMatch" => {
                return Some("check the AccessKey secret, also for blanks and line feeds around it");
            }
            "InvalidAction.NotFound"
            | "InvalidApi.NotFound"
            | "InvalidProduct.NotFound"
            | "NoSuchVersion" => {
                return Some("check the endpoint: another product seems to answer there");
            }
            _ => {}
        }
        match self {
            Self::Throttled => Some(
                "lower the rate of requests: limits count per Alibaba Cloud account, over all that call with it",
            ),
            Self::Clock => {
                Some("set this machine's clock right: up to 15 minutes of difference are accepted")
            }
            Self::Authentication => {
                Some("check the AccessKey id, its secret and, with temporary keys, its token")
            }
            Self::TokenExpired => Some("supply fresh temporary credentials, or a source that refreshes them"),
            Self::Forbidden => Some("allow the operation to this AccessKey's RAM user or role"),
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
