//! The result of one poll of one target.

use jiff::Timestamp;

use crate::aliyun::Error;
use crate::appstreaming::Listing;
use crate::fleet::{DecodeIssues, Fetched, Group, InstanceListing, PersistentSummary};

/// The result of one poll of one target.
#[derive(Debug, Default)]
pub struct TargetPoll {
    /// The groups, each with its listings; `None` when the groups could not be listed.
    pub groups: Option<Vec<PolledGroup>>,
    /// Every listing that failed.
    pub failures: Vec<ListingFailure>,
    /// Unknown and unreadable values in the listings that succeeded.
    pub issues: DecodeIssues,
    /// How often the pages of a listing were inconsistent, by operation. An inconsistent listing is
    /// fetched again, and each inconsistent pass counts.
    pub inconsistencies: Vec<(&'static str, u64)>,
    /// Requests sent since the end of the previous poll, for listings of any outcome, including
    /// repeated passes and retries.
    pub requests: u64,
    /// Requests that a poll needs to complete each of its listings at the first attempt, by the
    /// sizes known so far. Persistent sessions count only where they are due.
    pub planned_requests: u64,
}

/// One group and the outcomes of its listings.
#[derive(Debug)]
pub struct PolledGroup {
    /// From `ListAppInstanceGroup`.
    pub group: Fetched<Group>,
    /// From `ListAppInstances`.
    pub instances: ListingOutcome<InstanceListing>,
    /// From `ListPersistentAppInstances`.
    pub persistent: ListingOutcome<PersistentSummary>,
}

/// The outcome of one listing of one group.
#[derive(Debug, Default)]
pub enum ListingOutcome<T> {
    /// The listing succeeded.
    Listed {
        /// What was listed.
        data: T,
        /// When the listing ended.
        at: Timestamp,
        /// Whether its pages were consistent.
        consistent: bool,
    },
    /// The listing has not ended; occurs only during a poll.
    #[default]
    Pending,
    /// The listing failed or timed out; the last good data is kept.
    Failed,
    /// The listing is not due in this poll; the last good data is kept.
    NotDue,
    /// The collector is off.
    Off,
    /// The API reports that the group has no such elements.
    Absent {
        /// When the listing ended.
        at: Timestamp,
    },
    /// The group vanished after the groups were listed.
    Gone,
}

/// One listing that failed.
#[derive(Debug)]
pub struct ListingFailure {
    /// The operation that failed.
    pub operation: &'static str,
    /// The id of the listed group; `None` for the listing of groups.
    pub group_id: Option<Box<str>>,
    /// The error; `None` if the poll timed out before the listing ended.
    pub error: Option<Error>,
}

impl TargetPoll {
    /// The number of instances listed by the poll.
    pub fn instances(&self) -> u64 {
        self.groups
            .iter()
            .flatten()
            .filter_map(|group| group.instances.listed())
            .map(|instances| instances.summary.statuses.total())
            .sum()
    }

    /// Whether every listing succeeded.
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.groups.is_some()
    }

    /// Adds the issues and inconsistencies of a listing that succeeded.
    pub(super) fn count<T>(&mut self, operation: &'static str, listing: &Listing<T>) {
        self.issues.merge(&listing.issues);
        if listing.inconsistencies > 0 {
            match self.inconsistencies.iter_mut().find(|(known, _)| *known == operation) {
                Some((_, count)) => *count += listing.inconsistencies,
                None => self.inconsistencies.push((operation, listing.inconsistencies)),
            }
        }
    }
}

impl<T> ListingOutcome<T> {
    /// Marks a listing that is not due as pending. Returns whether it was not due.
    pub(super) fn expect(&mut self) -> bool {
        let is_new = matches!(self, Self::NotDue);
        if is_new {
            *self = Self::Pending;
        }
        is_new
    }

    /// The number of elements by `count`, 0 if there is nothing to list; `None` if the listing did
    /// not succeed.
    pub(super) fn elements(&self, count: impl Fn(&T) -> u64) -> Option<u64> {
        match self {
            Self::Listed { data, .. } => Some(count(data)),
            Self::Off | Self::Absent { .. } => Some(0),
            Self::Pending | Self::NotDue | Self::Failed | Self::Gone => None,
        }
    }

    /// The listed data; `None` unless the listing succeeded.
    pub(super) fn listed(&self) -> Option<&T> {
        match self {
            Self::Listed { data, .. } => Some(data),
            _ => None,
        }
    }
}
