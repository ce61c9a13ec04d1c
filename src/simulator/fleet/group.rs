//! The values that can be read from a group, and the changes that several parts of the simulation
//! share.

use std::borrow::Cow;

use super::model::{NEVER, Node, Occupancy, Second, SimulatedGroup, SimulatedInstance};
use super::status::{GroupStatus, InstanceStatus, SessionStatus};

/// The most deleted instances that a group keeps for `IncludeDeleted`. The limit bounds memory.
const MAX_DELETED: usize = 1_000;
const DAY: Second = 86_400;

impl SimulatedGroup {
    /// The instant up to which the group is simulated.
    pub fn now(&self) -> Second {
        self.now
    }

    /// The instance with this serial number.
    pub fn instance(&self, serial: u64) -> Option<&SimulatedInstance> {
        let position = self.instances.binary_search_by_key(&serial, |instance| instance.serial).ok()?;
        self.instances.get(position)
    }

    /// `Status` in the API.
    pub fn status(&self) -> &str {
        self.overrides.status.as_deref().unwrap_or(self.phase.status.as_str())
    }

    /// `ResourceStatus` in the API.
    pub fn resource_status(&self) -> &str {
        self.overrides.resource_status.as_deref().unwrap_or_else(|| self.own_resource_status())
    }

    /// `Status` of one of the group's instances in the API.
    pub fn instance_status(&self, instance: &SimulatedInstance) -> &str {
        self.overrides.instances.get(&instance.serial).map_or(instance.status.as_str(), String::as_str)
    }

    /// Seconds for which an instance has been in use by its user.
    pub fn usage_seconds(&self, instance: &SimulatedInstance) -> u64 {
        u64::try_from(self.now - instance.bound).unwrap_or(0)
    }

    /// Changes the status of an instance, which changes again at `due`, and updates the number of
    /// sessions of its node.
    pub(super) fn set_status(&mut self, position: usize, status: InstanceStatus, due: Second) {
        let now = self.now;
        let instance = &mut self.instances[position];
        let change = i64::from(status.is_in_use()) - i64::from(instance.status.is_in_use());
        let is_shown = !self.overrides.instances.contains_key(&instance.serial);
        let has_entered = instance.status != status && is_shown;
        instance.status = status;
        instance.modified = now;
        instance.due = due;
        let node = instance.node;
        if change != 0
            && let Some(node) = self.node_mut(node)
        {
            node.sessions = node.sessions.saturating_add_signed(change as i32);
            if node.sessions == 0 {
                node.idle_since = now;
            }
        }
        if has_entered {
            self.count_entered(position, Cow::Borrowed(status.as_str()));
        }
    }

    /// Adds an instance to a node. The instance leaves the status `INIT` at `due`.
    pub(super) fn create_instance(&mut self, node: u32, elastic: bool, due: Second) {
        let instance = SimulatedInstance {
            serial: self.next_instance,
            node,
            elastic,
            status: InstanceStatus::Init,
            session: SessionStatus::None,
            user: None,
            created: self.now,
            modified: self.now,
            entered: self.now,
            disconnected: None,
            was_ready: false,
            bound: self.now,
            persistent: None,
            due,
            ends: NEVER,
        };
        self.next_instance += 1;
        self.instances.push(instance);
        self.count_entered(self.instances.len() - 1, Cow::Borrowed(InstanceStatus::Init.as_str()));
        if let Some(node) = self.node_mut(node) {
            node.instances += 1;
        }
    }

    /// Deletes the instances with these serial numbers, which must be sorted, and released nodes
    /// that no longer have an instance.
    pub(super) fn delete_instances(&mut self, serials: &[u64]) {
        if serials.is_empty() {
            return;
        }
        let now = self.now;
        let (kept, deleted): (Vec<_>, Vec<_>) = std::mem::take(&mut self.instances)
            .into_iter()
            .partition(|instance| serials.binary_search(&instance.serial).is_err());
        self.instances = kept;
        for mut instance in deleted {
            if let Some(node) = self.node_mut(instance.node) {
                node.instances = node.instances.saturating_sub(1);
            }
            instance.status = InstanceStatus::Deleted;
            instance.modified = now;
            self.deleted.push_back(instance);
        }
        while self.deleted.len() > MAX_DELETED {
            self.deleted.pop_front();
        }
        self.nodes.retain(|node| !(node.releasing && node.instances == 0));
    }

    /// The node with this serial number.
    pub(super) fn node_mut(&mut self, serial: u32) -> Option<&mut Node> {
        let position = self.nodes.binary_search_by_key(&serial, |node| node.serial).ok()?;
        self.nodes.get_mut(position)
    }

    /// Whether the group's instances are kept running.
    pub(super) fn is_in_service(&self) -> bool {
        matches!(
            self.phase.status,
            GroupStatus::Published | GroupStatus::Maintaining | GroupStatus::MaintainFailed
        )
    }

    /// Whether new sessions may begin.
    pub(super) fn accepts_sessions(&self) -> bool {
        matches!(self.phase.status, GroupStatus::Published | GroupStatus::MaintainFailed)
    }

    /// The `ResourceStatus` that follows from the status and the expiry.
    fn own_resource_status(&self) -> &'static str {
        match self.phase.status {
            GroupStatus::Deploying => "CREATING",
            GroupStatus::Maintaining => "UPGRADING",
            GroupStatus::Expired | GroupStatus::Ceased => "UNAVAILABLE",
            GroupStatus::ExpiredRecycling => "RELEASED",
            _ if self.expires.is_some_and(|expires| expires - self.now <= 7 * DAY) => "EXPIRED_IN_7_DAYS",
            _ => "AVAILABLE",
        }
    }

    /// The nodes and sessions of a pool now. Nodes that are being released do not count.
    pub fn occupancy(&self, pool: usize) -> Occupancy {
        let mut occupancy = Occupancy::default();
        let counted = |node: &&Node| usize::from(node.pool) == pool && !node.releasing;
        for node in self.nodes.iter().filter(counted) {
            let used = u32::from(node.sessions > 0);
            if node.elastic {
                occupancy.scaling_nodes += 1;
                occupancy.scaling_nodes_used += used;
            } else {
                occupancy.nodes += 1;
                occupancy.nodes_used += used;
            }
            occupancy.sessions += node.sessions;
        }
        occupancy
    }
}
