//! Responses: bodies of shared chunks, and the headers that every response has.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

/// The content type of plain text.
pub(crate) const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A response body of chunks, which several responses may share without copying them. Its length is
/// known, so that the response has a `Content-Length`, unless chunks are made while it is sent.
#[derive(Default)]
pub struct ResponseBody {
    /// Chunks that are made when they are needed.
    first: Option<Box<dyn Iterator<Item = Bytes> + Send>>,
    /// The chunks after those.
    pending: Chunks,
}

impl ResponseBody {
    /// This body after `chunks`, each of which is made when the client has taken those before it.
    pub(crate) fn after(self, chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self { first: Some(Box::new(chunks)), pending: self.pending }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// Chunks that follow each other. hyper writes all chunks of one frame with one system call.
#[derive(Debug, Default)]
pub struct Chunks(VecDeque<Bytes>);

impl<const N: usize> From<[Bytes; N]> for ResponseBody {
    fn from(chunks: [Bytes; N]) -> Self {
        let pending = Chunks(chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect());
        Self { first: None, pending }
    }
}

impl From<Bytes> for Chunks {
    fn from(chunk: Bytes) -> Self {
        Self(VecDeque::from([chunk]))
    }
}

impl Chunks {
    /// Removes and returns the first bytes: at most `max_bytes`, and of one chunk only.
    pub(super) fn split_first(&mut self, max_bytes: usize) -> Self {
        let Some(first) = self.0.front_mut() else { return Self::default() };
        let taken = first.split_to(first.len().min(max_bytes));
        if first.is_empty() {
            self.0.pop_front();
        }
        Self::from(taken)
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |chunk| chunk)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pairs = slices.iter_mut().zip(&self.0);
        pairs.map(|(slice, chunk)| *slice = IoSlice::new(chunk)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if count < first.len() {
                return first.advance(count);
            }
            count -= first.len();
            self.0.pop_front();
        }
        assert_eq!(count, 0, "cannot advance past the end");
    }
}

impl Body for ResponseBody {
    type Data = Chunks;
    type Error = Infallible;

    /// The next chunk that had to be made, or all others as one frame.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunks>, Infallible>>> {
        if let Some(chunk) = self.first.as_mut().and_then(Iterator::next) {
            return Poll::Ready(Some(Ok(Frame::data(Chunks::from(chunk)))));
        }
        self.first = None;
        let chunks = std::mem::take(&mut self.pending);
        Poll::Ready(chunks.has_remaining().then(|| Ok(Frame::data(chunks))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && !self.pending.has_remaining()
    }

    fn size_hint(&self) -> SizeHint {
        let pending = self.pending.remaining() as u64;
        match self.first {
            None => SizeHint::with_exact(pending),
            Some(_) => {
                let mut at_least = SizeHint::new();
                at_least.set_lower(pending);
                at_least
            }
        }
    }
}

/// A response with the headers that all responses have: clients must not guess another content
/// type, and must not store the response, because it is only valid at this moment.
pub(crate) fn new(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<ResponseBody>,
) -> Response<ResponseBody> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set_header(&mut response, CONTENT_TYPE, content_type);
    set_header(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set_header(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// A response in plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response<ResponseBody> {
    new(status, PLAIN_TEXT, [Bytes::from(text.into())])
}

/// Sets a header, and replaces its previous value.
pub(crate) fn set_header(response: &mut Response<ResponseBody>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn chunks_are_sent_in_order_and_the_length_is_known() {
        let chunks = ["one ", "", "two"].map(|chunk| Bytes::from_static(chunk.as_bytes()));
        let body = ResponseBody::from(chunks);
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two");
        assert!(ResponseBody::default().is_end_stream());
    }

    #[tokio::test]
    async fn chunks_are_made_when_they_are_taken() {
        let made = Arc::new(AtomicUsize::new(0));
        let first = {
            let made = Arc::clone(&made);
            ["one ", "two "].into_iter().map(move |chunk| {
                made.fetch_add(1, Ordering::Relaxed);
                Bytes::from_static(chunk.as_bytes())
            })
        };
        let mut body = ResponseBody::from([Bytes::from_static(b"three")]).after(first);
        assert_eq!((body.size_hint().lower(), body.size_hint().upper()), (5, None));
        assert_eq!(made.load(Ordering::Relaxed), 0);
        let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((chunk.chunk(), made.load(Ordering::Relaxed)), (&b"one "[..], 1));
        assert!(!body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "two three");
    }

    #[tokio::test]
    async fn all_chunks_can_be_written_by_one_system_call() {
        let chunks = ["one ", "two ", "three"].map(|chunk| Bytes::from_static(chunk.as_bytes()));
        let mut body = ResponseBody::from(chunks);
        let mut frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream());
        let mut slices = [IoSlice::new(&[]); 64];
        assert_eq!(frame.chunks_vectored(&mut slices), 3);
        let written: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        assert_eq!(written, b"one two three");

        // The client has received a part.
        frame.advance(5);
        assert_eq!((frame.remaining(), frame.chunk()), (8, &b"wo "[..]));
        assert_eq!(frame.chunks_vectored(&mut [IoSlice::new(&[])]), 1);
        frame.advance(8);
        assert!(!frame.has_remaining() && frame.chunk().is_empty());
    }

    #[test]
    fn every_response_has_a_fixed_type_and_is_not_stored() {
        let response = text(StatusCode::OK, "fine\n");
        assert_eq!(response.headers()[CONTENT_TYPE], PLAIN_TEXT);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
