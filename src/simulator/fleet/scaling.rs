//! Nodes come by usage or by schedule, and go when they have been idle.

use super::{
    model::{Node, Second, SimulatedGroup},
    schedule::scheduled_nodes,
    status::{InstanceStatus, Strategy},
};

/// Seconds after a scale-out in which no other one starts.
const REST: Second = 180;

/// What a pool has at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Occupancy {
    /// Nodes bought.
    pub(in super::super) nodes: u32,
    /// Of these, with a session.
    pub(in super::super) nodes_used: u32,
    /// Nodes made by scaling.
    pub(in super::super) scaling_nodes: u32,
    /// Of these, with a session.
    pub(in super::super) scaling_nodes_used: u32,
    /// Sessions on all of them.
    pub(in super::super) sessions: u32,
}

impl SimulatedGroup {
    /// What each pool has now; nodes being given back do not count.
    pub(in super::super) fn occupancy(&self, pool: usize) -> Occupancy {
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

    /// Adds or gives back nodes, as each pool's strategy says.
    pub(super) fn step_scaling(&mut self) {
        for pool in 0..self.pools.len() {
            match self.pools[pool].strategy {
                Strategy::Fixed => {}
                Strategy::ByUsage => self.scale_by_usage(pool),
                Strategy::BySchedule => self.scale_by_schedule(pool),
            }
        }
    }

    fn scale_by_usage(&mut self, position: usize) {
        let occupancy = self.occupancy(position);
        let pool = &self.pools[position];
        let slots = (occupancy.nodes + occupancy.scaling_nodes) * pool.size.capacity;
        let above = |slots: u32| occupancy.sessions * 100 > pool.threshold * slots;
        let idle = slots.saturating_sub(occupancy.sessions);
        let room = pool.max_scaling.saturating_sub(occupancy.scaling_nodes);
        let may = self.takes_sessions() && self.now >= pool.rests_until && room > 0;
        if may && above(slots) && (pool.max_idle == 0 || idle < pool.max_idle) {
            let count = pool.step.min(room);
            self.add_nodes(position, count);
        } else if !above(slots.saturating_sub(pool.size.capacity)) {
            self.release_idle_node(position);
        }
    }

    fn scale_by_schedule(&mut self, position: usize) {
        let wanted = scheduled_nodes(&self.pools[position], self.now).unwrap_or(0);
        let there = self.occupancy(position).scaling_nodes;
        if there < wanted && self.serves() {
            self.add_nodes(position, wanted - there);
        } else if there > wanted {
            self.release_idle_node(position);
        }
    }

    fn add_nodes(&mut self, position: usize, count: u32) {
        let pool = &mut self.pools[position];
        pool.rests_until = self.now + REST;
        let slots = pool.size.capacity;
        // A pool that is prepared ahead has its instances ready sooner.
        let ready = if pool.warm_up { 10 } else { 60 };
        for _ in 0..count {
            self.add_node(position, true, slots, ready);
        }
    }

    /// One more node with so many instances, whose start takes so long.
    pub(super) fn add_node(&mut self, pool: usize, elastic: bool, slots: u32, ready: Second) {
        let serial = self.next_node;
        self.next_node += 1;
        self.nodes.push(Node {
            serial,
            pool: pool as u8,
            elastic,
            releasing: false,
            sessions: 0,
            instances: 0,
            idle_since: self.now,
        });
        for _ in 0..slots {
            self.create_instance(serial, elastic, self.now + ready);
        }
    }

    /// Gives back the newest elastic node that has had no session for long enough.
    fn release_idle_node(&mut self, position: usize) {
        let idle = Second::from(self.pools[position].idle_minutes) * 60;
        let now = self.now;
        let candidate = |node: &&mut Node| {
            usize::from(node.pool) == position
                && node.elastic
                && !node.releasing
                && node.sessions == 0
                && node.idle_since + idle <= now
        };
        let Some(node) = self.nodes.iter_mut().rev().find(candidate) else { return };
        node.releasing = true;
        let serial = node.serial;
        for instance in 0..self.instances.len() {
            let closing =
                matches!(self.instances[instance].status, InstanceStatus::Closing | InstanceStatus::Closed);
            if self.instances[instance].node == serial && !closing {
                self.close(instance);
            }
        }
    }
}
