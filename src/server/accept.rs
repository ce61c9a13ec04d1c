//! Accepting connections up to a limit, and the shutdown.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::BoundAddress;
use super::connection::{self, ConnectionContext};
use super::error::Error;
use super::handler::Handler;
use super::handshake;
use super::listener::{Listeners, is_transient};
use super::options::{ConnectionLimits, ServerOptions};
use super::stream::{ClientStream, Peer};
use crate::lifecycle::{Drained, drain};
use crate::web_config::AccessControl;

/// The pause before the next attempt if the process lacks a resource, such as file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A server whose sockets listen; it accepts connections once it [runs](Self::run).
pub struct Server {
    listeners: Listeners,
    limits: ConnectionLimits,
    access: Arc<AccessControl>,
    handler: Arc<dyn Handler>,
}

impl Server {
    /// Listens on every address of `options`; `handler` responds to the requests that `access`
    /// admits.
    ///
    /// # Errors
    /// There is no address or socket, or one of them cannot be used. The server then listens on
    /// none.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(
        options: &ServerOptions,
        access: AccessControl,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, Error> {
        let listeners = match options.systemd_sockets {
            true => Listeners::from_systemd()?,
            false => Listeners::bind(&options.listen)?,
        };
        Ok(Self { listeners, limits: options.limits, access: Arc::new(access), handler })
    }

    /// The bound addresses, in the order of the options, with the real port instead of port 0.
    pub fn addresses(&self) -> &[BoundAddress] {
        self.listeners.addresses()
    }

    /// Serves until `shutdown` is cancelled. Then the server accepts no more connections, closes
    /// idle ones, and waits until running requests have finished, but not longer than `grace`,
    /// which is called at that moment. Connections that are still open after that are dropped.
    pub async fn run(mut self, shutdown: CancellationToken, grace: impl FnOnce() -> Duration) -> Drained {
        let connections = TaskTracker::new();
        let abort = CancellationToken::new();
        let context = ConnectionContext {
            access: self.access,
            handler: self.handler,
            limits: self.limits,
            permits: Arc::new(Semaphore::new(self.limits.max_connections)),
            shutdown,
        };
        accept_until_shutdown(&mut self.listeners, &context, &connections, &abort).await;
        drop(self.listeners);
        let drained = drain(&connections, grace()).await;
        if let Drained::Abandoned(connections) = drained {
            tracing::warn!(connections, "dropped connections that were still open after the grace period");
        }
        abort.cancel();
        drained
    }
}

async fn accept_until_shutdown(
    listeners: &mut Listeners,
    context: &ConnectionContext,
    connections: &TaskTracker,
    abort: &CancellationToken,
) {
    let ConnectionContext { permits, shutdown, .. } = context;
    // The permit is acquired first: while there is none, clients wait in the kernel's queue. The
    // semaphore is never closed, so that acquiring cannot fail.
    while let Some(Ok(permit)) = shutdown.run_until_cancelled(Arc::clone(permits).acquire_owned()).await {
        let Some(accepted) = shutdown.run_until_cancelled(listeners.accept()).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_transient(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, retry_in = ?ACCEPT_RETRY_DELAY, "cannot accept connections");
                shutdown.run_until_cancelled(tokio::time::sleep(ACCEPT_RETRY_DELAY)).await;
                continue;
            }
        };
        let (context, abort) = (context.clone(), abort.clone());
        connections.spawn(async move {
            abort.run_until_cancelled(serve(stream, peer, &context)).await;
            drop(permit);
        });
    }
}

/// Serves one connection with the web configuration that is active when it begins.
async fn serve(stream: ClientStream, peer: Peer, context: &ConnectionContext) {
    let protocol = context.access.protocol().await;
    // One type for plain HTTP and TLS, so that the large code of `connection::serve` is compiled
    // once.
    let stream = match protocol.tls {
        None => Either::Left(stream),
        Some(config) => {
            let handshake = handshake::accept_tls(config, stream, context.limits.handshake_timeout);
            match context.shutdown.run_until_cancelled(handshake).await {
                Some(Ok(stream)) => Either::Right(stream),
                Some(Err(error)) => {
                    return tracing::debug!(%peer, error = &error as &dyn StdError, "TLS handshake failed");
                }
                None => return,
            }
        }
    };
    connection::serve(stream, peer, context, protocol.http1_only).await;
}
