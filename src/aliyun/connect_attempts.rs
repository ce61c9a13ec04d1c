//! Connecting to all addresses of a name at the same time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// An address of the name that does not accept a connection, although another one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreachableAddress {
    /// Address and port.
    pub address: SocketAddr,
    /// Why the connection failed.
    pub message: String,
}

/// Connections to several addresses that are attempted at the same time, each within a limit.
pub(super) struct ConnectAttempts {
    /// Tasks, because an attempt must not wait while the first connection is in use.
    pending: JoinSet<(SocketAddr, Result<TcpStream, String>)>,
    unreachable: Vec<UnreachableAddress>,
}

impl ConnectAttempts {
    /// Begins all attempts.
    pub(super) fn start(addresses: &[SocketAddr], limit: Duration) -> Self {
        let attempt = |address| async move {
            let outcome = match timeout(limit, TcpStream::connect(address)).await {
                Ok(outcome) => outcome.map_err(|error| error.to_string()),
                Err(_) => Err(format!("timed out after {limit:?}")),
            };
            (address, outcome)
        };
        Self { pending: addresses.iter().copied().map(attempt).collect(), unreachable: Vec::new() }
    }

    /// The connection that is made first; `None` if no address accepts one.
    pub(super) async fn first_connection(&mut self) -> Option<(SocketAddr, TcpStream)> {
        while let Some(ended) = self.pending.join_next().await {
            match ended {
                Ok((address, Ok(connection))) => return Some((address, connection)),
                Ok((address, Err(message))) => {
                    self.unreachable.push(UnreachableAddress { address, message });
                }
                // An attempt is not cancelled, and its panic is logged.
                Err(_) => {}
            }
        }
        None
    }

    /// Waits for the other attempts; returns the addresses that accept no connection.
    pub(super) async fn finish(mut self) -> Vec<UnreachableAddress> {
        while self.first_connection().await.is_some() {}
        self.unreachable.sort_by_key(|unreachable| unreachable.address);
        self.unreachable
    }

    /// Why every address failed.
    pub(super) fn failures(&self) -> String {
        match self.unreachable.as_slice() {
            [only] => only.message.clone(),
            all => {
                let failures = all.iter().map(|failed| format!("{}: {}", failed.address, failed.message));
                failures.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
pub(super) mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    /// An address of a listener whose queue is full, so that further connections are not accepted
    /// and not refused, as behind a firewall. The listener is closed when the sockets are dropped.
    pub fn dead_address() -> (SocketAddr, Vec<Socket>) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut sockets = vec![listener];
        for _ in 0..3 {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            // The connection is in progress.
            let _ = client.connect(&address);
            sockets.push(client);
        }
        (address.as_socket().unwrap(), sockets)
    }

    #[tokio::test]
    async fn an_address_that_does_not_respond_does_not_delay_the_first_connection() {
        let (dead, _sockets) = dead_address();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        // The limit is longer than the test may take.
        let mut attempts = ConnectAttempts::start(&[dead, live], Duration::from_hours(1));
        let (address, _connection) = attempts.first_connection().await.unwrap();
        assert_eq!(address, live);
    }
}
