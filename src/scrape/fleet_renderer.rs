//! The fleet's part of a response.
//!
//! | body | rendered |
//! |---|---|
//! | small | at once |
//! | large, uncompressed, and not cached | chunk by chunk, while it is sent |
//! | other | whole, outside the threads that serve requests, one at a time |
//!
//! Because of the last row many requests cannot occupy all processors. Simultaneous scrapes mostly
//! request the same body: the first one renders it and the others use the result.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use super::negotiation::{Encoding, Representation};
use crate::metrics::compress::Compressed;
use crate::metrics::{Exposition, RenderedChunks, Selection};

/// A fleet whose bodies have at most this estimated size before compression, in bytes, is rendered
/// on the serving thread: it takes less than a millisecond.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// A larger uncompressed body, by its estimated size in bytes, is never whole in memory. Nearly all
/// scrapers accept compressed bodies, which are a tenth as large.
const MAX_PLAIN_BYTES: usize = 16 * 1024 * 1024;

/// Returns the fleet's bodies. An [`Exposition`] caches the bodies of the whole fleet, except for
/// large uncompressed ones; other bodies are rendered for each request.
#[derive(Debug)]
pub(crate) struct FleetRenderer {
    /// Held while a large body is rendered.
    rendering: Arc<Mutex<()>>,
    /// See [`MAX_PLAIN_BYTES`].
    max_plain_bytes: usize,
}

impl Default for FleetRenderer {
    fn default() -> Self {
        Self { rendering: Arc::default(), max_plain_bytes: MAX_PLAIN_BYTES }
    }
}

/// The fleet's part of a body.
pub(crate) struct FleetPart {
    /// Uncompressed chunks before `body`, if they are rendered while they are sent.
    pub(crate) chunks: Option<RenderedChunks>,
    /// The compressed part.
    pub(crate) body: Compressed,
    /// Whether the exposition has cached it only now.
    pub(crate) is_new: bool,
}

impl FleetRenderer {
    /// The selected part of the fleet; empty without an exposition, which is the case before the
    /// first poll has ended.
    ///
    /// # Errors
    /// Rendering panicked.
    pub(crate) async fn part(
        &self,
        exposition: Option<Arc<Exposition>>,
        selection: Selection,
        representation: Representation,
    ) -> Result<FleetPart, JoinError> {
        let (syntax, encoding) = (representation.format.syntax(), representation.encoding);
        let Some(exposition) = exposition.filter(|_| selection.has_fleet()) else {
            return Ok(FleetPart::whole(encoding.compress(Bytes::new()), false));
        };
        let everything = selection.is_everything();
        if everything && exposition.cached(syntax, encoding).is_some() {
            return Ok(FleetPart::whole(exposition.body(syntax, encoding).clone(), false));
        }
        let bytes = exposition.estimated_bytes();
        if encoding == Encoding::Identity && bytes > self.max_plain_bytes {
            let chunks = Some(exposition.chunks(&selection, syntax));
            return Ok(FleetPart { chunks, body: encoding.compress(Bytes::new()), is_new: false });
        }
        let render = move || match everything {
            true => exposition.body(syntax, encoding).clone(),
            false => exposition.render_selection(&selection, syntax, encoding),
        };
        if bytes <= MAX_INLINE_BYTES {
            return Ok(FleetPart::whole(render(), everything));
        }
        let permit = Arc::clone(&self.rendering).lock_owned().await;
        let body = spawn_blocking(move || {
            let body = render();
            // Held until the body is rendered, even if the client closes the connection before.
            drop(permit);
            body
        });
        Ok(FleetPart::whole(body.await?, everything))
    }
}

impl FleetPart {
    fn whole(body: Compressed, is_new: bool) -> Self {
        Self { chunks: None, body, is_new }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_large_uncompressed_body_is_sent_in_chunks_and_not_cached() {
        let exposition = Arc::new(Exposition::new(Arc::default(), Arc::default()));
        let renderer = FleetRenderer { max_plain_bytes: 0, ..FleetRenderer::default() };
        for representation in Representation::all() {
            let (syntax, encoding) = (representation.format.syntax(), representation.encoding);
            let part = renderer.part(Some(Arc::clone(&exposition)), Selection::default(), representation);
            let part = part.await.unwrap();
            let is_plain = encoding == Encoding::Identity;
            assert_eq!(part.chunks.is_some(), is_plain);
            if let Some(chunks) = part.chunks {
                let whole = exposition.render_selection(&Selection::default(), syntax, encoding);
                assert_eq!(chunks.collect::<Vec<_>>().concat(), **whole.bytes());
                assert!(
                    !part.is_new && part.body.is_empty() && exposition.cached(syntax, encoding).is_none()
                );
            }
        }
    }
}
