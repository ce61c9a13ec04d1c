//! A Zstandard frame (RFC 8878) whose blocks are made in two parts.
//!
//! A compressed block may refer to where the block before it left off, which nobody knows beforehand. So
//! the second part, small and new for each reader, goes as it is: in raw blocks, which cost no time and
//! fit behind any other. The frame's header is written at the very end, when the size of all is known: it
//! is there for readers that make room by it.

use std::io::Write;

use zstd::stream::write::Encoder;

/// The fastest of those that shrink bodies like ours well: a higher one brings nothing.
const LEVEL: i32 = 1;
/// 2 MiB, well below the 8 MiB that RFC 9659 allows on the web. Bodies repeat themselves family by family.
const WINDOW_LOG: u32 = 21;
/// The same as a frame's header says it: the exponent beyond 10, and no mantissa.
const WINDOW: u8 = ((WINDOW_LOG - 10) << 3) as u8;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// No block is larger, says the RFC.
pub(super) const LARGEST_BLOCK: usize = 128 * 1024;

/// Compressed blocks after which others may follow, without the frame's header.
pub(super) fn begin(plain: &[u8]) -> Vec<u8> {
    if plain.is_empty() {
        return Vec::new();
    }
    let frame = started_frame(plain).expect("memory takes everything, and the parameters are in range");
    // Everything that shapes the header is fixed in `started_frame`: no size, no checksum, no dictionary.
    let header = [&MAGIC[..], &[0, WINDOW]].concat();
    frame.strip_prefix(&header[..]).expect("the header is the one asked for").to_vec()
}

fn started_frame(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(false)?;
    encoder.include_contentsize(false)?;
    encoder.write_all(plain)?;
    encoder.flush()?;
    Ok(std::mem::take(encoder.get_mut()))
}

/// The header of a frame with so many bytes in it.
pub(super) fn header(plain_bytes: usize) -> [u8; 14] {
    /// The size of the content follows the window, in eight bytes.
    const DESCRIPTOR: u8 = 3 << 6;
    let mut header = [0; 14];
    header[..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&[DESCRIPTOR, WINDOW]);
    header[6..].copy_from_slice(&(plain_bytes as u64).to_le_bytes());
    header
}

/// The last blocks.
pub(super) fn end(plain: &[u8]) -> Vec<u8> {
    /// Bit 0 of a block's header; bits 1 and 2 are 0 for a raw block; its size follows.
    const LAST: u32 = 1;
    let mut out = Vec::with_capacity(plain.len() + 8);
    let (mut rest, mut last) = (plain, 0);
    while last == 0 {
        let (block, after) = rest.split_at(rest.len().min(LARGEST_BLOCK));
        last = if after.is_empty() { LAST } else { 0 };
        let header = (block.len() as u32) << 3 | last;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
        rest = after;
    }
    out
}
