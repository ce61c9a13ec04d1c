//! The true values of the fleet, for `GET /_truth`: counted from the model, not from responses.
//! `GET /_truth?details=true` also lists every instance and the last durations.
//!
//! The field names are the keys of the JSON.

mod events;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use self::events::{EventsTruth, InstanceTruth};
use super::clock::SimulatedClock;
use super::fleet::{
    FleetView, InstanceStatus, PersistentStatus, Second, SessionStatus, SimulatedGroup, node_id,
    scheduled_nodes,
};

/// Counts by upper-case status or by node id.
type CountsByLabel = BTreeMap<String, u64>;

/// The whole fleet at one instant.
#[derive(Debug, Serialize)]
pub(super) struct FleetTruth {
    /// The simulated time, in seconds since 1970.
    now: f64,
    frozen: bool,
    /// Simulated seconds per real second.
    speed: f64,
    groups: Vec<GroupTruth>,
    totals: FleetTotals,
}

#[derive(Debug, Serialize)]
struct GroupTruth {
    group_id: String,
    region_id: &'static str,
    name: String,
    product_type: &'static str,
    status: String,
    resource_status: String,
    charge_type: &'static str,
    charge_resource_mode: &'static str,
    auth_mode: &'static str,
    skip_user_auth_check: bool,
    /// In seconds since 1970.
    created: f64,
    /// In seconds since 1970; `None` for a pay-as-you-go group.
    expires: Option<f64>,
    ota_update_available: bool,
    instances_total: u64,
    instances: CountsByLabel,
    sessions: CountsByLabel,
    bound_users: u64,
    usage_seconds_sum: u64,
    /// `None` if no instance has a user.
    usage_seconds_max: Option<u64>,
    /// The most sessions that can run at once.
    capacity: u64,
    sessions_in_use: u64,
    persistent_total: u64,
    persistent: CountsByLabel,
    persistent_instances: CountsByLabel,
    authorized_users: u64,
    /// Instances by node id; empty for a group that is sold by session.
    nodes: CountsByLabel,
    /// Nodes with instances by the number of their sessions in use, `more` for a number above the
    /// largest node capacity; empty for a group that is sold by session.
    nodes_by_sessions: CountsByLabel,
    node_pools: Vec<PoolTruth>,
    /// When the instance that has been longest in each status entered it, in seconds since 1970; no
    /// entry for a status without an instance.
    oldest_since: BTreeMap<String, Second>,
    /// Since when the session that has been disconnected longest is disconnected, in seconds since
    /// 1970; `None` if no session is.
    oldest_disconnected: Option<Second>,
    events: EventsTruth,
    /// Every instance, if the request asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_list: Option<Vec<InstanceTruth>>,
}

#[derive(Debug, Serialize)]
struct PoolTruth {
    node_pool_id: String,
    strategy_type: &'static str,
    nodes: u32,
    nodes_used: u32,
    scaling_nodes: u32,
    scaling_nodes_used: u32,
    node_capacity: u32,
    /// `None` if no schedule of the pool is in force.
    scheduled_nodes: Option<u32>,
}

#[derive(Debug, Serialize)]
struct FleetTotals {
    groups: u64,
    instances: u64,
    instances_by_status: CountsByLabel,
    sessions_by_status: CountsByLabel,
    sessions_in_use: u64,
    capacity: u64,
    persistent: u64,
    persistent_by_status: CountsByLabel,
}

impl FleetTruth {
    /// Advances the whole fleet and counts it. `with_details`: every instance and the
    /// last durations are listed too.
    pub(super) fn of(fleet: &FleetView<'_>, clock: &SimulatedClock, with_details: bool) -> Self {
        let count = |group: &SimulatedGroup| GroupTruth::of(group, with_details);
        let groups: Vec<GroupTruth> =
            (0..fleet.len()).map(|position| fleet.with_group_at(position, count)).collect();
        Self {
            now: fleet.now().as_duration().as_secs_f64(),
            frozen: clock.is_frozen(),
            speed: clock.speed(),
            totals: FleetTotals::of(&groups),
            groups,
        }
    }
}

impl GroupTruth {
    fn of(group: &SimulatedGroup, with_details: bool) -> Self {
        let settings = &group.settings;
        let mut truth = Self {
            group_id: settings.id.clone(),
            region_id: settings.region_id,
            name: settings.name.clone(),
            product_type: "CloudApp",
            status: group.status().to_uppercase(),
            resource_status: group.resource_status().to_uppercase(),
            charge_type: if settings.prepaid { "PrePaid" } else { "PostPaid" },
            charge_resource_mode: if settings.sold_by_node { "Node" } else { "AppInstance" },
            auth_mode: settings.auth_mode,
            skip_user_auth_check: settings.skip_user_auth_check,
            created: settings.created as f64,
            expires: group.expires.map(|expires| expires as f64),
            ota_update_available: group.ota.new_version.is_some(),
            instances_total: group.instances.len() as u64,
            instances: instance_statuses(),
            sessions: zeros(["CONNECT", "DISCONNECT"]),
            bound_users: 0,
            usage_seconds_sum: 0,
            usage_seconds_max: None,
            capacity: 0,
            sessions_in_use: 0,
            persistent_total: group.persistent.len() as u64,
            persistent: persistent_statuses(),
            persistent_instances: instance_statuses(),
            authorized_users: 0,
            nodes: CountsByLabel::new(),
            nodes_by_sessions: CountsByLabel::new(),
            node_pools: Vec::new(),
            oldest_since: events::oldest_since(group),
            oldest_disconnected: events::oldest_disconnected(group),
            events: EventsTruth::of(group, with_details),
            instance_list: with_details.then(|| InstanceTruth::all(group)),
        };
        truth.count_instances(group);
        truth.count_nodes(group);
        truth.count_persistent(group);
        truth.count_pools(group);
        truth
    }

    fn count_instances(&mut self, group: &SimulatedGroup) {
        let mut users = HashSet::new();
        for instance in &group.instances {
            let status = group.instance_status(instance).to_uppercase();
            self.sessions_in_use += u64::from(matches!(status.as_str(), "RUNNING" | "BOUND"));
            *self.instances.entry(status).or_default() += 1;
            if instance.session != SessionStatus::None {
                *self.sessions.entry(instance.session.as_str().to_uppercase()).or_default() += 1;
            }
            if let Some(user) = instance.user {
                users.insert(user);
                let usage = group.usage_seconds(instance);
                self.usage_seconds_sum += usage;
                self.usage_seconds_max = self.usage_seconds_max.max(Some(usage));
            }
        }
        self.bound_users = users.len() as u64;
    }

    fn count_nodes(&mut self, group: &SimulatedGroup) {
        if !group.settings.sold_by_node {
            return;
        }
        // The instances and the sessions in use of each node.
        let mut nodes: HashMap<u32, (u64, u32)> = HashMap::new();
        for instance in &group.instances {
            let status = group.instance_status(instance).to_uppercase();
            let (instances, sessions) = nodes.entry(instance.node).or_default();
            *instances += 1;
            *sessions += u32::from(matches!(status.as_str(), "RUNNING" | "BOUND"));
        }
        let most = group.pools.iter().map(|pool| pool.size.capacity).max().unwrap_or(0);
        let labels = (0..=most).map(|sessions| sessions.to_string()).chain(["more".to_owned()]);
        self.nodes_by_sessions = labels.map(|label| (label, 0)).collect();
        for (node, (instances, sessions)) in nodes {
            self.nodes.insert(node_id(group.settings.key, node), instances);
            let label = if sessions > most { "more".to_owned() } else { sessions.to_string() };
            *self.nodes_by_sessions.entry(label).or_default() += 1;
        }
    }

    fn count_persistent(&mut self, group: &SimulatedGroup) {
        let mut users: HashSet<u32> = HashSet::new();
        for session in &group.persistent {
            *self.persistent.entry(session.status.as_str().to_owned()).or_default() += 1;
            users.extend(&session.users);
            if let Some(instance) = session.instance.and_then(|serial| group.instance(serial)) {
                let status = group.instance_status(instance).to_uppercase();
                *self.persistent_instances.entry(status).or_default() += 1;
            }
        }
        self.authorized_users = users.len() as u64;
    }

    fn count_pools(&mut self, group: &SimulatedGroup) {
        if !group.settings.sold_by_node {
            let serving = ["IDLE", "BOUND", "RUNNING"];
            self.capacity = serving.iter().filter_map(|status| self.instances.get(*status)).sum();
            return;
        }
        for (position, pool) in group.pools.iter().enumerate() {
            let occupancy = group.occupancy(position);
            let nodes = u64::from(occupancy.nodes + occupancy.scaling_nodes);
            self.capacity += nodes * u64::from(pool.size.capacity);
            self.node_pools.push(PoolTruth {
                node_pool_id: pool.id.clone(),
                strategy_type: pool.strategy.as_str(),
                nodes: occupancy.nodes,
                nodes_used: occupancy.nodes_used,
                scaling_nodes: occupancy.scaling_nodes,
                scaling_nodes_used: occupancy.scaling_nodes_used,
                node_capacity: pool.size.capacity,
                scheduled_nodes: scheduled_nodes(pool, group.now()),
            });
        }
    }
}

impl FleetTotals {
    fn of(groups: &[GroupTruth]) -> Self {
        let add = |counts: fn(&GroupTruth) -> &CountsByLabel| {
            let mut sum = CountsByLabel::new();
            for (status, count) in groups.iter().flat_map(counts) {
                *sum.entry(status.clone()).or_default() += count;
            }
            sum
        };
        Self {
            groups: groups.len() as u64,
            instances: groups.iter().map(|group| group.instances_total).sum(),
            instances_by_status: add(|group| &group.instances),
            sessions_by_status: add(|group| &group.sessions),
            sessions_in_use: groups.iter().map(|group| group.sessions_in_use).sum(),
            capacity: groups.iter().map(|group| group.capacity).sum(),
            persistent: groups.iter().map(|group| group.persistent_total).sum(),
            persistent_by_status: add(|group| &group.persistent),
        }
    }
}

fn instance_statuses() -> CountsByLabel {
    zeros(InstanceStatus::ALL.map(InstanceStatus::as_str))
}

fn persistent_statuses() -> CountsByLabel {
    zeros(PersistentStatus::ALL.map(PersistentStatus::as_str))
}

fn zeros<const N: usize>(statuses: [&str; N]) -> CountsByLabel {
    statuses.into_iter().map(|status| (status.to_owned(), 0)).collect()
}
