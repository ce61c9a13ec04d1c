//! Which nonces were used: each may be used once while a timestamp beside it would still be accepted.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    mem,
};

use jiff::{SignedDuration, Timestamp};

/// A nonce is remembered at least so long: 15 minutes before and after its timestamp.
const GENERATION: SignedDuration = SignedDuration::from_mins(30);

/// Remembers nonces as hashes in two generations, so that memory has a bound: under a flood of
/// requests the older generation is forgotten early instead.
#[derive(Debug)]
pub(super) struct UsedNonces {
    hasher: RandomState,
    current: HashSet<u64>,
    previous: HashSet<u64>,
    began: Timestamp,
    capacity: usize,
}

impl UsedNonces {
    /// An empty memory for at most twice `capacity` nonces.
    pub(super) fn new(now: Timestamp, capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            current: HashSet::new(),
            previous: HashSet::new(),
            began: now,
            capacity,
        }
    }

    /// Takes note of a key's nonce; `false` if it was used before.
    pub(super) fn first_use(&mut self, access_key_id: &str, nonce: &str, now: Timestamp) -> bool {
        if self.current.len() >= self.capacity || now.duration_since(self.began) >= GENERATION {
            self.previous = mem::take(&mut self.current);
            self.began = now;
        }
        let hash = self.hasher.hash_one((access_key_id, nonce));
        !self.previous.contains(&hash) && self.current.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_per_key_and_forgotten_only_when_its_timestamp_is_too_old() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        let mut nonces = UsedNonces::new(start, 1_000);
        assert!(nonces.first_use("a", "1", start));
        assert!(!nonces.first_use("a", "1", start));
        assert!(nonces.first_use("b", "1", start));
        let later = start + SignedDuration::from_mins(31);
        assert!(!nonces.first_use("a", "1", later));
        assert!(nonces.first_use("a", "1", later + SignedDuration::from_mins(31)));
    }

    #[test]
    fn memory_is_bounded_under_a_flood() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let mut nonces = UsedNonces::new(now, 100);
        for nonce in 0..10_000 {
            assert!(nonces.first_use("a", &nonce.to_string(), now));
            assert!(nonces.current.len() + nonces.previous.len() <= 200);
        }
        assert!(!nonces.first_use("a", "9999", now));
    }
}
