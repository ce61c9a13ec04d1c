//! A response body that reports when hyper has taken all of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use hyper::body::{Body, Frame, SizeHint};

use super::h2_idle::SendingGuard;
use super::progress::{ConnectionProgress, Phase};
use super::response::{Chunks, ResponseBody};

/// The most bytes that the body of an HTTP/2 stream returns at once. hyper takes a chunk of any
/// size before the client has read its first byte: with a larger chunk, a client that reads nothing
/// could not be distinguished from one that reads everything.
const MAX_STREAM_CHUNK: usize = 16 * 1024;

/// A response body that reports that hyper has taken all of it. It reports that when it is dropped,
/// because hyper drops a body after its last chunk.
pub(super) struct TrackedBody {
    body: ResponseBody,
    /// The part of the body that hyper has not taken; always empty for HTTP/1.
    rest: Chunks,
    tracker: Tracker,
}

/// The state that changes when the body is dropped.
enum Tracker {
    Connection(Arc<ConnectionProgress>),
    Stream(#[expect(dead_code, reason = "its only use is to be dropped")] SendingGuard),
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if let Tracker::Connection(progress) = self {
            progress.set_phase(Phase::Sending);
        }
    }
}

impl TrackedBody {
    /// The body of an HTTP/1 response.
    pub(super) fn of_connection(body: ResponseBody, progress: Arc<ConnectionProgress>) -> Self {
        Self { body, rest: Chunks::default(), tracker: Tracker::Connection(progress) }
    }

    /// The body of an HTTP/2 response.
    pub(super) fn of_stream(body: ResponseBody, guard: SendingGuard) -> Self {
        Self { body, rest: Chunks::default(), tracker: Tracker::Stream(guard) }
    }
}

impl Body for TrackedBody {
    type Data = Chunks;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunks>, Infallible>>> {
        let this = &mut *self;
        if matches!(this.tracker, Tracker::Connection(_)) {
            return Pin::new(&mut this.body).poll_frame(cx);
        }
        if !this.rest.has_remaining() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => this.rest = frame.into_data().unwrap_or_default(),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_first(MAX_STREAM_CHUNK)))))
    }

    fn is_end_stream(&self) -> bool {
        !self.rest.has_remaining() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.remaining() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt as _;

    use super::super::h2_idle::H2Streams;
    use super::*;

    fn large_body() -> ResponseBody {
        ResponseBody::from([Bytes::from(vec![b'x'; MAX_STREAM_CHUNK + 1])])
    }

    #[tokio::test]
    async fn a_stream_returns_a_large_chunk_in_parts() {
        let guard = Arc::new(H2Streams::default()).begin().into_sending();
        let mut body = TrackedBody::of_stream(large_body(), guard);
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            sizes.push(frame.unwrap().into_data().unwrap().remaining());
        }
        assert_eq!(sizes, [MAX_STREAM_CHUNK, 1]);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn dropping_the_body_of_a_connection_begins_the_sending_phase() {
        let progress = Arc::new(ConnectionProgress::default());
        let mut body = TrackedBody::of_connection(large_body(), Arc::clone(&progress));
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap().remaining(), MAX_STREAM_CHUNK + 1);
        assert_eq!(progress.phase(), Phase::Connected);
        drop(body);
        assert_eq!(progress.phase(), Phase::Sending);
    }
}
