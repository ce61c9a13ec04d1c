//! Sockets that listen, and accepting from all of them in turn.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::task::{Context, Poll};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::address::{Host, ListenAddress};

/// Connections that the kernel keeps waiting while ours are at their limit.
const BACKLOG: i32 = 1024;

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to listen on was given.
    #[error("no address to listen on")]
    NoAddress,
    /// An address can't be listened on: taken, not ours, or below 1024 without the right to it.
    #[error("cannot listen on {address}")]
    Listen {
        /// As the operator wrote it.
        address: ListenAddress,
        /// What the operating system says.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Error::NoAddress => Some("give one with --web.listen-address"),
            Error::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another process listens there: stop it, or choose another --web.listen-address")
                }
                io::ErrorKind::AddrNotAvailable => Some("this machine doesn't have that address"),
                io::ErrorKind::PermissionDenied => Some("choose a port from 1024"),
                _ => None,
            },
        }
    }
}

/// All sockets of the server.
pub(super) struct Listeners {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// Which socket is asked first next time, so that a busy one can't starve the others.
    next: usize,
}

impl Listeners {
    /// Listens on every address, or on none.
    pub(super) fn bind(wanted: &[ListenAddress]) -> Result<Listeners, Error> {
        if wanted.is_empty() {
            return Err(Error::NoAddress);
        }
        let mut listeners = Listeners { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        for address in wanted {
            let beside = wanted.iter().any(|other| {
                other.port == address.port && other.host == Host::Ip(Ipv4Addr::UNSPECIFIED.into())
            });
            let bound = bind(address, beside).and_then(|socket| Ok((socket.local_addr()?, socket)));
            let (local, socket) =
                bound.map_err(|source| Error::Listen { address: address.clone(), source })?;
            listeners.sockets.push(socket);
            listeners.addresses.push(local);
        }
        Ok(listeners)
    }

    /// Where it really listens, in the order given; ports of 0 replaced by the real ones.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next connection, or what went wrong with accepting it.
    pub(super) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let count = self.sockets.len();
        for index in (0..count).map(|offset| (self.next + offset) % count) {
            if let Poll::Ready(accepted) = self.sockets[index].poll_accept(cx) {
                self.next = index + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

/// `[::]` takes IPv4 along, as operators of other exporters expect, unless the same port of IPv4 is
/// listened on by itself (`beside`).
fn bind(address: &ListenAddress, beside: bool) -> io::Result<TcpListener> {
    let port = address.port;
    match &address.host {
        Host::Any => match listen((Ipv6Addr::UNSPECIFIED, port).into(), false) {
            // Machines without IPv6 refuse the family or the address; a port that is taken stays taken.
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) =>
            {
                listen((Ipv4Addr::UNSPECIFIED, port).into(), false)
            }
            bound => bound,
        },
        Host::Ip(ip) => listen((*ip, port).into(), *ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && beside),
        Host::Name(name) => {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for candidate in (name.as_str(), port).to_socket_addrs()? {
                match listen(candidate, false) {
                    Ok(socket) => return Ok(socket),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }
}

fn listen(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for the old process' connections to be forgotten. Elsewhere than on Unix
    // this option means something else: that somebody may take the port away.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether accepting failed because of that one connection, so that the next may be accepted at once.
/// All other failures (no file descriptors left, no memory) last: accepting again at once would spin.
pub(super) fn is_momentary(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_what_concerns_one_connection_is_accepted_past_at_once() {
        const EMFILE: i32 = 24;
        assert!(!is_momentary(&io::Error::from_raw_os_error(EMFILE)), "every further try would fail too");
        assert!(is_momentary(&io::ErrorKind::ConnectionAborted.into()));
    }

    #[tokio::test]
    async fn ipv6_and_ipv4_can_be_given_apart_at_the_same_port() {
        let Ok(both) = Listeners::bind(&["[::]:0".parse().unwrap()]) else { return };
        let port = both.addresses()[0].port();
        drop(both);
        let apart = [format!("[::]:{port}"), format!("0.0.0.0:{port}")].map(|a| a.parse().unwrap());
        assert_eq!(Listeners::bind(&apart).unwrap().addresses().len(), 2);
        assert!(matches!(Listeners::bind(&[]), Err(Error::NoAddress)));
    }
}
