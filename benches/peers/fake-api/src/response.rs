//! A response body of several parts that are sent without copying them together.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The beginning, the records and the end of a page; or one text.
pub struct Parts {
    parts: [Bytes; 3],
    next: usize,
}

impl Parts {
    pub fn new(parts: [Bytes; 3]) -> Self {
        Self { parts, next: 0 }
    }

    pub fn one(text: String) -> Self {
        Self::new([text.into(), Bytes::new(), Bytes::new()])
    }

    pub fn len(&self) -> u64 {
        self.parts[self.next..].iter().map(|part| part.len() as u64).sum()
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while self.next < self.parts.len() {
            let index = self.next;
            self.next += 1;
            let part = std::mem::take(&mut self.parts[index]);
            if !part.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
