//! The time limits of one connection, enforced in the stream from which hyper reads and to which it
//! writes.
//!
//! hyper's own header timeout also runs while a connection is idle, which would disconnect
//! Prometheus between two scrapes, and hyper has no limit for clients that read slowly. An HTTP/1
//! connection goes through the phases of `progress`, and [`TimeoutStream`] limits each of them. An
//! HTTP/2 connection has many requests at the same time: only its writes are limited here.
//!
//! What is not here: the limits of HTTP/2 requests and of idle HTTP/2 connections (`h2_idle`).

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::options::ConnectionLimits;
use super::progress::{ConnectionProgress, Phase};

/// How long input is read and dropped after the last byte of output. Without that, the connection
/// of a client that is still sending would be reset before the client has read the response that
/// rejects its request.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// How many bytes of such input are read at most, so that a client cannot keep the server busy.
const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// The first bytes that every HTTP/2 client sends (RFC 9113, section 3.4). An HTTP/1 request cannot
/// begin with them.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose operations fail with [`io::ErrorKind::TimedOut`] once the client exceeds a time
/// limit.
pub(super) struct TimeoutStream<S> {
    stream: S,
    progress: Arc<ConnectionProgress>,
    limits: ConnectionLimits,
    /// When the headers must be complete, or the next request must have begun.
    read_deadline: Pin<Box<Sleep>>,
    /// `Some` from a write that must wait for the client until everything is flushed.
    write_window: Option<WriteWindow>,
    /// `Some` once the server's side of the stream is shut down.
    linger: Option<Linger>,
    /// Input that was read to detect the protocol; returned by the next read.
    detected: Bytes,
}

/// A period in which the client must read a number of bytes.
struct WriteWindow {
    end: Pin<Box<Sleep>>,
    bytes_written: usize,
}

/// The time after the last byte of output in which input is dropped.
struct Linger {
    end: Pin<Box<Sleep>>,
    bytes_dropped: usize,
}

impl<S> TimeoutStream<S> {
    /// Starts the time limit for the headers of the first request.
    pub(super) fn new(stream: S, progress: Arc<ConnectionProgress>, limits: &ConnectionLimits) -> Self {
        Self {
            stream,
            progress,
            limits: *limits,
            read_deadline: Box::pin(sleep(limits.header_timeout)),
            write_window: None,
            linger: None,
            detected: Bytes::new(),
        }
    }

    /// Changes the phase after input was read.
    fn after_read(&mut self) {
        match self.progress.phase() {
            // The time limit for the headers of the first request began with the connection.
            Phase::Connected => self.progress.set_phase(Phase::ReadingHead),
            Phase::Idle => {
                self.progress.set_phase(Phase::ReadingHead);
                self.limit_reading(self.limits.header_timeout);
            }
            Phase::ReadingHead | Phase::Handling | Phase::Sending | Phase::Multiplexed => {}
        }
    }

    /// Starts the idle timeout after a response was written completely.
    fn after_response(&mut self, cx: &mut Context<'_>) {
        self.progress.set_phase(Phase::Idle);
        self.limit_reading(self.limits.idle_timeout);
        // hyper may already be waiting for input, and does not read again before the task is woken.
        // Polling the deadline here registers the task to be woken at that time; the read then
        // fails.
        let _ = self.read_deadline.as_mut().poll(cx);
    }

    /// The result of a read while there is no input: pending until the time limit of the current
    /// phase is exceeded, then an error.
    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.progress.phase() {
            Phase::Connected | Phase::ReadingHead | Phase::Idle => {
                ready!(self.read_deadline.as_mut().poll(cx));
                Poll::Ready(Err(timed_out("the client sent no complete request in time")))
            }
            Phase::Handling | Phase::Sending | Phase::Multiplexed => Poll::Pending,
        }
    }

    fn limit_reading(&mut self, limit: Duration) {
        self.read_deadline.as_mut().reset(Instant::now() + limit);
    }

    /// Counts the bytes that were written. A pending write fails once the client has read too
    /// little in a period.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(count)) => {
                self.progress.add_written(count);
                if let Some(window) = &mut self.write_window {
                    window.bytes_written += count;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let ConnectionLimits { write_timeout, min_write_bytes, .. } = self.limits;
                let window = self.write_window.get_or_insert_with(|| WriteWindow::new(write_timeout));
                ready!(window.poll_too_slow(cx, write_timeout, min_write_bytes));
                Poll::Ready(Err(timed_out("the client reads too slowly")))
            }
        }
    }
}

impl WriteWindow {
    fn new(length: Duration) -> Self {
        Self { end: Box::pin(sleep(length)), bytes_written: 0 }
    }

    /// Ready once a window ends in which fewer than `min_bytes` were written.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>, length: Duration, min_bytes: usize) -> Poll<()> {
        loop {
            ready!(self.end.as_mut().poll(cx));
            if self.bytes_written < min_bytes {
                return Poll::Ready(());
            }
            self.bytes_written = 0;
            self.end.as_mut().reset(Instant::now() + length);
        }
    }
}

impl<S: AsyncRead + Unpin> TimeoutStream<S> {
    /// Whether the client's first bytes are those of HTTP/2. The bytes that this function reads are
    /// returned again by the next reads. Reading them counts towards the header timeout.
    ///
    /// # Errors
    /// Reading fails, or the client exceeds the header timeout.
    pub(super) async fn begins_with_http2_preface(&mut self) -> io::Result<bool> {
        let mut received = Vec::with_capacity(HTTP2_PREFACE.len());
        while received.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&received) {
            let mut buffer = [0; HTTP2_PREFACE.len()];
            let count = self.read(&mut buffer[received.len()..]).await?;
            if count == 0 {
                break;
            }
            let start = received.len();
            received.extend_from_slice(&buffer[start..start + count]);
        }
        let is_http2 = received == HTTP2_PREFACE;
        self.detected = received.into();
        Ok(is_http2)
    }
}

fn timed_out(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        // If a client sends its headers byte by byte, reads may never be pending: the deadline must
        // be checked before reading, too.
        if this.progress.phase() == Phase::ReadingHead && this.read_deadline.is_elapsed() {
            return Poll::Ready(Err(timed_out("the client sent no complete request in time")));
        }
        if !this.detected.is_empty() {
            let count = this.detected.len().min(buffer.remaining());
            buffer.put_slice(&this.detected.split_to(count));
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => this.poll_read_deadline(cx),
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    this.after_read();
                }
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.after_write(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.after_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once it has written everything, so that a flush in the phase `Sending` is the
    /// end of a response.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        this.write_window = None;
        if this.progress.phase() == Phase::Sending {
            this.after_response(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Shuts down the server's side, then drops input until the client closes its side, but not
    /// longer than [`LINGER_TIMEOUT`] and not more than [`MAX_LINGER_BYTES`].
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let linger = this
            .linger
            .get_or_insert_with(|| Linger { end: Box::pin(sleep(LINGER_TIMEOUT)), bytes_dropped: 0 });
        let mut scratch = [0; 4096];
        while linger.bytes_dropped < MAX_LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    linger.bytes_dropped += buffer.filled().len();
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(linger.end.as_mut().poll(cx));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
