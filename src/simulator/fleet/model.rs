//! The model's types, and how a group advances through time.

use std::collections::{BTreeMap, VecDeque};

use jiff::{Timestamp, civil};
use rand::rngs::Xoshiro256PlusPlus;

use super::status::{GroupStatus, InstanceStatus, PersistentStatus, SessionStatus, Strategy};

/// An instant, in seconds since 1970.
pub(in super::super) type Second = i64;

/// A time that never comes.
pub(super) const NEVER: Second = Second::MAX;

/// The grid on which a group lives: nothing changes between two of its points.
pub(super) const TICK: Second = 10;

/// How many deleted instances a group remembers for `IncludeDeleted`.
const DELETED_KEPT: usize = 1_000;

/// One delivery group with all that is in it.
#[derive(Debug, Clone)]
pub struct SimulatedGroup {
    /// What does not change, or only from outside.
    pub(in super::super) settings: GroupSettings,
    /// Where it stands in its life.
    pub(in super::super) phase: GroupPhase,
    /// `ExpiredTime`; `None` for what is paid as it goes.
    pub(in super::super) expires: Option<Second>,
    /// The image: version, newer version, task of the update.
    pub(in super::super) ota: OtaState,
    /// Node pools; of a group sold by session one, which the API does not show.
    pub(in super::super) pools: Vec<SimulatedPool>,
    /// Nodes by serial number; of a group sold by session one for each instance.
    pub(in super::super) nodes: Vec<Node>,
    /// Instances by serial number, the oldest first.
    pub(in super::super) instances: Vec<SimulatedInstance>,
    /// Instances that are no more, the latest last.
    pub(in super::super) deleted: VecDeque<SimulatedInstance>,
    /// Persistent sessions; empty unless `AuthMode` is `Session`.
    pub(in super::super) persistent: Vec<PersistentSession>,
    /// What somebody from outside holds in place.
    pub(in super::super) overrides: Overrides,
    pub(super) rng: Xoshiro256PlusPlus,
    pub(super) now: Second,
    pub(super) next_instance: u64,
    pub(super) next_node: u32,
    pub(super) next_persistent: u64,
}

/// What does not change in a group's life.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct GroupSettings {
    /// What its identifiers are drawn from.
    pub(in super::super) key: u64,
    pub(in super::super) id: String,
    pub(in super::super) name: String,
    pub(in super::super) region_id: &'static str,
    pub(in super::super) spec_id: String,
    pub(in super::super) image_id: &'static str,
    /// As answered, which may mean with a line feed behind it.
    pub(in super::super) office_site_id: String,
    pub(in super::super) prepaid: bool,
    /// `ChargeResourceMode` is `Node`, else `AppInstance`.
    pub(in super::super) sold_by_node: bool,
    pub(in super::super) auth_mode: &'static str,
    pub(in super::super) access_type: &'static str,
    /// Minutes; -1 for ever.
    pub(in super::super) session_timeout: i32,
    /// The network strategy is `Mixed`: instances show their public address.
    pub(in super::super) mixed_network: bool,
    pub(in super::super) amount: u32,
    pub(in super::super) min_amount: u32,
    pub(in super::super) max_amount: u32,
    pub(in super::super) tags: &'static [(&'static str, &'static str, &'static str)],
    pub(in super::super) apps: &'static [SimulatedApp],
    pub(in super::super) user_groups: &'static [&'static str],
    pub(in super::super) created: Second,
    /// Sessions at the busiest time of day, as a share of the slots there were at the start.
    pub(super) peak: f64,
    /// Slots there were at the start.
    pub(super) nominal: u32,
    /// Seconds that a session lasts on average.
    pub(super) session_seconds: f64,
    /// How the days of this group differ from the others': seconds its curve is shifted by.
    pub(super) shift: Second,
    /// Its users have numbers from here on.
    pub(super) first_user: u32,
    pub(super) users: u32,
}

/// An application of a group.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct SimulatedApp {
    pub(in super::super) id: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) version: &'static str,
    pub(in super::super) version_name: &'static str,
    pub(in super::super) icon: &'static str,
}

/// `OtaInfo`.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct OtaState {
    pub(in super::super) version: String,
    pub(in super::super) new_version: Option<String>,
    pub(in super::super) task_id: String,
    /// When a newer version appears, or the one that waits is put in.
    pub(super) due: Second,
}

/// Where a group stands, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct GroupPhase {
    pub(in super::super) status: GroupStatus,
    pub(super) until: Second,
}

/// What was set from outside and stays until it is let go.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Overrides {
    pub(in super::super) status: Option<String>,
    pub(in super::super) resource_status: Option<String>,
    /// Words by serial number of the instance, which also stops living.
    pub(in super::super) instances: BTreeMap<u64, String>,
}

/// A node pool.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct SimulatedPool {
    pub(in super::super) id: String,
    pub(in super::super) size: NodeSize,
    pub(in super::super) strategy: Strategy,
    /// Nodes bought when the group was made.
    pub(in super::super) bought: u32,
    pub(in super::super) max_scaling: u32,
    /// Idle sessions from which on no scale-out happens; 0 for no such brake.
    pub(in super::super) max_idle: u32,
    pub(in super::super) step: u32,
    /// Percent.
    pub(in super::super) threshold: u32,
    pub(in super::super) idle_minutes: u32,
    pub(in super::super) schedules: &'static [SimulatedSchedule],
    /// By how much the schedules' amounts are multiplied in this pool.
    pub(in super::super) schedule_factor: u32,
    pub(in super::super) enabled: Option<(civil::Date, civil::Date)>,
    pub(in super::super) warm_up: bool,
    /// No scale-out before.
    pub(super) rests_until: Second,
}

/// A size of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct NodeSize {
    pub(in super::super) instance_type: &'static str,
    pub(in super::super) type_name: &'static str,
    /// Sessions that one node serves at once.
    pub(in super::super) capacity: u32,
}

/// One element of `RecurrenceSchedules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SimulatedSchedule {
    pub(in super::super) recurrence_type: &'static str,
    /// ISO weekdays.
    pub(in super::super) weekdays: &'static [i8],
    /// None goes past midnight.
    pub(in super::super) periods: &'static [SimulatedPeriod],
}

/// One element of `TimerPeriods`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct SimulatedPeriod {
    /// To be multiplied by the pool's factor.
    pub(in super::super) nodes: u32,
    /// Hour and minute.
    pub(in super::super) start: (i8, i8),
    /// Hour and minute.
    pub(in super::super) end: (i8, i8),
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Node {
    pub(in super::super) serial: u32,
    /// Position in [`SimulatedGroup::pools`].
    pub(in super::super) pool: u8,
    /// Made by scaling, not bought.
    pub(in super::super) elastic: bool,
    /// Being given back: no longer counted, takes no sessions.
    pub(in super::super) releasing: bool,
    /// Instances on it that are `BOUND` or `RUNNING`.
    pub(in super::super) sessions: u32,
    /// Instances on it.
    pub(super) instances: u32,
    /// Since when there is no session on it.
    pub(super) idle_since: Second,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SimulatedInstance {
    pub(in super::super) serial: u64,
    /// Serial number of the node.
    pub(in super::super) node: u32,
    pub(in super::super) elastic: bool,
    pub(in super::super) status: InstanceStatus,
    pub(in super::super) session: SessionStatus,
    /// The end user, while one is bound.
    pub(in super::super) user: Option<u32>,
    pub(in super::super) created: Second,
    pub(in super::super) modified: Second,
    /// Since when the user is bound.
    pub(in super::super) bound: Second,
    /// Position of the persistent session that it serves.
    pub(super) persistent: Option<u32>,
    /// When something happens to it next.
    pub(super) due: Second,
    /// When its session ends.
    pub(super) ends: Second,
}

/// One persistent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct PersistentSession {
    pub(in super::super) id: String,
    pub(in super::super) name: String,
    pub(in super::super) status: PersistentStatus,
    /// Serial number of the instance behind it.
    pub(in super::super) instance: Option<u64>,
    pub(in super::super) users: Vec<u32>,
    pub(in super::super) created: Second,
    pub(super) due: Second,
}

impl SimulatedGroup {
    /// Lives until `to`; earlier instants change nothing.
    pub fn advance(&mut self, to: Timestamp) {
        let to = to.as_second();
        while self.now.checked_add(TICK).is_some_and(|next| next <= to) {
            self.now += TICK;
            self.live();
        }
    }

    /// The instant up to which it has lived.
    pub(in super::super) fn now(&self) -> Second {
        self.now
    }

    /// The instance with this serial number.
    pub(in super::super) fn instance(&self, serial: u64) -> Option<&SimulatedInstance> {
        let position = self.instances.binary_search_by_key(&serial, |instance| instance.serial).ok()?;
        self.instances.get(position)
    }

    /// `Status` as the API shows it.
    pub(in super::super) fn status(&self) -> &str {
        self.overrides.status.as_deref().unwrap_or(self.phase.status.as_str())
    }

    /// `ResourceStatus` as the API shows it.
    pub(in super::super) fn resource_status(&self) -> &str {
        self.overrides.resource_status.as_deref().unwrap_or_else(|| self.own_resource_status())
    }

    /// `Status` of one of its instances as the API shows it.
    pub(in super::super) fn instance_status(&self, instance: &SimulatedInstance) -> &str {
        match self.overrides.instances.is_empty() {
            true => instance.status.as_str(),
            false => self
                .overrides
                .instances
                .get(&instance.serial)
                .map_or(instance.status.as_str(), String::as_str),
        }
    }

    /// Seconds for which an instance has been in use by its user.
    pub(in super::super) fn usage_seconds(&self, instance: &SimulatedInstance) -> u64 {
        u64::try_from(self.now - instance.bound).unwrap_or(0)
    }

    /// One step: its own state first, then what is in it.
    fn live(&mut self) {
        self.step_lifecycle();
        self.step_instances();
        self.step_persistent();
        self.step_demand();
        self.step_scaling();
    }

    /// Moves an instance on, and keeps its node's account.
    pub(super) fn set_status(&mut self, position: usize, status: InstanceStatus, due: Second) {
        let now = self.now;
        let instance = &mut self.instances[position];
        let change = i64::from(status.in_use()) - i64::from(instance.status.in_use());
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
    }

    /// A new instance on a node.
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
            bound: self.now,
            persistent: None,
            due,
            ends: NEVER,
        };
        self.next_instance += 1;
        self.instances.push(instance);
        if let Some(node) = self.node_mut(node) {
            node.instances += 1;
        }
    }

    /// Takes instances away; they are remembered as deleted.
    pub(super) fn delete_instances(&mut self, gone: &[u64]) {
        if gone.is_empty() {
            return;
        }
        let now = self.now;
        let (kept, deleted): (Vec<_>, Vec<_>) = std::mem::take(&mut self.instances)
            .into_iter()
            .partition(|instance| gone.binary_search(&instance.serial).is_err());
        self.instances = kept;
        for mut instance in deleted {
            if let Some(node) = self.node_mut(instance.node) {
                node.instances = node.instances.saturating_sub(1);
            }
            instance.status = InstanceStatus::Deleted;
            instance.modified = now;
            self.deleted.push_back(instance);
        }
        while self.deleted.len() > DELETED_KEPT {
            self.deleted.pop_front();
        }
        self.nodes.retain(|node| !(node.releasing && node.instances == 0));
    }

    pub(super) fn node_mut(&mut self, serial: u32) -> Option<&mut Node> {
        let position = self.nodes.binary_search_by_key(&serial, |node| node.serial).ok()?;
        self.nodes.get_mut(position)
    }
}
