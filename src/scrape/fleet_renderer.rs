//! The fleet's part of a response. A large body that is not in the cache is rendered outside the
//! threads that serve requests.
//!
//! Large bodies are rendered one at a time, so many requests cannot occupy all processors.
//! Simultaneous scrapes mostly request the same body: the first one renders it and the others use
//! the result.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use super::negotiation::Representation;
use crate::metrics::compress::Compressed;
use crate::metrics::{Exposition, Selection};

/// A fleet whose bodies have at most this estimated size before compression, in bytes, is rendered
/// on the serving thread: it takes less than a millisecond.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// Returns the fleet's bodies. An [`Exposition`] caches the bodies of the whole fleet; those of a
/// part of the fleet are rendered for each request.
#[derive(Debug, Default)]
pub(crate) struct FleetRenderer {
    /// Held while a large body is rendered.
    rendering: Arc<Mutex<()>>,
}

/// The fleet's part of a body.
#[derive(Debug)]
pub(crate) struct FleetPart {
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
            return Ok(FleetPart { body: encoding.compress(Bytes::new()), is_new: false });
        };
        let everything = selection.is_everything();
        if everything && exposition.cached(syntax, encoding).is_some() {
            return Ok(FleetPart { body: exposition.body(syntax, encoding).clone(), is_new: false });
        }
        let small = exposition.estimated_bytes() <= MAX_INLINE_BYTES;
        let render = move || match everything {
            true => exposition.body(syntax, encoding).clone(),
            false => exposition.render_selection(&selection, syntax, encoding),
        };
        if small {
            return Ok(FleetPart { body: render(), is_new: everything });
        }
        let permit = Arc::clone(&self.rendering).lock_owned().await;
        let body = spawn_blocking(move || {
            let body = render();
            // Held until the body is rendered, even if the client closes the connection before.
            drop(permit);
            body
        });
        Ok(FleetPart { body: body.await?, is_new: everything })
    }
}
