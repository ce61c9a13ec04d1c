//! The fleet behind locks: groups by id and in the order in which they are listed, brought up to
//! date when somebody looks at them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::fleet::{GroupSize, SimulatedGroup};

/// All groups of the simulated account.
#[derive(Debug)]
pub(super) struct FleetStore {
    seed: u64,
    size: GroupSize,
    /// The number of the next group.
    next: u64,
    /// The oldest first.
    groups: Vec<(Arc<str>, Arc<Mutex<SimulatedGroup>>)>,
    by_id: HashMap<Arc<str>, Arc<Mutex<SimulatedGroup>>>,
}

/// The fleet as it is at one simulated instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct FleetView<'a> {
    fleet: &'a FleetStore,
    now: Timestamp,
}

impl FleetStore {
    /// A fleet of so many groups, as it is at `start`.
    pub(super) fn new(seed: u64, groups: usize, size: GroupSize, start: Timestamp) -> Self {
        let mut fleet =
            Self { seed, size, next: 0, groups: Vec::with_capacity(groups), by_id: HashMap::new() };
        for _ in 0..groups {
            fleet.add_group(start);
        }
        fleet
    }

    /// One more group, listed first; its id.
    pub(super) fn add_group(&mut self, now: Timestamp) -> Arc<str> {
        let group = SimulatedGroup::new(self.seed, self.next, self.size, now);
        self.next += 1;
        let id: Arc<str> = group.settings.id.as_str().into();
        let group = Arc::new(Mutex::new(group));
        self.groups.push((Arc::clone(&id), Arc::clone(&group)));
        self.by_id.insert(Arc::clone(&id), group);
        id
    }

    /// Whether there is a group of this id.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Takes groups away.
    pub(super) fn delete_groups(&mut self, ids: &[String]) {
        self.groups.retain(|(id, _)| !ids.iter().any(|gone| gone.as_str() == &**id));
        self.by_id.retain(|id, _| !ids.iter().any(|gone| gone.as_str() == &**id));
    }

    /// Changes every group, by its number: the oldest is 0.
    pub(super) fn change_each(&self, mut change: impl FnMut(usize, &mut SimulatedGroup)) {
        for (number, (_, group)) in self.groups.iter().enumerate() {
            change(number, &mut group.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// How it is at an instant.
    pub(super) fn at(&self, now: Timestamp) -> FleetView<'_> {
        FleetView { fleet: self, now }
    }
}

impl<'a> FleetView<'a> {
    /// The instant.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.fleet.groups.len()
    }

    /// Looks at the group in this place of the listing: the newest is in place 0.
    ///
    /// # Panics
    ///
    /// When there are not so many groups.
    pub(super) fn at<T>(&self, place: usize, look: impl FnOnce(&SimulatedGroup) -> T) -> T {
        let (_, group) = &self.fleet.groups[self.len() - 1 - place];
        look(&self.up_to_date(group))
    }

    /// Looks at the group of this id.
    pub(super) fn group<T>(&self, id: &str, look: impl FnOnce(&SimulatedGroup) -> T) -> Option<T> {
        self.fleet.by_id.get(id).map(|group| look(&self.up_to_date(group)))
    }

    /// Changes the group of this id from outside.
    pub(super) fn change<T>(&self, id: &str, change: impl FnOnce(&mut SimulatedGroup) -> T) -> Option<T> {
        self.fleet.by_id.get(id).map(|group| change(&mut self.up_to_date(group)))
    }

    /// Changes every group until one change succeeds.
    pub(super) fn change_any(&self, mut change: impl FnMut(&mut SimulatedGroup) -> bool) -> bool {
        self.fleet.groups.iter().any(|(_, group)| change(&mut self.up_to_date(group)))
    }

    /// Brings every group up to date.
    pub(super) fn advance(&self) {
        for (_, group) in &self.fleet.groups {
            drop(self.up_to_date(group));
        }
    }

    fn up_to_date(&self, group: &'a Mutex<SimulatedGroup>) -> MutexGuard<'a, SimulatedGroup> {
        let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
        group.advance(self.now);
        group
    }
}
