//! 64-bit hashes that stand for ids and user names.
//!
//! Two of 100,000 ids share a hash once in about four billion listings: rarer than what else can go
//! wrong with a listing, and it keeps an instance in 16 bytes. The seed is fixed, so hashes can be
//! compared between polls; they never leave the process.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use foldhash::quality::FixedState;

/// The hash that stands for `text`.
pub(super) fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// A map by [`hash`].
pub(super) type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<AlreadyHashed>>;

/// A set of [`hash`]es.
pub(super) type HashedSet = HashSet<u64, BuildHasherDefault<AlreadyHashed>>;

/// Hands a `u64` through: hashing a hash again would buy nothing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not reached with `u64` keys; kept correct because the trait asks for it.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
