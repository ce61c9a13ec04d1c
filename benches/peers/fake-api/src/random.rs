//! Deterministic random values: the same fleet in each run.

use std::fmt::Write as _;

/// The generator splitmix64.
pub struct Random(u64);

impl Random {
    /// The values of one record: `group` and `index` identify the record, `purpose` the sequence.
    pub fn new(group: usize, index: usize, purpose: u64) -> Self {
        let mut random = Self(
            (group as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
                ^ (index as u64).wrapping_mul(0xD1B5_4A32_D192_ED03)
                ^ purpose.wrapping_mul(0x94D0_49BB_1331_11EB),
        );
        // The first values of similar seeds are similar.
        for _ in 0..3 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A value below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An identifier of `length` lower-case letters and digits.
    pub fn id(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..length).map(|_| LETTERS[self.below(36) as usize] as char).collect()
    }

    /// One of several names, each of which has a weight.
    pub fn pick(&mut self, weights: &[(&'static str, u64)]) -> &'static str {
        let mut left = self.below(weights.iter().map(|(_, weight)| weight).sum());
        for (name, weight) in weights {
            if left < *weight {
                return name;
            }
            left -= weight;
        }
        weights[0].0
    }

    /// Appends a time of the year 2026 with this offset.
    pub fn time(&mut self, out: &mut String, offset: &str) {
        let (month, day) = (1 + self.below(11), 1 + self.below(28));
        let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
        let _ = write!(out, "2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000{offset}");
    }
}
