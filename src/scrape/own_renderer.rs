//! The part of the exporter's own metrics that changes only when something is recorded, rendered
//! and compressed once for all scrapes until then.

use bytes::Bytes;
use parking_lot::Mutex;

use super::negotiation::{Encoding, Representation};
use crate::metrics::compress::Following;
use crate::metrics::encode::Syntax;

/// Caches the newest part of each format and encoding.
#[derive(Debug, Default)]
pub(crate) struct OwnRenderer {
    /// Indexed by [`Syntax`] and then by [`Encoding`]. Locked while a part is rendered, which takes
    /// less than a millisecond.
    parts: [[Mutex<Option<CachedPart>>; Encoding::ALL.len()]; Syntax::ALL.len()],
}

/// A part, and the revision of the values in it.
#[derive(Debug)]
struct CachedPart {
    revision: u64,
    part: Following,
}

impl OwnRenderer {
    /// The part in this representation. It is rendered by `render` unless the cached one has this
    /// `revision`. Values that are recorded after the caller has read the revision may be in the
    /// part or not.
    pub(crate) fn part(
        &self,
        representation: Representation,
        revision: u64,
        render: impl FnOnce() -> Vec<u8>,
    ) -> Following {
        let Representation { format, encoding, .. } = representation;
        let mut cached = self.parts[format.syntax() as usize][encoding as usize].lock();
        if let Some(newest) = cached.as_ref().filter(|newest| newest.revision == revision) {
            return newest.part.clone();
        }
        let part = encoding.compress_following(Bytes::from(render()));
        *cached = Some(CachedPart { revision, part: part.clone() });
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rendered_once_for_each_format_and_encoding_until_the_revision_changes() {
        let renderer = OwnRenderer::default();
        let mut rendered = Vec::new();
        for revision in [7, 7, 8, 7] {
            for representation in Representation::all() {
                renderer.part(representation, revision, || {
                    rendered.push(revision);
                    b"own".to_vec()
                });
            }
        }
        let parts = Syntax::ALL.len() * Encoding::ALL.len();
        assert_eq!(rendered, [[7].repeat(parts), [8].repeat(parts), [7].repeat(parts)].concat());
    }
}
