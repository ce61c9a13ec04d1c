//! Sockets that listen, and accepting from all of them in turn.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::address::{BoundAddress, Host, ListenAddress, Place};
use super::error::Error;
#[cfg(unix)]
use super::unix_socket::UnixSocket;

/// Connections that the kernel keeps waiting while ours are at their limit.
pub(crate) const BACKLOG: i32 = 1024;

/// A connection's bytes, before TLS.
#[cfg(unix)]
pub(crate) type Stream = tokio_util::either::Either<tokio::net::TcpStream, tokio::net::UnixStream>;
/// A connection's bytes, before TLS.
#[cfg(not(unix))]
pub(crate) type Stream = tokio::net::TcpStream;

/// What the client sends first, which stays there to be read. `None` where that can't be seen, or nothing comes.
pub(crate) async fn first_byte(stream: &Stream) -> io::Result<Option<u8>> {
    #[cfg(unix)]
    let Stream::Left(stream) = stream else { return Ok(None) };
    let mut first = [0];
    let count = stream.peek(&mut first).await?;
    Ok((count > 0).then_some(first[0]))
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    /// Somebody on this machine.
    #[cfg(unix)]
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Peer::Unix => f.write_str("unix"),
        }
    }
}

/// All sockets of the server.
pub(crate) struct Listeners {
    sockets: Vec<Listener>,
    addresses: Vec<BoundAddress>,
    /// Which socket is asked first next time, so that a busy one can't starve the others.
    next: usize,
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Listeners {
    /// Listens on every address, or on none.
    pub(crate) fn bind(wanted: &[ListenAddress]) -> Result<Listeners, Error> {
        if wanted.is_empty() {
            return Err(Error::NoAddress);
        }
        let mut listeners = Listeners { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        for address in wanted {
            let bound = match &address.0 {
                Place::Tcp { host, port } => {
                    let v4 = Place::Tcp { host: Host::Ip(Ipv4Addr::UNSPECIFIED.into()), port: *port };
                    bind(host, *port, wanted.iter().any(|other| other.0 == v4)).map(Listener::Tcp)
                }
                #[cfg(unix)]
                Place::Unix(path) => UnixSocket::bind(path).map(Listener::Unix),
                #[cfg(not(unix))]
                Place::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            };
            bound
                .and_then(|socket| listeners.add(socket))
                .map_err(|source| Error::Listen { address: address.clone(), source })?;
        }
        Ok(listeners)
    }

    /// Takes the sockets that systemd opened for this process, at least one.
    #[cfg(unix)]
    pub(crate) fn of_systemd() -> Result<Listeners, Error> {
        let mut handed = listenfd::ListenFd::from_env();
        if handed.len() == 0 {
            return Err(Error::NoSocket);
        }
        let mut listeners = Listeners { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        for index in 0..handed.len() {
            let taken = match handed.take_tcp_listener(index) {
                // Every index below the length is there, and taken once.
                Ok(socket) => socket.map(Handed::Tcp),
                Err(_) => match handed.take_unix_listener(index) {
                    Ok(socket) => socket.map(Handed::Unix),
                    Err(source) => return Err(Error::Socket { index, source }),
                },
            };
            taken
                .map_or(Ok(()), |socket| socket.listener().and_then(|listener| listeners.add(listener)))
                .map_err(|source| Error::Socket { index, source })?;
        }
        Ok(listeners)
    }

    fn add(&mut self, socket: Listener) -> io::Result<()> {
        self.addresses.push(socket.address()?);
        self.sockets.push(socket);
        Ok(())
    }

    /// Where it really listens, in the order given; ports of 0 replaced by the real ones.
    pub(crate) fn addresses(&self) -> &[BoundAddress] {
        &self.addresses
    }

    /// The next connection, or what went wrong with accepting it.
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, Peer)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
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

/// A socket that somebody else opened.
#[cfg(unix)]
enum Handed {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

#[cfg(unix)]
impl Handed {
    fn listener(self) -> io::Result<Listener> {
        match self {
            Handed::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Listener::Tcp)
            }
            Handed::Unix(socket) => UnixSocket::handed(socket).map(Listener::Unix),
        }
    }
}

impl Listener {
    fn address(&self) -> io::Result<BoundAddress> {
        match self {
            Listener::Tcp(socket) => socket.local_addr().map(BoundAddress::Tcp),
            #[cfg(unix)]
            Listener::Unix(socket) => socket.path().map(BoundAddress::Unix),
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match self {
            Listener::Tcp(socket) => {
                let (stream, peer) = ready!(socket.poll_accept(cx))?;
                // Only a matter of speed: a connection that can't be told is served all the same.
                let _ = stream.set_nodelay(true);
                // An IPv4 client of a socket for both families is shown as the IPv4 client it is.
                let peer = Peer::Tcp(SocketAddr::new(peer.ip().to_canonical(), peer.port()));
                #[cfg(unix)]
                let stream = Stream::Left(stream);
                Poll::Ready(Ok((stream, peer)))
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let stream = ready!(socket.poll_accept(cx))?;
                Poll::Ready(Ok((Stream::Right(stream), Peer::Unix)))
            }
        }
    }
}

/// `[::]` takes IPv4 along, as operators of other exporters expect, unless the same port of IPv4 is
/// listened on by itself (`beside`).
fn bind(host: &Host, port: u16, beside: bool) -> io::Result<TcpListener> {
    match host {
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
pub(crate) fn is_momentary(error: &io::Error) -> bool {
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
        let port = both.addresses()[0].tcp().unwrap().port();
        drop(both);
        let apart = [format!("[::]:{port}"), format!("0.0.0.0:{port}")].map(|a| a.parse().unwrap());
        assert_eq!(Listeners::bind(&apart).unwrap().addresses().len(), 2);
        assert!(matches!(Listeners::bind(&[]), Err(Error::NoAddress)));
    }
}
