//! Scaling of node pools: by usage or by schedule. Idle nodes are released.

use std::collections::HashSet;

use super::model::{Node, Second, SimulatedGroup};
use super::schedule::scheduled_nodes;
use super::sessions;
use super::status::{InstanceStatus, ScheduleCounts, Strategy};

/// Seconds after a scale-out during which the pool does not scale out again.
const SCALE_OUT_PAUSE: Second = 180;

/// Adds or releases nodes according to each pool's strategy.
pub(super) fn step(group: &mut SimulatedGroup) {
    for pool in 0..group.pools.len() {
        match group.pools[pool].strategy {
            Strategy::Fixed => {}
            Strategy::ByUsage => scale_by_usage(group, pool),
            Strategy::BySchedule => scale_by_schedule(group, pool),
        }
    }
}

fn scale_by_usage(group: &mut SimulatedGroup, position: usize) {
    let occupancy = group.occupancy(position);
    let pool = &group.pools[position];
    let slots = (occupancy.nodes + occupancy.scaling_nodes) * pool.size.capacity;
    let is_above_threshold = |slots: u32| occupancy.sessions * 100 > pool.threshold * slots;
    let idle = slots.saturating_sub(occupancy.sessions);
    let room = pool.max_scaling.saturating_sub(occupancy.scaling_nodes);
    let can_scale_out = group.accepts_sessions() && group.now >= pool.rests_until && room > 0;
    if can_scale_out && is_above_threshold(slots) && (pool.max_idle == 0 || idle < pool.max_idle) {
        let count = pool.step.min(room);
        add_nodes(group, position, count);
    } else if !is_above_threshold(slots.saturating_sub(pool.size.capacity)) {
        release_idle_node(group, position);
    }
}

fn scale_by_schedule(group: &mut SimulatedGroup, position: usize) {
    let wanted = scheduled_nodes(&group.pools[position], group.now).unwrap_or(0);
    let occupancy = group.occupancy(position);
    let present = match group.schedule_counts {
        ScheduleCounts::Total => occupancy.nodes + occupancy.scaling_nodes,
        ScheduleCounts::Elastic => occupancy.scaling_nodes,
    };
    if present < wanted && group.is_in_service() {
        add_nodes(group, position, wanted - present);
    } else if present > wanted {
        release_idle_node(group, position);
    }
}

fn add_nodes(group: &mut SimulatedGroup, position: usize, count: u32) {
    let pool = &mut group.pools[position];
    pool.rests_until = group.now + SCALE_OUT_PAUSE;
    let slots = pool.size.capacity;
    // The instances of a pool that is warmed up start sooner.
    let delay = if pool.warm_up { 10 } else { 60 };
    for _ in 0..count {
        add_node(group, position, true, slots, delay);
    }
}

/// Adds a node with `slots` instances, which leave the status `INIT` after `delay` seconds.
pub(super) fn add_node(group: &mut SimulatedGroup, pool: usize, elastic: bool, slots: u32, delay: Second) {
    let serial = group.next_node;
    group.next_node += 1;
    group.nodes.push(Node {
        serial,
        pool: pool as u8,
        elastic,
        releasing: false,
        sessions: 0,
        instances: 0,
        idle_since: group.now,
    });
    for _ in 0..slots {
        group.create_instance(serial, elastic, group.now + delay);
    }
}

/// Releases the newest elastic node that has had no session for long enough. A node with an
/// instance that changed in this step is released later: each status lasts for a step at least.
fn release_idle_node(group: &mut SimulatedGroup, position: usize) {
    let idle = Second::from(group.pools[position].idle_minutes) * 60;
    let now = group.now;
    let changed: HashSet<u32> =
        group.instances.iter().filter(|one| one.modified == now).map(|one| one.node).collect();
    let candidate = |node: &&mut Node| {
        usize::from(node.pool) == position
            && !changed.contains(&node.serial)
            && node.elastic
            && !node.releasing
            && node.sessions == 0
            && node.idle_since + idle <= now
    };
    let Some(node) = group.nodes.iter_mut().rev().find(candidate) else { return };
    node.releasing = true;
    let serial = node.serial;
    for instance in 0..group.instances.len() {
        let closing =
            matches!(group.instances[instance].status, InstanceStatus::Closing | InstanceStatus::Closed);
        if group.instances[instance].node == serial && !closing {
            sessions::close(group, instance);
        }
    }
}
