//! Accepting connections under a limit, and ending in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{BoundAddress, ListenAddress};
use super::connection::{self, Shared};
use super::error::Error;
use super::handler::Handler;
use super::handshake;
use super::limits::ConnectionLimits;
use super::listener::{Listeners, Peer, Stream, is_momentary};
use crate::lifecycle::{Drained, drain};
use crate::web_config::AccessControl;

/// How long accepting rests when the machine has nothing left to accept with.
const REST: Duration = Duration::from_secs(1);

/// Where and how to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// Every address to listen on, at least one unless systemd brings the sockets.
    pub listen: Vec<ListenAddress>,
    /// Take the sockets that systemd hands over, and listen nowhere else.
    pub systemd_sockets: bool,
    /// What clients may take.
    pub limits: ConnectionLimits,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            listen: vec![ListenAddress::any(9877)],
            systemd_sockets: false,
            limits: ConnectionLimits::default(),
        }
    }
}

/// A server that listens but doesn't accept yet.
pub struct Server {
    listeners: Listeners,
    limits: ConnectionLimits,
    access: Arc<AccessControl>,
    handler: Arc<dyn Handler>,
}

impl Server {
    /// Listens on every address of `options`; `handler` responds to what `access` lets pass.
    ///
    /// # Errors
    /// One of the addresses cannot be listened on; then none is.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(
        options: &ServerOptions,
        access: AccessControl,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, Error> {
        let listeners =
            if options.systemd_sockets { of_systemd() } else { Listeners::bind(&options.listen) }?;
        Ok(Self { listeners, limits: options.limits, access: Arc::new(access), handler })
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
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        let shared = Shared {
            access: self.access,
            handler: self.handler,
            limits: self.limits,
            places,
            shutdown: shutdown.clone(),
        };
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
    let rules = shared.access.rules().await;
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
