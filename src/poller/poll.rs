//! One poll of one target: lists its groups, then their instances and persistent sessions
//! concurrently.
//!
//! What is not here: the tasks that list (`listing_tasks`).

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::hash_keys::HashKeys;
use super::listing_tasks::{EndedListing, ListingKey, ListingResult, ListingTasks};
use super::listing_times::{ListingTimes, MemberListing};
use super::options::ListingDepth;
use super::poll_result::{ListingFailure, ListingOutcome, PolledGroup, TargetPoll};
use super::target::Target;
use crate::aliyun::{Call, Error, ErrorKind};
use crate::appstreaming::{Listing, has_no_persistent_sessions};
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};
use crate::fleet::{Fetched, Group};

/// What the polls of one target leave for the next one.
#[derive(Debug, Default)]
pub(super) struct CarryOver {
    /// The running listings.
    tasks: ListingTasks,
    /// Listings of members that ended before the groups of the poll were known.
    ended: Vec<EndedListing>,
    /// The groups of each query that was listed, until a poll has used them.
    groups: BTreeMap<usize, ListedGroups>,
    times: ListingTimes,
}

impl CarryOver {
    /// What a first poll starts with: when the groups were listed before, and the keys of hashes.
    pub(super) fn new(hash_keys: HashKeys, times: ListingTimes) -> Self {
        Self { tasks: ListingTasks::new(hash_keys), times, ..Self::default() }
    }
}

/// The groups of one query.
#[derive(Debug)]
struct ListedGroups {
    groups: Vec<Arc<Group>>,
    at: Timestamp,
}

/// The groups of one poll, and the outcomes of their listings so far.
struct MemberPoll {
    polled: Vec<PolledGroup>,
    /// The index of each group by its id.
    index: HashMap<Box<str>, usize>,
    /// Listings that have not ended.
    pending: usize,
    /// Every listing of the poll.
    wanted: Vec<(usize, MemberListing)>,
}

impl<C: Call + Clone + 'static> Target<C> {
    /// Polls the target once. Always returns a result, which contains the failures and every
    /// listing that ended before the timeout.
    ///
    /// Listings that have sent requests keep running after the timeout, and the next poll uses
    /// their results; others are dropped. Requests for groups come first, then those of listings
    /// that were never made or ended longest ago. So a fleet that cannot be listed within one poll
    /// is listed by several polls, and every group is refreshed.
    pub(super) async fn poll(
        &self,
        carried: &mut CarryOver,
        clock: impl Fn() -> Timestamp + Copy + Send + 'static,
    ) -> TargetPoll {
        let deadline = Instant::now() + self.settings.timeout;
        let mut poll = TargetPoll::default();
        if let Some(listed) = self.list_groups(deadline, carried, clock, &mut poll).await {
            let groups = MemberPoll::new(listed, self);
            poll.groups = Some(self.list_members(groups, deadline, carried, clock, &mut poll).await);
        }
        carried.tasks.drop_unbegun();
        poll.requests = carried.tasks.take_sent();
        poll
    }

    /// The groups that this process polls out of `groups`, each once, sorted by id: groups that are
    /// excluded or belong to another shard are removed.
    pub fn select_groups<G: Borrow<Group>>(&self, mut groups: Vec<G>) -> Vec<G> {
        let id = |group: &G| Borrow::<Group>::borrow(group).id.clone();
        let excluded = |id: &str| self.settings.excluded.iter().any(|excluded| *excluded == *id);
        groups.retain(|group| self.settings.shard.owns(&id(group)) && !excluded(&id(group)));
        groups.sort_by_key(id);
        groups.dedup_by_key(|group| id(group));
        groups
    }

    /// Returns the groups of every query and when they were listed; `None` if a listing failed or
    /// has not ended.
    async fn list_groups(
        &self,
        deadline: Instant,
        carried: &mut CarryOver,
        clock: impl Fn() -> Timestamp + Copy + Send + 'static,
        poll: &mut TargetPoll,
    ) -> Option<(Vec<Arc<Group>>, Timestamp)> {
        let operation = LIST_APP_INSTANCE_GROUP;
        while carried.groups.len() < self.settings.queries.len() {
            self.start_groups(carried, clock);
            let Ok(Some(ended)) = timeout_at(deadline, carried.tasks.next()).await else {
                poll.failures.push(ListingFailure { operation, group_id: None, error: None });
                return None;
            };
            let EndedListing { key: ListingKey::Groups(query), result: ListingResult::Groups(result), at } =
                ended
            else {
                carried.ended.push(ended);
                continue;
            };
            let groups = match result {
                Ok(listing) => {
                    poll.count(operation, &listing);
                    listing.data.into_iter().map(Arc::new).collect()
                }
                // A group that is selected by id and does not exist is not a failure.
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                Err(error) => {
                    carried.groups.clear();
                    poll.failures.push(ListingFailure { operation, group_id: None, error: Some(error) });
                    return None;
                }
            };
            carried.groups.insert(query, ListedGroups { groups, at });
        }
        let listed = carried.groups.values();
        poll.planned_requests +=
            listed.clone().map(|query| self.pages(query.groups.len() as u64)).sum::<u64>();
        let at = listed.clone().map(|query| query.at).min().unwrap_or_else(clock);
        let groups = listed.flat_map(|query| query.groups.iter().map(Arc::clone)).collect();
        Some((self.select_groups(groups), at))
    }

    fn start_groups(&self, carried: &mut CarryOver, clock: impl Fn() -> Timestamp + Copy + Send + 'static) {
        let is_query = |key: &&ListingKey| matches!(key, ListingKey::Groups(_));
        let mut running = carried.tasks.keys().filter(is_query).count();
        for query in 0..self.settings.queries.len() {
            let key = ListingKey::Groups(query);
            if running >= self.settings.concurrency.max(1) {
                return;
            }
            if !carried.groups.contains_key(&query) && !carried.tasks.is_running(&key) {
                carried.tasks.start(self, key, None, clock);
                running += 1;
            }
        }
    }

    async fn list_members(
        &self,
        mut members: MemberPoll,
        deadline: Instant,
        carried: &mut CarryOver,
        clock: impl Fn() -> Timestamp + Copy + Send + 'static,
        poll: &mut TargetPoll,
    ) -> Vec<PolledGroup> {
        let sent_before = carried.tasks.sent();
        let mut queue = self.plan(&mut members, carried, clock()).into_iter();
        for ended in std::mem::take(&mut carried.ended) {
            members.record(ended, &mut carried.times, poll);
        }
        while members.pending > 0 {
            while carried.tasks.keys().count() < self.settings.concurrency.max(1)
                && let Some((index, listing)) = queue.next()
            {
                let group_id = &members.polled[index].group.data.id;
                let last = carried.times.ended(listing, group_id);
                carried.tasks.start(self, ListingKey::Members(listing, group_id.clone()), last, clock);
            }
            let Ok(Some(ended)) = timeout_at(deadline, carried.tasks.next()).await else { break };
            members.record(ended, &mut carried.times, poll);
        }
        // If the listing of groups took the whole poll, the next poll uses its result: otherwise a
        // poll might never get beyond the groups.
        if members.pending == 0 || carried.tasks.sent() > sent_before {
            carried.groups.clear();
        }
        poll.planned_requests += members.elements(carried).map(|elements| self.pages(elements)).sum::<u64>();
        members.finish(poll)
    }

    /// Marks every listing of the poll as pending. Returns those that have to be started, in this
    /// order.
    fn plan(
        &self,
        members: &mut MemberPoll,
        carried: &mut CarryOver,
        now: Timestamp,
    ) -> Vec<(usize, MemberListing)> {
        let groups: Vec<Arc<Group>> =
            members.polled.iter().map(|group| Arc::clone(&group.group.data)).collect();
        let ended = carried.ended.iter().map(|ended| &ended.key);
        for key in carried.tasks.keys().chain(ended) {
            if let ListingKey::Members(listing, group_id) = key
                && let Some(index) = members.index.get(group_id)
            {
                members.want(*index, *listing);
            }
        }
        let mut queue = carried.times.plan(&groups, self.settings.listings, self.settings.persistent, now);
        queue.retain(|(index, listing)| members.want(*index, *listing));
        queue
    }

    /// The number of pages of a listing with this many elements: at least 1, because an empty
    /// listing also takes one request.
    fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.settings.page_size.max(1))).max(1)
    }
}

impl MemberPoll {
    fn new<C: Call>((groups, at): (Vec<Arc<Group>>, Timestamp), target: &Target<C>) -> Self {
        let listings = target.settings.listings;
        let index = groups.iter().enumerate().map(|(index, group)| (group.id.clone(), index)).collect();
        let polled = groups.into_iter().map(|data| PolledGroup {
            group: Fetched { data, at },
            instances: initial_outcome(listings.instances),
            persistent: initial_outcome(listings.persistent),
        });
        Self { polled: polled.collect(), index, pending: 0, wanted: Vec::new() }
    }

    /// Marks a listing as pending. Returns whether it was not yet.
    fn want(&mut self, index: usize, listing: MemberListing) -> bool {
        let group = &mut self.polled[index];
        let is_new = match listing {
            MemberListing::Instances => group.instances.expect(),
            MemberListing::Persistent => group.persistent.expect(),
        };
        if is_new {
            self.pending += 1;
            self.wanted.push((index, listing));
        }
        is_new
    }

    /// Records a listing that ended. The result is dropped if its group is no longer listed.
    fn record(&mut self, ended: EndedListing, times: &mut ListingTimes, poll: &mut TargetPoll) {
        let EndedListing { key: ListingKey::Members(listing, group_id), result, at } = ended else { return };
        let Some(group) = self.index.get(&group_id).map(|index| &mut self.polled[*index]) else { return };
        let elements = match result {
            ListingResult::Instances(result) => {
                group.instances = record_outcome(LIST_APP_INSTANCES, &group.group.data, result, at, poll);
                group.instances.elements(|listing| listing.summary.reported)
            }
            ListingResult::Persistent(result) => {
                let operation = LIST_PERSISTENT_APP_INSTANCES;
                group.persistent = record_outcome(operation, &group.group.data, result, at, poll);
                group.persistent.elements(|summary| summary.reported)
            }
            ListingResult::Groups(_) => return,
        };
        self.pending -= 1;
        times.record(listing, &group_id, at, elements);
    }

    /// The number of elements of each listing of the poll: as its pages report them so far, or as
    /// its last listing did; 0 if neither is known.
    fn elements(&self, carried: &CarryOver) -> impl Iterator<Item = u64> {
        self.wanted.iter().map(|(index, listing)| {
            let id = &self.polled[*index].group.data.id;
            let running = carried.tasks.reported(&ListingKey::Members(*listing, id.clone()));
            running.or_else(|| carried.times.elements(*listing, id)).unwrap_or(0)
        })
    }

    /// Returns the groups that exist. Every listing that did not end before the timeout is a
    /// failure.
    fn finish(mut self, poll: &mut TargetPoll) -> Vec<PolledGroup> {
        let mut fail = |operation, group: &Group| {
            let group_id = Some(group.id.clone());
            poll.failures.push(ListingFailure { operation, group_id, error: None });
        };
        for PolledGroup { group, instances, persistent } in &mut self.polled {
            if matches!(instances, ListingOutcome::Pending) {
                *instances = ListingOutcome::Failed;
                fail(LIST_APP_INSTANCES, &group.data);
            }
            if matches!(persistent, ListingOutcome::Pending) {
                *persistent = ListingOutcome::Failed;
                fail(LIST_PERSISTENT_APP_INSTANCES, &group.data);
            }
        }
        self.polled.retain(|group| !matches!(group.instances, ListingOutcome::Gone));
        self.polled
    }
}

fn initial_outcome<T>(depth: ListingDepth) -> ListingOutcome<T> {
    if depth.is_on() { ListingOutcome::NotDue } else { ListingOutcome::Off }
}

/// Returns the outcome of a listing that ended, and adds the listing or its failure to `poll`.
fn record_outcome<T>(
    operation: &'static str,
    group: &Group,
    result: Result<Listing<T>, Error>,
    at: Timestamp,
    poll: &mut TargetPoll,
) -> ListingOutcome<T> {
    match result {
        Ok(listing) => {
            poll.count(operation, &listing);
            let consistent = listing.is_consistent();
            ListingOutcome::Listed { data: listing.data, at, consistent }
        }
        Err(error) if operation == LIST_APP_INSTANCES && error.kind() == ErrorKind::NotFound => {
            ListingOutcome::Gone
        }
        Err(error)
            if operation == LIST_PERSISTENT_APP_INSTANCES && has_no_persistent_sessions(group, &error) =>
        {
            ListingOutcome::Absent { at }
        }
        Err(error) => {
            let group_id = Some(group.id.clone());
            poll.failures.push(ListingFailure { operation, group_id, error: Some(error) });
            ListingOutcome::Failed
        }
    }
}
