//! The address of an API: scheme, host and port.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

/// Whether an endpoint uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text: for the simulated cloud and tests.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The root of an API, e.g. `https://appstream-center.cn-shanghai.aliyuncs.com`.
///
/// The host is in lower case, as the HTTP library sends it and the signature covers it. An IPv6
/// address is in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why a text is not an endpoint. The text is not repeated: it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an absolute URL.
    #[error("not a URL: write https://host or https://host:port")]
    NotUrl,
    /// Neither `http` nor `https`.
    #[error("the scheme must be https or http")]
    Scheme,
    /// It contains a user name or a password.
    #[error("an endpoint must not contain a user name or password")]
    User,
    /// It has a path, query or fragment: requests of RPC operations are sent to `/`.
    #[error("an endpoint has no path, query or fragment: write https://host or https://host:port")]
    Path,
}

impl Endpoint {
    /// Parses `https://host` or `http://host:port`.
    ///
    /// # Errors
    /// When the text is anything but scheme, host and port.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::NotUrl)?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(EndpointError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::User);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Path);
        }
        let host = url.host_str().ok_or(EndpointError::NotUrl)?.to_ascii_lowercase();
        Ok(Self { scheme, host, port: url.port().unwrap_or(scheme.default_port()) })
    }

    /// The endpoint `https://{host}`.
    ///
    /// # Errors
    /// When `host` is not a valid host.
    pub fn https(host: &str) -> Result<Self, EndpointError> {
        Self::parse(&format!("https://{host}"))
    }

    /// Whether the endpoint uses TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name or address, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, explicit or the scheme's default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `host` header, which is signed: the host, and the port unless it is the
    /// default one.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL of requests, with a slash at its end.
    pub fn url(&self) -> String {
        format!("{self}/")
    }

    /// Whether the host is this machine's loopback.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        address == "localhost"
            || address.ends_with(".localhost")
            || address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || address.parse::<Ipv6Addr>().is_ok_and(|address| {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
            })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_host_has_no_default_port_and_no_upper_case_letters() {
        let cases = [
            (
                "https://Appstream-Center.CN-Shanghai.aliyuncs.com",
                "appstream-center.cn-shanghai.aliyuncs.com",
            ),
            ("https://example.com:443/", "example.com"),
            ("http://example.com:80", "example.com"),
            ("https://example.com:8443", "example.com:8443"),
            ("http://example.com:443", "example.com:443"),
            ("http://[::1]:8080", "[::1]:8080"),
        ];
        for (text, authority) in cases {
            assert_eq!(Endpoint::parse(text).unwrap().authority(), authority, "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_displayed_in_its_canonical_form() {
        let endpoint: Endpoint = "https://Example.com:443".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://example.com");
        assert_eq!(endpoint.url(), "https://example.com/");
        assert_eq!((endpoint.scheme(), endpoint.port()), (Scheme::Https, 443));
        assert_eq!(Endpoint::https("example.com").unwrap(), endpoint);
    }

    #[test]
    fn an_invalid_endpoint_is_rejected_without_repeating_it() {
        let cases = [
            ("example.com", EndpointError::NotUrl),
            ("", EndpointError::NotUrl),
            ("ftp://example.com", EndpointError::Scheme),
            ("https://user:hunter2@example.com", EndpointError::User),
            ("https://example.com/path", EndpointError::Path),
            ("https://example.com/?query", EndpointError::Path),
        ];
        for (text, error) in cases {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn loopback_is_recognised_by_name_and_address() {
        for text in ["http://localhost:1", "http://127.8.9.1", "http://[::1]:3", "http://[::ffff:127.0.0.1]"]
        {
            assert!(Endpoint::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["http://example.com", "http://128.0.0.1", "http://localhost.example.com"] {
            assert!(!Endpoint::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}
