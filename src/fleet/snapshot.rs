//! The whole fleet at one instant, read by the renderer and the pages. Immutable once built.
//!
//! What is not here: when a new snapshot is built (`poller`), and how it is exported (`metrics`).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    DueScaleOut, Freshness, Group, GroupCounters, InstanceSummary, PersistentSummary, RecentSessions, saved,
    schedule,
};

/// The fleet at `at`. A published snapshot contains no data older than the configured limit (see
/// [`Snapshot::aged`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// When the snapshot was built.
    pub at: Timestamp,
    /// Every configured target, in configuration order, including targets that were never polled
    /// successfully.
    pub targets: Vec<TargetHealth>,
    /// Every group, sorted by account, region and id; at most one per account and id.
    pub groups: Vec<Arc<GroupSnapshot>>,
}

/// Whether and when the polls of one target succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The account's configured name.
    pub account: Arc<str>,
    /// The target's name: the product type, followed by `/region` where the account lists regions.
    pub target: Arc<str>,
    /// Whether the last poll succeeded completely; `None` before the first one ended.
    pub up: Option<bool>,
    /// When the last completely successful poll ended.
    pub last_success: Option<Timestamp>,
}

/// One group, with the listings of its instances and persistent sessions.
///
/// Its serialised form contains neither account nor target: it is part of a target, whose names it
/// has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// The account's configured name.
    #[serde(skip)]
    pub account: Arc<str>,
    /// The name of the target whose poll listed the group.
    #[serde(skip)]
    pub target: Arc<str>,
    /// From `ListAppInstanceGroup`.
    pub group: Fetched<Group>,
    /// From `ListAppInstances`; `None` when disabled, never fetched, or too old.
    pub instances: Option<Fetched<InstanceSummary>>,
    /// From `ListPersistentAppInstances`; `None` when disabled, never fetched, or too old.
    pub persistent: Option<Fetched<PersistentSummary>>,
    /// What was counted since the group was first listed; meaningful with `instances`.
    pub counters: GroupCounters,
    /// What successive listings showed; meaningful with `instances`.
    pub observed: Observations,
}

/// What successive listings of a group showed. `GmtModified` is not the time at which an instance
/// entered its status: it changes for other reasons, too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// For each status that has instances, since when the instance that has been longest in it has
    /// been in it; sorted by status.
    #[serde(deserialize_with = "saved::times_by_status")]
    pub oldest_since: Vec<(Box<str>, Timestamp)>,
    /// Since when the session that has been disconnected longest has been disconnected; `None` if
    /// no session is disconnected.
    pub disconnected_oldest: Option<Timestamp>,
    /// Lost connections of the last minutes.
    pub recent: RecentSessions,
    /// The scale-out that is due; `None` if none is.
    pub scale_out_due: Option<DueScaleOut>,
}

/// Listed data, and when it was last fetched completely.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetched<T> {
    /// The data.
    pub data: Arc<T>,
    /// When the listing ended.
    pub at: Timestamp,
}

impl Snapshot {
    /// Builds a snapshot with groups sorted by account, region and id.
    ///
    /// Where several targets list the same group of an account (such as a region that is configured
    /// twice), the group of the first of these targets is kept. Also returns the number of dropped
    /// duplicates.
    pub fn build(
        at: Timestamp,
        targets: Vec<TargetHealth>,
        mut groups: Vec<Arc<GroupSnapshot>>,
    ) -> (Self, u64) {
        let ranks: HashMap<(&str, &str), usize> =
            targets.iter().enumerate().rev().map(|(rank, target)| (target.key(), rank)).collect();
        let rank = |group: &GroupSnapshot| ranks.get(&group.target_key()).copied().unwrap_or(usize::MAX);
        groups.sort_by(|one, other| one.key().cmp(&other.key()).then_with(|| rank(one).cmp(&rank(other))));
        let listed = groups.len();
        groups.dedup_by(|later, kept| later.key() == kept.key());
        let dropped = (listed - groups.len()) as u64;
        groups.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        (Self { at, targets, groups }, dropped)
    }

    /// The earliest instant after `at` at which the number of nodes required by a node pool's
    /// schedule changes; `None` when it never changes.
    pub fn next_schedule_change(&self, time_zone: &TimeZone) -> Option<Timestamp> {
        let pools = self.groups.iter().flat_map(|group| &group.group.data.node_pools);
        pools.filter_map(|pool| schedule::next_change(pool, self.at, time_zone)).min()
    }

    /// The earliest instant at which a listing in the snapshot becomes stale; `None` for a fleet
    /// without groups.
    pub fn next_expiry(&self, freshness: &Freshness) -> Option<Timestamp> {
        let limits = self.groups.iter().flat_map(|group| group.age_limits(freshness));
        // Listings that would expire after the last representable instant never expire.
        limits.filter_map(|(at, limit)| at.checked_add(limit).ok()).min()
    }

    /// The snapshot at `now`, without stale data: a group that was listed too long ago is left out
    /// as a whole; a stale listing of its instances or persistent sessions is left out of its
    /// group.
    pub fn aged(&self, now: Timestamp, freshness: &Freshness) -> Self {
        let is_fresh = |at: Timestamp, limit| now.duration_since(at) < limit;
        let limit = freshness.stale_after;
        let groups = self.groups.iter().filter(|group| is_fresh(group.group.at, limit)).map(|group| {
            if group.age_limits(freshness).all(|(at, limit)| is_fresh(at, limit)) {
                return Arc::clone(group);
            }
            let persistent_limit = |listed: &PersistentSummary| {
                freshness.persistent_stale_after(&group.group.data, listed.reported)
            };
            Arc::new(GroupSnapshot {
                instances: group.instances.clone().filter(|fetched| is_fresh(fetched.at, limit)),
                persistent: group
                    .persistent
                    .clone()
                    .filter(|fetched| is_fresh(fetched.at, persistent_limit(&fetched.data))),
                ..GroupSnapshot::clone(group)
            })
        });
        Self { at: now, targets: self.targets.clone(), groups: groups.collect() }
    }
}

impl TargetHealth {
    fn key(&self) -> (&str, &str) {
        (&self.account, &self.target)
    }
}

impl GroupSnapshot {
    fn key(&self) -> (&str, &str) {
        (&self.account, &self.group.data.id)
    }

    fn target_key(&self) -> (&str, &str) {
        (&self.account, &self.target)
    }

    /// The order of groups in the fleet: by account, region and id.
    fn sort_key(&self) -> (&str, &str, &str) {
        (&self.account, &self.group.data.region_id, &self.group.data.id)
    }

    /// When the older of the two listings that every poll requests was fetched: the group and its
    /// instances. Persistent sessions have their own interval.
    pub fn oldest(&self) -> Timestamp {
        self.instances.as_ref().map_or(self.group.at, |instances| instances.at.min(self.group.at))
    }

    /// When each of the group's listings was fetched, and the age at which it is stale.
    fn age_limits(&self, freshness: &Freshness) -> impl Iterator<Item = (Timestamp, SignedDuration)> {
        let limit = freshness.stale_after;
        let instances = self.instances.as_ref().map(|fetched| (fetched.at, limit));
        let persistent = self.persistent.as_ref().map(|fetched| {
            (fetched.at, freshness.persistent_stale_after(&self.group.data, fetched.data.reported))
        });
        [Some((self.group.at, limit)), instances, persistent].into_iter().flatten()
    }
}

impl<T> Clone for Fetched<T> {
    /// Shares the data.
    fn clone(&self) -> Self {
        Self { data: Arc::clone(&self.data), at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;
    use crate::fleet::{
        DecodeIssues, FoldOptions, InstanceFold, NodePool, PersistentFold, PersistentInterval,
        PersistentRecord, TimerPeriod, WeeklySchedule,
    };

    const LIMIT: SignedDuration = SignedDuration::from_secs(300);

    /// Persistent sessions are listed every minute, or every ten minutes.
    fn freshness() -> Freshness {
        let persistent = PersistentInterval { poll: SignedDuration::from_secs(60), configured: None };
        Freshness { stale_after: LIMIT, persistent }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fetched<T>(data: T, second: i64) -> Fetched<T> {
        Fetched { data: Arc::new(data), at: at(second) }
    }

    fn target(name: &str) -> TargetHealth {
        TargetHealth { account: "a".into(), target: name.into(), up: Some(true), last_success: None }
    }

    fn group(target: &str, region: &str, id: &str) -> GroupSnapshot {
        let group = Group { id: id.into(), region_id: region.into(), ..Group::default() };
        GroupSnapshot {
            account: "a".into(),
            target: target.into(),
            group: fetched(group, 0),
            instances: None,
            persistent: None,
            counters: GroupCounters::default(),
            observed: Observations::default(),
        }
    }

    fn snapshot(groups: Vec<GroupSnapshot>) -> Snapshot {
        Snapshot::build(at(0), vec![target("one")], groups.into_iter().map(Arc::new).collect()).0
    }

    #[test]
    fn a_group_listed_by_two_targets_is_kept_for_the_first_target() {
        let groups = [group("two", "r", "g1"), group("one", "r", "g1"), group("two", "q", "g2")];
        let targets = vec![target("one"), target("two")];
        let (snapshot, dropped) = Snapshot::build(at(0), targets, groups.map(Arc::new).into());
        let kept: Vec<_> =
            snapshot.groups.iter().map(|group| (&*group.group.data.id, &*group.target)).collect();
        assert_eq!(kept, [("g2", "two"), ("g1", "one")]);
        assert_eq!(dropped, 1);
    }

    #[test]
    fn groups_of_two_accounts_may_have_the_same_id() {
        let other = GroupSnapshot { account: "b".into(), ..group("one", "r", "g") };
        assert_eq!(snapshot(vec![other, group("one", "r", "g")]).groups.len(), 2);
    }

    #[test]
    fn stale_data_is_left_out_at_the_announced_instant() {
        let listed = |second| {
            let instances = InstanceFold::new(FoldOptions::default()).finish(0).summary;
            GroupSnapshot { instances: Some(fetched(instances, second)), ..group("one", "r", "g") }
        };
        let mut fresh = listed(-100);
        let mut fold = PersistentFold::new(FoldOptions::default());
        let record = PersistentRecord { id: "p".into(), ..PersistentRecord::default() };
        fold.add(&record, &mut DecodeIssues::default());
        fresh.persistent = Some(fetched(fold.finish(1), 50));
        let snapshot = snapshot(vec![fresh]);

        assert_eq!(snapshot.next_expiry(&freshness()), Some(at(200)));
        let before = snapshot.aged(at(199), &freshness());
        assert!(Arc::ptr_eq(&before.groups[0], &snapshot.groups[0]));
        assert_eq!(before.at, at(199));

        let after = snapshot.aged(at(200), &freshness());
        assert!(after.groups[0].instances.is_none());
        assert!(after.groups[0].persistent.is_some());
        assert_eq!(after.next_expiry(&freshness()), Some(at(300)));

        let end = after.aged(at(300), &freshness());
        assert!(end.groups.is_empty());
        assert_eq!(end.targets.len(), 1, "the target's health is kept");
        assert_eq!(end.next_expiry(&freshness()), None);
    }

    #[test]
    fn seldom_listed_persistent_sessions_are_served_for_three_of_their_own_intervals() {
        let mut idle = group("one", "r", "g1");
        idle.group.at = at(1700);
        idle.persistent = Some(fetched(PersistentFold::new(FoldOptions::default()).finish(0), 0));
        let idle = snapshot(vec![idle]);
        assert!(idle.aged(at(1799), &freshness()).groups[0].persistent.is_some());
        assert_eq!(idle.next_expiry(&freshness()), Some(at(1800)));
        let after = idle.aged(at(1800), &freshness());
        assert_eq!((after.groups.len(), after.groups[0].persistent.is_some()), (1, false));
    }

    #[test]
    fn the_next_schedule_change_is_the_earliest_in_the_fleet() {
        let scheduled = |id: &str, start: i8| {
            let mut scheduled = group("one", "r", id);
            let period = TimerPeriod { start: time(start, 0, 0, 0), end: time(23, 0, 0, 0), amount: 1.0 };
            let pool = NodePool {
                strategy_type: Some("NODE_SCALING_BY_SCHEDULE".into()),
                schedules: vec![WeeklySchedule { weekdays: (1..=7).collect(), periods: vec![period] }],
                ..NodePool::default()
            };
            let data = Group { node_pools: vec![pool], ..Group::clone(&scheduled.group.data) };
            scheduled.group = fetched(data, 0);
            scheduled
        };
        let fleet = snapshot(vec![scheduled("g1", 9), scheduled("g2", 7), group("one", "r", "g3")]);
        assert_eq!(fleet.next_schedule_change(&TimeZone::UTC), Some(at(7 * 3600)));
        assert_eq!(snapshot(vec![]).next_schedule_change(&TimeZone::UTC), None);
    }
}
