//! One connection: how long it may take its time, and what happens to it at the end.
//!
//! hyper's own header timeout runs while a connection is idle too, and would cut Prometheus between two
//! scrapes; it knows no limit for slow readers at all. Both are therefore kept here, below hyper, where
//! every byte passes ([`Guarded`]). What is not here: the number of connections (`server`).

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready as await_ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::respond::Chunks;
use super::routes::Routes;
use super::server::Limits;

/// How long, and how much, is read and thrown away after our last byte: a client that is still sending
/// would otherwise be reset before it has read why it was refused.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;
/// hyper's buffer can't be smaller.
const SMALLEST_BUFFER: usize = 8192;

/// Serves one connection until either side ends it, or until `shutdown`: then a running request is
/// answered, and an idle connection closed.
///
/// `crowded` says whether other clients wait for a place: then the connection isn't kept for another request.
pub(super) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    routes: &Routes,
    limits: &Limits,
    crowded: impl Fn() -> bool,
    shutdown: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let phase = Arc::new(Phase::default());
    let crowded = &crowded;
    let service = service_fn(|request: Request<Incoming>| {
        phase.set(BUSY);
        let phase = Arc::clone(&phase);
        async move {
            let (request, _) = request.into_parts();
            let started = Instant::now();
            let mut response = routes.answer(&request).await;
            if crowded() || shutdown.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
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
            Ok::<_, Infallible>(response.map(|body| Tracked { body, phase }))
        }
    });

    let io = TokioIo::new(Guarded::new(stream, Arc::clone(&phase), limits));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER));
    let mut connection = pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            if phase.get() == FRESH {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection failed");
    }
}

/// What a connection is doing, as far as its limits differ.
#[derive(Debug, Default)]
struct Phase(AtomicU8);

/// Nothing was received yet.
const FRESH: u8 = 0;
/// A part of a request was received.
const HEAD: u8 = 1;
/// A request is being answered.
const BUSY: u8 = 2;
/// hyper has the whole answer, the client perhaps not.
const SENDING: u8 = 3;
/// The answer is sent; another request may come.
const IDLE: u8 = 4;

impl Phase {
    // One task alone reads and writes it, so that no ordering is needed.
    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }
}

/// Tells when hyper has taken the whole answer.
struct Tracked {
    body: Chunks,
    phase: Arc<Phase>,
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.phase.set(SENDING);
    }
}

/// A stream that fails with `TimedOut` when the other side takes longer than it may.
struct Guarded<S> {
    stream: S,
    phase: Arc<Phase>,
    limits: Limits,
    /// When a request must have been read, or another begun.
    reading: Pin<Box<Sleep>>,
    writing: Option<Window>,
    lingering: Option<Linger>,
}

/// A stretch of time in which a slow reader must take a number of bytes.
struct Window {
    end: Pin<Box<Sleep>>,
    written: usize,
}

struct Linger {
    end: Pin<Box<Sleep>>,
    discarded: usize,
}

impl<S> Guarded<S> {
    fn new(stream: S, phase: Arc<Phase>, limits: &Limits) -> Guarded<S> {
        Guarded {
            stream,
            phase,
            limits: *limits,
            reading: Box::pin(tokio::time::sleep(limits.header_timeout)),
            writing: None,
            lingering: None,
        }
    }

    /// The other side sent something.
    fn received(&mut self) {
        match self.phase.get() {
            // The first request's time runs since the connection was made.
            FRESH => self.phase.set(HEAD),
            IDLE => {
                self.phase.set(HEAD);
                self.limit_reading(self.limits.header_timeout);
            }
            _ => {}
        }
    }

    /// The client has the whole answer, as far as we can know.
    fn sent(&mut self, cx: &mut Context<'_>) {
        self.phase.set(IDLE);
        self.limit_reading(self.limits.idle_timeout);
        // hyper may have tried to read before, and need not try again until there is something: this
        // has the connection polled when time is up, and the limit is found exceeded then.
        let _ = self.reading.as_mut().poll(cx);
    }

    /// Nothing can be read now. Fails once that has been so for too long.
    fn await_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !matches!(self.phase.get(), FRESH | HEAD | IDLE) {
            return Poll::Pending;
        }
        await_ready!(self.reading.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("no request in time")))
    }

    fn limit_reading(&mut self, limit: Duration) {
        self.reading.as_mut().reset(tokio::time::Instant::now() + limit);
    }

    /// What writing came to. Fails once the other side has taken too little for too long.
    fn written(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(count)) => {
                if let Some(window) = &mut self.writing {
                    window.written += count;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let length = self.limits.write_timeout;
                let window = self
                    .writing
                    .get_or_insert_with(|| Window { end: Box::pin(tokio::time::sleep(length)), written: 0 });
                while window.end.as_mut().poll(cx).is_ready() {
                    if window.written < self.limits.write_floor {
                        return Poll::Ready(Err(timed_out("the client reads too slowly")));
                    }
                    window.written = 0;
                    window.end.as_mut().reset(tokio::time::Instant::now() + length);
                }
                Poll::Pending
            }
        }
    }
}

fn timed_out(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        // A client that sends its head in drops is never pending long, so its time is looked at first.
        if this.phase.get() == HEAD && this.reading.is_elapsed() {
            return Poll::Ready(Err(timed_out("no whole request in time")));
        }
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => this.await_request(cx),
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    this.received();
                }
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        await_ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.writing = None;
        if this.phase.get() == SENDING {
            this.sent(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Ends our side, then waits a moment for the other to end theirs.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            await_ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let linger = this
            .lingering
            .get_or_insert_with(|| Linger { end: Box::pin(tokio::time::sleep(LINGER)), discarded: 0 });
        let mut waste = [0; 4096];
        while linger.discarded < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut waste);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    linger.discarded += buffer.filled().len();
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    await_ready!(linger.end.as_mut().poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
