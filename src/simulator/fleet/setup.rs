//! States that scenarios put a group into, instead of the state that its kind and its seed
//! determine.

use super::catalogue::ALWAYS;
use super::lifecycle::{image_version, midnight_after};
use super::model::{GroupPhase, NEVER, Second, SimulatedGroup};
use super::persistent;
use super::status::{GroupStatus, InstanceStatus, PersistentStatus, SessionStatus};

const MINUTE: Second = 60;
const DAY: Second = 86_400;

/// Publishes a group with half of its instances in use. Nothing is wrong with it, and nothing is
/// due.
pub fn calm(group: &mut SimulatedGroup) {
    group.phase = GroupPhase { status: GroupStatus::Published, until: NEVER };
    group.expires = group.settings.prepaid.then(|| midnight_after(group.now + 60 * DAY));
    group.ota.new_version = None;
    group.ota.task_id.clear();
    group.ota.due = NEVER;
    for position in 0..group.pools.len() {
        let occupancy = group.occupancy(position);
        let pool = &mut group.pools[position];
        // A period demands at most eight times the factor, so the schedule never demands more nodes
        // than exist.
        pool.schedule_factor = (occupancy.nodes + occupancy.scaling_nodes) / 8;
    }
    set_occupancy(group, 0.5, 0.0);
}

/// Puts sessions on `share` of the instances, of which the share `disconnected` is disconnected.
/// The other instances are idle.
pub fn set_occupancy(group: &mut SimulatedGroup, share: f64, disconnected: f64) {
    for slot in 0..group.persistent.len() {
        persistent::set_status(group, slot, PersistentStatus::Stopped, NEVER);
        group.persistent[slot].instance = None;
    }
    let mut busy = part(group.instances.len(), share);
    if group.settings.auth_mode == "Session" {
        // Half of the persistent sessions stay stopped.
        busy = busy.min(group.persistent.len() / 2);
    }
    let disconnected = part(busy, disconnected);
    let mut placed = 0;
    for position in 0..group.instances.len() {
        group.instances[position].persistent = None;
        let user = if placed < busy { user_for(group, position) } else { None };
        let status = if user.is_some() { InstanceStatus::Running } else { InstanceStatus::Idle };
        group.set_status(position, status, NEVER);
        let session = match user {
            None => SessionStatus::None,
            Some(_) if placed < disconnected => SessionStatus::Disconnect,
            Some(_) => SessionStatus::Connect,
        };
        placed += usize::from(user.is_some());
        let bound = group.now - 10 * MINUTE;
        let instance = &mut group.instances[position];
        instance.user = user;
        instance.session = session;
        instance.bound = bound;
        instance.ends = NEVER;
    }
}

/// Puts a group into a status permanently. If the status takes the group out of service, its
/// instances are closed.
pub fn hold_in_status(group: &mut SimulatedGroup, status: GroupStatus) {
    group.phase = GroupPhase { status, until: NEVER };
    if matches!(status, GroupStatus::Expired | GroupStatus::ExpiredRecycling) {
        group.expires = Some(midnight_after(group.now - 2 * DAY));
    }
    if !group.is_in_service() {
        set_occupancy(group, 0.0, 0.0);
        for position in 0..group.instances.len() {
            group.set_status(position, InstanceStatus::Closed, NEVER);
        }
    }
}

/// Lets the subscription expire after `seconds`.
pub fn expire_in(group: &mut SimulatedGroup, seconds: Second) {
    group.expires = Some(group.now + seconds);
}

/// Makes an update available that is eight days old.
pub fn offer_update(group: &mut SimulatedGroup) {
    group.ota.new_version = Some(image_version(group.now - 8 * DAY));
}

/// Puts `count` idle instances into a status permanently, as if they had entered it an hour ago.
pub fn strand_instances(group: &mut SimulatedGroup, status: InstanceStatus, count: usize) {
    let idle = |position: &usize| group.instances[*position].status == InstanceStatus::Idle;
    let stranded: Vec<usize> = (0..group.instances.len()).filter(idle).take(count).collect();
    for position in stranded {
        group.set_status(position, status, NEVER);
        group.instances[position].modified = group.now - 60 * MINUTE;
    }
}

/// Makes `count` stopped persistent sessions unavailable.
pub fn make_persistent_unavailable(group: &mut SimulatedGroup, count: usize) {
    let stopped = |slot: &usize| group.persistent[*slot].status == PersistentStatus::Stopped;
    let broken: Vec<usize> = (0..group.persistent.len()).filter(stopped).take(count).collect();
    for slot in broken {
        persistent::set_status(group, slot, PersistentStatus::Unavailable, NEVER);
    }
}

/// Sets the limit of scaling so that the nodes that scaling has added are the share `added` of the
/// limit.
pub fn limit_scaling(group: &mut SimulatedGroup, added: f64) {
    for position in 0..group.pools.len() {
        let nodes = group.occupancy(position).scaling_nodes;
        group.pools[position].max_scaling = (f64::from(nodes) / added).floor() as u32;
    }
}

/// Lets a schedule demand twice as many nodes as exist, at any time except for the minute before
/// midnight.
pub fn raise_schedule(group: &mut SimulatedGroup) {
    for position in 0..group.pools.len() {
        let occupancy = group.occupancy(position);
        let pool = &mut group.pools[position];
        pool.schedules = ALWAYS;
        pool.schedule_factor = 2 * (occupancy.nodes + occupancy.scaling_nodes).max(1);
    }
}

/// The user for a session on an instance; `None` if the session must be persistent and no
/// persistent session is stopped.
fn user_for(group: &mut SimulatedGroup, position: usize) -> Option<u32> {
    if group.settings.auth_mode != "Session" {
        return Some(group.settings.first_user + position as u32 % group.settings.users);
    }
    let user = persistent::start(group, position)?;
    if let Some(slot) = group.instances[position].persistent {
        group.persistent[slot as usize].status = PersistentStatus::Running;
    }
    Some(user)
}

fn part(whole: usize, share: f64) -> usize {
    (whole as f64 * share).round() as usize
}
