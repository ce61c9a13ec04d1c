//! Which proxy the requests to an endpoint use: the configured one, or that of the environment.
//!
//! Variables and the entries of `NO_PROXY` have the meaning that they have for Go's HTTP client
//! (package `httpproxy`), which most programs next to an exporter use. In addition, `ALL_PROXY`
//! applies where the variable of the scheme is not set.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::credentials::environment::Environment;
use super::endpoint::{Endpoint, Scheme};
use super::options::ClientOptions;
use super::variable_error::VariableError;

/// What the URL of a proxy must be.
pub const PROXY_RULE: &str = "must be the URL of an HTTP proxy, such as http://proxy.example:3128; other schemes, such as \
                              socks5, are not supported";

const HTTPS_PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP_PROXY: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// All variables that set a proxy, by scheme.
#[cfg(feature = "simulator")]
pub(super) const VARIABLES: [[&str; 4]; 2] = [HTTPS_PROXY, HTTP_PROXY];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The URL of a proxy. It may contain a password, so it has no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProxyUrl(Url);

impl ProxyUrl {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(url))
    }

    /// Whether the connection to the proxy uses TLS.
    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// User name and password, decoded; `None` for a URL with neither.
    pub(super) fn user(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let decode = |text: &str| percent_decode_str(text).collect();
        let (user, password) = (self.0.username(), self.0.password());
        (!user.is_empty() || password.is_some()).then(|| (decode(user), decode(password.unwrap_or_default())))
    }

    /// Host and port.
    pub(super) fn authority(&self) -> (&str, u16) {
        let host = self.0.host_str().expect("`ProxyUrl::parse` accepts only a URL with a host");
        (host, self.0.port_or_known_default().expect("`http` and `https` have a default port"))
    }
}

/// Why the proxy of a client cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// The configured proxy. Its URL is not repeated, because it may contain a password.
    #[error("the proxy {PROXY_RULE}")]
    Configured,
    /// The environment's proxy.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// The proxy of a client with these options; `None`: requests are sent without a proxy.
pub(super) fn proxy_of(
    options: &ClientOptions,
    environment: &Environment,
) -> Result<Option<ProxyUrl>, ProxyError> {
    let Some(configured) = options.explicit_proxy() else {
        return Ok(from_environment(&options.endpoint, environment)?);
    };
    let proxy = ProxyUrl::parse(configured).ok_or(ProxyError::Configured)?;
    Ok(Some(proxy).filter(|_| !is_excluded(&options.endpoint, environment)))
}

/// The proxy that the environment sets for an endpoint. It never sets one for this machine's
/// loopback, which a proxy cannot reach.
pub(super) fn from_environment(
    endpoint: &Endpoint,
    environment: &Environment,
) -> Result<Option<ProxyUrl>, VariableError> {
    let variables = match endpoint.scheme() {
        Scheme::Https => HTTPS_PROXY,
        Scheme::Http => HTTP_PROXY,
    };
    let set = variables.into_iter().find_map(|name| Some((name, environment.get(name)?)));
    let Some((variable, text)) = set else { return Ok(None) };
    if endpoint.is_loopback() || is_excluded(endpoint, environment) {
        return Ok(None);
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    ProxyUrl::parse(&with_scheme).map(Some).ok_or_else(|| VariableError::new(variable, PROXY_RULE))
}

/// Whether `NO_PROXY` excludes the endpoint from the use of a proxy.
fn is_excluded(endpoint: &Endpoint, environment: &Environment) -> bool {
    let list = NO_PROXY.into_iter().find_map(|name| environment.get(name)).unwrap_or_default();
    let host = endpoint.host().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    let entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase());
    entries.filter(|entry| !entry.is_empty()).any(|entry| matches(&entry, host, address, endpoint.port()))
}

/// Whether an entry of `NO_PROXY` matches a host, whose `address` is known if it is written as one.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, prefix)) = parse_network(entry) {
        return address.is_some_and(|address| contains(network, prefix, address));
    }
    let (name, of_port) = split_port(entry);
    if of_port.is_some_and(|text| text.parse() != Ok(port)) {
        return false;
    }
    if let Ok(excluded) = name.parse::<IpAddr>() {
        return address == Some(excluded.to_canonical());
    }
    // `*.domain` and `.domain` match names below the domain; `domain` matches the domain too.
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => is_below(host, domain),
        None => host == name || is_below(host, name),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    !domain.is_empty() && host.strip_suffix(domain).is_some_and(|labels| labels.ends_with('.'))
}

/// `10.0.0.0/8` or `fd00::/8`: the address, and the length of the prefix in bits.
fn parse_network(entry: &str) -> Option<(IpAddr, u32)> {
    let (address, prefix) = entry.split_once('/')?;
    let (address, prefix) = (address.parse::<IpAddr>().ok()?, prefix.parse::<u32>().ok()?);
    let max_prefix = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= max_prefix).then_some((address, prefix))
}

fn contains(network: IpAddr, prefix: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let different = u32::from(network) ^ u32::from(address);
            different.checked_shr(32 - prefix).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let different = u128::from(network) ^ u128::from(address);
            different.checked_shr(128 - prefix).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// `host:port`, `[address]:port`, or a host or address without a port.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    let (host, port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        // More than one colon: an IPv6 address without brackets.
        None if entry.matches(':').count() > 1 => (entry, None),
        None => entry.split_once(':').map_or((entry, None), |(host, port)| (host, Some(port))),
    };
    (host, port.filter(|port| !port.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://user:hunter2@proxy.example:3128");

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    /// The proxy of an endpoint as `host:port`, or the text of the error.
    fn proxy(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let found = from_environment(&Endpoint::parse(url).unwrap(), &environment(variables));
        let shown = |proxy: ProxyUrl| {
            let (host, port) = proxy.authority();
            format!("{host}:{port}")
        };
        found.map(|proxy| proxy.map(shown)).map_err(|error| error.to_string())
    }

    fn is_direct(url: &str, no_proxy: &str) -> bool {
        let variables = [PROXY, ("HTTP_PROXY", "proxy.example:3128"), ("NO_PROXY", no_proxy)];
        proxy(url, &variables).unwrap().is_none()
    }

    #[test]
    fn the_variable_of_the_scheme_is_used_in_either_spelling_and_an_empty_one_is_unset() {
        let https = |variables: &[(&str, &str)]| proxy("https://api.example", variables).unwrap();
        assert_eq!(https(&[PROXY]).as_deref(), Some("proxy.example:3128"));
        assert_eq!(https(&[("HTTPS_PROXY", ""), ("https_proxy", "lower:1")]).as_deref(), Some("lower:1"));
        assert_eq!(https(&[("HTTPS_PROXY", " "), ("all_proxy", "all:1")]).as_deref(), Some("all:1"));
        assert_eq!(https(&[("https_proxy", "https://lower")]).as_deref(), Some("lower:443"));
        assert_eq!(https(&[("HTTP_PROXY", "http://other:1")]), None);
        assert_eq!(https(&[("HTTPS_PROXY", ""), ("https_proxy", "")]), None);
        assert_eq!(https(&[PROXY, ("NO_PROXY", ""), ("no_proxy", "api.example")]), None);
        assert_eq!(proxy("http://api.example", &[("http_proxy", "p")]), Ok(Some("p:80".to_owned())));
        assert_eq!(proxy("http://127.0.0.1:9", &[("http_proxy", "p")]), Ok(None));
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        let api = "https://api.example.com";
        for list in [
            "*",
            "api.example.com",
            "API.Example.com",
            "example.com",
            ".example.com",
            "*.example.com",
            "other.test, example.com",
            "api.example.com:443",
            ".example.com:443",
            "example.com:",
        ] {
            assert!(is_direct(api, list), "{list}");
        }
        for list in [
            "",
            ",",
            "*.com.example",
            "api.example",
            "ample.com",
            "*ample.com",
            ".api.example.com",
            "*.api.example.com",
            "api.example.com:8443",
            "api.example.com:https",
            ":443",
            ".",
            "*.",
            "10.0.0.0/8",
        ] {
            assert!(!is_direct(api, list), "{list}");
        }
    }

    #[test]
    fn no_proxy_matches_addresses_networks_and_ports() {
        for (url, list) in [
            ("https://10.1.2.3", "10.1.2.3"),
            ("https://10.1.2.3", "10.0.0.0/8"),
            ("https://10.1.2.3", "0.0.0.0/0"),
            ("https://10.1.2.3", "10.1.2.3/32"),
            ("https://10.1.2.3:8443", "10.1.2.3:8443"),
            ("https://[fd00::1]", "fd00::1"),
            ("https://[fd00::1]", "[fd00::1]:443"),
            ("https://[fd00::1]", "fd00::/8"),
            ("https://[::ffff:10.1.2.3]", "10.0.0.0/8"),
        ] {
            assert!(is_direct(url, list), "{url} {list}");
        }
        for (url, list) in [
            ("https://11.1.2.3", "10.0.0.0/8"),
            ("https://10.1.2.3", "10.0.0.0/33"),
            ("https://10.1.2.3", "10.1.2.3:8443"),
            ("https://10.1.2.3", "::/0"),
            ("https://[fe00::1]", "fd00::/8"),
        ] {
            assert!(!is_direct(url, list), "{url} {list}");
        }
    }

    #[test]
    fn an_unsupported_proxy_is_an_error_that_names_the_variable_and_not_its_value() {
        for value in ["socks5://user:hunter2@proxy:1080", "ftp://hunter2", "http://", "http://hunter2:port"] {
            for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
                let error = proxy("https://api.example", &[(variable, value)]).unwrap_err();
                assert!(error.contains(variable) && error.contains("socks5, are not supported"), "{error}");
                assert!(!error.contains("hunter2"), "{error}");
                let unused = [(variable, value), ("NO_PROXY", ".example")];
                assert_eq!(proxy("https://api.example", &unused), Ok(None));
                assert_eq!(proxy("https://localhost", &[(variable, value)]), Ok(None));
            }
        }
    }

    #[test]
    fn a_configured_proxy_takes_precedence_and_no_proxy_applies_to_it() {
        let endpoint = Endpoint::parse("https://api.example").unwrap();
        let options =
            ClientOptions { proxy: Some("http://configured:1".to_owned()), ..ClientOptions::new(endpoint) };
        let proxy = proxy_of(&options, &environment(&[PROXY])).unwrap().unwrap();
        assert_eq!(proxy.authority(), ("configured", 1));
        assert!(proxy_of(&options, &environment(&[("no_proxy", "*")])).unwrap().is_none());
        let invalid = ClientOptions { proxy: Some("socks5://configured:1".to_owned()), ..options };
        assert!(proxy_of(&invalid, &environment(&[])).is_err());
    }
}
