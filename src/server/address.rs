//! Where to listen, as operators write it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// An address to listen on: `:9877` (every address of both families), `192.0.2.1:9877`, `[::1]:9877`,
/// `localhost:9877`, `unix:/run/exporter.sock`. Port 0 takes any free one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenAddress(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Tcp { host: Host, port: u16 },
    Unix(UnixPath),
}

/// A Unix socket: `unix:PATH`, with `?mode=0666` behind it where others than owner and group may connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UnixPath {
    pub(crate) path: PathBuf,
    /// Permissions of the socket's file. Whoever may write to it may connect.
    pub(crate) mode: u32,
}

/// Owner and group may connect, nobody else.
const USUAL_MODE: u32 = 0o660;

/// Where the server really listens: the port that was free in place of a port 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundAddress {
    /// An address and port.
    Tcp(SocketAddr),
    /// A Unix socket's path; empty where whoever handed the socket over gave it none.
    Unix(PathBuf),
}

impl BoundAddress {
    /// The address and port, unless it is a Unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            BoundAddress::Tcp(address) => Some(*address),
            BoundAddress::Unix(_) => None,
        }
    }
}

impl fmt::Display for BoundAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoundAddress::Tcp(address) => address.fmt(f),
            BoundAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// Every address, IPv4 and IPv6.
    Any,
    Ip(IpAddr),
    /// Looked up when the server starts.
    Name(String),
}

/// What isn't an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no address to listen on: expected `:9877`, `127.0.0.1:9877`, `[::1]:9877`, `name:9877` or `unix:/path`"
)]
pub struct AddressError(String);

impl ListenAddress {
    /// Every address of both families at that port.
    pub const fn any(port: u16) -> ListenAddress {
        ListenAddress(Place::Tcp { host: Host::Any, port })
    }

    /// Where a client on the same machine reaches who listens here, `host:port`, likeliest first.
    /// Nothing for port 0: which one it became is known to the listener alone.
    pub fn client_addresses(&self) -> Vec<String> {
        // A client of a Unix socket asks no host.
        let Place::Tcp { host, port } = &self.0 else { return Vec::new() };
        let hosts: Vec<String> = match host {
            _ if *port == 0 => vec![],
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
        match &self.0 {
            Place::Tcp { host, port } => match host {
                Host::Any => write!(f, ":{port}"),
                Host::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{port}"),
                Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{port}"),
                Host::Name(name) => write!(f, "{name}:{port}"),
            },
            Place::Unix(UnixPath { path, mode: USUAL_MODE }) => write!(f, "unix:{}", path.display()),
            Place::Unix(UnixPath { path, mode }) => write!(f, "unix:{}?mode={mode:04o}", path.display()),
        }
    }
}

fn parse(text: &str) -> Option<ListenAddress> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return unix(rest).map(|path| ListenAddress(Place::Unix(path)));
    }
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
    Some(ListenAddress(Place::Tcp { host, port }))
}

/// Elsewhere than on Unix there is no such address.
fn unix(text: &str) -> Option<UnixPath> {
    const PERMISSIONS: u32 = 0o777;
    let (path, mode) = match text.split_once("?mode=") {
        Some((path, mode)) => (path, u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= PERMISSIONS)?),
        None => (text, USUAL_MODE),
    };
    (cfg!(unix) && !path.is_empty()).then(|| UnixPath { path: path.into(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    const SOCKETS: [&str; 3] = ["unix:/run/a.sock", "unix:a.sock", "unix:/run/a.sock?mode=0666"];
    #[cfg(not(unix))]
    const SOCKETS: [&str; 0] = [];

    #[test]
    fn addresses_are_shown_as_they_are_written() {
        for text in [":9877", "0.0.0.0:80", "127.0.0.1:0", "[::1]:9877", "[::]:65535", "localhost:9877"]
            .into_iter()
            .chain(SOCKETS)
        {
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
            assert_eq!(text.parse::<ListenAddress>().unwrap().client_addresses(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        let sockets = ["unix:", "unix:?mode=0600", "unix:/a?mode=8", "unix:/a?mode=7777"];
        let others =
            ["", "9877", "localhost", "::1:9877", "[::1]", ":65536", ":+1", ":-1", "http://x:1", "[x]:1"];
        for text in others.into_iter().chain(sockets) {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is no address")), "{error}");
        }
    }
}
