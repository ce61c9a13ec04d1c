//! TLS at the start of a connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::listener::{Stream, first_byte};

/// What whoever speaks plain HTTP here is told.
const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 23\r\nConnection: close\r\n\r\nthis port speaks HTTPS\n";

/// Shakes hands within `limit`. Called in the connection's own task: a client that dawdles holds up nobody.
pub(crate) async fn shake(
    config: Arc<ServerConfig>,
    stream: Stream,
    limit: Duration,
) -> io::Result<Box<TlsStream<Stream>>> {
    let shaking = async {
        match first_byte(&stream).await? {
            // Methods of HTTP are in capitals; a record of TLS begins with 22.
            Some(byte) if byte.is_ascii_uppercase() => {
                refuse(stream).await?;
                Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks plain HTTP"))
            }
            _ => TlsAcceptor::from(config).accept(stream).await.map(Box::new),
        }
    };
    let too_late = || io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time");
    timeout(limit, shaking).await.unwrap_or_else(|_| Err(too_late()))
}

/// What the client still sends is read: to close before would take the answer from it.
async fn refuse(mut stream: Stream) -> io::Result<()> {
    const MOST: u64 = 64 * 1024;
    stream.write_all(PLAIN_HTTP).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MOST), &mut tokio::io::sink()).await.map(drop)
}
