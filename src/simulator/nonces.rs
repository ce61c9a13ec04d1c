//! The nonces of signed requests. A nonce that was used is rejected for as long as the timestamp of
//! its request would still be accepted.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::mem;

use jiff::{SignedDuration, Timestamp};

/// The length of a generation, and so the shortest time for which a nonce is kept. It is 30
/// minutes, because a timestamp is accepted from 15 minutes early to 15 minutes late.
const GENERATION_LENGTH: SignedDuration = SignedDuration::from_mins(30);

/// Hashes of nonces in two generations, which bounds memory: under a flood of requests the older
/// generation is dropped early.
#[derive(Debug)]
pub(super) struct UsedNonces {
    hasher: RandomState,
    current: HashSet<u64>,
    previous: HashSet<u64>,
    /// When the current generation began.
    began: Timestamp,
    /// The most nonces in one generation.
    capacity: usize,
}

impl UsedNonces {
    /// An empty set of at most twice `capacity` nonces.
    pub(super) fn new(now: Timestamp, capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            current: HashSet::new(),
            previous: HashSet::new(),
            began: now,
            capacity,
        }
    }

    /// Records the nonce of an AccessKey. Returns `false` if it was used before.
    pub(super) fn record(&mut self, access_key_id: &str, nonce: &str, now: Timestamp) -> bool {
        if self.current.len() >= self.capacity || now.duration_since(self.began) >= GENERATION_LENGTH {
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
    fn a_nonce_is_accepted_once_per_key_until_its_timestamp_is_too_old() {
        let start = Timestamp::from_second(1_000_000).unwrap();
        let mut nonces = UsedNonces::new(start, 1_000);
        assert!(nonces.record("a", "1", start));
        assert!(!nonces.record("a", "1", start));
        assert!(nonces.record("b", "1", start));
        let later = start + SignedDuration::from_mins(31);
        assert!(!nonces.record("a", "1", later));
        assert!(nonces.record("a", "1", later + SignedDuration::from_mins(31)));
    }

    #[test]
    fn memory_is_bounded_under_a_flood() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let mut nonces = UsedNonces::new(now, 100);
        for nonce in 0..10_000 {
            assert!(nonces.record("a", &nonce.to_string(), now));
            assert!(nonces.current.len() + nonces.previous.len() <= 200);
        }
        assert!(!nonces.record("a", "9999", now));
    }
}
