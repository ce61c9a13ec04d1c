//! 64-bit hashes that stand for ids and user names.
//!
//! Two of 100,000 ids share a hash about once in four billion listings: rarer than other errors in
//! a listing, and it keeps an instance in 16 bytes. The seed is fixed, so hashes can be compared
//! between polls; they never leave the process.

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

/// Returns a `u64` unchanged: hashing a hash again gains nothing.
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
        // Never called for `u64` keys; correct because the trait requires it.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
