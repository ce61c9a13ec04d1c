//! Decompresses bodies.

use std::io::{self, Read as _};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// The text of a gzip body; `None` if it is larger than `max_bytes`.
///
/// # Errors
/// The body is not gzip, or truncated.
pub(super) fn gunzip(body: &[u8], max_bytes: u64) -> io::Result<Option<Bytes>> {
    let expected = body.len().saturating_mul(4) as u64;
    let mut text = Vec::with_capacity(expected.min(max_bytes) as usize);
    // One byte more than allowed shows that the text is too large.
    MultiGzDecoder::new(body).take(max_bytes.saturating_add(1)).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= max_bytes).then(|| text.into()))
}
