//! Addresses to listen on, and the addresses that a server is bound to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Permissions of a Unix socket without `?mode=`: owner and group may connect.
const DEFAULT_SOCKET_MODE: u32 = 0o660;

/// An address to listen on: `:9877` (all IPv4 and IPv6 addresses), `192.0.2.1:9877`, `[::1]:9877`,
/// `localhost:9877`, `unix:/run/exporter.sock`. Port 0 lets the operating system choose a free
/// port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenAddress(pub(super) AddressKind);

/// A TCP address or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum AddressKind {
    /// A TCP address; the operating system chooses the port if `port` is 0.
    Tcp { host: ListenHost, port: u16 },
    /// A Unix socket.
    Unix(UnixSocketOptions),
}

/// The host of a TCP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ListenHost {
    /// All IPv4 and IPv6 addresses.
    Any,
    /// One address, or all addresses of its family (`0.0.0.0`, `[::]`).
    Ip(IpAddr),
    /// A host name. It is resolved when the server starts; the first address that can be bound is
    /// used.
    Name(String),
}

/// A Unix socket: `unix:PATH`, or `unix:PATH?mode=0666` to let all users of the machine connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UnixSocketOptions {
    /// The path of the socket's file.
    pub(super) path: PathBuf,
    /// Permissions of the file. Users who may write to the file may connect.
    pub(super) mode: u32,
}

/// An address that the server is bound to, with the real port instead of port 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundAddress {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket; empty for a socket from systemd without a name in the file
    /// system.
    Unix(PathBuf),
}

impl BoundAddress {
    /// The address and port; `None` for a Unix socket.
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

/// A text that is not a listen address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a listen address: expected `:9877`, `127.0.0.1:9877`, `[::1]:9877`, `name:9877` or `unix:/path`"
)]
pub struct AddressError(String);

impl ListenAddress {
    /// All IPv4 and IPv6 addresses, at `port`.
    pub const fn any(port: u16) -> Self {
        Self(AddressKind::Tcp { host: ListenHost::Any, port })
    }

    /// The addresses, as `host:port`, at which a client on the same machine reaches this listener,
    /// in the order in which to try them. Empty for a Unix socket, and for port 0, because the real
    /// port is not known before the server starts.
    pub fn client_addresses(&self) -> Vec<String> {
        let AddressKind::Tcp { host, port } = &self.0 else { return Vec::new() };
        let hosts = match host {
            _ if *port == 0 => Vec::new(),
            ListenHost::Any => vec![Ipv4Addr::LOCALHOST.to_string(), format!("[{}]", Ipv6Addr::LOCALHOST)],
            ListenHost::Ip(IpAddr::V4(ip)) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.to_string()],
            ListenHost::Ip(IpAddr::V6(ip)) if ip.is_unspecified() => {
                vec![format!("[{}]", Ipv6Addr::LOCALHOST)]
            }
            ListenHost::Ip(IpAddr::V4(ip)) => vec![ip.to_string()],
            ListenHost::Ip(IpAddr::V6(ip)) => vec![format!("[{ip}]")],
            ListenHost::Name(name) => vec![name.clone()],
        };
        hosts.into_iter().map(|host| format!("{host}:{port}")).collect()
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text.trim()).ok_or_else(|| AddressError(text.to_owned()))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            AddressKind::Tcp { host, port } => match host {
                ListenHost::Any => write!(f, ":{port}"),
                ListenHost::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{port}"),
                ListenHost::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{port}"),
                ListenHost::Name(name) => write!(f, "{name}:{port}"),
            },
            AddressKind::Unix(options) => options.fmt(f),
        }
    }
}

impl fmt::Display for UnixSocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.path.display())?;
        if self.mode != DEFAULT_SOCKET_MODE {
            write!(f, "?mode={:04o}", self.mode)?;
        }
        Ok(())
    }
}

fn parse(text: &str) -> Option<ListenAddress> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return parse_unix(rest).map(|options| ListenAddress(AddressKind::Unix(options)));
    }
    let (host, port) = text.rsplit_once(':')?;
    // `u16::from_str` also accepts `+9877`.
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then_some(port)?.parse().ok()?;
    let host = if host.is_empty() {
        ListenHost::Any
    } else if let Some(inner) = host.strip_prefix('[') {
        ListenHost::Ip(inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into())
    } else if let Ok(ip) = host.parse::<Ipv4Addr>() {
        ListenHost::Ip(ip.into())
    } else {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        host.bytes().all(is_allowed).then(|| ListenHost::Name(host.to_owned()))?
    };
    Some(ListenAddress(AddressKind::Tcp { host, port }))
}

/// Parses `PATH` or `PATH?mode=MODE`; always `None` on platforms other than Unix.
fn parse_unix(text: &str) -> Option<UnixSocketOptions> {
    const ALL_PERMISSIONS: u32 = 0o777;
    let (path, mode) = match text.split_once("?mode=") {
        Some((path, mode)) => {
            (path, u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= ALL_PERMISSIONS)?)
        }
        None => (text, DEFAULT_SOCKET_MODE),
    };
    (cfg!(unix) && !path.is_empty()).then(|| UnixSocketOptions { path: path.into(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    const SOCKETS: [&str; 3] = ["unix:/run/a.sock", "unix:a.sock", "unix:/run/a.sock?mode=0666"];
    #[cfg(not(unix))]
    const SOCKETS: [&str; 0] = [];

    #[test]
    fn addresses_are_displayed_as_they_were_written() {
        for text in [":9877", "0.0.0.0:80", "127.0.0.1:0", "[::1]:9877", "[::]:65535", "localhost:9877"]
            .into_iter()
            .chain(SOCKETS)
        {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_client_on_the_same_machine_finds_the_addresses_to_connect_to() {
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
    fn the_error_quotes_a_text_that_is_not_an_address() {
        let sockets = ["unix:", "unix:?mode=0600", "unix:/a?mode=8", "unix:/a?mode=7777"];
        let others =
            ["", "9877", "localhost", "::1:9877", "[::1]", ":65536", ":+1", ":-1", "http://x:1", "[x]:1"];
        for text in others.into_iter().chain(sockets) {
            let error = text.parse::<ListenAddress>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not a listen address")), "{error}");
        }
    }
}
