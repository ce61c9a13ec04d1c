//! The accepted stream of a client, before TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// A client's stream, before TLS.
#[cfg(unix)]
pub(super) type ClientStream = tokio_util::either::Either<tokio::net::TcpStream, tokio::net::UnixStream>;
/// A client's stream, before TLS.
#[cfg(not(unix))]
pub(super) type ClientStream = tokio::net::TcpStream;

/// Waits for the client's first byte, and leaves it to be read. `None` if the client closes its
/// side before it sends a byte, and at once for a Unix socket, because tokio's `UnixStream` cannot
/// peek.
///
/// # Errors
/// The connection failed.
pub(super) async fn peek_first_byte(stream: &ClientStream) -> io::Result<Option<u8>> {
    #[cfg(unix)]
    let ClientStream::Left(stream) = stream else { return Ok(None) };
    let mut first = [0];
    let count = stream.peek(&mut first).await?;
    Ok((count > 0).then_some(first[0]))
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// The client's address and port.
    Tcp(SocketAddr),
    /// A process on this machine, connected to a Unix socket.
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
