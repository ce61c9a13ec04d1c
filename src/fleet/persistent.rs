//! Persistent sessions of one delivery group, folded into counts as their pages arrive.
//!
//! What is not here: reading pages (`appstreaming`).

use jiff::Timestamp;

use super::hash::{HashedSet, hash};
use super::state::{Word, words};
use super::{Findings, FoldOptions, Tally};

/// One element of `ListPersistentAppInstances`, borrowed from the page it came in. Empty texts are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PersistentRecord<'a> {
    /// `AppInstancePersistentId`: the key, trimmed, never empty.
    pub id: &'a str,
    /// `AppInstancePersistentName`, verbatim.
    pub name: Option<&'a str>,
    /// `AppInstancePersistentStatus`, in any case.
    pub status: Option<&'a str>,
    /// `AppInstanceId`: the instance behind it now.
    pub instance_id: Option<&'a str>,
    /// `AppInstanceStatus`, in any case.
    pub instance_status: Option<&'a str>,
    /// `AuthorizedUsers`: personal data; `None` where the API sends null or nothing.
    pub authorized_users: Option<&'a [std::borrow::Cow<'a, str>]>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
}

/// What is known of the persistent sessions of one group, after its whole listing was folded.
#[derive(Debug, Clone, PartialEq)]
pub struct PersistentSummary {
    /// By `AppInstancePersistentStatus`.
    pub statuses: Tally,
    /// By `AppInstanceStatus`; persistent sessions without an instance are not in it.
    pub instance_statuses: Tally,
    /// Distinct `AuthorizedUsers`; `None` when no record has the list.
    pub authorized_users: Option<u64>,
    /// `TotalCount` of the listing.
    pub reported: u64,
    /// One record per persistent session, sorted by id; empty unless [`FoldOptions::detail`].
    pub details: Vec<PersistentDetail>,
}

/// One persistent session, kept only in detailed mode.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersistentDetail {
    /// `AppInstancePersistentId`.
    pub id: Box<str>,
    /// `AppInstancePersistentName`; empty when absent.
    pub name: Box<str>,
    /// `AppInstancePersistentStatus`, upper-cased.
    pub status: Option<Box<str>>,
    /// `AppInstanceId`; empty when absent.
    pub instance_id: Box<str>,
    /// `AppInstanceStatus`, upper-cased.
    pub instance_status: Option<Box<str>>,
    /// Number of `AuthorizedUsers`.
    pub authorized_users: Option<u64>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
}

/// Folds persistent session records into a [`PersistentSummary`]: duplicates (same id) count once,
/// the first record of an id wins.
#[derive(Debug)]
pub struct PersistentFold {
    options: FoldOptions,
    seen: HashedSet,
    statuses: Tally,
    instance_statuses: Tally,
    /// `None` until a record has a list, were it empty.
    authorized_users: Option<HashedSet>,
    details: Vec<PersistentDetail>,
}

impl PersistentFold {
    /// Nothing folded yet.
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            seen: HashedSet::default(),
            statuses: Tally::new(&words::PERSISTENT_STATUS),
            instance_statuses: Tally::new(&words::PERSISTENT_INSTANCE_STATUS),
            authorized_users: None,
            details: Vec::new(),
        }
    }

    /// Counts `record`, unless its id was counted before. Unheard-of words are noted in `findings`,
    /// once per persistent session that has one.
    pub fn add(&mut self, record: &PersistentRecord<'_>, findings: &mut Findings) {
        if !self.seen.insert(hash(record.id)) {
            return;
        }

        self.statuses.add_word(&words::PERSISTENT_STATUS.classify_noting(record.status, findings));
        let instance_status =
            words::PERSISTENT_INSTANCE_STATUS.classify_noting(record.instance_status, findings);
        // An instance whose status is missing is one of unknown status; without an instance there is
        // nothing to count.
        if instance_status != Word::Absent || present(record.instance_id).is_some() {
            self.instance_statuses.add_word(&instance_status);
        }

        if let Some(users) = record.authorized_users {
            let names = users.iter().filter(|user| !user.is_empty()).map(|user| hash(user));
            self.authorized_users.get_or_insert_default().extend(names);
        }
        if self.options.detail {
            self.details.push(detail(record));
        }
    }

    /// Distinct persistent sessions counted so far.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The summary of a listing whose pages were all folded; `reported` is its `TotalCount`.
    pub fn finish(self, reported: u64) -> PersistentSummary {
        let mut details = self.details;
        details.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        details.shrink_to_fit();
        PersistentSummary {
            statuses: self.statuses,
            instance_statuses: self.instance_statuses,
            authorized_users: self.authorized_users.map(|users| users.len() as u64),
            reported,
            details,
        }
    }
}

fn detail(record: &PersistentRecord<'_>) -> PersistentDetail {
    PersistentDetail {
        id: record.id.into(),
        name: record.name.unwrap_or_default().into(),
        status: present(record.status).map(|word| words::PERSISTENT_STATUS.upper_case(word).into()),
        instance_id: record.instance_id.unwrap_or_default().into(),
        instance_status: present(record.instance_status)
            .map(|word| words::PERSISTENT_INSTANCE_STATUS.upper_case(word).into()),
        authorized_users: record
            .authorized_users
            .map(|users| users.iter().filter(|user| !user.is_empty()).count() as u64),
        created: record.created,
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    const DETAILED: FoldOptions = FoldOptions { nodes: false, detail: true };

    fn fold(records: &[PersistentRecord<'_>]) -> (PersistentSummary, Findings) {
        let mut fold = PersistentFold::new(DETAILED);
        let mut findings = Findings::default();
        records.iter().for_each(|record| fold.add(record, &mut findings));
        (fold.finish(records.len() as u64), findings)
    }

    #[test]
    fn a_persistent_session_without_an_instance_is_not_among_the_instance_statuses() {
        let stopped = PersistentRecord { id: "p-1", status: Some("STOPPED"), ..PersistentRecord::default() };
        let odd = PersistentRecord { id: "p-2", instance_id: Some("ai-1"), ..PersistentRecord::default() };
        let (summary, _) = fold(&[stopped, odd]);
        assert_eq!(summary.statuses.get("STOPPED"), 1);
        assert_eq!(summary.statuses.get("UNKNOWN"), 1);
        assert_eq!(summary.instance_statuses.total(), 1);
        assert_eq!(summary.instance_statuses.get("UNKNOWN"), 1);
    }

    #[test]
    fn authorized_users_are_distinct_and_absent_when_no_record_has_a_list() {
        let none = PersistentRecord { id: "p-0", ..PersistentRecord::default() };
        assert_eq!(fold(&[none]).0.authorized_users, None);
        let nobody =
            PersistentRecord { id: "p-1", authorized_users: Some(&[]), ..PersistentRecord::default() };
        assert_eq!(fold(&[none, nobody]).0.authorized_users, Some(0));

        let (first, second) = ([Cow::from("u"), Cow::from("v")], [Cow::from("v"), Cow::from("")]);
        let (summary, _) = fold(&[
            PersistentRecord { authorized_users: Some(&first), ..nobody },
            PersistentRecord { id: "p-2", authorized_users: Some(&second), ..nobody },
            none,
        ]);
        assert_eq!(summary.authorized_users, Some(2));
        let counts: Vec<_> = summary.details.iter().map(|detail| detail.authorized_users).collect();
        assert_eq!(counts, [None, Some(2), Some(1)]);
    }

    #[test]
    fn unheard_of_words_are_noted_under_their_own_field_once_per_session() {
        let odd = PersistentRecord {
            id: "p-1",
            status: Some("frozen"),
            instance_status: Some("odd"),
            ..PersistentRecord::default()
        };
        let (summary, findings) = fold(&[odd, odd]);
        assert_eq!(findings.unknown["AppInstancePersistentStatus"], 1);
        assert_eq!(findings.unknown["AppInstanceStatus"], 1);
        assert_eq!(summary.details[0].status.as_deref(), Some("FROZEN"));
        assert_eq!(summary.details[0].instance_status.as_deref(), Some("ODD"));
    }

    proptest! {
        #[test]
        fn order_and_duplicates_do_not_matter(
            (ids, shuffled) in proptest::collection::vec(0_u32..40, 0..80)
                .prop_flat_map(|ids| (Just(ids.clone()), Just(ids).prop_shuffle())),
        ) {
            let summary = |ids: &[u32]| {
                let mut fold = PersistentFold::new(DETAILED);
                for id in ids {
                    let text = format!("p-{id}");
                    let status = ["running", "STOPPED", "odd"][*id as usize % 3];
                    let record = PersistentRecord { id: &text, status: Some(status), ..PersistentRecord::default() };
                    fold.add(&record, &mut Findings::default());
                }
                let distinct = fold.distinct();
                (fold.finish(0), distinct)
            };
            let (one, distinct) = summary(&ids);
            prop_assert_eq!(one.statuses.total(), distinct);
            prop_assert_eq!(one.details.len() as u64, distinct);
            prop_assert_eq!((one, distinct), summary(&shuffled));
        }
    }
}
