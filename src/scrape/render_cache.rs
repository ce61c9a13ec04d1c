//! The fleet's part of a scrape: there already, or made off the threads that serve.
//!
//! What takes long is made one at a time: scrapes that come together mostly want the same body, which the
//! first of them makes and the others then find, and nobody can keep all processors busy by asking.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use super::negotiation::Representation;
use crate::metrics::compress::Compressed;
use crate::metrics::{Exposition, Selection};

/// A fleet whose text is no larger is rendered and packed at once, in less than a millisecond.
const SMALL: usize = 256 * 1024;

/// Makes bodies.
#[derive(Debug, Default)]
pub(crate) struct RenderCache {
    making: Arc<Mutex<()>>,
}

impl RenderCache {
    /// The fleet as selected; nothing before the first poll has ended.
    ///
    /// # Errors
    /// Making it panicked.
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
        let small = exposition.estimated_bytes() <= SMALL;
        let make = move || match everything {
            true => exposition.body(syntax, encoding).clone(),
            false => exposition.render_selection(&selection, syntax, encoding),
        };
        if small {
            return Ok(make());
        }
        let turn = Arc::clone(&self.making).lock_owned().await;
        spawn_blocking(move || {
            let body = make();
            // Held until it is made, also when the client has gone meanwhile.
            drop(turn);
            body
        })
        .await
    }
}
