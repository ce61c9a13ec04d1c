//! Listening sockets, and accepting from all of them in turn.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use super::address::{AddressKind, BoundAddress, ListenAddress, ListenHost};
use super::error::Error;
use super::options::LISTEN_BACKLOG;
use super::stream::{ClientStream, Peer};
#[cfg(unix)]
use super::unix_socket::UnixSocket;

/// All listening sockets of the server.
pub(super) struct Listeners {
    sockets: Vec<Listener>,
    addresses: Vec<BoundAddress>,
    /// Where the next search for a client begins: after the socket that accepted the previous one,
    /// so that a busy socket does not starve the others.
    next: usize,
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Listeners {
    /// Listens on every address.
    ///
    /// # Errors
    /// There is no address, or one of them cannot be used. The server then listens on none.
    pub(super) fn bind(addresses: &[ListenAddress]) -> Result<Self, Error> {
        if addresses.is_empty() {
            return Err(Error::NoAddress);
        }
        let mut listeners = Self { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        for address in addresses {
            let bound = match &address.0 {
                AddressKind::Tcp { host, port } => {
                    let unspecified_v4 = ListenHost::Ip(Ipv4Addr::UNSPECIFIED.into());
                    let any_v4 = AddressKind::Tcp { host: unspecified_v4, port: *port };
                    bind_tcp(host, *port, addresses.iter().any(|other| other.0 == any_v4)).map(Listener::Tcp)
                }
                #[cfg(unix)]
                AddressKind::Unix(options) => UnixSocket::bind(options).map(Listener::Unix),
                #[cfg(not(unix))]
                AddressKind::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            };
            bound
                .and_then(|socket| listeners.add(socket))
                .map_err(|source| Error::Listen { address: address.clone(), source })?;
        }
        Ok(listeners)
    }

    /// Takes the sockets that systemd opened for this process (socket activation).
    ///
    /// # Errors
    /// There is no socket, or one of them is not a listening stream socket.
    #[cfg(unix)]
    pub(super) fn from_systemd() -> Result<Self, Error> {
        let mut inherited = listenfd::ListenFd::from_env();
        if inherited.len() == 0 {
            return Err(Error::NoSocket);
        }
        let mut listeners = Self { sockets: Vec::new(), addresses: Vec::new(), next: 0 };
        for index in 0..inherited.len() {
            InheritedSocket::take(&mut inherited, index)
                .and_then(|socket| socket.map_or(Ok(()), |socket| listeners.add(socket.into_listener()?)))
                .map_err(|source| Error::Socket { index, source })?;
        }
        Ok(listeners)
    }

    /// There is no systemd on this platform.
    #[cfg(not(unix))]
    pub(super) fn from_systemd() -> Result<Self, Error> {
        Err(Error::NoSocket)
    }

    fn add(&mut self, socket: Listener) -> io::Result<()> {
        self.addresses.push(socket.address()?);
        self.sockets.push(socket);
        Ok(())
    }

    /// The bound addresses, in the order of the sockets, with the real port instead of port 0.
    pub(super) fn addresses(&self) -> &[BoundAddress] {
        &self.addresses
    }

    /// Accepts the next client of any socket.
    ///
    /// # Errors
    /// The operating system cannot accept the client; see [`is_transient`].
    pub(super) async fn accept(&mut self) -> io::Result<(ClientStream, Peer)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(ClientStream, Peer)>> {
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

/// A socket that systemd opened for this process.
#[cfg(unix)]
enum InheritedSocket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

#[cfg(unix)]
impl InheritedSocket {
    /// `None` if the socket at `index` was taken before.
    fn take(sockets: &mut listenfd::ListenFd, index: usize) -> io::Result<Option<Self>> {
        match sockets.take_tcp_listener(index) {
            Ok(socket) => Ok(socket.map(Self::Tcp)),
            Err(_) => Ok(sockets.take_unix_listener(index)?.map(Self::Unix)),
        }
    }

    fn into_listener(self) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Listener::Tcp)
            }
            Self::Unix(socket) => UnixSocket::inherit(socket).map(Listener::Unix),
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

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(ClientStream, Peer)>> {
        match self {
            Listener::Tcp(socket) => {
                let (stream, peer) = ready!(socket.poll_accept(cx))?;
                // An error is ignored: TCP_NODELAY only affects latency.
                let _ = stream.set_nodelay(true);
                // A socket for both families reports IPv4 clients as `::ffff:192.0.2.1`.
                let peer = Peer::Tcp(SocketAddr::new(peer.ip().to_canonical(), peer.port()));
                #[cfg(unix)]
                let stream = ClientStream::Left(stream);
                Poll::Ready(Ok((stream, peer)))
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let stream = ready!(socket.poll_accept(cx))?;
                Poll::Ready(Ok((ClientStream::Right(stream), Peer::Unix)))
            }
        }
    }
}

/// Listens on a TCP address. As with other exporters, `[::]` also accepts IPv4 clients, unless
/// another listener has `0.0.0.0` at the same port (`has_any_v4`).
fn bind_tcp(host: &ListenHost, port: u16, has_any_v4: bool) -> io::Result<TcpListener> {
    match host {
        ListenHost::Any => match listen((Ipv6Addr::UNSPECIFIED, port).into(), false) {
            // A machine without IPv6 rejects the address family or the address; IPv4 is tried then.
            // It is not tried for a port that is in use or not permitted.
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) =>
            {
                listen((Ipv4Addr::UNSPECIFIED, port).into(), false)
            }
            bound => bound,
        },
        ListenHost::Ip(ip) => {
            let only_v6 = *ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && has_any_v4;
            listen((*ip, port).into(), only_v6)
        }
        ListenHost::Name(name) => {
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
    // A restart must not wait until the kernel has forgotten the connections of the previous
    // process. On Windows the option would allow other processes to bind the same port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether accepting failed because of one client, so that the next can be accepted at once. All
/// other failures (no file descriptors, no memory) persist: accepting again at once would loop
/// without pause.
pub(super) fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_the_failure_of_one_connection_is_transient() {
        const EMFILE: i32 = 24;
        assert!(!is_transient(&io::Error::from_raw_os_error(EMFILE)), "another attempt would fail, too");
        assert!(is_transient(&io::ErrorKind::ConnectionAborted.into()));
    }

    #[tokio::test]
    async fn both_families_can_be_listened_on_separately_at_the_same_port() {
        let Ok(both) = Listeners::bind(&["[::]:0".parse().unwrap()]) else { return };
        let port = both.addresses()[0].tcp().unwrap().port();
        drop(both);
        let separate = [format!("[::]:{port}"), format!("0.0.0.0:{port}")].map(|a| a.parse().unwrap());
        assert_eq!(Listeners::bind(&separate).unwrap().addresses().len(), 2);
        assert!(matches!(Listeners::bind(&[]), Err(Error::NoAddress)));
    }
}
