//! Answers as HTTP bodies, among them those that break on the way.

use std::{
    error, fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{CONTENT_TYPE, HeaderValue},
};

/// How much of a huge body is handed out at once.
const PORTION: usize = 64 * 1024;
const HUGE_HEAD: &[u8] = b"{\"RequestId\":\"";
const HUGE_TAIL: &[u8] = b"\"}";

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// All of it.
    Whole(Option<Bytes>),
    /// These bytes of so many that were announced; then the connection breaks.
    Broken { sent: Option<Bytes>, announced: u64, yielded: bool },
    /// Valid JSON of any size, made as it is sent.
    Huge { at: u64, size: u64 },
}

/// Breaks a connection on purpose.
#[derive(Debug)]
pub(super) struct ConnectionBreak;

impl Answer {
    /// An answer with a status and a content type.
    pub(super) fn response(self, status: u16, content_type: &'static str) -> Response<Self> {
        let mut response = Response::new(self);
        // Statuses are ours or were checked when they came in.
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// All of these bytes.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// The first half of these bytes.
    pub(super) fn half(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Broken {
            announced: bytes.len() as u64,
            sent: Some(bytes.slice(..bytes.len() / 2)),
            yielded: false,
        }
    }

    /// JSON of so many bytes.
    pub(super) fn huge(size: u64) -> Self {
        Self::Huge { at: 0, size: size.max((HUGE_HEAD.len() + HUGE_TAIL.len()) as u64) }
    }

    /// How many bytes it announces.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Broken { announced, .. } => *announced,
            Self::Huge { at, size } => size - at,
        }
    }
}

impl Body for Answer {
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
                // What was handed over is written out only while the body waits.
                None if !*yielded => {
                    *yielded = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => Some(Err(ConnectionBreak)),
            },
            Self::Huge { at, size } => {
                let portion = huge_portion(*at, *size);
                *at += portion.len() as u64;
                (!portion.is_empty()).then_some(Ok(portion))
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection is broken on purpose")
    }
}

impl error::Error for ConnectionBreak {}

fn huge_portion(at: u64, size: u64) -> Bytes {
    let head = HUGE_HEAD.len() as u64;
    let tail = size - HUGE_TAIL.len() as u64;
    match at {
        0 => Bytes::from_static(HUGE_HEAD),
        _ if at >= size => Bytes::new(),
        _ if at >= tail => Bytes::from_static(HUGE_TAIL),
        _ => {
            debug_assert!(at >= head);
            let length = (tail - at).min(PORTION as u64) as usize;
            Bytes::from(vec![b'A'; length])
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_huge_answer_is_valid_json_of_the_size_asked_for() {
        for size in [16, 100, 200_000] {
            let body = Answer::huge(size).collect().await.unwrap().to_bytes();
            assert_eq!(body.len() as u64, size);
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
    }

    #[tokio::test]
    async fn half_an_answer_ends_in_an_error() {
        assert!(Answer::half("0123456789").collect().await.is_err());
    }
}
