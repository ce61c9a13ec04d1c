//! Divides the groups of one fleet among several exporters.

/// One of `total` parts of about equal size of all groups. A hash of the group id, which is the
/// same in every version and on every machine, determines the part to which a group belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The number of this part, from 0.
    pub index: u32,
    /// The number of parts, at least 1.
    pub total: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl Shard {
    /// The only part of an undivided fleet.
    pub const WHOLE: Self = Self { index: 0, total: 1 };

    /// Whether the group belongs to this part.
    pub fn owns(&self, group_id: &str) -> bool {
        self.total <= 1 || fnv1a(group_id.as_bytes()) % u64::from(self.total) == u64::from(self.index)
    }
}

/// FNV-1a with 64 bits. Implemented here because the result must not change with a library's
/// version: replicas of two versions would poll a group twice or not at all.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_belongs_to_exactly_one_shard() {
        for total in 1..=7 {
            for group in 0..500 {
                let id = format!("aig-{group:016x}");
                let owners = (0..total).filter(|&index| Shard { index, total }.owns(&id)).count();
                assert_eq!(owners, 1, "{id} of {total}");
            }
        }
    }

    #[test]
    fn shards_are_of_similar_size() {
        let shard = Shard { index: 0, total: 4 };
        let owned = (0..4000).filter(|group| shard.owns(&format!("aig-{group:016x}"))).count();
        assert!((800..1200).contains(&owned), "{owned} of 4000 in one of four shards");
    }

    #[test]
    fn the_hash_is_the_published_fnv_1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x85944171f73967e8);
    }
}
