//! What answers are made of: bodies in shared chunks, and the headers that every answer has.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

/// The type of everything that is only text.
pub(crate) const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A body whose chunks are shared with whoever else sends them: nothing is copied. Its length is known,
/// so that the answer has a `Content-Length`.
#[derive(Debug, Default)]
pub struct ResponseBody {
    /// In reverse, so that the next one is popped.
    pending: Vec<Bytes>,
    remaining: u64,
}

impl<const N: usize> From<[Bytes; N]> for ResponseBody {
    fn from(chunks: [Bytes; N]) -> ResponseBody {
        let pending: Vec<Bytes> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).rev().collect();
        let remaining = pending.iter().map(|chunk| chunk.len() as u64).sum();
        ResponseBody { pending, remaining }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.pending.pop();
        self.remaining -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.pending.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// An answer with the headers that all have: nobody may guess another type than the one given, and
/// nothing is kept, for all of it is true only now.
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

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response<ResponseBody> {
    new(status, PLAIN_TEXT, [Bytes::from(text.into())])
}

/// Sets a header, in place of one that may be there.
pub(crate) fn set_header(response: &mut Response<ResponseBody>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}
