//! Decides which listings a poll requests, and in which order, from when each was last requested.
//!
//! What is not here: requesting them (`poll`), and the interval of one group's persistent sessions
//! (`fleet::freshness`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::options::{ListingDepth, ListingOptions};
use super::saved::SavedGroup;
use crate::fleet::{Group, PersistentInterval};

/// A listing of the members of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum MemberListing {
    /// `ListAppInstances`.
    Instances,
    /// `ListPersistentAppInstances`.
    Persistent,
}

/// The last listings of a target's groups. Groups that are no longer listed are forgotten, so a
/// group that is listed again counts as new.
#[derive(Debug, Default)]
pub(super) struct ListingTimes {
    last: HashMap<(MemberListing, Box<str>), LastListing>,
}

/// The last listing of one kind of one group.
#[derive(Debug, Clone, Copy)]
struct LastListing {
    /// When the last one ended, successfully or not.
    ended: Timestamp,
    /// When the last successful one ended.
    succeeded: Option<Timestamp>,
    /// The number of elements of the last successful one.
    elements: u64,
}

impl ListingTimes {
    /// The times of the listings of these groups, whose last polls were made by another task or
    /// process. Listings that failed since then are not known.
    pub(super) fn of<'a>(groups: impl Iterator<Item = &'a SavedGroup>, listings: ListingOptions) -> Self {
        let mut times = Self::default();
        for SavedGroup { snapshot, no_persistent_at, .. } in groups {
            let id = &*snapshot.group.data.id;
            if let Some(instances) = &snapshot.instances {
                times.record(MemberListing::Instances, id, instances.at, Some(instances.data.reported));
            }
            let persistent = snapshot.persistent.as_ref().filter(|persistent| {
                // Sessions that were listed without their details are due.
                let has_details = persistent.data.details.len() as u64 == persistent.data.statuses.total();
                has_details || listings.persistent != ListingDepth::Detailed
            });
            let persistent = persistent.map(|persistent| (persistent.at, persistent.data.reported));
            if let Some((at, elements)) = persistent.or(no_persistent_at.map(|at| (at, 0))) {
                times.record(MemberListing::Persistent, id, at, Some(elements));
            }
        }
        times
    }

    /// The listings to request at `now`, each with the index of its group. Those that were never
    /// requested come first, then those that ended longest ago.
    pub(super) fn plan(
        &mut self,
        groups: &[Arc<Group>],
        listings: ListingOptions,
        interval: PersistentInterval,
        now: Timestamp,
    ) -> Vec<(usize, MemberListing)> {
        self.forget_others(groups);
        let mut plan: Vec<(usize, MemberListing)> = Vec::new();
        if listings.instances.is_on() {
            plan.extend((0..groups.len()).map(|index| (index, MemberListing::Instances)));
        }
        if listings.persistent.is_on() {
            let due = self.due_persistent(groups, interval, now);
            plan.extend(due.into_iter().map(|index| (index, MemberListing::Persistent)));
        }
        plan.sort_by_key(|(index, listing)| (self.ended(*listing, &groups[*index].id), *index, *listing));
        plan
    }

    /// Records a listing that ended at `at`; `elements` is `None` if it failed.
    pub(super) fn record(
        &mut self,
        listing: MemberListing,
        group_id: &str,
        at: Timestamp,
        elements: Option<u64>,
    ) {
        let key = (listing, group_id.into());
        let last = self.last.entry(key).or_insert(LastListing { ended: at, succeeded: None, elements: 0 });
        last.ended = at;
        if let Some(elements) = elements {
            (last.succeeded, last.elements) = (Some(at), elements);
        }
    }

    /// The number of elements of the last successful listing; `None` before the first one.
    pub(super) fn elements(&self, listing: MemberListing, group_id: &str) -> Option<u64> {
        let last = self.get(listing, group_id)?;
        last.succeeded.map(|_| last.elements)
    }

    /// The groups whose persistent sessions are due.
    ///
    /// Groups that are listed less often than polled are spread over the polls of their interval:
    /// those that were listed first at the same time do not stay together.
    fn due_persistent(
        &self,
        groups: &[Arc<Group>],
        interval: PersistentInterval,
        now: Timestamp,
    ) -> Vec<usize> {
        let (mut due, mut waiting, mut quota) = (Vec::new(), Vec::new(), 0.0);
        for (index, group) in groups.iter().enumerate() {
            let last = self.get(MemberListing::Persistent, &group.id);
            let last = last.and_then(|last| Some((last.succeeded?, last)));
            let own = interval.of(group, last.map_or(0, |(_, last)| last.elements));
            match last {
                Some((succeeded, last)) if own > interval.poll => {
                    quota += interval.share_of_polls(group, last.elements);
                    if is_due(succeeded, own, interval.poll, now) {
                        waiting.push((last.ended, index));
                    }
                }
                _ => due.push(index),
            }
        }
        waiting.sort_unstable();
        due.extend(waiting.into_iter().map(|(_, index)| index).take(quota.ceil() as usize));
        due
    }

    fn get(&self, listing: MemberListing, group_id: &str) -> Option<&LastListing> {
        self.last.get(&(listing, group_id.into()))
    }

    /// When the last listing ended; `None` if there was none.
    pub(super) fn ended(&self, listing: MemberListing, group_id: &str) -> Option<Timestamp> {
        self.get(listing, group_id).map(|last| last.ended)
    }

    fn forget_others(&mut self, groups: &[Arc<Group>]) {
        let known: HashSet<&str> = groups.iter().map(|group| &*group.id).collect();
        self.last.retain(|(_, id), _| known.contains(&**id));
    }
}

/// Whether a listing is due that ended at `last`. Polls do not start at exact times, so a listing
/// is due at the poll that is nearest to the end of its interval.
fn is_due(last: Timestamp, interval: SignedDuration, poll: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(last).saturating_add(poll / 2) >= interval
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTINGS: ListingOptions =
        ListingOptions { instances: ListingDepth::Off, nodes: false, persistent: ListingDepth::Aggregate };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn groups(count: usize, auth_mode: &str) -> Vec<Arc<Group>> {
        let group = |number| Group {
            id: format!("g{number:02}").into(),
            auth_mode: auth_mode.into(),
            ..Group::default()
        };
        (0..count).map(|number| Arc::new(group(number))).collect()
    }

    fn interval(configured: Option<i64>) -> PersistentInterval {
        PersistentInterval {
            poll: SignedDuration::from_secs(60),
            configured: configured.map(SignedDuration::from_secs),
        }
    }

    /// Polls every minute. Returns the groups whose persistent sessions each poll lists; each group
    /// has `sessions`.
    fn polls(
        count: i64,
        groups: &[Arc<Group>],
        interval: PersistentInterval,
        sessions: u64,
    ) -> Vec<Vec<usize>> {
        let mut times = ListingTimes::default();
        let poll = |minute| {
            // Polls start some milliseconds early or late.
            let now = at(minute * 60) + SignedDuration::from_millis(minute * 7919 % 200);
            let plan = times.plan(groups, LISTINGS, interval, now);
            for (index, listing) in &plan {
                let ended = now + SignedDuration::from_secs(2);
                times.record(*listing, &groups[*index].id, ended, Some(sessions));
            }
            plan.into_iter().map(|(index, _)| index).collect()
        };
        (0..count).map(poll).collect()
    }

    #[test]
    fn groups_that_can_have_persistent_sessions_are_listed_by_every_poll() {
        for (auth_mode, sessions) in [("Session", 0), ("App", 3)] {
            let listed = polls(5, &groups(3, auth_mode), interval(None), sessions);
            assert!(listed.iter().all(|groups| groups.len() == 3), "{auth_mode}: {listed:?}");
        }
    }

    #[test]
    fn groups_without_persistent_sessions_are_listed_at_once_and_then_by_every_tenth_poll() {
        let listed = polls(52, &groups(1, "App"), interval(None), 0);
        let polls: Vec<usize> = (0..listed.len()).filter(|poll| !listed[*poll].is_empty()).collect();
        assert_eq!(polls, [0, 10, 20, 30, 40, 50]);
    }

    #[test]
    fn seldom_listings_are_spread_over_the_polls_of_their_interval() {
        let listed = polls(60, &groups(25, "App"), interval(None), 0);
        assert_eq!(listed[0].len(), 25);
        assert!(listed[1..10].iter().all(Vec::is_empty), "no group is due");
        assert!(listed[10..].iter().all(|groups| groups.len() <= 3), "{listed:?}");
        for group in 0..25 {
            let polls: Vec<usize> = (1..60).filter(|poll| listed[*poll].contains(&group)).collect();
            assert!(polls.windows(2).all(|pair| pair[1] - pair[0] == 10), "{group}: {polls:?}");
        }
    }

    #[test]
    fn a_configured_interval_holds_for_every_group() {
        for auth_mode in ["Session", "App"] {
            let listed = polls(31, &groups(2, auth_mode), interval(Some(300)), 1);
            assert_eq!(listed.iter().map(Vec::len).sum::<usize>(), 2 + 6 + 5, "{listed:?}");
        }
        let listed = polls(3, &groups(2, "App"), interval(Some(1)), 0);
        assert_eq!(listed.iter().map(Vec::len).sum::<usize>(), 6, "no more often than polls");
    }

    #[test]
    fn a_listing_that_failed_is_due_again_and_lets_others_come_first() {
        let mut times = ListingTimes::default();
        let groups = groups(2, "App");
        let all = ListingOptions { instances: ListingDepth::Aggregate, ..LISTINGS };
        let plan = times.plan(&groups, all, interval(None), at(0));
        let [instances, persistent] = [MemberListing::Instances, MemberListing::Persistent];
        assert_eq!(plan, [(0, instances), (0, persistent), (1, instances), (1, persistent)]);

        times.record(persistent, "g00", at(1), None);
        let plan = times.plan(&groups, all, interval(None), at(60));
        assert_eq!(plan, [(0, instances), (1, instances), (1, persistent), (0, persistent)]);
        assert_eq!(times.elements(persistent, "g00"), None);
    }

    #[test]
    fn a_group_that_is_listed_again_is_new() {
        let mut times = ListingTimes::default();
        let groups = groups(1, "App");
        times.plan(&groups, LISTINGS, interval(None), at(0));
        times.record(MemberListing::Persistent, "g00", at(1), Some(0));
        assert!(times.plan(&groups, LISTINGS, interval(None), at(60)).is_empty());
        assert!(times.plan(&[], LISTINGS, interval(None), at(120)).is_empty());
        assert_eq!(times.plan(&groups, LISTINGS, interval(None), at(180)).len(), 1);
    }
}
