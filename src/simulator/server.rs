//! The sockets: connections, routes, and bodies in and out. The only part that asks for the time.

use std::{
    future::Future,
    io,
    net::{self, SocketAddr},
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, body::Incoming as IncomingBody, header::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpStream},
    task,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    SimulatorOptions,
    access::{Plain, is_beside},
    answer::{Answer, ConnectionBreak},
    authentication::IncomingRequest,
    control::ControlRequest,
    state::{CloudState, Outcome, Reply, lock},
    truth::FleetTruth,
};

const JSON: &str = "application/json;charset=utf-8";
const XML: &str = "text/xml;charset=utf-8";
const HTML: &str = "text/html;charset=utf-8";
/// The most bytes of a request's body.
const MAX_REQUEST: usize = 1 << 20;
/// How long a client may take for its headers, and how long the end waits for requests.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a load balancer says when nobody behind it answers.
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n";

/// The simulated cloud, listening.
#[derive(Debug)]
pub struct SimulatedCloud {
    listener: net::TcpListener,
    address: SocketAddr,
    state: Arc<CloudState>,
}

/// Why the simulated cloud does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that cannot be.
    #[error("the simulated cloud cannot be like this: {0}")]
    Options(String),
    /// Usually another process listens there; port 0 takes a free one.
    #[error("the simulated cloud cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl SimulatedCloud {
    /// Builds the fleet and takes the address; connections wait until [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// When an option is out of range, or the address cannot be taken.
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

    /// Where it listens; the real port also where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves; then running requests have five seconds to finish.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the simulated cloud cannot serve: its socket is refused");
                return;
            }
        };
        let living = task::spawn(live(Arc::clone(&self.state)));
        let connections = GracefulShutdown::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => serve(stream, peer, Arc::clone(&self.state), &connections),
                    // Out of file descriptors: wait for some to come back instead of spinning.
                    Err(error) => {
                        tracing::warn!(%error, "the simulated cloud cannot accept a connection");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
                () = &mut shutdown => break,
            }
        }
        drop(listener);
        living.abort();
        if timeout(PATIENCE, connections.shutdown()).await.is_err() {
            tracing::warn!("requests to the simulated cloud were still running at its end");
        }
    }
}

/// Lets the fleet live while nobody looks, so that nobody has to wait for it to catch up.
async fn live(state: Arc<CloudState>) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let state = Arc::clone(&state);
        let lived = task::spawn_blocking(move || {
            let now = state.now(Timestamp::now());
            state.fleet.read().unwrap_or_else(PoisonError::into_inner).at(now).advance();
        });
        if lived.await.is_err() {
            tracing::error!("the simulated fleet stopped living: a defect");
            return;
        }
    }
}

fn serve(stream: TcpStream, peer: SocketAddr, state: Arc<CloudState>, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection to the simulated cloud may be slow");
    }
    let open = OpenConnection::new(Arc::clone(&state));
    let service = service_fn(move |request| answer(Arc::clone(&state), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE * 6)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    task::spawn(async move {
        let _open = open;
        // Clients that go away and faults that break connections are nothing to report.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the simulated cloud ended early");
        }
    });
}

/// Answers one request, whatever it is for. An error closes the connection.
async fn answer(
    state: Arc<CloudState>,
    peer: SocketAddr,
    request: Request<IncomingBody>,
) -> Result<Response<Answer>, ConnectionBreak> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/_truth") => Ok(truth(state).await),
        (&Method::GET, "/_stats") => Ok(json(200, &*lock(&state.statistics))),
        (&Method::POST, "/_control") if peer.ip().to_canonical().is_loopback() => {
            Ok(control(state, request).await)
        }
        (_, "/_control") if !peer.ip().to_canonical().is_loopback() => {
            Ok(problem(403, "only loopback addresses may change the simulated cloud"))
        }
        (_, "/_truth" | "/_stats" | "/_control") => {
            Ok(problem(405, "GET /_truth, GET /_stats, POST /_control"))
        }
        (_, path) if is_beside(path) => beside(&state, &request).await,
        _ => call(state, request).await,
    }
}

/// A request of a service beside the API.
async fn beside(
    state: &CloudState,
    request: &Request<IncomingBody>,
) -> Result<Response<Answer>, ConnectionBreak> {
    let (uri, now) = (request.uri(), Timestamp::now());
    let query = uri.query().unwrap_or_default();
    let Plain { operation, latency, answer } =
        state.reply_beside(request.method(), uri.path(), query, request.headers(), now);
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let name = answer.as_ref().map_or_else(
        || "drop".to_owned(),
        |(status, _)| match status {
            200 => "OK".to_owned(),
            status => status.to_string(),
        },
    );
    let bytes = answer.as_ref().map_or(0, |(_, body)| body.len() as u64);
    lock(&state.statistics).answered(operation, &name, bytes);
    let (status, body) = answer.ok_or(ConnectionBreak)?;
    let kind = if body.starts_with('{') { JSON } else { "text/plain;charset=utf-8" };
    Ok(Answer::whole(body).response(status, kind))
}

/// A request of the API.
async fn call(
    state: Arc<CloudState>,
    request: Request<IncomingBody>,
) -> Result<Response<Answer>, ConnectionBreak> {
    let _running = RequestInFlight::new(&state);
    let (head, body) = request.into_parts();
    let body = match collect(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let incoming = IncomingRequest {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    let Reply { operation, latency, outcome } = state.reply(&incoming, Timestamp::now());
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let name = outcome.name().to_owned();
    let response = respond(outcome);
    let bytes = response.as_ref().map_or(0, |response| response.body().len());
    lock(&state.statistics).answered(operation, &name, bytes);
    response.ok_or(ConnectionBreak)
}

fn respond(outcome: Outcome) -> Option<Response<Answer>> {
    Some(match outcome {
        // No status: the connection is closed instead.
        Outcome::Error { error, .. } if error.status == 0 => return None,
        Outcome::Page(body) => Answer::whole(body).response(200, JSON),
        Outcome::Error { error, xml, body } => {
            let mut response = Answer::whole(body).response(error.status, if xml { XML } else { JSON });
            if let Some(wait) = error.retry_after {
                let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                response.headers_mut().insert("x-acs-retry-after", HeaderValue::from(milliseconds));
            }
            response
        }
        Outcome::Truncated(body) => Answer::half(body).response(200, JSON),
        Outcome::Html => Answer::whole(BAD_GATEWAY).response(502, HTML),
        Outcome::Huge(bytes) => Answer::huge(bytes).response(200, JSON),
        Outcome::Dropped => return None,
    })
}

async fn truth(state: Arc<CloudState>) -> Response<Answer> {
    let counted = task::spawn_blocking(move || {
        let real = Timestamp::now();
        let clock = *lock(&state.clock);
        let fleet = state.fleet.read().unwrap_or_else(PoisonError::into_inner);
        json(200, &FleetTruth::of(&fleet.at(clock.at(real)), &clock))
    });
    counted.await.unwrap_or_else(|_| problem(500, "the fleet cannot be counted: a defect"))
}

async fn control(state: Arc<CloudState>, request: Request<IncomingBody>) -> Response<Answer> {
    let body = match collect(request.into_body()).await {
        Ok(body) => body,
        Err(refusal) => return refusal.unwrap_or_else(|_| problem(400, "the body did not arrive")),
    };
    let control: ControlRequest = match serde_json::from_slice(&body) {
        Ok(control) => control,
        Err(error) => return problem(400, &error.to_string()),
    };
    let done = task::spawn_blocking(move || control.apply(&state, Timestamp::now())).await;
    match done {
        Ok(Ok(done)) => json(200, &done),
        Ok(Err(reason)) => problem(400, &reason),
        Err(_) => problem(500, "the change failed half way: a defect"),
    }
}

/// The body, or what to answer instead.
async fn collect(body: IncomingBody) -> Result<Bytes, Result<Response<Answer>, ConnectionBreak>> {
    match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Ok(problem(413, "the body is over 1 MiB"))),
        Err(_) => Err(Err(ConnectionBreak)),
    }
}

fn json(status: u16, value: &impl Serialize) -> Response<Answer> {
    match serde_json::to_vec(value) {
        Ok(body) => Answer::whole(body).response(status, JSON),
        Err(error) => problem(500, &error.to_string()),
    }
}

fn problem(status: u16, reason: &str) -> Response<Answer> {
    let body = serde_json::json!({ "error": reason }).to_string();
    Answer::whole(body).response(status, JSON)
}

/// A connection, as long as it is open.
struct OpenConnection(Arc<CloudState>);

impl OpenConnection {
    fn new(state: Arc<CloudState>) -> Self {
        lock(&state.statistics).connected();
        Self(state)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        lock(&self.0.statistics).disconnected();
    }
}

/// A request, as long as it is being answered.
struct RequestInFlight(Arc<CloudState>);

impl RequestInFlight {
    fn new(state: &Arc<CloudState>) -> Self {
        lock(&state.statistics).began();
        Self(Arc::clone(state))
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        lock(&self.0.statistics).ended();
    }
}
