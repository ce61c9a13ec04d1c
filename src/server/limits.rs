//! What one client may use of the server.

use std::time::Duration;

/// What clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once; further ones wait in the kernel.
    pub max_connections: usize,
    /// Bytes of request line and headers; beyond it the answer is 431.
    pub max_header_bytes: usize,
    /// Requests at once in one connection of HTTP/2; a client that wants more waits.
    pub max_streams: u32,
    /// From a connection's start to the end of TLS' handshake.
    pub handshake_timeout: Duration,
    /// From a connection's start, or a further request's first byte, to the end of its headers.
    pub header_timeout: Duration,
    /// From an answer to the next request's first byte.
    pub idle_timeout: Duration,
    /// While an answer is waiting to be read, `min_write_bytes` bytes must be taken in every such stretch.
    pub write_timeout: Duration,
    /// Bytes; see `write_timeout`.
    pub min_write_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits {
            max_connections: 512,
            max_header_bytes: 16 * 1024,
            max_streams: 32,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            // Longer than the scrape intervals that are usual.
            idle_timeout: Duration::from_secs(150),
            write_timeout: Duration::from_secs(10),
            min_write_bytes: 32 * 1024,
        }
    }
}
