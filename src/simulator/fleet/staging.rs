//! A group put into a chosen state, for scenarios: instead of what its kind and its seed would make of it.

use super::{
    catalogue::ALWAYS,
    lifecycle::{image_version, midnight_after},
    model::{GroupPhase, NEVER, Second, SimulatedGroup},
    status::{GroupStatus, InstanceStatus, PersistentStatus, SessionStatus},
};

const MINUTE: Second = 60;
const DAY: Second = 86_400;

impl SimulatedGroup {
    /// In service, half full, with nothing that anybody would have to look at, and nothing about to happen.
    pub fn calm(&mut self) {
        self.phase = GroupPhase { status: GroupStatus::Published, until: NEVER };
        self.expires = self.settings.prepaid.then(|| midnight_after(self.now + 60 * DAY));
        self.ota.new_version = None;
        self.ota.task_id.clear();
        self.ota.due = NEVER;
        for position in 0..self.pools.len() {
            let occupancy = self.occupancy(position);
            let pool = &mut self.pools[position];
            // The schedule asks for no more than there is, at whatever time of day.
            pool.schedule_factor = (occupancy.nodes + occupancy.scaling_nodes) / 8;
        }
        self.occupy(0.5, 0.0);
    }

    /// Puts sessions on this share of the instances; of these, this share is disconnected. The others are idle.
    pub fn occupy(&mut self, share: f64, disconnected: f64) {
        for slot in 0..self.persistent.len() {
            self.set_persistent(slot, PersistentStatus::Stopped, NEVER);
            self.persistent[slot].instance = None;
        }
        let mut busy = part(self.instances.len(), share);
        if self.settings.auth_mode == "Session" {
            // Some persistent sessions stay stopped, whatever their number.
            busy = busy.min(self.persistent.len() / 2);
        }
        let away = part(busy, disconnected);
        let mut placed = 0;
        for position in 0..self.instances.len() {
            self.instances[position].persistent = None;
            let user = if placed < busy { self.user_for(position) } else { None };
            let status = if user.is_some() { InstanceStatus::Running } else { InstanceStatus::Idle };
            self.set_status(position, status, NEVER);
            let session = match user {
                None => SessionStatus::None,
                Some(_) if placed < away => SessionStatus::Disconnect,
                Some(_) => SessionStatus::Connect,
            };
            placed += usize::from(user.is_some());
            let bound = self.now - 10 * MINUTE;
            let instance = &mut self.instances[position];
            instance.user = user;
            instance.session = session;
            instance.bound = bound;
            instance.ends = NEVER;
        }
    }

    /// In this status for good; where it serves nobody its instances are closed.
    pub fn halt(&mut self, status: GroupStatus) {
        self.phase = GroupPhase { status, until: NEVER };
        if matches!(status, GroupStatus::Expired | GroupStatus::ExpiredRecycling) {
            self.expires = Some(midnight_after(self.now - 2 * DAY));
        }
        if !self.serves() {
            self.occupy(0.0, 0.0);
            for position in 0..self.instances.len() {
                self.set_status(position, InstanceStatus::Closed, NEVER);
            }
        }
    }

    /// The subscription ends after so many seconds.
    pub fn end_in(&mut self, seconds: Second) {
        self.expires = Some(self.now + seconds);
    }

    /// A newer version of the image has been there for eight days.
    pub fn offer_update(&mut self) {
        self.ota.new_version = Some(image_version(self.now - 8 * DAY));
    }

    /// So many of the idle instances have been in this status for an hour.
    pub fn strand(&mut self, status: InstanceStatus, count: usize) {
        let idle = |position: &usize| self.instances[*position].status == InstanceStatus::Idle;
        let stranded: Vec<usize> = (0..self.instances.len()).filter(idle).take(count).collect();
        for position in stranded {
            self.set_status(position, status, NEVER);
            self.instances[position].modified = self.now - 60 * MINUTE;
        }
    }

    /// So many of the persistent sessions that are stopped cannot be used.
    pub fn break_persistent(&mut self, count: usize) {
        let stopped = |slot: &usize| self.persistent[*slot].status == PersistentStatus::Stopped;
        let broken: Vec<usize> = (0..self.persistent.len()).filter(stopped).take(count).collect();
        for slot in broken {
            self.set_persistent(slot, PersistentStatus::Unavailable, NEVER);
        }
    }

    /// Scaling may not add more than makes what it has added this share of it.
    pub fn limit_scaling(&mut self, added: f64) {
        for position in 0..self.pools.len() {
            let nodes = self.occupancy(position).scaling_nodes;
            self.pools[position].max_scaling = (f64::from(nodes) / added).floor() as u32;
        }
    }

    /// The schedule in force asks for twice the nodes there are, all day but for the minute before midnight.
    pub fn ask_for_more(&mut self) {
        for position in 0..self.pools.len() {
            let occupancy = self.occupancy(position);
            let pool = &mut self.pools[position];
            pool.schedules = ALWAYS;
            pool.schedule_factor = 2 * (occupancy.nodes + occupancy.scaling_nodes).max(1);
        }
    }

    /// Who uses this instance; `None` where every session that could be taken up is.
    fn user_for(&mut self, position: usize) -> Option<u32> {
        if self.settings.auth_mode != "Session" {
            return Some(self.settings.first_user + position as u32 % self.settings.users);
        }
        let user = self.start_persistent(position)?;
        if let Some(slot) = self.instances[position].persistent {
            self.persistent[slot as usize].status = PersistentStatus::Running;
        }
        Some(user)
    }
}

fn part(whole: usize, share: f64) -> usize {
    (whole as f64 * share).round() as usize
}
