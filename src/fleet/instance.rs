//! Instances of one delivery group, folded into counts as their pages arrive.
//!
//! What is not here: reading pages (`appstreaming`), and what changed since the previous listing
//! (`group_counters`).

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::detail::InstanceDetails;
use super::hash::{HashedMap, HashedSet, TextHasher};
use super::instance_index::{ListedInstance, ListedInstances, Milliseconds, Session, Usage, User};
use super::instance_record::InstanceRecord;
use super::saved::{self, MAX_COUNT};
use super::statuses::StatusFold;
use super::vocabulary::{EnumValue, INSTANCE_STATUS, SESSION_STATUS};
use super::{DecodeIssues, FoldOptions, Tally};

/// The instances of one group, after the whole listing was folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceSummary {
    /// Instances by `Status`; the total equals the number of distinct instances listed.
    #[serde(deserialize_with = "statuses")]
    pub statuses: Tally,
    /// Instances by `SessionStatus`, in any `Status`; instances without one are not counted.
    #[serde(deserialize_with = "session_statuses")]
    pub session_statuses: Tally,
    /// The oldest `GmtModified` of the instances in each status that has one, sorted by status.
    #[serde(deserialize_with = "saved::times_by_status")]
    pub oldest_modified: Vec<(Box<str>, Timestamp)>,
    /// Number of distinct values of `BindInfo.EndUserId`.
    #[serde(deserialize_with = "saved::count")]
    pub bound_users: u64,
    /// Sum of `BindInfo.UsageDuration`, seconds; 0 when no instance has one.
    pub usage_seconds_sum: f64,
    /// The longest `BindInfo.UsageDuration`, seconds; `None` when no instance has one.
    pub usage_seconds_max: Option<f64>,
    /// `TotalCount` of the listing; the number of distinct instances where the API sends none.
    #[serde(deserialize_with = "saved::count")]
    pub reported: u64,
    /// Nodes that carry instances, by how many of these are in use (`BOUND` or `RUNNING`): pairs of
    /// that number and the number of nodes, ascending. Empty if no instance has a node.
    #[serde(deserialize_with = "nodes_by_sessions")]
    pub nodes_by_sessions: Vec<(u32, u64)>,
    /// Instances on each node, sorted by node and charge type; empty unless
    /// [`FoldOptions::nodes`].
    #[serde(deserialize_with = "nodes")]
    pub nodes: Vec<NodeCount>,
    /// One record per instance, sorted by id; empty unless [`FoldOptions::detail`].
    pub details: InstanceDetails,
}

/// The result of folding a listing of instances.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceListing {
    /// The numbers that are exported.
    pub summary: InstanceSummary,
    /// The instances, for finding what changed since the previous listing.
    pub listed: ListedInstances,
}

/// Instances of one charge type on one node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeCount {
    /// `NodeId`.
    pub node_id: Box<str>,
    /// `ChargeType`; empty when unknown. Shared by the nodes of a listing.
    pub charge_type: Arc<str>,
    /// Number of these instances.
    #[serde(deserialize_with = "saved::count")]
    pub instances: u64,
}

/// Folds instance records into an [`InstanceListing`]: duplicates (records with the same id) count
/// once.
///
/// The first record of an id counts: a listing changes while its pages are read, and no record of
/// an instance is more accurate than another. Nothing else depends on the order of records.
#[derive(Debug)]
pub struct InstanceFold {
    options: FoldOptions,
    hasher: TextHasher,
    /// Every instance folded so far, by the hash of its id; also used to find duplicates.
    seen: HashedMap<ListedInstance>,
    users: HashedSet,
    statuses: StatusFold,
    session_statuses: Tally,
    usage_seconds_sum: f64,
    usage_seconds_max: Option<f64>,
    /// By the hash of the node's id.
    nodes: HashedMap<NodeFold>,
    /// Charge types for [`NodeCount`], each once.
    charge_types: Vec<Arc<str>>,
    details: InstanceDetails,
}

/// The instances of one node.
#[derive(Debug, Default)]
struct NodeFold {
    /// Sessions in use.
    sessions: u32,
    /// The instances of the charge type that was listed first; `None` unless
    /// [`FoldOptions::nodes`]. Nearly every node has one charge type.
    count: Option<NodeCount>,
    /// The instances of other charge types.
    more_counts: Vec<NodeCount>,
}

/// Maximum number of charge types that nodes share. The API documents two.
const MAX_SHARED_CHARGE_TYPES: usize = 8;

impl InstanceRecord<'_> {
    /// The usage in seconds, if it is a duration: finite and not negative.
    pub(super) fn usage(&self) -> Option<f64> {
        self.usage_seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    }
}

impl NodeCount {
    /// What distinguishes it from the others of a group.
    fn key(&self) -> (&str, &str) {
        (&self.node_id, &self.charge_type)
    }
}

impl InstanceFold {
    /// A fold without instances.
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            hasher: TextHasher::new(options.hash_key),
            seen: HashedMap::default(),
            users: HashedSet::default(),
            statuses: StatusFold::new(),
            session_statuses: Tally::new(&SESSION_STATUS),
            usage_seconds_sum: 0.0,
            usage_seconds_max: None,
            nodes: HashedMap::default(),
            charge_types: Vec::new(),
            details: InstanceDetails::default(),
        }
    }

    /// Counts `record`, unless its id was counted before. Unknown statuses are counted in `issues`,
    /// once per instance that has one.
    pub fn add(&mut self, record: &InstanceRecord<'_>, issues: &mut DecodeIssues) {
        let id = self.hasher.hash(&record.id);
        let Entry::Vacant(unseen) = self.seen.entry(id) else {
            return;
        };

        let status = INSTANCE_STATUS.classify_counting(record.status.as_deref(), issues);
        let status_id = self.statuses.add(&status, record.modified);
        let user = record.end_user_id.as_deref().filter(|user| !user.is_empty());
        let user = user.map(|user| self.hasher.hash(user));
        self.users.extend(user);
        let session_status = SESSION_STATUS.classify_counting(record.session_status.as_deref(), issues);
        unseen.insert(ListedInstance {
            id,
            status: status_id,
            user: user.map_or(User::NONE, User::new),
            session: match is_connected(&session_status) {
                Some(true) => Session::Connected,
                Some(false) => Session::Disconnected,
                None => Session::None,
            },
            usage: Usage::new(record.usage()),
            created: Milliseconds::new(record.created),
            modified: Milliseconds::new(record.modified),
        });

        if session_status != EnumValue::Absent {
            self.session_statuses.add_classified(&session_status);
        }
        if let Some(seconds) = record.usage() {
            self.usage_seconds_sum += seconds;
            self.usage_seconds_max = Some(self.usage_seconds_max.map_or(seconds, |max| max.max(seconds)));
        }
        if let Some(node_id) = record.node_id.as_deref().filter(|id| !id.is_empty()) {
            let charge_type = record.charge_type.as_deref().unwrap_or_default();
            self.add_to_node(node_id, charge_type, is_in_use(&status));
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

    /// The result of a listing whose pages were all folded; `reported` is its `TotalCount`.
    pub fn finish(self, reported: u64) -> InstanceListing {
        let statuses = self.statuses.finish();
        let details = self.details.finish(&statuses);
        let mut entries: Vec<ListedInstance> = self
            .seen
            .into_values()
            .map(|instance| ListedInstance { status: statuses.final_id(instance.status), ..instance })
            .collect();
        entries.sort_unstable_by_key(|instance| instance.id);
        let (names, hash_key) = (statuses.names.clone(), self.options.hash_key);
        let listed = ListedInstances { entries, names, hash_key };
        let mut nodes_by_sessions = BTreeMap::<u32, u64>::new();
        let mut nodes = Vec::with_capacity(if self.options.nodes { self.nodes.len() } else { 0 });
        for node in self.nodes.into_values() {
            *nodes_by_sessions.entry(node.sessions).or_default() += 1;
            nodes.extend(node.count);
            nodes.extend(node.more_counts);
        }
        nodes.sort_unstable();
        let summary = InstanceSummary {
            statuses: statuses.tally,
            session_statuses: self.session_statuses,
            oldest_modified: statuses.oldest_modified,
            bound_users: self.users.len() as u64,
            usage_seconds_sum: self.usage_seconds_sum,
            usage_seconds_max: self.usage_seconds_max,
            reported,
            nodes_by_sessions: nodes_by_sessions.into_iter().collect(),
            nodes,
            details,
        };
        InstanceListing { summary, listed }
    }

    fn add_to_node(&mut self, node_id: &str, charge_type: &str, is_in_use: bool) {
        let node = self.nodes.entry(self.hasher.hash(node_id)).or_default();
        node.sessions += u32::from(is_in_use);
        if !self.options.nodes {
            return;
        }
        let mut counts = node.count.iter_mut().chain(&mut node.more_counts);
        if let Some(count) = counts.find(|count| *count.charge_type == *charge_type) {
            count.instances += 1;
            return;
        }
        let charge_type = shared(&mut self.charge_types, charge_type);
        let count = NodeCount { node_id: node_id.into(), charge_type, instances: 1 };
        match &node.count {
            None => node.count = Some(count),
            Some(_) => node.more_counts.push(count),
        }
    }
}

/// `charge_type`, shared with earlier calls for the same text.
fn shared(charge_types: &mut Vec<Arc<str>>, charge_type: &str) -> Arc<str> {
    if let Some(known) = charge_types.iter().find(|known| ***known == *charge_type) {
        return Arc::clone(known);
    }
    let new: Arc<str> = charge_type.into();
    if charge_types.len() < MAX_SHARED_CHARGE_TYPES {
        charge_types.push(Arc::clone(&new));
    }
    new
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tally, D::Error> {
    Tally::deserialize(&INSTANCE_STATUS, deserializer)
}

fn session_statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tally, D::Error> {
    Tally::deserialize(&SESSION_STATUS, deserializer)
}

fn nodes_by_sessions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(u32, u64)>, D::Error> {
    let mut nodes: Vec<(u32, u64)> = saved::ascending(deserializer, |(one, _), (other, _)| one < other)?;
    nodes.iter_mut().for_each(|(_, count)| *count = (*count).min(MAX_COUNT));
    Ok(nodes)
}

fn nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NodeCount>, D::Error> {
    saved::ascending(deserializer, |one: &NodeCount, other| one.key() < other.key())
}

/// Whether an instance in this status serves a session.
fn is_in_use(status: &EnumValue) -> bool {
    matches!(status, EnumValue::Known(position) if ["BOUND", "RUNNING"].contains(&INSTANCE_STATUS.known[*position]))
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
