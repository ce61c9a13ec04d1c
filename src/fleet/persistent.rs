//! Persistent sessions of one delivery group, folded into counts as their pages arrive.
//!
//! What is not here: reading pages (`appstreaming`).

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::hash::{HashedSet, TextHasher};
use super::saved;
use super::vocabulary::{EnumValue, PERSISTENT_INSTANCE_STATUS, PERSISTENT_STATUS};
use super::{DecodeIssues, FoldOptions, Tally};

/// One element of `ListPersistentAppInstances`.
///
/// Texts are borrowed from the page, and owned only where an escape had to be decoded. Empty texts
/// are `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersistentRecord<'a> {
    /// `AppInstancePersistentId`: the key, trimmed, never empty.
    pub id: Cow<'a, str>,
    /// `AppInstancePersistentName`, verbatim.
    pub name: Option<Cow<'a, str>>,
    /// `AppInstancePersistentStatus`, in any case.
    pub status: Option<Cow<'a, str>>,
    /// `AppInstanceId`: the instance that serves the session now.
    pub instance_id: Option<Cow<'a, str>>,
    /// `AppInstanceStatus`, in any case.
    pub instance_status: Option<Cow<'a, str>>,
    /// `AuthorizedUsers`: personal data; `None` where the API sends no list.
    pub authorized_users: Option<Vec<Cow<'a, str>>>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
}

/// The persistent sessions of one group, after the whole listing was folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersistentSummary {
    /// Persistent sessions by `AppInstancePersistentStatus`.
    #[serde(deserialize_with = "statuses")]
    pub statuses: Tally,
    /// Persistent sessions by `AppInstanceStatus`; those without an instance are not counted.
    #[serde(deserialize_with = "instance_statuses")]
    pub instance_statuses: Tally,
    /// Number of distinct `AuthorizedUsers`; `None` when there are persistent sessions, none of which
    /// has the list.
    #[serde(deserialize_with = "saved::optional_count")]
    pub authorized_users: Option<u64>,
    /// `TotalCount` of the listing; the number of distinct sessions where the API sends none.
    #[serde(deserialize_with = "saved::count")]
    pub reported: u64,
    /// One record per persistent session, sorted by id; empty unless [`FoldOptions::detail`].
    #[serde(deserialize_with = "details")]
    pub details: Vec<PersistentDetail>,
}

/// One persistent session, kept only in detailed mode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistentDetail {
    /// `AppInstancePersistentId`.
    pub id: Box<str>,
    /// `AppInstancePersistentName`; empty when absent.
    pub name: Box<str>,
    /// `AppInstancePersistentStatus`, upper case.
    pub status: Option<Box<str>>,
    /// `AppInstanceId`; empty when absent.
    pub instance_id: Box<str>,
    /// `AppInstanceStatus`, upper case.
    pub instance_status: Option<Box<str>>,
    /// Number of `AuthorizedUsers`; `None` where the API sends no list.
    #[serde(deserialize_with = "saved::optional_count")]
    pub authorized_users: Option<u64>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
}

/// Folds persistent session records into a [`PersistentSummary`]: duplicates (records with the same
/// id) count once, and the first record of an id counts.
#[derive(Debug)]
pub struct PersistentFold {
    options: FoldOptions,
    hasher: TextHasher,
    seen: HashedSet,
    statuses: Tally,
    instance_statuses: Tally,
    /// `None` until a record has a list, even an empty one.
    authorized_users: Option<HashedSet>,
    details: Vec<PersistentDetail>,
}

impl PersistentFold {
    /// A fold without persistent sessions.
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            hasher: TextHasher::new(options.hash_key),
            seen: HashedSet::default(),
            statuses: Tally::new(&PERSISTENT_STATUS),
            instance_statuses: Tally::new(&PERSISTENT_INSTANCE_STATUS),
            authorized_users: None,
            details: Vec::new(),
        }
    }

    /// Counts `record`, unless its id was counted before. Unknown statuses are counted in `issues`,
    /// once per persistent session that has one.
    pub fn add(&mut self, record: &PersistentRecord<'_>, issues: &mut DecodeIssues) {
        if !self.seen.insert(self.hasher.hash(&record.id)) {
            return;
        }

        let status = PERSISTENT_STATUS.classify_counting(record.status.as_deref(), issues);
        self.statuses.add_classified(&status);
        let instance_status =
            PERSISTENT_INSTANCE_STATUS.classify_counting(record.instance_status.as_deref(), issues);
        // An instance whose status is absent counts as `ABSENT`; a persistent session without an
        // instance is not counted.
        if instance_status != EnumValue::Absent || not_empty(&record.instance_id).is_some() {
            self.instance_statuses.add_classified(&instance_status);
        }

        if let Some(users) = &record.authorized_users {
            let users = users.iter().filter(|user| !user.is_empty()).map(|user| self.hasher.hash(user));
            self.authorized_users.get_or_insert_default().extend(users);
        }
        if self.options.detail {
            self.details.push(detail(record));
        }
    }

    /// Number of distinct persistent sessions counted so far.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The summary of a listing whose pages were all folded; `reported` is its `TotalCount`.
    pub fn finish(self, reported: u64) -> PersistentSummary {
        let mut details = self.details;
        let no_users = self.seen.is_empty().then_some(0);
        details.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        details.shrink_to_fit();
        PersistentSummary {
            statuses: self.statuses,
            instance_statuses: self.instance_statuses,
            authorized_users: self.authorized_users.map(|users| users.len() as u64).or(no_users),
            reported,
            details,
        }
    }
}

fn detail(record: &PersistentRecord<'_>) -> PersistentDetail {
    PersistentDetail {
        id: (&*record.id).into(),
        name: record.name.as_deref().unwrap_or_default().into(),
        status: not_empty(&record.status).map(|status| PERSISTENT_STATUS.upper_case(status).into()),
        instance_id: record.instance_id.as_deref().unwrap_or_default().into(),
        instance_status: not_empty(&record.instance_status)
            .map(|status| PERSISTENT_INSTANCE_STATUS.upper_case(status).into()),
        authorized_users: record
            .authorized_users
            .as_ref()
            .map(|users| users.iter().filter(|user| !user.is_empty()).count() as u64),
        created: record.created,
    }
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tally, D::Error> {
    Tally::deserialize(&PERSISTENT_STATUS, deserializer)
}

fn instance_statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tally, D::Error> {
    Tally::deserialize(&PERSISTENT_INSTANCE_STATUS, deserializer)
}

fn details<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PersistentDetail>, D::Error> {
    saved::ascending(deserializer, |one: &PersistentDetail, other| one.id < other.id)
}

fn not_empty<'r>(text: &'r Option<Cow<'_, str>>) -> Option<&'r str> {
    text.as_deref().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::HashKey;

    const DETAILED: FoldOptions = FoldOptions { nodes: false, detail: true, hash_key: HashKey::new(0) };

    fn fold(records: &[PersistentRecord<'_>]) -> (PersistentSummary, DecodeIssues) {
        let mut fold = PersistentFold::new(DETAILED);
        let mut issues = DecodeIssues::default();
        records.iter().for_each(|record| fold.add(record, &mut issues));
        (fold.finish(records.len() as u64), issues)
    }

    fn record(id: &str) -> PersistentRecord<'_> {
        PersistentRecord { id: id.into(), ..PersistentRecord::default() }
    }

    #[test]
    fn a_persistent_session_without_an_instance_is_not_counted_by_instance_status() {
        let stopped = PersistentRecord { status: Some("STOPPED".into()), ..record("p-1") };
        let without_status = PersistentRecord { instance_id: Some("ai-1".into()), ..record("p-2") };
        let (summary, _) = fold(&[stopped, without_status]);
        assert_eq!(summary.statuses.get("STOPPED"), 1);
        assert_eq!(summary.statuses.get("UNKNOWN"), 1);
        assert_eq!(summary.instance_statuses.total(), 1);
        assert_eq!(summary.instance_statuses.get("UNKNOWN"), 1);
    }

    #[test]
    fn authorized_users_are_distinct_and_absent_when_no_record_has_a_list() {
        let without = record("p-0");
        assert_eq!(fold(std::slice::from_ref(&without)).0.authorized_users, None);
        let with = |id, users: &[&'static str]| PersistentRecord {
            authorized_users: Some(users.iter().map(|user| (*user).into()).collect()),
            ..record(id)
        };
        assert_eq!(fold(&[without.clone(), with("p-1", &[])]).0.authorized_users, Some(0));

        let (summary, _) = fold(&[with("p-1", &["u", "v"]), with("p-2", &["v", ""]), without]);
        assert_eq!(summary.authorized_users, Some(2));
        assert_eq!(fold(&[]).0.authorized_users, Some(0), "an empty listing has no users");
        let counts: Vec<_> = summary.details.iter().map(|detail| detail.authorized_users).collect();
        assert_eq!(counts, [None, Some(2), Some(1)]);
    }

    #[test]
    fn unknown_statuses_are_counted_under_their_own_field_once_per_session() {
        let unknown = PersistentRecord {
            status: Some("frozen".into()),
            instance_status: Some("odd".into()),
            ..record("p-1")
        };
        let (summary, issues) = fold(&[unknown.clone(), unknown]);
        assert_eq!(issues.unknown["AppInstancePersistentStatus"], 1);
        assert_eq!(issues.unknown["AppInstanceStatus"], 1);
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
                    let record = PersistentRecord { status: Some(status.into()), ..record(&text) };
                    fold.add(&record, &mut DecodeIssues::default());
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
