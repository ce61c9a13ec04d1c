//! Accepting connections under a limit, and ending in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::ListenAddress;
use super::listener::{Error, Listeners, is_momentary};
use super::routes::Routes;
use super::{Content, connection};
use crate::lifecycle::{Drained, drain};

/// How long accepting rests when the machine has nothing left to accept with.
const REST: Duration = Duration::from_secs(1);

/// Where and how to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Every address to listen on, at least one.
    pub listen: Vec<ListenAddress>,
    /// Where the metrics are, with its slash.
    pub telemetry_path: String,
    /// What clients may take.
    pub limits: Limits,
}

/// What clients may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait in the kernel.
    pub connections: usize,
    /// Bytes of request line and headers; beyond it the answer is 431.
    pub header_bytes: usize,
    /// From a connection's start, or a further request's first byte, to the end of its headers.
    pub header_timeout: Duration,
    /// From an answer to the next request's first byte.
    pub idle_timeout: Duration,
    /// While an answer is waiting to be read, `write_floor` bytes must be taken in every such stretch.
    pub write_timeout: Duration,
    /// Bytes; see `write_timeout`.
    pub write_floor: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: vec![ListenAddress::any(9877)],
            telemetry_path: "/metrics".to_owned(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 512,
            header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            // Longer than the scrape intervals that are usual.
            idle_timeout: Duration::from_secs(150),
            write_timeout: Duration::from_secs(10),
            write_floor: 32 * 1024,
        }
    }
}

/// A server that listens but doesn't accept yet.
pub struct Server {
    listeners: Listeners,
    limits: Limits,
    routes: Arc<Routes>,
}

impl Server {
    /// Listens on every address of `options`.
    ///
    /// # Errors
    /// One of them can't be listened on; then none is.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(options: Options, content: Arc<dyn Content>) -> Result<Server, Error> {
        Ok(Server {
            listeners: Listeners::bind(&options.listen)?,
            limits: options.limits,
            routes: Arc::new(Routes::new(content, options.telemetry_path)),
        })
    }

    /// Where it listens, in the order of the options, with the real port in place of a port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.addresses()
    }

    /// Serves until `shutdown` is cancelled. Then nothing more is accepted, idle connections are closed,
    /// and requests that run may finish within `grace`; what is left after that is cut.
    pub async fn run(mut self, shutdown: CancellationToken, grace: Duration) -> Drained {
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        let places = Arc::new(Semaphore::new(self.limits.connections));
        // The place comes first: accepting pauses while there is none.
        while let Some(Ok(place)) = shutdown.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
            let Some(accepted) = shutdown.run_until_cancelled(self.listeners.accept()).await else { break };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_momentary(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections, trying again in a second");
                    shutdown.run_until_cancelled(tokio::time::sleep(REST)).await;
                    continue;
                }
            };
            // An IPv4 client of a socket for both families is shown as the IPv4 client it is.
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            // Only a matter of speed: a connection that can't be told is served all the same.
            let _ = stream.set_nodelay(true);
            let (routes, limits) = (Arc::clone(&self.routes), self.limits);
            let (shutdown, cut, places) = (shutdown.clone(), cut.clone(), Arc::clone(&places));
            connections.spawn(async move {
                let crowded = || places.available_permits() == 0;
                let served = connection::serve(stream, peer, &routes, &limits, crowded, &shutdown);
                cut.run_until_cancelled(served).await;
                drop(place);
            });
        }
        drop(self.listeners);
        let drained = drain(&connections, grace).await;
        if let Drained::Abandoned(connections) = drained {
            tracing::warn!(connections, "cut connections that were still being served at the end");
        }
        cut.cancel();
        drained
    }
}
