//! One connection: its protocol, its limits, and what happens to it at the end.
//!
//! What is not here: the limits in time that bytes have (`guarded`), and the number of connections (`server`).

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::h2_idle::{Sending, Streams};
use super::handler::Handler;
use super::limits::ConnectionLimits;
use super::listener::Peer;
use super::response::ResponseBody;
use super::timeout_io::{BUSY, Guarded, MULTIPLEXED, Phase, SENDING};
use crate::web_config::AccessControl;

/// hyper's buffer can't be smaller.
const SMALLEST_BUFFER: usize = 8192;

/// What all connections share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) access: Arc<AccessControl>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) limits: ConnectionLimits,
    /// Without a permit left, other clients wait: then no connection is kept for another request.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
}

impl Shared {
    fn is_closing(&self) -> bool {
        self.places.available_permits() == 0 || self.shutdown.is_cancelled()
    }
}

/// Serves one connection until either side ends it, or until the shutdown: then running requests are
/// answered, and an idle connection closed. A client may speak HTTP/1.1, or HTTP/2 unless `http1_only`.
pub(crate) async fn serve<S>(stream: S, peer: Peer, shared: &Shared, http1_only: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &shared.limits;
    let phase = Arc::new(Phase::default());
    let streams = Arc::new(Streams::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (shared, phase, streams) = (shared.clone(), Arc::clone(&phase), Arc::clone(&streams));
        async move { Ok::<_, Infallible>(answer(request, peer, &shared, phase, streams).await) }
    });

    let mut stream = Guarded::new(stream, Arc::clone(&phase), limits);
    let http2 = match shared.shutdown.run_until_cancelled(stream.begins_with_preface()).await {
        Some(Ok(begins)) => begins && !http1_only,
        Some(Err(error)) => return tracing::debug!(%peer, %error, "connection failed"),
        None => return,
    };
    // hyper's own timers are off: `guarded` and `streams` have the limits.
    let ended = if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.max_streams);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let close = http2::Connection::graceful_shutdown;
        drive(connection, close, streams.overdue(&phase, limits), closing(shared, &streams)).await
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_header_size(limits.max_header_bytes)
            .max_buf_size(limits.max_header_bytes.max(SMALLEST_BUFFER));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let close = http1::Connection::graceful_shutdown;
        drive(connection, close, std::future::pending(), closing(shared, &streams)).await
    };
    match ended {
        Ok(()) => {}
        Err(Ended::Cut(reason)) => tracing::debug!(%peer, reason, "connection cut"),
        Err(Ended::Failed(error)) => {
            tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection failed");
        }
    }
}

/// Why a connection did not end in order.
enum Ended {
    Cut(&'static str),
    Failed(hyper::Error),
}

/// Runs a connection to its end. Once `closing` ends, `close` is called: running requests are answered and
/// no other.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    close: impl FnOnce(Pin<&mut C>),
    overdue: impl Future<Output = &'static str>,
    closing: impl Future<Output = ()>,
) -> Result<(), Ended> {
    let (mut connection, mut overdue, mut closing) = (pin!(connection), pin!(overdue), pin!(closing));
    let mut close = Some(close);
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(Ended::Failed),
            reason = overdue.as_mut() => return Err(Ended::Cut(reason)),
            () = closing.as_mut(), if close.is_some() => {
                if let Some(close) = close.take() {
                    close(connection.as_mut());
                }
            }
        }
    }
}

/// Ends when the connection is to be closed.
async fn closing(shared: &Shared, streams: &Streams) {
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        () = streams.left() => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    shared: &Shared,
    phase: Arc<Phase>,
    streams: Arc<Streams>,
) -> hyper::Response<Tracked> {
    let multiplexed = request.version() == Version::HTTP_2;
    let answering = multiplexed.then(|| {
        phase.set(MULTIPLEXED);
        streams.answering()
    });
    if !multiplexed {
        phase.set(BUSY);
    }
    let (request, _) = request.into_parts();
    let started = Instant::now();
    let mut response = shared.access.handle(&request, &*shared.handler).await;
    if shared.is_closing() {
        match &answering {
            Some(answering) => answering.leave(),
            None => drop(response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"))),
        }
    }
    // Neither the query nor any header: either may hold what is nobody else's business.
    tracing::debug!(
        %peer,
        method = %request.method,
        path = request.uri.path(),
        status = response.status().as_u16(),
        bytes = response.body().size_hint().lower(),
        took = ?started.elapsed(),
        "request"
    );
    let taken = match answering {
        Some(answering) => Taken::OfStream(answering.sending()),
        None => Taken::OfConnection(phase),
    };
    response.map(|body| Tracked { body, rest: Bytes::new(), taken })
}

/// An answer's body. Knows when hyper has taken the whole of it: when it is dropped.
struct Tracked {
    body: ResponseBody,
    /// What is left of the chunk before.
    rest: Bytes,
    taken: Taken,
}

/// Who is told; by `Drop`.
enum Taken {
    OfConnection(Arc<Phase>),
    OfStream(#[expect(dead_code, reason = "dropping it is its use")] Sending),
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Taken::OfConnection(phase) = self {
            phase.set(SENDING);
        }
    }
}

/// What a stream of HTTP/2 hands over at once: hyper would take a chunk of any size before the client
/// has asked for the first byte of it, and nobody could tell a client that takes nothing.
const SLICE: usize = 16 * 1024;

impl Body for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if matches!(this.taken, Taken::OfConnection(_)) {
            return Pin::new(&mut this.body).poll_frame(cx);
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => this.rest = frame.into_data().unwrap_or_default(),
                None => return Poll::Ready(None),
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.size_hint().lower() + self.rest.len() as u64)
    }
}
