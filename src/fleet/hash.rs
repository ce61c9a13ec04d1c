//! 64-bit hashes that stand for ids and user names.
//!
//! With hashes, an instance takes 24 bytes, and a collision is rarer than other errors in a
//! listing: two of 100,000 ids share a hash about once in four billion listings. Hashes depend on a
//! key, so that a user name cannot be guessed from a state without its key; the key travels with
//! the state, so that a process can compare its hashes with those of the process before it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

/// The key of the hashes of one fleet. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HashKey(u64);

/// Hashes texts with a key.
#[derive(Debug, Clone)]
pub(super) struct TextHasher(FixedState);

impl HashKey {
    /// The text of [`check`](Self::check).
    const CHECK: &str = "appstreaming-exporter";

    /// The key with these bits, which must be random where state leaves the process.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The hash of a fixed text. Hashes with this key can be compared with those of another process
    /// only if it has the same value there: other versions of `foldhash` and other processors may
    /// hash differently.
    pub fn check(self) -> u64 {
        TextHasher::new(self).hash(Self::CHECK)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl TextHasher {
    /// A hasher with this key.
    pub(super) fn new(key: HashKey) -> Self {
        Self(FixedState::with_seed(key.0))
    }

    /// The hash of `text`.
    pub(super) fn hash(&self, text: &str) -> u64 {
        self.0.hash_one(text)
    }
}

/// A map whose keys are results of [`TextHasher::hash`].
pub(super) type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<IdentityHasher>>;

/// A set of results of [`TextHasher::hash`].
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
