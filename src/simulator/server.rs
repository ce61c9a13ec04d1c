//! The sockets of the simulated cloud: the listener, its connections, and the task that advances
//! the fleet.
//!
//! What is not here: routes and responses (`routes`).

use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::options::SimulatorOptions;
use super::routes;
use super::state::CloudState;

/// The time that running requests have to finish at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that a client has to send the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The wait after a failed `accept`. The usual cause is a lack of file descriptors, which ends when
/// other connections are closed.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The simulated cloud, bound to an address.
#[derive(Debug)]
pub struct SimulatedCloud {
    listener: net::TcpListener,
    address: SocketAddr,
    state: Arc<CloudState>,
}

/// Why the simulated cloud does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option is out of range.
    #[error("cannot simulate a cloud with these options: {0}")]
    Options(String),
    /// The address cannot be bound, usually because another process listens on it. Port 0 chooses a
    /// free port.
    #[error("the simulated cloud cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl SimulatedCloud {
    /// Creates the fleet and binds the address. Connections wait until [`run`](Self::run).
    ///
    /// # Errors
    /// If an option is out of range, or the address cannot be bound.
    pub fn bind(options: SimulatorOptions, address: SocketAddr) -> Result<Self, Error> {
        if let Some(problem) = options.problem() {
            return Err(Error::Options(problem));
        }
        let listen = || {
            let listener = net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|source| Error::Listen { address, source })?;
        Ok(Self { listener, address, state: Arc::new(CloudState::new(options, Timestamp::now())) })
    }

    /// The bound address, with the actual port if port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves. Running requests then have five seconds to finish.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "cannot serve the simulated cloud: the runtime rejects its socket");
                return;
            }
        };
        let advancing = task::spawn(advance_fleet(Arc::clone(&self.state)));
        let connections = GracefulShutdown::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => serve(stream, peer, Arc::clone(&self.state), &connections),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection to the simulated cloud");
                        sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
                () = &mut shutdown => break,
            }
        }
        drop(listener);
        advancing.abort();
        if timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
            tracing::warn!("stopped the simulated cloud with requests still running");
        }
    }
}

/// Advances the fleet every second, so that a request after a long pause does not wait for hours of
/// simulation.
async fn advance_fleet(state: Arc<CloudState>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let state = Arc::clone(&state);
        let advanced = task::spawn_blocking(move || {
            let now = state.now(Timestamp::now());
            state.fleet.read().at(now).advance();
        });
        if advanced.await.is_err() {
            tracing::error!("the simulated fleet stopped advancing: a bug in the simulator");
            return;
        }
    }
}

fn serve(stream: TcpStream, peer: SocketAddr, state: Arc<CloudState>, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot disable Nagle's algorithm on a connection to the simulated cloud");
    }
    let open = OpenConnection::new(Arc::clone(&state));
    let service = service_fn(move |request| routes::handle(Arc::clone(&state), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    task::spawn(async move {
        let _open = open;
        // Clients that disconnect and faults that break connections are expected.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the simulated cloud ended early");
        }
    });
}

/// Counts a connection as open until it is dropped.
struct OpenConnection(Arc<CloudState>);

impl OpenConnection {
    fn new(state: Arc<CloudState>) -> Self {
        state.statistics.lock().open_connection();
        Self(state)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.statistics.lock().close_connection();
    }
}
