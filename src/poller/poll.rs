//! One poll of one target: its groups, then their instances and persistent sessions, side by side.

use std::{collections::HashMap, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{ListingDepth, Target};
use crate::{
    aliyun::{Call, Error, ErrorKind},
    appstreaming::{
        Listing, has_no_persistent_sessions,
        operation::{LIST_GROUPS, LIST_INSTANCES, LIST_PERSISTENT},
    },
    fleet::{DecodeIssues, Fetched, FoldOptions, Group, InstanceSummary, PersistentSummary},
};

/// What one poll of a target brought.
#[derive(Debug, Default)]
pub struct TargetPoll {
    /// The groups, each with its listings; `None` when the groups could not be listed.
    pub groups: Option<Vec<PolledGroup>>,
    /// Everything that failed; empty means that the poll succeeded whole.
    pub failures: Vec<Failure>,
    /// Unheard-of and unreadable values met.
    pub findings: DecodeIssues,
    /// Listings whose pages did not fit together, by operation.
    pub inconsistencies: Vec<(&'static str, u64)>,
    /// Requests that listings took, repeated listings included, retries not.
    pub requests: u64,
    /// Requests that a poll of this fleet needs when every listing succeeds at once.
    pub planned_requests: u64,
}

/// One group and what the poll brought of it.
#[derive(Debug)]
pub struct PolledGroup {
    /// What `ListAppInstanceGroup` says.
    pub group: Fetched<Group>,
    /// What `ListAppInstances` says.
    pub instances: GroupPoll<InstanceSummary>,
    /// What `ListPersistentAppInstances` says.
    pub persistent: GroupPoll<PersistentSummary>,
}

/// When the groups that are known were last listed whole; groups that never were are not in it.
pub type Refreshed = HashMap<Box<str>, Timestamp>;

/// How one listing of one group went.
#[derive(Debug, Default)]
pub enum GroupPoll<T> {
    /// It brought the data.
    Listed(Fetched<T>),
    /// Not answered yet; never seen outside a running poll.
    #[default]
    Pending,
    /// It failed: the last good data stays.
    Failed,
    /// There is nothing to list: the collector is off, or the API says that the group has no such thing.
    Absent,
    /// The group itself went away between the listings.
    Gone,
}

/// One listing that failed.
#[derive(Debug)]
pub struct Failure {
    /// The operation that failed.
    pub operation: &'static str,
    /// The group it was about; `None` for the listing of groups.
    pub group_id: Option<Box<str>>,
    /// Why; `None` when the poll ran out of time first.
    pub error: Option<Error>,
}

impl TargetPoll {
    /// Instances that the poll listed.
    pub fn instances(&self) -> u64 {
        self.groups
            .iter()
            .flatten()
            .filter_map(|group| group.instances.listed())
            .map(|i| i.statuses.total())
            .sum()
    }

    /// Whether everything that was asked for was answered.
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.groups.is_some()
    }

    fn note<T>(&mut self, operation: &'static str, listing: &Listing<T>) {
        self.requests += listing.requests;
        self.findings.merge(&listing.findings);
        if listing.inconsistencies > 0 {
            match self.inconsistencies.iter_mut().find(|(known, _)| *known == operation) {
                Some((_, count)) => *count += listing.inconsistencies,
                None => self.inconsistencies.push((operation, listing.inconsistencies)),
            }
        }
    }
}

impl<T> GroupPoll<T> {
    fn listed(&self) -> Option<&T> {
        match self {
            Self::Listed(fetched) => Some(&fetched.data),
            _ => None,
        }
    }
}

/// The answer to one listing of the group at an index.
enum Answer {
    Instances(usize, Result<Listing<InstanceSummary>, Error>),
    Persistent(usize, Result<Listing<PersistentSummary>, Error>),
}

impl<C: Call> Target<C> {
    /// Polls the target once. Never fails as a whole: what failed is in the result, and what was
    /// listed before the time ran out counts.
    ///
    /// Groups that were refreshed longest ago come first, so that a fleet which can't be listed within
    /// the poll's time is listed by several polls, and no group is left out for ever.
    pub async fn poll(&self, refreshed: &Refreshed, clock: impl Fn() -> Timestamp) -> TargetPoll {
        let deadline = Instant::now() + self.timeout;
        let mut poll = TargetPoll::default();
        let Some(mut groups) = self.list_groups(deadline, &mut poll).await else { return poll };
        groups.sort_by_key(|group| refreshed.get(&group.id).copied());

        let listed_at = clock();
        let mut polled: Vec<PolledGroup> = groups
            .into_iter()
            .map(|group| PolledGroup {
                group: Fetched { data: Arc::new(group), at: listed_at },
                instances: initial(self.collectors.instances),
                persistent: initial(self.collectors.persistent),
            })
            .collect();
        self.list_members(deadline, &clock, &mut polled, &mut poll).await;

        poll.planned_requests += polled.iter().map(|group| self.planned(group)).sum::<u64>();
        polled.retain(|group| !matches!(group.instances, GroupPoll::Gone));
        poll.groups = Some(polled);
        poll
    }

    async fn list_groups(&self, deadline: Instant, poll: &mut TargetPoll) -> Option<Vec<Group>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut queries = self.queries.iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.concurrency.max(1)
                && let Some(query) = queries.next()
            {
                under_way.push(self.api.list_groups(query));
            }
            let error = match timeout_at(deadline, under_way.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(listing))) => {
                    poll.note(LIST_GROUPS, &listing);
                    poll.planned_requests += self.pages(listing.data.len() as u64);
                    groups.extend(listing.data);
                    continue;
                }
                // A group picked by id that does not exist is a group that is not there.
                Ok(Some(Err(error))) if error.kind() == ErrorKind::NotFound => {
                    poll.planned_requests += 1;
                    continue;
                }
                Ok(Some(Err(error))) => Some(error),
                Err(_) => None,
            };
            poll.failures.push(Failure { operation: LIST_GROUPS, group_id: None, error });
            return None;
        }
        Some(self.own(groups))
    }

    /// Of the groups that the listings brought those that this process polls, each once, by id.
    pub fn own(&self, mut groups: Vec<Group>) -> Vec<Group> {
        groups
            .retain(|group| self.shard.owns(&group.id) && !self.excluded.iter().any(|id| **id == *group.id));
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        groups.dedup_by(|a, b| a.id == b.id);
        groups
    }

    async fn list_members(
        &self,
        deadline: Instant,
        clock: &impl Fn() -> Timestamp,
        polled: &mut [PolledGroup],
        poll: &mut TargetPoll,
    ) {
        let groups: Vec<Arc<Group>> = polled.iter().map(|group| Arc::clone(&group.group.data)).collect();
        let instances = (self.collectors.instances != ListingDepth::Off).then_some(true);
        let persistent = (self.collectors.persistent != ListingDepth::Off).then_some(false);
        let wanted = instances.into_iter().chain(persistent);
        let mut listings =
            (0..groups.len()).flat_map(|index| wanted.clone().map(move |instances| (index, instances)));
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.concurrency.max(1)
                && let Some((index, instances)) = listings.next()
            {
                under_way.push(self.list_member(index, &groups[index].id, instances));
            }
            let Ok(Some(answer)) = timeout_at(deadline, under_way.next()).await else { break };
            match answer {
                Answer::Instances(index, answer) => {
                    if let Ok(listing) = &answer {
                        poll.note(LIST_INSTANCES, listing);
                    }
                    polled[index].instances =
                        self.settle(LIST_INSTANCES, &groups[index], answer, clock, poll);
                }
                Answer::Persistent(index, answer) => {
                    if let Ok(listing) = &answer {
                        poll.note(LIST_PERSISTENT, listing);
                    }
                    polled[index].persistent =
                        self.settle(LIST_PERSISTENT, &groups[index], answer, clock, poll);
                }
            }
        }
        give_up(polled, poll);
    }

    async fn list_member(&self, index: usize, group_id: &str, instances: bool) -> Answer {
        if instances {
            let options = FoldOptions {
                nodes: self.collectors.nodes,
                detail: self.collectors.instances == ListingDepth::Detailed,
            };
            Answer::Instances(index, self.api.list_instances(group_id, options).await)
        } else {
            let options =
                FoldOptions { nodes: false, detail: self.collectors.persistent == ListingDepth::Detailed };
            Answer::Persistent(index, self.api.list_persistent(&self.product_type, group_id, options).await)
        }
    }

    fn settle<T>(
        &self,
        operation: &'static str,
        group: &Group,
        answer: Result<Listing<T>, Error>,
        clock: &impl Fn() -> Timestamp,
        poll: &mut TargetPoll,
    ) -> GroupPoll<T> {
        match answer {
            Ok(listing) => GroupPoll::Listed(Fetched { data: Arc::new(listing.data), at: clock() }),
            Err(error) if error.kind() == ErrorKind::NotFound && operation == LIST_INSTANCES => {
                GroupPoll::Gone
            }
            Err(error) if operation == LIST_PERSISTENT && has_no_persistent_sessions(group, &error) => {
                GroupPoll::Absent
            }
            Err(error) => {
                poll.failures.push(Failure {
                    operation,
                    group_id: Some(group.id.clone()),
                    error: Some(error),
                });
                GroupPoll::Failed
            }
        }
    }

    fn planned(&self, group: &PolledGroup) -> u64 {
        let instances = group.instances.listed().map_or(1, |summary| self.pages(summary.reported));
        let persistent = group.persistent.listed().map_or(1, |summary| self.pages(summary.reported));
        u64::from(self.collectors.instances != ListingDepth::Off) * instances
            + u64::from(self.collectors.persistent != ListingDepth::Off) * persistent
    }

    fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.page_size.max(1))).max(1)
    }
}

fn initial<T>(depth: ListingDepth) -> GroupPoll<T> {
    if depth == ListingDepth::Off { GroupPoll::Absent } else { GroupPoll::Pending }
}

/// Turns every listing that the time ran out before into a failure.
fn give_up(polled: &mut [PolledGroup], poll: &mut TargetPoll) {
    let mut unanswered = |operation, group: &Group| {
        let group_id = Some(group.id.clone());
        poll.failures.push(Failure { operation, group_id, error: None });
    };
    for PolledGroup { group, instances, persistent } in polled {
        if matches!(instances, GroupPoll::Pending) {
            *instances = GroupPoll::Failed;
            unanswered(LIST_INSTANCES, &group.data);
        }
        if matches!(persistent, GroupPoll::Pending) {
            *persistent = GroupPoll::Failed;
            unanswered(LIST_PERSISTENT, &group.data);
        }
    }
}
