//! One poll of one target: lists its groups, then their instances and persistent sessions
//! concurrently.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::options::ListingDepth;
use super::poll_result::{ListingFailure, ListingOutcome, PolledGroup, RefreshTimes, TargetPoll};
use super::target::Target;
use crate::aliyun::{Call, Error, ErrorKind};
use crate::appstreaming::{Listing, has_no_persistent_sessions};
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};
use crate::fleet::{Fetched, FoldOptions, Group, InstanceListing, PersistentSummary};

/// A listing of the members of one group.
#[derive(Clone, Copy)]
enum MemberListing {
    Instances,
    Persistent,
}

/// The result of a [`MemberListing`], with the index of the listed group.
enum MemberResult {
    Instances(usize, Result<Listing<InstanceListing>, Error>),
    Persistent(usize, Result<Listing<PersistentSummary>, Error>),
}

impl<C: Call> Target<C> {
    /// Polls the target once. Always returns a result, which contains the failures and every
    /// listing that ended before the timeout.
    ///
    /// Groups that are not in `refresh_times` are listed first, then those that were refreshed
    /// longest ago. So a fleet that cannot be listed within one poll is listed by several polls,
    /// and every group is refreshed.
    pub async fn poll(&self, refresh_times: &RefreshTimes, clock: impl Fn() -> Timestamp) -> TargetPoll {
        let deadline = Instant::now() + self.settings.timeout;
        let mut poll = TargetPoll::default();
        let Some(mut groups) = self.list_groups(deadline, &mut poll).await else { return poll };
        groups.sort_by_key(|group| refresh_times.get(&group.id).copied());

        let listed_at = clock();
        let mut polled: Vec<PolledGroup> = groups
            .into_iter()
            .map(|group| PolledGroup {
                group: Fetched { data: Arc::new(group), at: listed_at },
                instances: initial_outcome(self.settings.listings.instances),
                persistent: initial_outcome(self.settings.listings.persistent),
            })
            .collect();
        self.list_members(deadline, &clock, &mut polled, &mut poll).await;

        poll.planned_requests += polled.iter().map(|group| self.planned_requests(group)).sum::<u64>();
        polled.retain(|group| !matches!(group.instances, ListingOutcome::Gone));
        poll.groups = Some(polled);
        poll
    }

    /// The groups that this process polls out of `groups`, each once, sorted by id: groups that are
    /// excluded or belong to another shard are removed.
    pub fn select_groups(&self, mut groups: Vec<Group>) -> Vec<Group> {
        let excluded = |id: &str| self.settings.excluded.iter().any(|excluded| *excluded == *id);
        groups.retain(|group| self.settings.shard.owns(&group.id) && !excluded(&group.id));
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        groups.dedup_by(|a, b| a.id == b.id);
        groups
    }

    async fn list_groups(&self, deadline: Instant, poll: &mut TargetPoll) -> Option<Vec<Group>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut queries = self.settings.queries.iter();
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.settings.concurrency.max(1)
                && let Some(query) = queries.next()
            {
                in_flight.push(self.api.list_groups(query));
            }
            let error = match timeout_at(deadline, in_flight.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(listing))) => {
                    poll.count(LIST_APP_INSTANCE_GROUP, &listing);
                    poll.planned_requests += self.pages(listing.data.len() as u64);
                    groups.extend(listing.data);
                    continue;
                }
                // A group that is selected by id and does not exist is not a failure.
                Ok(Some(Err(error))) if error.kind() == ErrorKind::NotFound => {
                    poll.planned_requests += 1;
                    continue;
                }
                Ok(Some(Err(error))) => Some(error),
                Err(_) => None,
            };
            let operation = LIST_APP_INSTANCE_GROUP;
            poll.failures.push(ListingFailure { operation, group_id: None, error });
            return None;
        }
        Some(self.select_groups(groups))
    }

    async fn list_members(
        &self,
        deadline: Instant,
        clock: &impl Fn() -> Timestamp,
        polled: &mut [PolledGroup],
        poll: &mut TargetPoll,
    ) {
        let groups: Vec<Arc<Group>> = polled.iter().map(|group| Arc::clone(&group.group.data)).collect();
        let listings = self.settings.listings;
        let instances = listings.instances.is_on().then_some(MemberListing::Instances);
        let persistent = listings.persistent.is_on().then_some(MemberListing::Persistent);
        let of_each_group = instances.into_iter().chain(persistent);
        let mut listings =
            (0..groups.len()).flat_map(|index| of_each_group.clone().map(move |listing| (index, listing)));
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.settings.concurrency.max(1)
                && let Some((index, listing)) = listings.next()
            {
                in_flight.push(self.list_member(index, &groups[index].id, listing));
            }
            let Ok(Some(result)) = timeout_at(deadline, in_flight.next()).await else { break };
            match result {
                MemberResult::Instances(index, result) => {
                    polled[index].instances =
                        record_outcome(LIST_APP_INSTANCES, &groups[index], result, clock, poll);
                }
                MemberResult::Persistent(index, result) => {
                    polled[index].persistent =
                        record_outcome(LIST_PERSISTENT_APP_INSTANCES, &groups[index], result, clock, poll);
                }
            }
        }
        fail_pending(polled, poll);
    }

    async fn list_member(&self, index: usize, group_id: &str, listing: MemberListing) -> MemberResult {
        let listings = self.settings.listings;
        match listing {
            MemberListing::Instances => {
                let detail = listings.instances == ListingDepth::Detailed;
                let options = FoldOptions { nodes: listings.nodes, detail };
                MemberResult::Instances(index, self.api.list_instances(group_id, options).await)
            }
            MemberListing::Persistent => {
                let detail = listings.persistent == ListingDepth::Detailed;
                let options = FoldOptions { nodes: false, detail };
                let product_type = &self.settings.product_type;
                let result = self.api.list_persistent(product_type, group_id, options).await;
                MemberResult::Persistent(index, result)
            }
        }
    }

    /// Requests for the members of one group, as [`TargetPoll::planned_requests`] counts them. A
    /// listing without data is assumed to have one page.
    fn planned_requests(&self, group: &PolledGroup) -> u64 {
        let instances = group.instances.listed().map_or(1, |listing| self.pages(listing.summary.reported));
        let persistent = group.persistent.listed().map_or(1, |summary| self.pages(summary.reported));
        u64::from(self.settings.listings.instances.is_on()) * instances
            + u64::from(self.settings.listings.persistent.is_on()) * persistent
    }

    /// The number of pages of a listing with this many elements: at least 1, because an empty
    /// listing also takes one request.
    fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.settings.page_size.max(1))).max(1)
    }
}

fn initial_outcome<T>(depth: ListingDepth) -> ListingOutcome<T> {
    if depth.is_on() { ListingOutcome::Pending } else { ListingOutcome::Absent }
}

/// Returns the outcome of a listing that ended, and adds the listing or its failure to `poll`.
fn record_outcome<T>(
    operation: &'static str,
    group: &Group,
    result: Result<Listing<T>, Error>,
    clock: &impl Fn() -> Timestamp,
    poll: &mut TargetPoll,
) -> ListingOutcome<T> {
    match result {
        Ok(listing) => {
            poll.count(operation, &listing);
            let consistent = listing.is_consistent();
            ListingOutcome::Listed { data: listing.data, at: clock(), consistent }
        }
        Err(error) if operation == LIST_APP_INSTANCES && error.kind() == ErrorKind::NotFound => {
            ListingOutcome::Gone
        }
        Err(error)
            if operation == LIST_PERSISTENT_APP_INSTANCES && has_no_persistent_sessions(group, &error) =>
        {
            ListingOutcome::Absent
        }
        Err(error) => {
            let group_id = Some(group.id.clone());
            poll.failures.push(ListingFailure { operation, group_id, error: Some(error) });
            ListingOutcome::Failed
        }
    }
}

/// Records every listing that did not end before the timeout as a failure.
fn fail_pending(polled: &mut [PolledGroup], poll: &mut TargetPoll) {
    let mut fail = |operation, group: &Group| {
        let group_id = Some(group.id.clone());
        poll.failures.push(ListingFailure { operation, group_id, error: None });
    };
    for PolledGroup { group, instances, persistent } in polled {
        if matches!(instances, ListingOutcome::Pending) {
            *instances = ListingOutcome::Failed;
            fail(LIST_APP_INSTANCES, &group.data);
        }
        if matches!(persistent, ListingOutcome::Pending) {
            *persistent = ListingOutcome::Failed;
            fail(LIST_PERSISTENT_APP_INSTANCES, &group.data);
        }
    }
}
