//! Counts by status.

use std::collections::BTreeMap;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

use super::saved::{MAX_COUNT, MAX_NAMES};
use super::status_map::StatusMap;
use super::vocabulary::{EnumValue, Vocabulary};

/// A count for every known status and for a bounded number of unknown ones.
///
/// At most [`MAX_UNKNOWN_VALUES`](super::vocabulary::MAX_UNKNOWN_VALUES) unknown statuses are
/// counted by name: the smallest in byte order, regardless of the order in which they arrive. The
/// others are counted under [`OTHER`](super::vocabulary::OTHER).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    counts: StatusMap<u64>,
}

impl Tally {
    /// A tally of 0 for every known status.
    pub fn new(vocabulary: &'static Vocabulary) -> Self {
        Self { counts: StatusMap::new(vocabulary) }
    }

    /// Every known status with its count, even if that is 0, in the vocabulary's order; then the
    /// unknown ones in byte order; then [`ABSENT`](super::vocabulary::ABSENT) and
    /// [`OTHER`](super::vocabulary::OTHER) where their count is above 0. No status occurs twice.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let known = self.counts.vocabulary().known.len();
        self.counts
            .iter()
            .enumerate()
            .filter(move |(position, (_, count))| *position < known || **count > 0)
            .map(|(_, (status, count))| (status, *count))
    }

    /// The count of `status`, which must be upper case; 0 for one that was never counted.
    pub fn get(&self, status: &str) -> u64 {
        self.counts.iter().find(|(other, _)| *other == status).map_or(0, |(_, count)| *count)
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| *count).sum()
    }

    /// Counts one occurrence of a classified status.
    pub(super) fn add_classified(&mut self, status: &EnumValue) {
        *self.counts.get_mut(status) += 1;
    }

    /// Reads a count for each status that has one, by name. A status that this version does not
    /// document, or documents newly, is counted like one that the API sends.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        vocabulary: &'static Vocabulary,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        let counts = BTreeMap::<Box<str>, u64>::deserialize(deserializer)?;
        if counts.len() > MAX_NAMES {
            return Err(D::Error::custom("too many statuses"));
        }
        let mut tally = Self::new(vocabulary);
        for (status, count) in counts {
            let total = tally.counts.get_mut(&vocabulary.classify(Some(&status)));
            *total = total.saturating_add(count).min(MAX_COUNT);
        }
        Ok(tally)
    }
}

impl Serialize for Tally {
    /// The count of each status that has one, by name. The vocabulary follows from the field that
    /// contains the tally.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.counts.iter().filter(|(_, count)| **count > 0))
    }
}

impl From<StatusMap<u64>> for Tally {
    fn from(counts: StatusMap<u64>) -> Self {
        Self { counts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::vocabulary::{INSTANCE_STATUS, MAX_UNKNOWN_VALUES, SESSION_STATUS};

    /// Counts one occurrence of `status`, in any ASCII case.
    fn add(tally: &mut Tally, status: Option<&str>) {
        let status = tally.counts.vocabulary().classify(status);
        tally.add_classified(&status);
    }

    fn tally<S: AsRef<str>>(statuses: &[S]) -> Tally {
        let mut tally = Tally::new(&INSTANCE_STATUS);
        statuses.iter().for_each(|status| add(&mut tally, Some(status.as_ref())));
        tally
    }

    #[test]
    fn an_empty_tally_has_every_known_status_at_0() {
        let tally = Tally::new(&SESSION_STATUS);
        assert_eq!(tally.iter().collect::<Vec<_>>(), [("CONNECT", 0), ("DISCONNECT", 0)]);
        assert_eq!(tally.total(), 0);
    }

    #[test]
    fn case_does_not_matter_and_unknown_statuses_are_upper_cased() {
        let tally = tally(&["idle", "IDLE", "Idle", "hibernating"]);
        assert_eq!(tally.get("IDLE"), 3);
        assert_eq!(tally.get("HIBERNATING"), 1);
        assert_eq!(tally.get("hibernating"), 0);
    }

    #[test]
    fn an_absent_or_empty_status_is_counted_as_unknown() {
        let mut tally = Tally::new(&SESSION_STATUS);
        add(&mut tally, None);
        add(&mut tally, Some(""));
        assert_eq!(tally.iter().last(), Some(("UNKNOWN", 2)));
    }

    #[test]
    fn the_statuses_unknown_and_other_from_the_api_have_no_separate_entry() {
        let mut tally = tally(&["Unknown", "other"]);
        add(&mut tally, None);
        let counted: Vec<_> = tally.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("UNKNOWN", 2), ("OTHER", 1)]);
    }

    #[test]
    fn a_saved_tally_counts_statuses_by_this_versions_documentation() {
        let read = |counts: &[(&str, u64)]| {
            let counts: BTreeMap<&str, u64> = counts.iter().copied().collect();
            let bytes = rmp_serde::to_vec(&counts).unwrap();
            Tally::deserialize(&INSTANCE_STATUS, &mut rmp_serde::Deserializer::new(&bytes[..])).ok()
        };
        let tally = read(&[("IDLE", 2), ("idle", 1), ("ODD", 4), ("UNKNOWN", u64::MAX)]).unwrap();
        assert_eq!((tally.get("IDLE"), tally.get("ODD"), tally.get("UNKNOWN")), (3, 4, MAX_COUNT));
        let many: Vec<String> = (0..300).map(|number| number.to_string()).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|status| (status.as_str(), u64::MAX)).collect();
        assert!(read(&many).is_none());
        assert_eq!(read(&many[..200]).unwrap().get("OTHER"), MAX_COUNT);
    }

    proptest! {
        #[test]
        fn the_order_in_which_statuses_arrive_does_not_matter(
            (statuses, shuffled) in proptest::collection::vec("[a-d]{1,3}|idle|BOUND|other|unknown", 0..120)
                .prop_flat_map(|statuses| (Just(statuses.clone()), Just(statuses).prop_shuffle())),
        ) {
            prop_assert_eq!(tally(&statuses), tally(&shuffled));
        }

        #[test]
        fn the_number_of_unknown_statuses_is_bounded_and_every_occurrence_is_counted(
            statuses in proptest::collection::vec("[a-z]{1,4}", 0..200),
        ) {
            let tally = tally(&statuses);
            prop_assert_eq!(tally.total(), statuses.len() as u64);
            prop_assert!(tally.iter().count() <= INSTANCE_STATUS.known.len() + MAX_UNKNOWN_VALUES + 2);

            let mut expected: Vec<String> = statuses
                .iter()
                .filter(|status| INSTANCE_STATUS.find_ignore_case(status).is_none())
                .map(|status| status.to_ascii_uppercase())
                .filter(|status| status != "OTHER" && status != "UNKNOWN")
                .collect();
            expected.sort_unstable();
            expected.dedup();
            expected.truncate(MAX_UNKNOWN_VALUES);
            let is_own = |status: &&str| *status == "OTHER" || *status == "UNKNOWN";
            let kept: Vec<&str> = tally
                .iter()
                .map(|(status, _)| status)
                .filter(|status| INSTANCE_STATUS.position(status).is_none() && !is_own(status))
                .collect();
            prop_assert_eq!(kept, expected);
        }
    }
}
