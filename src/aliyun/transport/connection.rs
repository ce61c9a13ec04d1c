//! One HTTP/1.1 connection, and the pool of those that are idle.
//!
//! The task that sends a request also drives the connection, so that no other task has to be woken.
//! An idle connection is not driven. Whether the peer has closed it is tested before its next use.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Fuse, FutureExt as _};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use thiserror::Error;

use super::connector::Stream;

/// Idle connections that were not used for this long are closed: services and load balancers close
/// them as well, some without a notice.
const MAX_IDLE: Duration = Duration::from_secs(90);
/// Maximum size of the buffer into which a connection reads: a page of 100 instances fits. hyper's
/// default is 400 KiB, for each of the connections.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Initial capacity of a body of unknown length: 64 KiB, which most pages of a listing fit.
const DEFAULT_BODY_CAPACITY: usize = 64 * 1024;
/// Maximum initial capacity of a body: 1 MiB, because a peer can announce any length.
const MAX_BODY_CAPACITY: usize = 1024 * 1024;

/// A connection on which one request at a time is sent.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Fuse<Driver>,
}

/// Reads and writes the messages of a connection while it is polled.
type Driver = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// Connections that can be used again.
pub(super) struct Pool {
    idle: Mutex<Vec<IdleConnection>>,
    capacity: usize,
}

struct IdleConnection {
    connection: Connection,
    since: Instant,
}

/// A request did not get a whole response.
#[derive(Debug, Error)]
pub(super) enum ExchangeError {
    /// The connection ended before the request was sent; the request may be sent again.
    #[error("the connection was closed before the request was sent")]
    NotSent(Box<Request<Full<Bytes>>>),
    /// The connection broke, or the peer does not speak HTTP.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// The body is larger than the limit.
    #[error("the body is too large")]
    TooLarge,
}

impl Connection {
    /// A connection over this stream.
    pub(super) async fn new(stream: Box<dyn Stream>) -> Result<Self, ExchangeError> {
        let (sender, driver) =
            http1::Builder::new().max_buf_size(READ_BUFFER_BYTES).handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: driver.fuse() })
    }

    /// Sends a request, and returns the response's head and its body of at most `max_bytes`.
    ///
    /// # Errors
    /// The connection broke, or the body is too large. The connection cannot be used again.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        max_bytes: u64,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let Self { sender, driver } = self;
        let mut response = pin!(sender.try_send_request(request));
        let response = poll_fn(|cx| {
            // An error of the connection is also the response's.
            let _ = driver.poll_unpin(cx);
            response.as_mut().poll(cx)
        });
        let response = response.await.map_err(|mut error| match error.take_message() {
            Some(request) => ExchangeError::NotSent(Box::new(request)),
            None => ExchangeError::Broken(error.into_error()),
        })?;
        let (head, body) = response.into_parts();
        let announced =
            head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let body = self.read(body, announced, max_bytes).await?;
        Ok(Response::from_parts(head, body))
    }

    async fn read(
        &mut self,
        mut body: Incoming,
        announced: Option<usize>,
        max_bytes: u64,
    ) -> Result<Bytes, ExchangeError> {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_body(&mut body, cx)).await {
            // Trailers are ignored.
            let Ok(chunk) = frame?.into_data() else { continue };
            if (first.len() + all.len() + chunk.len()) as u64 > max_bytes {
                return Err(ExchangeError::TooLarge);
            }
            if first.is_empty() && all.is_empty() {
                // A body of one chunk is not copied.
                first = chunk;
                continue;
            }
            if all.is_empty() {
                let capacity =
                    announced.map_or(DEFAULT_BODY_CAPACITY, |length| length.min(MAX_BODY_CAPACITY));
                all.reserve(capacity.max(first.len() + chunk.len()));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    fn poll_body(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<hyper::body::Frame<Bytes>>>> {
        let frame = Pin::new(&mut *body).poll_frame(cx);
        if frame.is_ready() {
            return frame;
        }
        let _ = self.driver.poll_unpin(cx);
        Pin::new(body).poll_frame(cx)
    }

    /// Whether another request can be sent, as far as the peer's messages show that were received.
    fn is_usable(&mut self) -> bool {
        let ended = self.driver.poll_unpin(&mut Context::from_waker(Waker::noop())).is_ready();
        !ended && self.sender.is_ready()
    }
}

impl Pool {
    /// An empty pool that keeps at most `capacity` connections.
    pub(super) fn new(capacity: usize) -> Self {
        Self { idle: Mutex::default(), capacity }
    }

    /// A connection that can be used, if there is one: the one that was used last.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|idle| idle.since.elapsed() < MAX_IDLE);
        while let Some(IdleConnection { mut connection, .. }) = idle.pop() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for another request, unless it was closed or the pool is full.
    pub(super) fn put(&self, mut connection: Connection) {
        if !connection.is_usable() {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.len() < self.capacity {
            idle.push(IdleConnection { connection, since: Instant::now() });
        }
    }
}
