//! The serialised form of the history: the minutes of each group in one byte string.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{History, MAX_GROUPS, MINUTES, MinuteCounts, SLOTS};
use crate::fleet::saved::Bytes;
use crate::fleet::vocabulary::INSTANCE_STATUS;

/// The bytes of one minute: its number and its counts, little endian.
const MINUTE_BYTES: usize = 4 + 4 * SLOTS;

/// A count above this one is read as this one, so that the sum of a minute's counts does not
/// overflow.
const MAX_COUNT: u32 = u32::MAX / SLOTS as u32;

/// What a history is written as and read from.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct SavedHistory {
    /// The documented statuses that are counted separately. Another version may have others, whose
    /// history is dropped.
    statuses: Vec<Box<str>>,
    groups: Vec<SavedMinutes>,
}

#[derive(Serialize, Deserialize)]
struct SavedMinutes {
    account: Arc<str>,
    group: Box<str>,
    minutes: Bytes,
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = |((account, group), minutes): (&super::Key, &Arc<VecDeque<MinuteCounts>>)| SavedMinutes {
            account: Arc::clone(account),
            group: group.clone(),
            minutes: Bytes(minutes.iter().copied().flat_map(MinuteCounts::to_bytes).collect()),
        };
        let mut groups: Vec<SavedMinutes> = self.groups.iter().map(group).collect();
        groups.sort_unstable_by(|one, other| one.key().cmp(&other.key()));
        let statuses = INSTANCE_STATUS.known.iter().map(|status| Box::from(*status)).collect();
        SavedHistory { statuses, groups }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedHistory { statuses, groups } = SavedHistory::deserialize(deserializer)?;
        if !statuses.iter().map(|status| &**status).eq(INSTANCE_STATUS.known.iter().copied()) {
            return Ok(Self::default());
        }
        let groups = groups.into_iter().take(MAX_GROUPS).map(|group| {
            let minutes = group.minutes().ok_or("the history of a group is not valid")?;
            Ok(((group.account, group.group), Arc::new(minutes)))
        });
        let groups: Result<_, &str> = groups.collect();
        Ok(Self { groups: groups.map_err(serde::de::Error::custom)? })
    }
}

impl SavedMinutes {
    fn key(&self) -> (&str, &str) {
        (&self.account, &self.group)
    }

    /// The minutes; `None` unless they are at most as many as are kept, and ascending.
    fn minutes(&self) -> Option<VecDeque<MinuteCounts>> {
        let (chunks, rest) = self.minutes.0.as_chunks::<MINUTE_BYTES>();
        let minutes: VecDeque<MinuteCounts> = chunks.iter().map(MinuteCounts::from_bytes).collect();
        let is_valid = rest.is_empty()
            && minutes.len() <= MINUTES
            && minutes.iter().is_sorted_by(|one, other| one.minute < other.minute);
        is_valid.then_some(minutes)
    }
}

impl MinuteCounts {
    fn to_bytes(self) -> impl Iterator<Item = u8> {
        [self.minute].into_iter().chain(self.counts).flat_map(u32::to_le_bytes)
    }

    fn from_bytes(bytes: &[u8; MINUTE_BYTES]) -> Self {
        let (numbers, _) = bytes.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number));
        let minute = numbers.next().unwrap_or_default();
        let mut counts = [0; SLOTS];
        counts.iter_mut().zip(numbers).for_each(|(slot, count)| *slot = count.min(MAX_COUNT));
        Self { minute, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: &[u32]) -> Option<VecDeque<MinuteCounts>> {
        let counts = |minute: &u32| MinuteCounts { minute: *minute, counts: [1; SLOTS] };
        let bytes = minutes.iter().map(counts).flat_map(|minute| minute.to_bytes().collect::<Vec<u8>>());
        SavedMinutes { account: "a".into(), group: "g".into(), minutes: Bytes(bytes.collect()) }.minutes()
    }

    #[test]
    fn minutes_are_kept_if_they_are_ascending_and_at_most_an_hour() {
        assert_eq!(minutes(&[3, 4, 9]).unwrap()[2], MinuteCounts { minute: 9, counts: [1; SLOTS] });
        assert!(minutes(&[4, 4]).is_none());
        assert!(minutes(&[5, 4]).is_none());
        let hour: Vec<u32> = (0..61).collect();
        assert!(minutes(&hour[..60]).is_some());
        assert!(minutes(&hour).is_none());
    }

    #[test]
    fn a_history_of_other_statuses_is_dropped() {
        let group = SavedMinutes { account: "a".into(), group: "g".into(), minutes: Bytes::default() };
        let saved = SavedHistory { statuses: vec!["IDLE".into()], groups: vec![group] };
        let bytes = rmp_serde::to_vec_named(&saved).unwrap();
        assert_eq!(rmp_serde::from_slice::<History>(&bytes).unwrap(), History::default());
    }
}
