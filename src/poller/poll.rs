//! One poll of one target: lists its groups, then their instances and persistent sessions
//! concurrently.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::listing_times::{ListingTimes, MemberListing};
use super::options::ListingDepth;
use super::poll_result::{ListingFailure, ListingOutcome, PolledGroup, TargetPoll};
use super::target::Target;
use crate::aliyun::{Call, Error, ErrorKind};
use crate::appstreaming::{Listing, has_no_persistent_sessions};
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};
use crate::fleet::{Fetched, FoldOptions, Group, InstanceListing, PersistentSummary};

/// The result of a [`MemberListing`], with the index of the listed group.
enum MemberResult {
    Instances(usize, Result<Listing<InstanceListing>, Error>),
    Persistent(usize, Result<Listing<PersistentSummary>, Error>),
}

impl<C: Call> Target<C> {
    /// Polls the target once. Always returns a result, which contains the failures and every
    /// listing that ended before the timeout.
    ///
    /// `times` is of the target's previous polls. Listings that were never requested come first,
    /// then those that ended longest ago. So a fleet that cannot be listed within one poll is
    /// listed by several polls, and every group is refreshed.
    pub(super) async fn poll(&self, times: &mut ListingTimes, clock: impl Fn() -> Timestamp) -> TargetPoll {
        let deadline = Instant::now() + self.settings.timeout;
        let mut poll = TargetPoll::default();
        let Some(groups) = self.list_groups(deadline, &mut poll).await else { return poll };

        let listed_at = clock();
        let groups: Vec<Arc<Group>> = groups.into_iter().map(Arc::new).collect();
        let mut polled: Vec<PolledGroup> = groups
            .iter()
            .map(|group| PolledGroup {
                group: Fetched { data: Arc::clone(group), at: listed_at },
                instances: initial_outcome(self.settings.listings.instances),
                persistent: initial_outcome(self.settings.listings.persistent),
            })
            .collect();
        let plan = times.plan(&groups, self.settings.listings, self.settings.persistent, listed_at);
        for (index, listing) in &plan {
            match listing {
                MemberListing::Instances => polled[*index].instances = ListingOutcome::Pending,
                MemberListing::Persistent => polled[*index].persistent = ListingOutcome::Pending,
            }
        }
        self.list_members(&plan, deadline, &clock, &mut polled, &mut poll, times).await;

        poll.planned_requests += plan
            .iter()
            .map(|(index, listing)| self.pages(times.elements(*listing, &groups[*index].id).unwrap_or(0)))
            .sum::<u64>();
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
        plan: &[(usize, MemberListing)],
        deadline: Instant,
        clock: &impl Fn() -> Timestamp,
        polled: &mut [PolledGroup],
        poll: &mut TargetPoll,
        times: &mut ListingTimes,
    ) {
        let groups: Vec<Arc<Group>> = polled.iter().map(|group| Arc::clone(&group.group.data)).collect();
        let mut listings = plan.iter().copied();
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.settings.concurrency.max(1)
                && let Some((index, listing)) = listings.next()
            {
                in_flight.push(self.list_member(index, &groups[index].id, listing));
            }
            let Ok(Some(result)) = timeout_at(deadline, in_flight.next()).await else { break };
            let at = clock();
            let (index, listing, elements) = match result {
                MemberResult::Instances(index, result) => {
                    let outcome = record_outcome(LIST_APP_INSTANCES, &groups[index], result, at, poll);
                    let elements = outcome.elements(|listing| listing.summary.reported);
                    polled[index].instances = outcome;
                    (index, MemberListing::Instances, elements)
                }
                MemberResult::Persistent(index, result) => {
                    let outcome =
                        record_outcome(LIST_PERSISTENT_APP_INSTANCES, &groups[index], result, at, poll);
                    let elements = outcome.elements(|summary| summary.reported);
                    polled[index].persistent = outcome;
                    (index, MemberListing::Persistent, elements)
                }
            };
            times.record(listing, &groups[index].id, at, elements);
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

    /// The number of pages of a listing with this many elements: at least 1, because an empty
    /// listing also takes one request.
    fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.settings.page_size.max(1))).max(1)
    }
}

fn initial_outcome<T>(depth: ListingDepth) -> ListingOutcome<T> {
    if depth.is_on() { ListingOutcome::NotDue } else { ListingOutcome::Absent }
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
