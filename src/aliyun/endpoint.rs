//! Where an API is: scheme, host and port, and nothing else.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

/// How to speak to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text: for simulators and tests.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
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
/// The host is in lower case (it is signed, and the HTTP library sends it so), an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Why a text is no endpoint. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No absolute URL at all.
    #[error("not a URL: write https://host or https://host:port")]
    NotUrl,
    /// Neither `http` nor `https`.
    #[error("the scheme must be https or http")]
    Scheme,
    /// There is a user name or a password in it.
    #[error("a user name or password has no place in an endpoint")]
    User,
    /// RPC operations have no path of their own.
    #[error("an endpoint has no path, query or fragment: write https://host or https://host:port")]
    Path,
}

impl Endpoint {
    /// Reads `https://host` or `http://host:port`.
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

    /// `https://host`, on the default port.
    pub fn https(host: &str) -> Result<Self, EndpointError> {
        Self::parse(&format!("https://{host}"))
    }

    /// TLS or not.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Lower-case name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Also the default one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the `host` header says, and what is signed: the port only where it isn't the default one.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL that requests go to, with a slash at its end.
    pub fn url(&self) -> String {
        format!("{self}/")
    }

    /// Whether requests stay on this machine.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.authority())
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
    fn the_default_port_and_upper_case_letters_are_left_out_of_the_signed_host() {
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
    fn an_endpoint_is_written_as_it_was_meant() {
        let endpoint: Endpoint = "https://Example.com:443".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://example.com");
        assert_eq!(endpoint.url(), "https://example.com/");
        assert_eq!((endpoint.scheme(), endpoint.port()), (Scheme::Https, 443));
        assert_eq!(Endpoint::https("example.com").unwrap(), endpoint);
    }

    #[test]
    fn what_is_more_or_less_than_an_endpoint_is_refused_without_repeating_it() {
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
    fn loopback_is_known_by_name_and_address() {
        for text in ["http://localhost:1", "http://127.8.9.1", "http://[::1]:3", "http://[::ffff:127.0.0.1]"]
        {
            assert!(Endpoint::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in ["http://example.com", "http://128.0.0.1", "http://localhost.example.com"] {
            assert!(!Endpoint::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}
