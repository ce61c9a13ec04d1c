//! Options of the server, and the limits of its clients.

use std::time::Duration;

use super::address::ListenAddress;

/// The port that the exporter listens on unless it is configured otherwise.
const DEFAULT_PORT: u16 = 9877;
/// Connections that the kernel queues for each socket while `max_connections` are open.
pub(super) const LISTEN_BACKLOG: i32 = 1024;

/// Where to listen, and what clients may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// Addresses to listen on; at least one unless `systemd_sockets` is set.
    pub listen: Vec<ListenAddress>,
    /// Serve the sockets that systemd passes to the process (socket activation), and ignore
    /// `listen`.
    pub systemd_sockets: bool,
    /// Limits of connections and requests.
    pub limits: ConnectionLimits,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::any(DEFAULT_PORT)],
            systemd_sockets: false,
            limits: ConnectionLimits::default(),
        }
    }
}

/// Limits of connections and requests. A client that exceeds a time limit is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open connections; further clients wait in the kernel's queue.
    pub max_connections: usize,
    /// Bytes of a request's first line and headers; a larger request gets status 431.
    pub max_header_bytes: usize,
    /// Concurrent requests of one HTTP/2 connection; a client must wait before it sends more.
    pub max_streams: u32,
    /// The time for the TLS handshake at the start of a connection.
    pub handshake_timeout: Duration,
    /// The time for a request's first line and headers. It starts with the connection (after the
    /// TLS handshake) for the first request, and with the request's first byte for every other.
    pub header_timeout: Duration,
    /// The time from the end of a response to the first byte of the next request.
    pub idle_timeout: Duration,
    /// The period in which a client must read at least `min_write_bytes` of a pending response.
    pub write_timeout: Duration,
    /// Bytes of a pending response that a client must read in each period of `write_timeout`.
    pub min_write_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 512,
            max_header_bytes: 16 * 1024,
            max_streams: 32,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            // Longer than usual scrape intervals (15 s to 2 min): Prometheus keeps its connection.
            idle_timeout: Duration::from_secs(150),
            write_timeout: Duration::from_secs(10),
            min_write_bytes: 32 * 1024,
        }
    }
}
