//! All groups of the simulated account, each behind a lock, by id and in the order of their
//! creation. A group advances when it is read.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::advance::advance;
use super::create::{GroupSize, create_group};
use super::model::SimulatedGroup;
use super::status::ScheduleCounts;

/// What determines a fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetPlan {
    /// The seed of all random choices.
    pub seed: u64,
    /// The number of groups at the start.
    pub groups: usize,
    /// The size of every group at its creation.
    pub size: GroupSize,
    /// Which nodes count towards the number that a schedule demands.
    pub schedule_counts: ScheduleCounts,
}

/// All groups of the simulated account.
#[derive(Debug)]
pub struct FleetStore {
    plan: FleetPlan,
    /// The number of the next group.
    next: u64,
    /// The oldest first.
    groups: Vec<(Arc<str>, Arc<Mutex<SimulatedGroup>>)>,
    by_id: HashMap<Arc<str>, Arc<Mutex<SimulatedGroup>>>,
}

/// The fleet at one simulated instant.
#[derive(Debug, Clone, Copy)]
pub struct FleetView<'a> {
    fleet: &'a FleetStore,
    now: Timestamp,
}

impl FleetStore {
    /// The fleet of a plan, at `start`.
    pub fn new(plan: FleetPlan, start: Timestamp) -> Self {
        let mut fleet =
            Self { plan, next: 0, groups: Vec::with_capacity(plan.groups), by_id: HashMap::new() };
        for _ in 0..plan.groups {
            fleet.add_group(start);
        }
        fleet
    }

    /// Adds a group, which is listed first, and returns its id.
    pub fn add_group(&mut self, now: Timestamp) -> Arc<str> {
        let mut group = create_group(self.plan.seed, self.next, self.plan.size, now);
        group.schedule_counts = self.plan.schedule_counts;
        self.next += 1;
        let id: Arc<str> = group.settings.id.as_str().into();
        let group = Arc::new(Mutex::new(group));
        self.groups.push((Arc::clone(&id), Arc::clone(&group)));
        self.by_id.insert(Arc::clone(&id), group);
        id
    }

    /// Whether there is a group with this id.
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Deletes groups.
    pub fn delete_groups(&mut self, ids: &[String]) {
        self.groups.retain(|(id, _)| !ids.iter().any(|deleted| deleted.as_str() == &**id));
        self.by_id.retain(|id, _| !ids.iter().any(|deleted| deleted.as_str() == &**id));
    }

    /// Changes every group, without advancing it. `change` receives the number of the group, which
    /// is 0 for the oldest.
    pub fn change_each(&self, mut change: impl FnMut(usize, &mut SimulatedGroup)) {
        for (number, (_, group)) in self.groups.iter().enumerate() {
            change(number, &mut group.lock());
        }
    }

    /// The fleet at a simulated instant.
    pub fn at(&self, now: Timestamp) -> FleetView<'_> {
        FleetView { fleet: self, now }
    }
}

impl<'a> FleetView<'a> {
    /// The simulated instant of this view.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.fleet.groups.len()
    }

    /// Reads the group at a position of the listing. The newest group is at position 0.
    ///
    /// # Panics
    /// If the position is not below [`len`](Self::len).
    pub fn with_group_at<T>(&self, position: usize, read: impl FnOnce(&SimulatedGroup) -> T) -> T {
        let (_, group) = &self.fleet.groups[self.len() - 1 - position];
        read(&self.advanced(group))
    }

    /// Reads the group with this id; `None` if there is no such group.
    pub fn with_group<T>(&self, id: &str, read: impl FnOnce(&SimulatedGroup) -> T) -> Option<T> {
        self.fleet.by_id.get(id).map(|group| read(&self.advanced(group)))
    }

    /// Changes the group with this id; `None` if there is no such group.
    pub fn change<T>(&self, id: &str, change: impl FnOnce(&mut SimulatedGroup) -> T) -> Option<T> {
        self.fleet.by_id.get(id).map(|group| change(&mut self.advanced(group)))
    }

    /// Calls `change` with one group after the other until it returns `true`. Returns whether it
    /// did.
    pub fn change_any(&self, mut change: impl FnMut(&mut SimulatedGroup) -> bool) -> bool {
        self.fleet.groups.iter().any(|(_, group)| change(&mut self.advanced(group)))
    }

    /// Advances every group to the instant of this view.
    pub fn advance(&self) {
        for (_, group) in &self.fleet.groups {
            drop(self.advanced(group));
        }
    }

    fn advanced(&self, group: &'a Mutex<SimulatedGroup>) -> MutexGuard<'a, SimulatedGroup> {
        let mut group = group.lock();
        advance(&mut group, self.now);
        group
    }
}
