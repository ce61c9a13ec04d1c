//! The TLS handshake at the start of a connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::stream::{ClientStream, peek_first_byte};

/// The response to a client that sends plain HTTP to an HTTPS port.
const PLAIN_HTTP_RESPONSE: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 23\r\nConnection: close\r\n\r\nthis port speaks HTTPS\n";
/// Bytes that are read and dropped from such a client before the connection is closed.
const MAX_DRAINED_BYTES: u64 = 64 * 1024;

/// Runs the TLS handshake. Call it in the connection's own task, because it waits for the client.
///
/// # Errors
/// The handshake fails or takes longer than `limit`, or the client sends plain HTTP.
pub(super) async fn accept_tls(
    config: Arc<ServerConfig>,
    stream: ClientStream,
    limit: Duration,
) -> io::Result<Box<TlsStream<ClientStream>>> {
    let handshake = async {
        match peek_first_byte(&stream).await? {
            // An HTTP method begins with a capital letter, a TLS record with the byte 22.
            Some(byte) if byte.is_ascii_uppercase() => {
                reject_plain_http(stream).await?;
                Err(io::Error::new(io::ErrorKind::InvalidData, "the client sent plain HTTP"))
            }
            _ => TlsAcceptor::from(config).accept(stream).await.map(Box::new),
        }
    };
    let timed_out = || io::Error::new(io::ErrorKind::TimedOut, format!("timed out after {limit:?}"));
    timeout(limit, handshake).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Sends [`PLAIN_HTTP_RESPONSE`], then reads and drops input: closing a connection with unread
/// input resets it, and the client might lose the response.
async fn reject_plain_http(mut stream: ClientStream) -> io::Result<()> {
    stream.write_all(PLAIN_HTTP_RESPONSE).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(MAX_DRAINED_BYTES), &mut tokio::io::sink()).await.map(drop)
}
