//! Instances of one delivery group, folded into counts as their pages arrive.
//!
//! What is not here: reading pages (`appstreaming`), and what changed since the last listing
//! (`transitions`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::FixedState;
use jiff::Timestamp;

use super::detail::InstanceDetails;
use super::hash::{HashedMap, HashedSet, hash};
use super::state::{Word, words};
use super::statuses::StatusFold;
use super::transitions::Binding;
use super::{Findings, FoldOptions, Tally, Trace};

/// One element of `ListAppInstances`, borrowed from the page it came in. Empty texts are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InstanceRecord<'a> {
    /// `AppInstanceId`: the key, trimmed, never empty.
    pub id: &'a str,
    /// `Status`, in any case.
    pub status: Option<&'a str>,
    /// `SessionStatus`, in any case.
    pub session_status: Option<&'a str>,
    /// `BindInfo.EndUserId`: personal data.
    pub end_user_id: Option<&'a str>,
    /// `BindInfo.UsageDuration`, seconds, never negative.
    pub usage_seconds: Option<f64>,
    /// `MainEthPublicIp`.
    pub public_ip: Option<&'a str>,
    /// `NetworkInterfaceIp`.
    pub private_ip: Option<&'a str>,
    /// `NetworkInterfaceId`.
    pub network_interface_id: Option<&'a str>,
    /// `NodeId`: only in groups sold by node.
    pub node_id: Option<&'a str>,
    /// `ChargeType` of the node.
    pub charge_type: Option<&'a str>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
    /// `GmtModified`.
    pub modified: Option<Timestamp>,
}

/// What is known of the instances of one group, after its whole listing was folded.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSummary {
    /// Instances by `Status`; the total equals the distinct instances listed.
    pub statuses: Tally,
    /// Instances by `SessionStatus`, whatever their status is.
    pub session_statuses: Tally,
    /// The oldest `GmtModified` among the instances in each status that has one, sorted by status.
    pub oldest_modified: Vec<(Box<str>, Timestamp)>,
    /// Distinct `EndUserId` bound now.
    pub bound_users: u64,
    /// Sum of `BindInfo.UsageDuration`, seconds; 0 when no instance has one.
    pub usage_seconds_sum: f64,
    /// The longest `BindInfo.UsageDuration`, seconds.
    pub usage_seconds_max: Option<f64>,
    /// `TotalCount` of the listing.
    pub reported: u64,
    /// Instances on each node, sorted by node; empty unless [`FoldOptions::nodes`].
    pub nodes: Vec<NodeCount>,
    /// One record per instance, sorted by id; empty unless [`FoldOptions::detail`].
    pub details: InstanceDetails,
    /// What the next poll needs to see transitions: 16 bytes an instance.
    pub trace: Trace,
}

/// Instances on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCount {
    /// `NodeId`.
    pub node_id: Box<str>,
    /// `ChargeType` of the node; empty when unknown.
    pub charge_type: Box<str>,
    /// Instances on it.
    pub instances: u64,
}

/// Folds instance records into an [`InstanceSummary`]: duplicates (same id) count once.
///
/// The first record of an id wins: a listing moves while its pages are read, and no record of an
/// instance is truer than another. Nothing else depends on the order in which records come.
#[derive(Debug)]
pub struct InstanceFold {
    options: FoldOptions,
    /// By the hash of the id: every instance seen, which also finds duplicates.
    seen: HashedMap<Binding>,
    users: HashedSet,
    statuses: StatusFold,
    session_statuses: Tally,
    usage_seconds_sum: f64,
    usage_seconds_max: Option<f64>,
    nodes: HashMap<Box<str>, NodeFacts, FixedState>,
    details: InstanceDetails,
}

/// What is known of one node while pages arrive.
#[derive(Debug, Default)]
struct NodeFacts {
    instances: u64,
    charge_type: Box<str>,
}

impl InstanceFold {
    /// Nothing folded yet.
    pub fn new(options: FoldOptions) -> Self {
        Self {
            options,
            seen: HashedMap::default(),
            users: HashedSet::default(),
            statuses: StatusFold::new(),
            session_statuses: Tally::new(&words::SESSION_STATUS),
            usage_seconds_sum: 0.0,
            usage_seconds_max: None,
            nodes: HashMap::default(),
            details: InstanceDetails::default(),
        }
    }

    /// Counts `record`, unless its id was counted before. Unheard-of words are noted in `findings`,
    /// once per instance that has one.
    pub fn add(&mut self, record: &InstanceRecord<'_>, findings: &mut Findings) {
        let Entry::Vacant(unseen) = self.seen.entry(hash(record.id)) else {
            return;
        };

        let status = words::INSTANCE_STATUS.classify_noting(record.status, findings);
        let code = self.statuses.add(&status, record.modified);
        let user = record.end_user_id.filter(|user| !user.is_empty()).map(hash);
        unseen.insert(Binding::new(code, user));
        self.users.extend(user);

        let session_status = words::SESSION_STATUS.classify_noting(record.session_status, findings);
        if session_status != Word::Absent {
            self.session_statuses.add_word(&session_status);
        }

        let record = InstanceRecord {
            usage_seconds: record.usage_seconds.filter(|s| s.is_finite() && *s >= 0.0),
            ..*record
        };
        if let Some(seconds) = record.usage_seconds {
            self.usage_seconds_sum += seconds;
            self.usage_seconds_max = Some(self.usage_seconds_max.map_or(seconds, |max| max.max(seconds)));
        }
        if self.options.nodes {
            self.add_to_node(&record);
        }
        if self.options.detail {
            let code = (status != Word::Absent).then_some(code);
            self.details.push(&record, code, connected(&session_status));
        }
    }

    /// Distinct instances counted so far.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The summary of a listing whose pages were all folded; `reported` is its `TotalCount`.
    pub fn finish(self, reported: u64) -> InstanceSummary {
        let statuses = self.statuses.finish();
        let details = self.details.finish(&statuses);
        let trace = Trace::new(self.seen, |code| statuses.translate(code), statuses.names.clone());
        let mut nodes: Vec<NodeCount> = self
            .nodes
            .into_iter()
            .map(|(node_id, facts)| NodeCount {
                node_id,
                charge_type: facts.charge_type,
                instances: facts.instances,
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
            trace,
        }
    }

    fn add_to_node(&mut self, record: &InstanceRecord<'_>) {
        let Some(node_id) = record.node_id.filter(|id| !id.is_empty()) else {
            return;
        };
        // Looked up by the borrowed text: nodes are met again and again, a key to insert is owned.
        if let Some(facts) = self.nodes.get_mut(node_id) {
            facts.add(record.charge_type);
        } else {
            let mut facts = NodeFacts::default();
            facts.add(record.charge_type);
            self.nodes.insert(node_id.into(), facts);
        }
    }
}

impl NodeFacts {
    /// Counts one instance.
    ///
    /// A node has one charge type. Should its instances disagree, the smallest word is taken, so that
    /// the order of pages decides nothing.
    fn add(&mut self, charge_type: Option<&str>) {
        self.instances += 1;
        if let Some(charge_type) = charge_type.filter(|word| !word.is_empty())
            && (self.charge_type.is_empty() || *charge_type < *self.charge_type)
        {
            self.charge_type = charge_type.into();
        }
    }
}

fn connected(session_status: &Word) -> Option<bool> {
    match session_status {
        Word::Known(position) => match words::SESSION_STATUS.known[*position] {
            "CONNECT" => Some(true),
            "DISCONNECT" => Some(false),
            _ => None,
        },
        Word::Absent | Word::UnheardOf(_) => None,
    }
}

#[cfg(test)]
mod tests;
