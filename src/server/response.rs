//! Responses: bodies of shared chunks, and the headers that every response has.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

/// The content type of plain text.
pub(crate) const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A response body of chunks, which several responses may share without copying them. Its length is
/// known, so that the response has a `Content-Length`.
#[derive(Debug, Default)]
pub struct ResponseBody {
    /// In reverse order: the next chunk is the last element.
    pending: Vec<Bytes>,
    remaining_bytes: u64,
}

impl<const N: usize> From<[Bytes; N]> for ResponseBody {
    fn from(chunks: [Bytes; N]) -> Self {
        let pending: Vec<Bytes> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).rev().collect();
        let remaining_bytes = pending.iter().map(|chunk| chunk.len() as u64).sum();
        Self { pending, remaining_bytes }
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
        self.remaining_bytes -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.pending.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining_bytes)
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

    #[test]
    fn every_response_has_a_fixed_type_and_is_not_stored() {
        let response = text(StatusCode::OK, "fine\n");
        assert_eq!(response.headers()[CONTENT_TYPE], PLAIN_TEXT);
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
