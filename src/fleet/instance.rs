//! Instances of one delivery group, folded into counts as their pages arrive.
//!
//! What is not here: reading pages (`appstreaming`), and what changed since the previous listing
//! (`transitions`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::FixedState;
use jiff::Timestamp;

use super::detail::InstanceDetails;
use super::hash::{HashedMap, HashedSet, hash};
use super::instance_record::InstanceRecord;
use super::statuses::StatusFold;
use super::transitions::Binding;
use super::vocabulary::{EnumValue, INSTANCE_STATUS, SESSION_STATUS};
use super::{DecodeIssues, FoldOptions, InstanceIndex, Tally};

/// The instances of one group, after the whole listing was folded.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSummary {
    /// Instances by `Status`; the total equals the number of distinct instances listed.
    pub statuses: Tally,
    /// Instances by `SessionStatus`, in any `Status`; instances without one are not counted.
    pub session_statuses: Tally,
    /// The oldest `GmtModified` of the instances in each status that has one, sorted by status.
    pub oldest_modified: Vec<(Box<str>, Timestamp)>,
    /// Number of distinct values of `BindInfo.EndUserId`.
    pub bound_users: u64,
    /// Sum of `BindInfo.UsageDuration`, seconds; 0 when no instance has one.
    pub usage_seconds_sum: f64,
    /// The longest `BindInfo.UsageDuration`, seconds; `None` when no instance has one.
    pub usage_seconds_max: Option<f64>,
    /// `TotalCount` of the listing; the number of distinct instances where the API sends none.
    pub reported: u64,
    /// Instances on each node, sorted by node; empty unless [`FoldOptions::nodes`].
    pub nodes: Vec<NodeCount>,
    /// One record per instance, sorted by id; empty unless [`FoldOptions::detail`].
    pub details: InstanceDetails,
    /// The basis for the next poll to find transitions: 16 bytes an instance.
    pub index: InstanceIndex,
}

/// Instances on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCount {
    /// `NodeId`.
    pub node_id: Box<str>,
    /// `ChargeType` of the node; empty when unknown.
    pub charge_type: Box<str>,
    /// Number of instances on the node.
    pub instances: u64,
}

/// Folds instance records into an [`InstanceSummary`]: duplicates (records with the same id) count
/// once.
///
/// The first record of an id counts: a listing changes while its pages are read, and no record of
/// an instance is more accurate than another. Nothing else depends on the order of records.
#[derive(Debug)]
pub struct InstanceFold {
    options: FoldOptions,
    /// Every instance folded so far, by the hash of its id; also used to find duplicates.
    seen: HashedMap<Binding>,
    users: HashedSet,
    statuses: StatusFold,
    session_statuses: Tally,
    usage_seconds_sum: f64,
    usage_seconds_max: Option<f64>,
    nodes: HashMap<Box<str>, NodeStats, FixedState>,
    details: InstanceDetails,
}

/// The instances of one node, while pages are folded.
#[derive(Debug, Default)]
struct NodeStats {
    instances: u64,
    charge_type: Box<str>,
}

impl InstanceRecord<'_> {
    /// The usage in seconds, if it is a duration: finite and not negative.
    pub(super) fn usage(&self) -> Option<f64> {
        self.usage_seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    }
}

impl InstanceFold {
    /// A fold without instances.
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            seen: HashedMap::default(),
            users: HashedSet::default(),
            statuses: StatusFold::new(),
            session_statuses: Tally::new(&SESSION_STATUS),
            usage_seconds_sum: 0.0,
            usage_seconds_max: None,
            nodes: HashMap::default(),
            details: InstanceDetails::default(),
        }
    }

    /// Counts `record`, unless its id was counted before. Unknown statuses are counted in `issues`,
    /// once per instance that has one.
    pub fn add(&mut self, record: &InstanceRecord<'_>, issues: &mut DecodeIssues) {
        let Entry::Vacant(unseen) = self.seen.entry(hash(&record.id)) else {
            return;
        };

        let status = INSTANCE_STATUS.classify_counting(record.status.as_deref(), issues);
        let status_id = self.statuses.add(&status, record.modified);
        let user = record.end_user_id.as_deref().filter(|user| !user.is_empty()).map(hash);
        unseen.insert(Binding::new(status_id, user));
        self.users.extend(user);

        let session_status = SESSION_STATUS.classify_counting(record.session_status.as_deref(), issues);
        if session_status != EnumValue::Absent {
            self.session_statuses.add_classified(&session_status);
        }
        if let Some(seconds) = record.usage() {
            self.usage_seconds_sum += seconds;
            self.usage_seconds_max = Some(self.usage_seconds_max.map_or(seconds, |max| max.max(seconds)));
        }
        if self.options.nodes {
            self.add_to_node(record);
        }
        if self.options.detail {
            let listed_status = (status != EnumValue::Absent).then_some(status_id);
            self.details.push(record, listed_status, is_connected(&session_status));
        }
    }

    /// Number of distinct instances counted so far.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The summary of a listing whose pages were all folded; `reported` is its `TotalCount`.
    pub fn finish(self, reported: u64) -> InstanceSummary {
        let statuses = self.statuses.finish();
        let details = self.details.finish(&statuses);
        let index = InstanceIndex::new(self.seen, |id| statuses.final_id(id), statuses.names.clone());
        let mut nodes: Vec<NodeCount> = self
            .nodes
            .into_iter()
            .map(|(node_id, NodeStats { instances, charge_type })| NodeCount {
                node_id,
                charge_type,
                instances,
            })
            .collect();
        nodes.sort_unstable_by(|one, other| one.node_id.cmp(&other.node_id));
        InstanceSummary {
            statuses: statuses.tally,
            session_statuses: self.session_statuses,
            oldest_modified: statuses.oldest_modified,
            bound_users: self.users.len() as u64,
            usage_seconds_sum: self.usage_seconds_sum,
            usage_seconds_max: self.usage_seconds_max,
            reported,
            nodes,
            details,
            index,
        }
    }

    fn add_to_node(&mut self, record: &InstanceRecord<'_>) {
        let Some(node_id) = record.node_id.as_deref().filter(|id| !id.is_empty()) else {
            return;
        };
        let charge_type = record.charge_type.as_deref();
        // The entry API would allocate a key for every instance, but nearly every node is already
        // in the map.
        if let Some(stats) = self.nodes.get_mut(node_id) {
            stats.add(charge_type);
        } else {
            let mut stats = NodeStats::default();
            stats.add(charge_type);
            self.nodes.insert(node_id.into(), stats);
        }
    }
}

impl NodeStats {
    /// Counts one instance.
    ///
    /// A node has one charge type. If its instances have different ones, the smallest in byte order
    /// counts, so that the result does not depend on the order of pages.
    fn add(&mut self, charge_type: Option<&str>) {
        self.instances += 1;
        if let Some(charge_type) = charge_type.filter(|text| !text.is_empty())
            && (self.charge_type.is_empty() || *charge_type < *self.charge_type)
        {
            self.charge_type = charge_type.into();
        }
    }
}

fn is_connected(session_status: &EnumValue) -> Option<bool> {
    match session_status {
        EnumValue::Known(position) => match SESSION_STATUS.known[*position] {
            "CONNECT" => Some(true),
            "DISCONNECT" => Some(false),
            _ => None,
        },
        EnumValue::Absent | EnumValue::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests;
