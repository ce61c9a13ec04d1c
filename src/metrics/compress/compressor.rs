//! Compresses the first part of a body while it is written, so that the whole plain text of a large
//! fleet is never in memory.

use std::io::Write as _;

use bytes::Bytes;
use crc32fast::Hasher;

use super::{Compressed, Encoding, gzip, zstd};

const NEVER_FAILS: &str = "writing to memory never fails";

/// The first part of a body, as far as it is written.
pub struct Compressor {
    written: Written,
    plain_bytes: usize,
    checksum: Hasher,
}

enum Written {
    Identity(Vec<u8>),
    Gzip(Box<gzip::Blocks>),
    Zstd(zstd::StartedFrame),
}

impl Encoding {
    /// A compressor of the first part of a body.
    pub fn compressor(self) -> Compressor {
        let written = match self {
            Self::Identity => Written::Identity(Vec::new()),
            Self::Gzip => Written::Gzip(Box::new(gzip::begin())),
            Self::Zstd => Written::Zstd(zstd::begin()),
        };
        Compressor { written, plain_bytes: 0, checksum: Hasher::new() }
    }

    /// Compresses the first part of a body.
    pub fn compress(self, plain: Bytes) -> Compressed {
        if self == Self::Identity {
            return Compressed { encoding: self, plain_bytes: plain.len(), bytes: plain, checksum: 0 };
        }
        let mut compressor = self.compressor();
        compressor.write(&plain);
        compressor.finish()
    }
}

impl Compressor {
    /// Appends to the part.
    pub fn write(&mut self, plain: &[u8]) {
        self.plain_bytes += plain.len();
        match &mut self.written {
            Written::Identity(bytes) => bytes.extend_from_slice(plain),
            Written::Gzip(blocks) => {
                self.checksum.update(plain);
                blocks.write_all(plain).expect(NEVER_FAILS);
            }
            Written::Zstd(frame) => frame.write_all(plain).expect(NEVER_FAILS),
        }
    }

    /// The whole part.
    pub fn finish(self) -> Compressed {
        let Self { written, plain_bytes, checksum } = self;
        let (encoding, mut bytes, checksum) = match written {
            Written::Identity(bytes) => (Encoding::Identity, bytes, 0),
            // An empty part has no blocks.
            Written::Gzip(_) if plain_bytes == 0 => (Encoding::Gzip, Vec::new(), 0),
            Written::Gzip(blocks) => (Encoding::Gzip, gzip::finish(*blocks), checksum.finalize()),
            Written::Zstd(_) if plain_bytes == 0 => (Encoding::Zstd, Vec::new(), 0),
            Written::Zstd(frame) => (Encoding::Zstd, zstd::finish(frame), 0),
        };
        bytes.shrink_to_fit();
        Compressed { encoding, bytes: bytes.into(), plain_bytes, checksum }
    }
}
