//! From a body to fewer bytes, in two parts: one that stays the same for many readers and is packed once,
//! and a small one that is new each time and goes behind it.
//!
//! Both parts together are *one* gzip member or *one* zstd frame, although either format lets several
//! follow each other: browsers, curl and many libraries stop after the first without a word, and would
//! miss whatever stands in the second. What is not here: who gets which encoding (`http`).

mod gzip;
mod zstd;

use bytes::Bytes;

/// A coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// One gzip member.
    Gzip,
    /// One Zstandard frame.
    Zstd,
}

/// The first part of a body, packed.
#[derive(Debug, Clone)]
pub struct Compressed {
    encoding: Encoding,
    bytes: Bytes,
    /// Of what was packed.
    plain_bytes: usize,
    /// Gzip alone needs one: CRC-32 of what was packed.
    checksum: u32,
}

impl Encoding {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// The coding's registered name, also the value of the metric label `encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Packs the first part of a body.
    pub fn compress(self, plain: Bytes) -> Compressed {
        let plain_bytes = plain.len();
        let (bytes, checksum) = match self {
            Self::Identity => (plain, 0),
            Self::Gzip => (gzip::begin(&plain).into(), gzip::checksum(0, &plain)),
            Self::Zstd => (zstd::begin(&plain).into(), 0),
        };
        Compressed { encoding: self, bytes, plain_bytes, checksum }
    }
}

impl Compressed {
    /// Bytes of the packed part.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.plain_bytes == 0
    }

    /// Bytes that were packed.
    pub fn plain_len(&self) -> usize {
        self.plain_bytes
    }

    /// The packed part alone, shared; only of identity it is a body by itself.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A whole body: this part, shared, with what goes before it and, packed likewise, `rest` behind it.
    pub fn complete(&self, rest: Vec<u8>) -> [Bytes; 3] {
        let plain_bytes = self.plain_bytes + rest.len();
        let (head, tail) = match self.encoding {
            Encoding::Identity => (Bytes::new(), rest.into()),
            Encoding::Gzip => {
                let checksum = gzip::checksum(self.checksum, &rest);
                (Bytes::from_static(&gzip::HEADER), gzip::end(&rest, checksum, plain_bytes).into())
            }
            Encoding::Zstd => (zstd::header(plain_bytes).to_vec().into(), zstd::end(&rest).into()),
        };
        [head, self.bytes.clone(), tail]
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Unpacks with readers that stop where the first member or frame ends, and demands that nothing
    /// is left then.
    fn unpacked(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match encoding {
            Encoding::Identity => out.extend_from_slice(body),
            Encoding::Gzip => {
                let mut reader = flate2::bufread::GzDecoder::new(body);
                reader.read_to_end(&mut out).unwrap();
                assert!(reader.into_inner().is_empty(), "something behind the member");
            }
            Encoding::Zstd => {
                let mut reader = ::zstd::Decoder::with_buffer(body).unwrap().single_frame();
                reader.read_to_end(&mut out).unwrap();
                assert!(reader.finish().is_empty(), "something behind the frame");
            }
        }
        out
    }

    fn check(encoding: Encoding, first: &[u8], rest: &[u8]) {
        let packed = encoding.compress(Bytes::copy_from_slice(first));
        let body = packed.complete(rest.to_vec()).concat();
        assert!(unpacked(encoding, &body) == [first, rest].concat(), "{encoding:?}");
        assert_eq!(packed.plain_len(), first.len());
        if encoding == Encoding::Zstd {
            // What readers that make room beforehand go by.
            let size = zstd_safe_size(&body);
            assert_eq!(size, Some((first.len() + rest.len()) as u64));
        }
    }

    fn zstd_safe_size(body: &[u8]) -> Option<u64> {
        ::zstd::zstd_safe::get_frame_content_size(body).ok().flatten()
    }

    #[test]
    fn large_parts_survive_the_trip() {
        let line = |number: u32| {
            format!("series{{instance_id=\"ai-{:08x}\"}} 1\n", number.wrapping_mul(2_654_435_761))
        };
        let first: String = (0..60_000).map(line).collect();
        let rest: String = (0..9_000).map(line).collect();
        assert!(first.len() > 2 << 20 && rest.len() > 2 * zstd::LARGEST_BLOCK);
        for encoding in Encoding::ALL {
            check(encoding, first.as_bytes(), rest.as_bytes());
            let packed = encoding.compress(first.clone().into());
            assert!(encoding == Encoding::Identity || packed.len() < first.len() / 2);
        }
    }

    proptest! {
        #[test]
        fn both_parts_come_out_as_one_whatever_is_in_them(
            first in vec(any::<u8>(), 0..300),
            repeated in 0..40_usize,
            rest in vec(any::<u8>(), 0..300),
        ) {
            for encoding in Encoding::ALL {
                check(encoding, &first.repeat(repeated), &rest);
            }
        }
    }
}
