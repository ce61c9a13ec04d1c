//! The serialised form of an index: the names of its statuses, and all entries in one byte string.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{IndexEntry, InstanceIndex};
use crate::fleet::saved::{Bytes, MAX_NAMES};
use crate::fleet::statuses::{StatusId, StatusNames};

/// An entry's bytes: its five numbers in the order of the fields, little endian.
const ENTRY_BYTES: usize = 24;

/// What an index is written as and read from.
#[derive(Serialize, Deserialize)]
struct SavedIndex {
    /// The names of all status ids, in the order of the ids.
    names: Vec<Box<str>>,
    entries: Bytes,
}

impl Serialize for InstanceIndex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.names.iter().map(Box::from).collect();
        let entries = self.entries.iter().copied().flat_map(IndexEntry::to_bytes).collect();
        SavedIndex { names, entries: Bytes(entries) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for InstanceIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedIndex::deserialize(deserializer)?.restore().map_err(serde::de::Error::custom)
    }
}

impl SavedIndex {
    fn restore(self) -> Result<InstanceIndex, &'static str> {
        if self.names.len() > MAX_NAMES {
            return Err("too many statuses of an index");
        }
        let (names, ids) = StatusNames::restore(&self.names);
        let (chunks, []) = self.entries.0.as_chunks::<ENTRY_BYTES>() else {
            return Err("an index ends within an entry");
        };
        let entries: Option<Box<[IndexEntry]>> =
            chunks.iter().map(|bytes| IndexEntry::from_bytes(bytes, &ids)).collect();
        let entries = entries.ok_or("an index contains a status without a name")?;
        match entries.is_sorted_by(|one, other| one.id < other.id) {
            true => Ok(InstanceIndex { entries, names }),
            false => Err("the entries of an index are not in ascending order"),
        }
    }
}

impl IndexEntry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let (id, rest) = bytes.split_at_mut(8);
        id.copy_from_slice(&self.id.to_le_bytes());
        let numbers = [self.user_and_status, self.since, self.disconnected_since, self.usage];
        for (slot, number) in rest.chunks_exact_mut(4).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The entry with these bytes; `ids` are the final ids of its status ids. `None` if its status
    /// has none.
    fn from_bytes(bytes: &[u8; ENTRY_BYTES], ids: &[StatusId]) -> Option<Self> {
        let (id, numbers) = bytes.split_first_chunk::<8>()?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let [user_and_status, since, disconnected_since, usage] = *numbers else { return None };
        let user_and_status = u32::from_le_bytes(user_and_status);
        let status = ids.get((user_and_status & 0xFF) as usize)?;
        Some(Self {
            id: u64::from_le_bytes(*id),
            user_and_status: (user_and_status & !0xFF) | status,
            since: u32::from_le_bytes(since),
            disconnected_since: u32::from_le_bytes(disconnected_since),
            usage: u32::from_le_bytes(usage),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["UNKNOWN", "OTHER", "IDLE", "ODD"];

    fn entry(id: u64, status: u32) -> [u8; ENTRY_BYTES] {
        let entry = IndexEntry { id, user_and_status: status, since: 1, disconnected_since: 0, usage: 0 };
        entry.to_bytes()
    }

    fn restore(names: &[&str], entries: &[[u8; ENTRY_BYTES]]) -> Result<InstanceIndex, &'static str> {
        let names = names.iter().map(|name| Box::from(*name)).collect();
        SavedIndex { names, entries: Bytes(entries.concat()) }.restore()
    }

    #[test]
    fn statuses_are_found_by_name_where_another_version_has_other_numbers() {
        let index = restore(&KNOWN, &[entry(1, 3), entry(2, 2), entry(3, 1)]).unwrap();
        let names: Vec<&str> = index.entries.iter().map(|entry| index.names.name(entry.status())).collect();
        assert_eq!(names, ["ODD", "IDLE", "OTHER"]);
    }

    #[test]
    fn unknown_statuses_beyond_the_limit_are_counted_together() {
        let odd: Vec<String> = (0..40).map(|number| format!("ODD_{number:02}")).collect();
        let names: Vec<&str> = odd.iter().map(String::as_str).collect();
        let index = restore(&names, &[entry(1, 15), entry(2, 16)]).unwrap();
        let names: Vec<&str> = index.entries.iter().map(|entry| index.names.name(entry.status())).collect();
        assert_eq!(names, ["ODD_15", "OTHER"]);
    }

    #[test]
    fn entries_that_could_not_be_compared_are_rejected() {
        assert!(restore(&KNOWN, &[entry(1, 0), entry(2, 0)]).is_ok());
        assert!(restore(&KNOWN, &[entry(2, 0), entry(1, 0)]).is_err());
        assert!(restore(&KNOWN, &[entry(1, 0), entry(1, 0)]).is_err());
        assert!(restore(&KNOWN, &[entry(1, 4)]).is_err(), "a status without a name");
        let names = KNOWN.map(Box::from).to_vec();
        let entries = Bytes(vec![0; ENTRY_BYTES + 1]);
        assert!(SavedIndex { names, entries }.restore().is_err(), "it ends within an entry");
    }
}
