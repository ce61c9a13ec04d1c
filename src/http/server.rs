//! Accepting connections under a limit, and ending in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{BoundAddress, ListenAddress};
use super::connection::{self, Shared};
use super::error::Error;
use super::gate::Gate;
use super::listener::{Listeners, Peer, Stream, is_momentary};
use super::routes::Routes;
use super::{Content, handshake};
use crate::lifecycle::{Drained, drain};

/// How long accepting rests when the machine has nothing left to accept with.
const REST: Duration = Duration::from_secs(1);

/// Where and how to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Every address to listen on, at least one unless systemd brings the sockets.
    pub listen: Vec<ListenAddress>,
    /// Take the sockets that systemd hands over, and listen nowhere else.
    pub systemd_sockets: bool,
    /// The web configuration file: TLS, users, headers, a rate limit. Without one there is none of these.
    pub web_config: Option<PathBuf>,
    /// Whether `POST /-/reload` works.
    pub lifecycle: bool,
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
    /// Requests at once in one connection of HTTP/2; a client that wants more waits.
    pub streams: u32,
    /// From a connection's start to the end of TLS' handshake.
    pub handshake_timeout: Duration,
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
            systemd_sockets: false,
            web_config: None,
            lifecycle: false,
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
            streams: 32,
            handshake_timeout: Duration::from_secs(10),
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
    gate: Arc<Gate>,
}

impl Server {
    /// Reads the web configuration and listens on every address of `options`.
    ///
    /// # Errors
    /// The file has problems, or one of the addresses can't be listened on; then none is.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(options: Options, content: Arc<dyn Content>) -> Result<Server, Error> {
        let routes = Routes::new(content, options.telemetry_path, options.lifecycle);
        let gate = Gate::new(routes, options.web_config).map_err(Error::WebConfiguration)?;
        let listeners =
            if options.systemd_sockets { of_systemd() } else { Listeners::bind(&options.listen) }?;
        Ok(Server { listeners, limits: options.limits, gate: Arc::new(gate) })
    }

    /// Where it listens, in the order of the options, with the real port in place of a port 0.
    pub fn addresses(&self) -> &[BoundAddress] {
        self.listeners.addresses()
    }

    /// Serves until `shutdown` is cancelled. Then nothing more is accepted, idle connections are closed,
    /// and requests that run may finish within `grace`, which is asked for then; what is left after that is cut.
    pub async fn run(mut self, shutdown: CancellationToken, grace: impl FnOnce() -> Duration) -> Drained {
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let shared = Shared { gate: self.gate, limits: self.limits, places, shutdown: shutdown.clone() };
        // The place comes first: accepting pauses while there is none.
        while let Some(Ok(place)) =
            shutdown.run_until_cancelled(Arc::clone(&shared.places).acquire_owned()).await
        {
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
            let (shared, cut) = (shared.clone(), cut.clone());
            connections.spawn(async move {
                cut.run_until_cancelled(serve(stream, peer, &shared)).await;
                drop(place);
            });
        }
        drop(self.listeners);
        let drained = drain(&connections, grace()).await;
        if let Drained::Abandoned(connections) = drained {
            tracing::warn!(connections, "cut connections that were still being served at the end");
        }
        cut.cancel();
        drained
    }
}

/// One connection, by the rules that are in force when it begins.
async fn serve(stream: Stream, peer: Peer, shared: &Shared) {
    let rules = shared.gate.rules().await;
    let (http1_only, tls) = (rules.settings.http1_only, rules.settings.tls.clone());
    // They may change while the connection lasts.
    drop(rules);
    // One type for both: what drives a connection is large, and is compiled once for each.
    let stream = match tls {
        None => Either::Left(stream),
        Some(tls) => {
            let shaking = handshake::shake(tls, stream, shared.limits.handshake_timeout);
            match shared.shutdown.run_until_cancelled(shaking).await {
                Some(Ok(stream)) => Either::Right(stream),
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    return tracing::debug!(%peer, error, "TLS handshake failed");
                }
                None => return,
            }
        }
    };
    connection::serve(stream, peer, shared, http1_only).await;
}

#[cfg(unix)]
fn of_systemd() -> Result<Listeners, Error> {
    Listeners::of_systemd()
}

#[cfg(not(unix))]
fn of_systemd() -> Result<Listeners, Error> {
    Err(Error::NoSocket)
}
