//! Instances by status over the last hour, so that pages show how a group reached its current
//! state.
//!
//! A group has one record per minute of 44 bytes: 2.6 kB per group, 5 MB for 2,000 groups. What is
//! not here: a longer or finer history, which Prometheus keeps.

mod saved;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::timestamp::minute;
use super::vocabulary::{INSTANCE_STATUS, OTHER};
use super::{GroupSnapshot, Snapshot, Tally};

/// Number of minutes that are kept for each group, including the current one.
pub const MINUTES: usize = 60;
/// Maximum number of groups that have a history, which limits its size to 14 MB.
pub const MAX_GROUPS: usize = 5_000;
/// Statuses that are counted separately: the documented ones, and one slot for all others.
const SLOTS: usize = 10;

/// The last hour of every group, recorded from snapshots. A group that is no longer listed is
/// dropped when its last record is an hour old: a listing whose pages shift can miss a group, and
/// an outage can be shorter than that.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Shared with the clones that are being saved.
    groups: HashMap<Key, Arc<VecDeque<MinuteCounts>>>,
}

type Key = (Arc<str>, Box<str>);

/// Instances of one group by status, from the last listing in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteCounts {
    /// Minutes since 1970.
    minute: u32,
    counts: [u32; SLOTS],
}

impl History {
    /// Records the instances of a snapshot in the minute of their listing. The last listing in a
    /// minute counts. A minute without a listing is a gap.
    pub fn record(&mut self, snapshot: &Snapshot) {
        let mut previous = std::mem::take(&mut self.groups);
        let listed = snapshot.groups.iter().take(MAX_GROUPS).map(|group| {
            let key = key(group);
            let mut minutes = previous.remove(&key).unwrap_or_default();
            if let Some(instances) = &group.instances {
                push(Arc::make_mut(&mut minutes), MinuteCounts::new(instances.at, &instances.data.statuses));
            }
            (key, minutes)
        });
        self.groups = listed.collect();
        let first = minute(snapshot.at).saturating_sub(MINUTES as u32 - 1);
        previous.retain(|_, minutes| minutes.back().is_some_and(|last| last.minute >= first));
        self.groups.extend(previous.into_iter().take(MAX_GROUPS - self.groups.len()));
    }

    /// Continues the history of a group from another one that has newer records of it.
    pub fn adopt(&mut self, other: &Self, account: &Arc<str>, group_id: &str) {
        let key = (Arc::clone(account), group_id.into());
        let Some(minutes) = other.groups.get(&key) else { return };
        let last = |minutes: &VecDeque<MinuteCounts>| minutes.back().map(MinuteCounts::minute);
        let is_newer = match self.groups.get(&key) {
            Some(known) => last(known) < last(minutes),
            None => self.groups.len() < MAX_GROUPS,
        };
        if is_newer {
            self.groups.insert(key, Arc::clone(minutes));
        }
    }

    /// The records of a group, the oldest first; empty for a group without a history.
    pub fn of(&self, group: &GroupSnapshot) -> Vec<MinuteCounts> {
        let minutes = self.groups.get(&key(group)).into_iter();
        minutes.flat_map(|minutes| minutes.iter()).copied().collect()
    }
}

impl MinuteCounts {
    fn new(at: Timestamp, statuses: &Tally) -> Self {
        let mut counts = [0_u32; SLOTS];
        for (status, count) in statuses.iter() {
            let slot = INSTANCE_STATUS.position(status).unwrap_or(SLOTS - 1);
            counts[slot] = counts[slot].saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
        Self { minute: minute(at), counts }
    }

    /// The start of the minute.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_second(i64::from(self.minute) * 60).unwrap_or(Timestamp::MAX)
    }

    /// Minutes since 1970.
    pub fn minute(&self) -> u32 {
        self.minute
    }

    /// Every documented status with its count, then the count of all unknown statuses as [`OTHER`].
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let statuses = INSTANCE_STATUS.known.iter().copied().chain([OTHER]);
        statuses.zip(self.counts)
    }
}

fn key(group: &GroupSnapshot) -> Key {
    (Arc::clone(&group.account), group.group.data.id.clone())
}

fn push(minutes: &mut VecDeque<MinuteCounts>, counts: MinuteCounts) {
    match minutes.back_mut() {
        Some(last) if last.minute == counts.minute => *last = counts,
        // The clock was set back: nothing is recorded until it reaches the last record's minute.
        Some(last) if last.minute > counts.minute => {}
        _ => minutes.push_back(counts),
    }
    let first = counts.minute.saturating_sub(MINUTES as u32 - 1);
    while minutes.front().is_some_and(|oldest| oldest.minute < first) {
        minutes.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{
        DecodeIssues, Fetched, FoldOptions, Group, GroupCounters, InstanceFold, InstanceRecord, Observations,
    };

    fn group(id: &str, second: i64, statuses: &[&str]) -> GroupSnapshot {
        let at = Timestamp::from_second(second).unwrap();
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (number, status) in statuses.iter().enumerate() {
            let record = InstanceRecord {
                id: number.to_string().into(),
                status: Some((*status).into()),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        let instances = Fetched { data: Arc::new(fold.finish(statuses.len() as u64).summary), at };
        GroupSnapshot {
            account: "a".into(),
            target: "t".into(),
            group: Fetched { data: Arc::new(Group { id: id.into(), ..Group::default() }), at },
            instances: Some(instances),
            persistent: None,
            counters: GroupCounters::default(),
            observed: Observations::default(),
        }
    }

    fn record(history: &mut History, groups: Vec<GroupSnapshot>) {
        let at = groups.iter().map(|group| group.group.at).max().unwrap_or_default();
        let groups = groups.into_iter().map(Arc::new).collect();
        history.record(&Snapshot { at, groups, ..Snapshot::default() });
    }

    fn idle(history: &History) -> Vec<u32> {
        let minutes = history.of(&group("g", 0, &[]));
        minutes
            .iter()
            .map(|minute| minute.counts().find(|(status, _)| *status == "IDLE").unwrap().1)
            .collect()
    }

    #[test]
    fn the_last_listing_of_each_minute_is_kept() {
        let mut history = History::default();
        record(&mut history, vec![group("g", 60, &["IDLE"])]);
        record(&mut history, vec![group("g", 119, &["IDLE", "idle"])]);
        record(&mut history, vec![group("g", 120, &[])]);
        assert_eq!(idle(&history), [2, 0]);
    }

    #[test]
    fn an_hour_is_kept_and_gaps_stay_gaps() {
        let mut history = History::default();
        for minute in (0..200).filter(|minute| minute % 2 == 0) {
            record(&mut history, vec![group("g", minute * 60, &["IDLE"])]);
        }
        let minutes = history.of(&group("g", 0, &[]));
        assert_eq!((minutes[0].minute(), minutes.len()), (140, 30));
        record(&mut history, vec![group("g", 1_000_000, &[])]);
        assert_eq!(history.of(&group("g", 0, &[])).len(), 1, "records older than an hour are dropped");
    }

    #[test]
    fn a_group_that_is_not_listed_keeps_its_history_for_an_hour() {
        let mut history = History::default();
        record(&mut history, vec![group("g", 60, &["IDLE"])]);
        record(&mut history, vec![group("other", 120, &[])]);
        record(&mut history, vec![group("g", 180, &["IDLE", "IDLE"])]);
        assert_eq!(idle(&history), [1, 2]);
        record(&mut history, vec![group("other", 180 + 59 * 60, &[])]);
        assert_eq!(idle(&history), [1, 2]);
        record(&mut history, vec![group("other", 180 + 60 * 60, &[])]);
        assert!(idle(&history).is_empty());
    }

    #[test]
    fn a_history_continues_another_one_that_has_newer_records_of_a_group() {
        let (mut old, mut new) = (History::default(), History::default());
        record(&mut old, vec![group("g", 60, &["IDLE"])]);
        record(&mut new, vec![group("g", 120, &["IDLE", "IDLE"]), group("other", 120, &[])]);
        let account = Arc::from("a");
        new.adopt(&old, &account, "g");
        assert_eq!(idle(&new), [2]);
        old.adopt(&new, &account, "g");
        assert_eq!(idle(&old), [2]);
        assert_eq!(old.groups.len(), 1, "no other group");
    }

    #[test]
    fn unknown_statuses_are_counted_together() {
        let mut history = History::default();
        record(&mut history, vec![group("g", 60, &["ODD", "EVEN", "BOUND"])]);
        let minute = history.of(&group("g", 0, &[]))[0];
        assert_eq!(minute.counts().last(), Some(("OTHER", 2)));
        assert_eq!(minute.counts().map(|(_, count)| count).sum::<u32>(), 3);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        record(&mut history, (0..MAX_GROUPS + 10).map(|id| group(&format!("{id:05}"), 60, &[])).collect());
        assert_eq!(history.groups.len(), MAX_GROUPS);
        assert_eq!(size_of::<MinuteCounts>(), 44);
        assert_eq!(INSTANCE_STATUS.known.len() + 1, SLOTS);
    }
}
