//! Where to listen, as operators write it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address to listen on: `:9877` (every address of both families), `192.0.2.1:9877`, `[::1]:9877`,
/// `localhost:9877`. Port 0 takes any free one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenAddress {
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// Every address, IPv4 and IPv6.
    Any,
    Ip(IpAddr),
    /// Looked up when the server starts.
    Name(String),
}

/// What isn't an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address to listen on: expected `:9877`, `127.0.0.1:9877`, `[::1]:9877` or `name:9877`")]
pub struct AddressError(String);

impl ListenAddress {
    /// Every address of both families at that port.
    pub const fn any(port: u16) -> ListenAddress {
        ListenAddress { host: Host::Any, port }
    }

    /// Where a client on the same machine reaches who listens here, `host:port`, likeliest first.
    /// Nothing for port 0: which one it became is known to the listener alone.
    pub fn reached_at(&self) -> Vec<String> {
        let port = self.port;
        let hosts: Vec<String> = match &self.host {
            _ if port == 0 => vec![],
            Host::Any => vec![Ipv4Addr::LOCALHOST.to_string(), format!("[{}]", Ipv6Addr::LOCALHOST)],
            Host::Ip(IpAddr::V4(ip)) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.to_string()],
            Host::Ip(IpAddr::V6(ip)) if ip.is_unspecified() => vec![format!("[{}]", Ipv6Addr::LOCALHOST)],
            Host::Ip(IpAddr::V4(ip)) => vec![ip.to_string()],
            Host::Ip(IpAddr::V6(ip)) => vec![format!("[{ip}]")],
            Host::Name(name) => vec![name.clone()],
        };
        hosts.into_iter().map(|host| format!("{host}:{port}")).collect()
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ListenAddress, AddressError> {
        parse(text.trim()).ok_or_else(|| AddressError(text.to_owned()))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Any => write!(f, ":{port}"),
            Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{port}"),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{port}"),
            Host::Name(name) => write!(f, "{name}:{port}"),
        }
    }
}

fn parse(text: &str) -> Option<ListenAddress> {
    let (host, port) = text.rsplit_once(':')?;
    // `u16` alone would read `+9877`.
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then_some(port)?.parse().ok()?;
    let host = if host.is_empty() {
        Host::Any
    } else if let Some(inner) = host.strip_prefix('[') {
        Host::Ip(inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into())
    } else if let Ok(ip) = host.parse::<Ipv4Addr>() {
        Host::Ip(ip.into())
    } else {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        host.bytes().all(named).then(|| Host::Name(host.to_owned()))?
    };
    Some(ListenAddress { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_they_are_written() {
        for text in [":9877", "0.0.0.0:80", "127.0.0.1:0", "[::1]:9877", "[::]:65535", "localhost:9877"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_client_on_the_same_machine_knows_where_to_go() {
        for (text, expected) in [
            (":9877", &["127.0.0.1:9877", "[::1]:9877"][..]),
            ("0.0.0.0:80", &["127.0.0.1:80"]),
            ("[::]:80", &["[::1]:80"]),
            ("192.0.2.1:80", &["192.0.2.1:80"]),
            ("[2001:db8::1]:80", &["[2001:db8::1]:80"]),
            ("localhost:80", &["localhost:80"]),
            ("127.0.0.1:0", &[]),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().reached_at(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in
            ["", "9877", "localhost", "::1:9877", "[::1]", ":65536", ":+1", ":-1", "http://x:1", "[x]:1"]
        {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is no address")), "{error}");
        }
    }
}
