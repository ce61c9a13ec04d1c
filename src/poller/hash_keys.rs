//! The keys with which the listings of one target hash ids.

use std::collections::HashMap;

use crate::fleet::HashKey;

/// The key of each group. A group that another process listed before keeps the key of that process,
/// so that the two listings can be compared.
#[derive(Debug, Clone, Default)]
pub(super) struct HashKeys {
    own: HashKey,
    /// Groups with another key than `own`.
    others: HashMap<Box<str>, HashKey>,
}

impl HashKeys {
    /// The key `own`, except for these groups.
    pub(super) fn new<'a>(own: HashKey, groups: impl Iterator<Item = (&'a str, HashKey)>) -> Self {
        let others = groups.filter(|(_, key)| *key != own);
        Self { own, others: others.map(|(id, key)| (id.into(), key)).collect() }
    }

    /// The key of the group.
    pub(super) fn of(&self, group_id: &str) -> HashKey {
        self.others.get(group_id).copied().unwrap_or(self.own)
    }
}
