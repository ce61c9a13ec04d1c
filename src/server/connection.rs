//! One connection: its protocol, its requests, and its end.
//!
//! What is not here: the time limits (`timeout_io`, `h2_idle`), TLS (`handshake`), and the limit on
//! the number of connections (`accept`).

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::h2_idle::{H2Streams, HandlingGuard};
use super::handler::Handler;
use super::options::ConnectionLimits;
use super::progress::{ConnectionProgress, Phase};
use super::stream::Peer;
use super::timeout_io::TimeoutStream;
use super::tracked_body::TrackedBody;
use crate::web_config::AccessControl;

/// The smallest buffer that hyper accepts.
const MIN_BUFFER_BYTES: usize = 8192;

/// The state that all connections of a server share.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    /// Decides which requests reach the handler.
    pub(super) access: Arc<AccessControl>,
    /// Responds to requests.
    pub(super) handler: Arc<dyn Handler>,
    /// Limits of each connection.
    pub(super) limits: ConnectionLimits,
    /// Each open connection holds one permit. While none is available, other clients wait, and no
    /// connection is kept open for another request.
    pub(super) permits: Arc<Semaphore>,
    /// Cancelled when the server shuts down.
    pub(super) shutdown: CancellationToken,
}

impl ConnectionContext {
    /// Whether a connection must be closed after the current response.
    fn must_close(&self) -> bool {
        self.permits.available_permits() == 0 || self.shutdown.is_cancelled()
    }
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("cannot read the first bytes")]
    Detect(#[source] io::Error),
    #[error("{0}")]
    LimitExceeded(&'static str),
    #[error(transparent)]
    Http(hyper::Error),
}

/// Serves a connection until either side closes it or the server shuts down. On shutdown running
/// requests finish, and an idle connection is closed. The client may speak HTTP/1.1, and HTTP/2
/// unless `http1_only`.
pub(super) async fn serve<S>(stream: S, peer: Peer, context: &ConnectionContext, http1_only: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = ConnectionService {
        peer,
        context: context.clone(),
        progress: Arc::default(),
        streams: Arc::default(),
    };
    let mut stream = TimeoutStream::new(stream, Arc::clone(&service.progress), &context.limits);
    let detected = context.shutdown.run_until_cancelled(stream.begins_with_http2_preface()).await;
    let result = match detected {
        None => return,
        Some(Err(error)) => Err(ConnectionError::Detect(error)),
        Some(Ok(true)) if !http1_only => service.serve_http2(stream).await,
        Some(Ok(_)) => service.serve_http1(stream).await,
    };
    if let Err(error) = result {
        tracing::debug!(%peer, error = &error as &dyn StdError, "connection failed");
    }
}

/// Handles the requests of one connection.
#[derive(Clone)]
struct ConnectionService {
    peer: Peer,
    context: ConnectionContext,
    progress: Arc<ConnectionProgress>,
    streams: Arc<H2Streams>,
}

// hyper's own time limits are off: `TimeoutStream` and `H2Streams` enforce the limits.
impl ConnectionService {
    async fn serve_http1<S>(&self, stream: TimeoutStream<S>) -> Result<(), ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.context.limits;
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
        let connection = builder.serve_connection(TokioIo::new(stream), self.clone());
        let close = http1::Connection::graceful_shutdown;
        drive(connection, close, std::future::pending(), self.close_requested()).await
    }

    async fn serve_http2<S>(&self, stream: TimeoutStream<S>) -> Result<(), ConnectionError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.context.limits;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.max_streams);
        let connection = builder.serve_connection(TokioIo::new(stream), self.clone());
        let close = http2::Connection::graceful_shutdown;
        let limit_exceeded = self.streams.limit_exceeded(&self.progress, limits);
        drive(connection, close, limit_exceeded, self.close_requested()).await
    }

    /// Returns once the connection must be closed gracefully.
    async fn close_requested(&self) {
        tokio::select! {
            () = self.context.shutdown.cancelled() => {}
            () = self.streams.close_requested() => {}
        }
    }

    async fn respond(self, request: Request<Incoming>) -> Response<TrackedBody> {
        let stream = (request.version() == Version::HTTP_2).then(|| self.streams.begin());
        self.progress.set_phase(if stream.is_some() { Phase::Multiplexed } else { Phase::Handling });
        let (request, _) = request.into_parts();
        let started = Instant::now();
        let mut response = self.context.access.handle(&request, &*self.context.handler).await;
        if self.context.must_close() {
            match &stream {
                Some(stream) => stream.request_close(),
                None => {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
            }
        }
        // Neither the query nor any header is logged: they may contain secrets.
        tracing::debug!(
            peer = %self.peer,
            method = %request.method,
            path = request.uri.path(),
            status = response.status().as_u16(),
            bytes = response.body().size_hint().lower(),
            took = ?started.elapsed(),
            "request"
        );
        response.map(|body| match stream.map(HandlingGuard::into_sending) {
            Some(guard) => TrackedBody::of_stream(body, guard),
            None => TrackedBody::of_connection(body, self.progress),
        })
    }
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

/// Runs a connection to its end. Once `close_requested` returns, `close` is called: running
/// requests finish, and no further request is accepted. Once `limit_exceeded` returns, the
/// connection is dropped.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    close: impl FnOnce(Pin<&mut C>),
    limit_exceeded: impl Future<Output = &'static str>,
    close_requested: impl Future<Output = ()>,
) -> Result<(), ConnectionError> {
    let mut connection = pin!(connection);
    let mut limit_exceeded = pin!(limit_exceeded);
    let mut close_requested = pin!(close_requested);
    let mut close = Some(close);
    loop {
        tokio::select! {
            result = connection.as_mut() => return result.map_err(ConnectionError::Http),
            reason = limit_exceeded.as_mut() => return Err(ConnectionError::LimitExceeded(reason)),
            () = close_requested.as_mut(), if close.is_some() => {
                if let Some(close) = close.take() {
                    close(connection.as_mut());
                }
            }
        }
    }
}
