//! The limits in time of one connection, kept below hyper, where every byte passes.
//!
//! hyper's own header timeout runs while a connection is idle too, and would cut Prometheus between two
//! scrapes; it knows no limit for slow readers at all. HTTP/1 goes from phase to phase, and each has its
//! limit here. HTTP/2 has many requests at once: only what is written is watched here, the rest is
//! `connection`'s.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready as await_ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::limits::ConnectionLimits;

/// How long, and how much, is read and thrown away after our last byte: a client that is still sending
/// would otherwise be reset before it has read why it was refused.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;
/// How every client of HTTP/2 begins (RFC 9113, section 3.4); no request of HTTP/1 does.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection is doing, as far as its limits differ.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    now: AtomicU8,
    written: AtomicU64,
}

/// Nothing was received yet.
pub(crate) const FRESH: u8 = 0;
/// A part of a request was received.
pub(crate) const HEAD: u8 = 1;
/// A request is being answered.
pub(crate) const BUSY: u8 = 2;
/// hyper has the whole answer, the client perhaps not.
pub(crate) const SENDING: u8 = 3;
/// The answer is sent; another request may come.
pub(crate) const IDLE: u8 = 4;
/// HTTP/2: any of these, many times over.
pub(crate) const MULTIPLEXED: u8 = 5;

impl Phase {
    // Of HTTP/1 one task alone reads and writes it, and of HTTP/2 it changes once: no ordering is needed.
    pub(crate) fn get(&self) -> u8 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, phase: u8) {
        self.now.store(phase, Ordering::Relaxed);
    }

    /// Bytes that the connection has taken from us.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// A stream that fails with `TimedOut` when the other side takes longer than it may.
pub(crate) struct Guarded<S> {
    stream: S,
    phase: Arc<Phase>,
    limits: ConnectionLimits,
    /// When a request must have been read, or another begun.
    reading: Pin<Box<Sleep>>,
    writing: Option<Window>,
    lingering: Option<Linger>,
    /// What was read to see which protocol is spoken, for whoever reads next.
    sniffed: Bytes,
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
    pub(crate) fn new(stream: S, phase: Arc<Phase>, limits: &ConnectionLimits) -> Guarded<S> {
        Guarded {
            stream,
            phase,
            limits: *limits,
            reading: Box::pin(tokio::time::sleep(limits.header_timeout)),
            writing: None,
            lingering: None,
            sniffed: Bytes::new(),
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
                self.phase.written.fetch_add(count as u64, Ordering::Relaxed);
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
                    if window.written < self.limits.min_write_bytes {
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

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Whether the client speaks HTTP/2. Nothing that it sent is lost, and its time runs meanwhile.
    pub(crate) async fn begins_with_preface(&mut self) -> io::Result<bool> {
        let mut begun = Vec::with_capacity(PREFACE.len());
        while begun.len() < PREFACE.len() && PREFACE.starts_with(&begun) {
            let mut rest = [0; PREFACE.len()];
            let count = self.read(&mut rest[begun.len()..]).await?;
            if count == 0 {
                break;
            }
            let from = begun.len();
            begun.extend_from_slice(&rest[from..from + count]);
        }
        let begins = begun == PREFACE;
        self.sniffed = begun.into();
        Ok(begins)
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
        if !this.sniffed.is_empty() {
            let count = this.sniffed.len().min(buffer.remaining());
            buffer.put_slice(&this.sniffed.split_to(count));
            return Poll::Ready(Ok(()));
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
