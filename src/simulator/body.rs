//! HTTP bodies of responses, including bodies that break while they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::{error, fmt};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// The size of one frame of a huge body, in bytes.
const HUGE_FRAME: usize = 64 * 1024;
const HUGE_HEAD: &[u8] = b"{\"RequestId\":\"";
const HUGE_TAIL: &[u8] = b"\"}";

/// The body of a response.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// All bytes in one frame; `None` once they are sent.
    Whole(Option<Bytes>),
    /// Fewer bytes than were announced, then an error that breaks the connection.
    Broken {
        /// The first half of the bytes; `None` once they are sent.
        sent: Option<Bytes>,
        /// The value of `content-length`.
        announced: u64,
        /// Whether the body has yielded once after its bytes, so that hyper writes them out.
        yielded: bool,
    },
    /// Valid JSON of any size, generated while it is sent.
    Huge {
        /// Bytes sent so far.
        at: u64,
        /// The size of the whole body in bytes.
        size: u64,
    },
}

/// The error that makes hyper break a connection on purpose.
#[derive(Debug)]
pub(super) struct ConnectionBreak;

impl ReplyBody {
    /// A response with this body, a status and a content type.
    pub(super) fn response(self, status: u16, content_type: &'static str) -> Response<Self> {
        let mut response = Response::new(self);
        // Statuses are constants, or were checked when the fault rule was added.
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// A body of all these bytes.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// A body that breaks after the first half of these bytes.
    pub(super) fn half(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Broken {
            announced: bytes.len() as u64,
            sent: Some(bytes.slice(..bytes.len() / 2)),
            yielded: false,
        }
    }

    /// Valid JSON of `size` bytes, but at least 16.
    pub(super) fn huge(size: u64) -> Self {
        Self::Huge { at: 0, size: size.max((HUGE_HEAD.len() + HUGE_TAIL.len()) as u64) }
    }

    /// The number of bytes that are still to be sent. For a broken body it is the announced number,
    /// of which only a half is sent.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Broken { announced, .. } => *announced,
            Self::Huge { at, size } => size - at,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = ConnectionBreak;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Broken { sent, yielded, .. } => match sent.take() {
                Some(bytes) => Some(Ok(bytes)),
                // hyper writes out buffered bytes only while the body is pending.
                None if !*yielded => {
                    *yielded = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => Some(Err(ConnectionBreak)),
            },
            Self::Huge { at, size } => {
                let bytes = huge_frame(*at, *size);
                *at += bytes.len() as u64;
                (!bytes.is_empty()).then_some(Ok(bytes))
            }
        };
        Poll::Ready(frame.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}

impl fmt::Display for ConnectionBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is broken on purpose")
    }
}

impl error::Error for ConnectionBreak {}

fn huge_frame(at: u64, size: u64) -> Bytes {
    let head = HUGE_HEAD.len() as u64;
    let tail = size - HUGE_TAIL.len() as u64;
    match at {
        0 => Bytes::from_static(HUGE_HEAD),
        _ if at >= size => Bytes::new(),
        _ if at >= tail => Bytes::from_static(HUGE_TAIL),
        _ => {
            debug_assert!(at >= head);
            let length = (tail - at).min(HUGE_FRAME as u64) as usize;
            Bytes::from(vec![b'A'; length])
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_huge_body_is_valid_json_of_the_requested_size() {
        for size in [16, 100, 200_000] {
            let body = ReplyBody::huge(size).collect().await.unwrap().to_bytes();
            assert_eq!(body.len() as u64, size);
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
    }

    #[tokio::test]
    async fn half_a_body_ends_in_an_error() {
        assert!(ReplyBody::half("0123456789").collect().await.is_err());
    }
}
