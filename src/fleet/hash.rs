//! 64-bit hashes that stand for ids and user names.
//!
//! A hash keeps an instance in 16 bytes, and a collision is rarer than other errors in a listing:
//! two of 100,000 ids share a hash about once in four billion listings. The seed is fixed, so
//! hashes can be compared between polls. They never leave the process.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use foldhash::quality::FixedState;

/// The hash of `text`.
pub(super) fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// A map whose keys are results of [`hash`].
pub(super) type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<IdentityHasher>>;

/// A set of results of [`hash`].
pub(super) type HashedSet = HashSet<u64, BuildHasherDefault<IdentityHasher>>;

/// Returns a `u64` unchanged, because the keys are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // `u64` keys never call this, but the trait requires it.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
