//! The fleet's part of a response: rendered already, or rendered outside the threads that serve
//! requests.
//!
//! Large bodies are rendered one at a time. Simultaneous scrapes mostly request the same body: the
//! first one renders it and the others use the result. Many requests cannot occupy all processors.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use super::negotiation::Representation;
use crate::metrics::compress::Compressed;
use crate::metrics::{Exposition, Selection};

/// A fleet with at most this many bytes of text is rendered on the serving thread, in less than a
/// millisecond.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// Renders bodies, or takes them from the exposition, which keeps full ones.
#[derive(Debug, Default)]
pub(crate) struct RenderCache {
    /// Held while a large body is rendered.
    rendering: Arc<Mutex<()>>,
}

impl RenderCache {
    /// The selected part of the fleet; empty before the first poll has ended.
    ///
    /// # Errors
    /// Rendering panicked.
    pub(crate) async fn fleet(
        &self,
        exposition: Option<Arc<Exposition>>,
        selection: Selection,
        representation: Representation,
    ) -> Result<Compressed, JoinError> {
        let (syntax, encoding) = (representation.format.syntax(), representation.encoding);
        let Some(exposition) = exposition.filter(|_| selection.has_fleet()) else {
            return Ok(encoding.compress(Bytes::new()));
        };
        let everything = selection.is_everything();
        if everything && exposition.cached(syntax, encoding).is_some() {
            return Ok(exposition.body(syntax, encoding).clone());
        }
        let small = exposition.estimated_bytes() <= MAX_INLINE_BYTES;
        let render = move || match everything {
            true => exposition.body(syntax, encoding).clone(),
            false => exposition.render_selection(&selection, syntax, encoding),
        };
        if small {
            return Ok(render());
        }
        let permit = Arc::clone(&self.rendering).lock_owned().await;
        spawn_blocking(move || {
            let body = render();
            // Held until here even if the client closes the connection meanwhile.
            drop(permit);
            body
        })
        .await
    }
}
