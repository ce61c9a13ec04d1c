//! Instances by status over the last hour: enough to see where a group comes from, small enough to
//! be kept for every group.
//!
//! One sample a minute, 44 bytes each: 2.6 kB a group, 5 MB for 2,000 groups. What is not here:
//! anything longer or finer, which is what Prometheus is for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::state::words::INSTANCE_STATUS;
use super::{GroupSnapshot, Snapshot, Tally};

/// Minutes that are kept of each group, the one under way included.
pub const MINUTES: usize = 60;
/// Groups beyond this number have no history: what is kept stays below 14 MB.
pub const MAX_GROUPS: usize = 5_000;
/// Words that are told apart: the documented ones, and one place for all others.
const PLACES: usize = 10;

/// The last hour of every group. Fed with snapshots; a group that is gone is forgotten.
#[derive(Debug, Default)]
pub struct History {
    groups: HashMap<Key, VecDeque<Sample>>,
}

type Key = (Arc<str>, Box<str>);

/// Instances of one group by status, as they were last seen in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Minutes since 1970.
    minute: u32,
    counts: [u32; PLACES],
}

impl History {
    /// Takes over what the snapshot says. Of several snapshots in a minute the last one stays; a group
    /// whose instances are not known, or were listed in no new listing for minutes, leaves a gap.
    pub fn record(&mut self, snapshot: &Snapshot) {
        let mut known = std::mem::take(&mut self.groups);
        self.groups = snapshot
            .groups
            .iter()
            .take(MAX_GROUPS)
            .map(|group| {
                let key = key(group);
                let mut samples = known.remove(&key).unwrap_or_default();
                if let Some(instances) = &group.instances {
                    push(&mut samples, Sample::new(instances.at, &instances.data.statuses));
                }
                (key, samples)
            })
            .collect();
    }

    /// What is kept of a group, the oldest first; nothing for one that is not known.
    pub fn of(&self, group: &GroupSnapshot) -> Vec<Sample> {
        self.groups.get(&key(group)).into_iter().flatten().copied().collect()
    }
}

impl Sample {
    fn new(at: Timestamp, statuses: &Tally) -> Self {
        let mut counts = [0_u32; PLACES];
        for (word, count) in statuses.iter() {
            let place = INSTANCE_STATUS.position(word).unwrap_or(PLACES - 1);
            counts[place] = counts[place].saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
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

    /// Every documented status with its count; statuses that nobody has heard of are `OTHER`, together.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let words = INSTANCE_STATUS.known.iter().copied().chain([super::words::OTHER]);
        words.zip(self.counts)
    }
}

/// Minutes since 1970; what lies outside of what can be counted is at its end.
pub fn minute(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0) / 60).unwrap_or(u32::MAX)
}

fn key(group: &GroupSnapshot) -> Key {
    (Arc::clone(&group.account), group.group.data.id.clone())
}

fn push(samples: &mut VecDeque<Sample>, sample: Sample) {
    match samples.back_mut() {
        Some(last) if last.minute == sample.minute => *last = sample,
        // A clock that was set back adds nothing until it has caught up.
        Some(last) if last.minute > sample.minute => {}
        _ => samples.push_back(sample),
    }
    let first = sample.minute.saturating_sub(MINUTES as u32 - 1);
    while samples.front().is_some_and(|oldest| oldest.minute < first) {
        samples.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Fetched, Findings, FoldOptions, Group, InstanceFold, InstanceRecord, SessionCounters,
    };
    use super::*;

    fn group(id: &str, second: i64, statuses: &[&str]) -> GroupSnapshot {
        let at = Timestamp::from_second(second).unwrap();
        let mut fold = InstanceFold::new(FoldOptions::default());
        for (number, status) in statuses.iter().enumerate() {
            let id = number.to_string();
            let record = InstanceRecord { id: &id, status: Some(status), ..InstanceRecord::default() };
            fold.add(&record, &mut Findings::default());
        }
        let instances = Fetched { data: Arc::new(fold.finish(statuses.len() as u64)), at };
        GroupSnapshot {
            account: "a".into(),
            target: "t".into(),
            group: Fetched { data: Arc::new(Group { id: id.into(), ..Group::default() }), at },
            instances: Some(instances),
            persistent: None,
            counters: SessionCounters::default(),
        }
    }

    fn record(history: &mut History, groups: Vec<GroupSnapshot>) {
        let groups = groups.into_iter().map(Arc::new).collect();
        history.record(&Snapshot { groups, ..Snapshot::default() });
    }

    fn idle(history: &History) -> Vec<u32> {
        let samples = history.of(&group("g", 0, &[]));
        samples.iter().map(|sample| sample.counts().find(|(word, _)| *word == "IDLE").unwrap().1).collect()
    }

    #[test]
    fn the_last_listing_of_each_minute_stays() {
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
        let samples = history.of(&group("g", 0, &[]));
        assert_eq!((samples[0].minute(), samples.len()), (140, 30));
        record(&mut history, vec![group("g", 1_000_000, &[])]);
        assert_eq!(history.of(&group("g", 0, &[])).len(), 1, "what is older than an hour goes");
    }

    #[test]
    fn a_group_that_is_gone_is_forgotten() {
        let mut history = History::default();
        record(&mut history, vec![group("g", 60, &["IDLE"])]);
        record(&mut history, vec![group("other", 120, &[])]);
        assert!(idle(&history).is_empty());
    }

    #[test]
    fn statuses_nobody_has_heard_of_are_counted_together() {
        let mut history = History::default();
        record(&mut history, vec![group("g", 60, &["ODD", "EVEN", "BOUND"])]);
        let sample = history.of(&group("g", 0, &[]))[0];
        assert_eq!(sample.counts().last(), Some(("OTHER", 2)));
        assert_eq!(sample.counts().map(|(_, count)| count).sum::<u32>(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut history = History::default();
        record(&mut history, (0..MAX_GROUPS + 10).map(|id| group(&format!("{id:05}"), 60, &[])).collect());
        assert_eq!(history.groups.len(), MAX_GROUPS);
        assert_eq!(size_of::<Sample>(), 44);
        assert_eq!(INSTANCE_STATUS.known.len() + 1, PLACES);
    }
}
