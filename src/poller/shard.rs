//! Divides the groups of one fleet among several exporters, by rendezvous hashing: one more shard
//! takes an equal part of the groups of each other shard, and no other group changes its owner.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One of `total` parts of about equal size of all groups. The group id determines the part to
/// which a group belongs, in every version and on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Whether the group belongs to this part: no other part has a larger weight, and no part
    /// before this one the same.
    ///
    /// For most groups of other parts, this computes only a few weights, because it ends at the
    /// first part that has a larger one.
    pub fn owns(&self, group_id: &str) -> bool {
        if self.total <= 1 {
            return true;
        }
        let own = weight(group_id, self.index);
        let precedes = |other: u32| {
            let weight = weight(group_id, other);
            weight > own || (weight == own && other < self.index)
        };
        (0..self.total).all(|other| other == self.index || !precedes(other))
    }
}

impl Shard {
    /// Whether a group can belong to this part that belonged to another part before, when this
    /// process had the groups of `before`. `None` if it had none, or if that is not known.
    ///
    /// A part with the same index of as many or fewer parts had every group of this one.
    pub fn may_gain_from_others(&self, before: Option<Self>) -> bool {
        match before {
            None => self.total > 1,
            Some(before) => before.total > 1 && (before.index != self.index || before.total > self.total),
        }
    }
}

/// SHA-256 of the group id, a zero byte and the decimal index. Replicas of two versions that
/// computed it in different ways would poll a group twice or not at all.
fn weight(group_id: &str, index: u32) -> [u8; 32] {
    let hash = Sha256::new().chain_update(group_id).chain_update([0]).chain_update(index.to_string());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(group_id: &str, total: u32) -> u32 {
        let owners: Vec<u32> = (0..total).filter(|&index| Shard { index, total }.owns(group_id)).collect();
        assert_eq!(owners.len(), 1, "{group_id} belongs to {owners:?} of {total}");
        owners[0]
    }

    fn groups() -> impl Iterator<Item = String> {
        (0..4_000).map(|group| format!("aig-{group:016x}"))
    }

    /// The owners of 1, 2, 3, 4, 5, 10 and 12 shards, computed by another implementation:
    /// `max(range(total), key=lambda i: (sha256(id + b"\0" + str(i).encode()).digest(), -i))`.
    #[test]
    fn the_owner_of_a_group_is_the_same_in_every_version() {
        for (group_id, owners) in [
            ("aig-0000000000000000", [0, 1, 2, 2, 2, 2, 11]),
            ("aig-1", [0, 1, 2, 2, 2, 2, 10]),
            ("aig-9ciijz60n4xsv****", [0, 0, 0, 0, 0, 0, 0]),
            ("g-中文", [0, 0, 0, 0, 0, 5, 5]),
            ("", [0, 0, 2, 2, 2, 2, 2]),
        ] {
            assert_eq!([1, 2, 3, 4, 5, 10, 12].map(|total| owner(group_id, total)), owners, "{group_id:?}");
        }
    }

    #[test]
    fn a_fourth_shard_takes_a_quarter_of_the_groups_of_three_and_no_other_group_moves() {
        let mut moved = 0;
        for group_id in groups() {
            let (of_three, of_four) = (owner(&group_id, 3), owner(&group_id, 4));
            assert!(of_four == of_three || of_four == 3, "{group_id} moves from {of_three} to {of_four}");
            moved += u32::from(of_four != of_three);
        }
        assert!((900..1_100).contains(&moved), "{moved} of 4000 groups move");
    }

    #[test]
    fn only_a_shard_that_had_all_of_its_groups_before_has_none_to_ask_for() {
        let every = || (1..6).flat_map(|total| (0..total).map(move |index| Shard { index, total }));
        for (before, after) in every().flat_map(|before| every().map(move |after| (before, after))) {
            let gains = groups().take(200).any(|id| after.owns(&id) && !before.owns(&id));
            assert_eq!(after.may_gain_from_others(Some(before)), gains, "{before:?} {after:?}");
        }
        assert!(every().all(|shard| shard.may_gain_from_others(None) == (shard != Shard::WHOLE)));
    }

    #[test]
    fn shards_are_of_similar_size() {
        for index in 0..4 {
            let shard = Shard { index, total: 4 };
            let owned = groups().filter(|group_id| shard.owns(group_id)).count();
            assert!((900..1_100).contains(&owned), "{owned} of 4000 in shard {index} of four");
        }
    }
}
