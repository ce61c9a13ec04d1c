//! A Zstandard frame (RFC 8878) whose blocks are produced in several parts.
//!
//! A compressed block may depend on the state after the previous block, which is unknown when a
//! later part is compressed. So the later parts, which are small, are stored in raw blocks: they
//! cost no time and can follow any block. The frame's header contains the total size, by which some
//! readers allocate their buffer, so it is written last, when that size is known.

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

/// A frame that is not ended, as far as it is written.
pub(super) type StartedFrame = Encoder<'static, Vec<u8>>;

/// A frame without content.
pub(super) fn begin() -> StartedFrame {
    new_frame().expect("the parameters are in range")
}

fn new_frame() -> std::io::Result<StartedFrame> {
    let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(false)?;
    encoder.include_contentsize(false)?;
    Ok(encoder)
}

/// The blocks of the first part, which other blocks can follow, without the frame's header.
pub(super) fn finish(mut frame: StartedFrame) -> Vec<u8> {
    frame.flush().expect("writing to memory never fails");
    let mut bytes = std::mem::take(frame.get_mut());
    // `new_frame` fixes everything that determines the header: no content size, no checksum, no
    // dictionary.
    let header = [&MAGIC[..], &[0, WINDOW_DESCRIPTOR]].concat();
    assert!(bytes.starts_with(&header), "the fixed parameters determine the header");
    bytes.drain(..header.len());
    bytes
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

/// Whether a part ends the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Another part follows.
    Middle,
    /// The last block of the part is the last one of the frame.
    End,
}

/// A later part as raw blocks. In the middle, an empty part has none.
pub(super) fn raw_blocks(plain: &[u8], position: Position) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 8);
    let mut rest = plain;
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.len().min(MAX_BLOCK_BYTES));
        push_raw_block(&mut out, block, position == Position::End && after.is_empty());
        rest = after;
    }
    if plain.is_empty() && position == Position::End {
        push_raw_block(&mut out, &[], true);
    }
    out
}

fn push_raw_block(out: &mut Vec<u8>, block: &[u8], is_last: bool) {
    // Bit 0 of a block's header marks the last block. Bits 1 and 2 are 0 for a raw block; the other
    // bits are its size.
    let header = (block.len() as u32) << 3 | u32::from(is_last);
    out.extend_from_slice(&header.to_le_bytes()[..3]);
    out.extend_from_slice(block);
}
