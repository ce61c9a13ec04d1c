//! Compression of a body in three parts: a large part that is the same for many scrapes and is
//! compressed once, a small part that changes more often, and a last part that is different in each
//! scrape.
//!
//! All parts together are *one* gzip member or *one* zstd frame. Both formats allow a sequence of
//! several, but browsers, curl and many libraries silently stop after the first one and would miss
//! the other parts. What is not here: which encoding a client gets (`scrape`).

mod compressor;
mod gzip;
mod zstd;

use bytes::Bytes;

use self::zstd::Position;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Not compressed.
    Identity,
    /// One gzip member.
    Gzip,
    /// One Zstandard frame.
    Zstd,
}

/// The compressed second part of a body, which can follow any first part in the same encoding.
#[derive(Debug, Clone, Default)]
pub struct Following {
    plain: Bytes,
    bytes: Bytes,
}

/// The compressed first part of a body.
#[derive(Debug, Clone)]
pub struct Compressed {
    encoding: Encoding,
    bytes: Bytes,
    /// Length before compression.
    plain_bytes: usize,
    /// CRC-32 of the uncompressed part, for gzip only.
    checksum: u32,
}

impl Encoding {
    /// Every coding.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// The name in `Content-Encoding`, also the value of the metric label `encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses the second part of a body.
    pub fn compress_following(self, plain: Bytes) -> Following {
        let bytes = match self {
            Self::Identity => plain.clone(),
            Self::Gzip => self.compress(plain.clone()).bytes,
            Self::Zstd => zstd::raw_blocks(&plain, Position::Middle).into(),
        };
        Following { plain, bytes }
    }
}

impl Compressed {
    /// Length after compression.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the part is empty before compression.
    pub fn is_empty(&self) -> bool {
        self.plain_bytes == 0
    }

    /// Length before compression.
    pub fn plain_len(&self) -> usize {
        self.plain_bytes
    }

    /// The compressed part, shared. It is a complete body only for [`Encoding::Identity`].
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A complete body as four chunks: the header, this part and `following` (shared), and `last`
    /// in the same encoding.
    pub fn complete(&self, following: &Following, last: Vec<u8>) -> [Bytes; 4] {
        let plain_bytes = self.plain_bytes + following.plain.len() + last.len();
        let (header, last) = match self.encoding {
            Encoding::Identity => (Bytes::new(), last.into()),
            Encoding::Gzip => {
                let checksum = gzip::checksum(gzip::checksum(self.checksum, &following.plain), &last);
                (Bytes::from_static(&gzip::HEADER), gzip::end(&last, checksum, plain_bytes).into())
            }
            Encoding::Zstd => {
                let last = zstd::raw_blocks(&last, Position::End);
                (zstd::header(plain_bytes).to_vec().into(), last.into())
            }
        };
        [header, self.bytes.clone(), following.bytes.clone(), last]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Decompresses with readers that stop at the end of the first member or frame, and asserts
    /// that no input is left.
    fn decompressed(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match encoding {
            Encoding::Identity => out.extend_from_slice(body),
            Encoding::Gzip => {
                let mut reader = flate2::bufread::GzDecoder::new(body);
                reader.read_to_end(&mut out).unwrap();
                assert!(reader.into_inner().is_empty(), "data after the member");
            }
            Encoding::Zstd => {
                let mut reader = ::zstd::Decoder::with_buffer(body).unwrap().single_frame();
                reader.read_to_end(&mut out).unwrap();
                assert!(reader.finish().is_empty(), "data after the frame");
            }
        }
        out
    }

    fn check(encoding: Encoding, first: &[u8], second: &[u8], last: &[u8]) {
        let compressed = encoding.compress(Bytes::copy_from_slice(first));
        let following = encoding.compress_following(Bytes::copy_from_slice(second));
        let body = compressed.complete(&following, last.to_vec()).concat();
        let plain = [first, second, last].concat();
        assert!(decompressed(encoding, &body) == plain, "{encoding:?}");
        assert_eq!(compressed.plain_len(), first.len());
        if encoding == Encoding::Zstd {
            // Some readers allocate their buffer by this size.
            let size = zstd_safe_size(&body);
            assert_eq!(size, Some(plain.len() as u64));
        }
    }

    fn zstd_safe_size(body: &[u8]) -> Option<u64> {
        ::zstd::zstd_safe::get_frame_content_size(body).ok().flatten()
    }

    #[test]
    fn large_parts_are_restored() {
        let line = |number: u32| {
            format!("series{{instance_id=\"ai-{:08x}\"}} 1\n", number.wrapping_mul(2_654_435_761))
        };
        let first: String = (0..60_000).map(line).collect();
        let rest: String = (0..9_000).map(line).collect();
        // More than two blocks of zstd, and more than two stored blocks of gzip.
        assert!(first.len() > 2 << 20 && rest.len() > 2 * zstd::MAX_BLOCK_BYTES);
        for encoding in Encoding::ALL {
            check(encoding, first.as_bytes(), rest.as_bytes(), rest.as_bytes());
            let compressed = encoding.compress(first.clone().into());
            assert!(encoding == Encoding::Identity || compressed.len() < first.len() / 2);
        }
    }

    proptest! {
        #[test]
        fn any_three_parts_are_restored_as_one_body(
            first in vec(any::<u8>(), 0..300),
            repeated in 0..40_usize,
            second in vec(any::<u8>(), 0..300),
            last in vec(any::<u8>(), 0..300),
        ) {
            for encoding in Encoding::ALL {
                check(encoding, &first.repeat(repeated), &second, &last);
            }
        }
    }
}
