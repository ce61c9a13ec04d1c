//! How a client behaves: plain values and all of their defaults.
//!
//! The configuration is read into [`ClientOptions`]; `transport`, `limiter` and `retry` apply these
//! options.

use std::fmt;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::signature::SignatureVersion;

/// Timeout of one attempt, from connecting to the last byte of the response.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of connecting, including TLS.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of concurrent requests.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 8;
/// Upper bound of the request rate, in requests per second.
pub const DEFAULT_REQUESTS_PER_SECOND: f64 = 20.0;
/// Maximum number of attempts after the first one fails.
pub const DEFAULT_MAX_RETRIES: u32 = 3;
/// Maximum size of a response body after decompression: 16 MiB.
pub const DEFAULT_MAX_RESPONSE_BYTES: u64 = 16 * 1024 * 1024;
/// `User-Agent` of requests.
pub const DEFAULT_USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// How a client of one endpoint behaves.
#[derive(Clone, PartialEq)]
pub struct ClientOptions {
    /// The address of the API.
    pub endpoint: Endpoint,
    /// How requests are signed.
    pub signature: SignatureVersion,
    /// Timeout of one attempt, from connecting to the last byte of the response.
    pub request_timeout: Duration,
    /// Timeout of connecting, including TLS.
    pub connect_timeout: Duration,
    /// Maximum number of concurrent requests, at least 1.
    pub max_in_flight: usize,
    /// Upper bound of the request rate, more than 0.
    pub requests_per_second: f64,
    /// Maximum number of attempts after the first one fails; 0 for none.
    pub max_retries: u32,
    /// Maximum size of a response body, after decompression.
    pub max_response_bytes: u64,
    /// URL of a proxy. `None` or empty: the environment decides (`HTTPS_PROXY`, `NO_PROXY` ...).
    pub proxy: Option<String>,
    /// `User-Agent` of requests, e.g. `name/version`.
    pub user_agent: String,
}

impl ClientOptions {
    /// The defaults for an endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            signature: SignatureVersion::default(),
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            requests_per_second: DEFAULT_REQUESTS_PER_SECOND,
            max_retries: DEFAULT_MAX_RETRIES,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            proxy: None,
            user_agent: DEFAULT_USER_AGENT.to_owned(),
        }
    }

    /// The configured proxy's URL; `None` when the environment decides.
    pub(super) fn explicit_proxy(&self) -> Option<&str> {
        self.proxy.as_deref().map(str::trim).filter(|proxy| !proxy.is_empty())
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("endpoint", &format_args!("{}", self.endpoint))
            .field("signature", &self.signature)
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("requests_per_second", &self.requests_per_second)
            .field("max_retries", &self.max_retries)
            .field("max_response_bytes", &self.max_response_bytes)
            // A proxy's URL may contain a password.
            .field("proxy", &self.proxy.as_ref().map(|_| format_args!("<secret>")))
            .field("user_agent", &self.user_agent)
            .finish()
    }
}
