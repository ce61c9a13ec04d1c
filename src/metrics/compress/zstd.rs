//! A Zstandard frame (RFC 8878) whose blocks are produced in two parts.
//!
//! A compressed block may depend on the state after the previous block, which is unknown when the
//! second part is compressed. So the second part, which is small and different in each scrape, is
//! stored in raw blocks: they cost no time and can follow any block. The frame's header contains
//! the total size, by which some readers allocate their buffer, so it is written last, when that
//! size is known.

use std::io::Write;

use zstd::stream::write::Encoder;

/// The fastest regular level; higher levels do not make the exporter's bodies notably smaller.
const LEVEL: i32 = 1;
/// Binary logarithm of the window size: 2 MiB, so that the labels of one family can refer to those
/// of the previous family. RFC 9659 allows at most 8 MiB in HTTP.
const WINDOW_LOG: u32 = 21;
/// The window size in the frame's header: exponent minus 10, without mantissa.
const WINDOW_DESCRIPTOR: u8 = ((WINDOW_LOG - 10) << 3) as u8;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Maximum size of a block (RFC 8878), in bytes.
pub(super) const MAX_BLOCK_BYTES: usize = 128 * 1024;

/// Compresses the first part into blocks that other blocks can follow, without the frame's header.
pub(super) fn begin(plain: &[u8]) -> Vec<u8> {
    if plain.is_empty() {
        return Vec::new();
    }
    let frame = started_frame(plain).expect("writing to memory never fails, and the parameters are in range");
    // `started_frame` fixes everything that determines the header: no content size, no checksum, no
    // dictionary.
    let header = [&MAGIC[..], &[0, WINDOW_DESCRIPTOR]].concat();
    frame.strip_prefix(&header[..]).expect("the fixed parameters determine the header").to_vec()
}

/// A frame without content size that begins with `plain` and is not ended.
fn started_frame(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(false)?;
    encoder.include_contentsize(false)?;
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}

/// The header of a frame with `plain_bytes` bytes of content.
pub(super) fn header(plain_bytes: usize) -> [u8; 14] {
    /// The frame header descriptor: the content size follows the window descriptor, in eight bytes.
    const DESCRIPTOR: u8 = 3 << 6;
    let mut header = [0; 14];
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&[DESCRIPTOR, WINDOW_DESCRIPTOR]);
    header[6..].copy_from_slice(&(plain_bytes as u64).to_le_bytes());
    header
}

/// The second part as raw blocks, the last one marked as such.
pub(super) fn end(plain: &[u8]) -> Vec<u8> {
    /// Bit 0 of a block's header marks the last block. Bits 1 and 2 are 0 for a raw block; the
    /// other bits are its size.
    const LAST: u32 = 1;
    let mut out = Vec::with_capacity(plain.len() + 8);
    let (mut rest, mut last) = (plain, 0);
    while last == 0 {
        let (block, after) = rest.split_at(rest.len().min(MAX_BLOCK_BYTES));
        last = if after.is_empty() { LAST } else { 0 };
        let header = (block.len() as u32) << 3 | last;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
        rest = after;
    }
    out
}
