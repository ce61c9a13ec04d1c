//! States that scenarios put a group into, instead of the state that its kind and its seed
//! determine.

use std::collections::HashSet;

use super::catalogue::ALWAYS;
use super::lifecycle::{image_version, midnight_after};
use super::model::{Course, GroupPhase, NEVER, Node, Second, SimulatedGroup};
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
    group.settings.skip_user_auth_check = false;
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

/// Sets the limit of scaling to the number of nodes that scaling has added.
pub fn limit_scaling(group: &mut SimulatedGroup) {
    for position in 0..group.pools.len() {
        group.pools[position].max_scaling = group.occupancy(position).scaling_nodes;
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

/// Sets the resource status that the API returns.
pub fn set_resource_status(group: &mut SimulatedGroup, status: &str) {
    group.overrides.resource_status = Some(status.to_owned());
}

/// Changes nothing in the group while time passes.
pub fn hold_still(group: &mut SimulatedGroup) {
    group.course = Course::Still;
}

/// Disconnects and connects every session, over and over.
pub fn disconnect_again_and_again(group: &mut SimulatedGroup) {
    group.course = Course::Storms;
}

/// Replaces idle instances all the time. The time that the new ones need to start grows. Few
/// sessions are in use, so that most instances take part.
pub fn start_more_and_more_slowly(group: &mut SimulatedGroup) {
    set_occupancy(group, 0.1, 0.0);
    group.course = Course::SlowStarts { since: group.now };
    for (position, instance) in group.instances.iter_mut().enumerate() {
        if instance.status == InstanceStatus::Idle {
            instance.due = group.now + 2 * (position as Second % 4);
        }
    }
}

/// Disconnects `count` sessions, as if that had happened 20 minutes more than the timeout of
/// sessions ago.
pub fn keep_disconnected(group: &mut SimulatedGroup, count: usize) {
    let timeout = Second::from(group.settings.session_timeout) * MINUTE;
    let since = group.now - timeout - 20 * MINUTE;
    let connected = group.instances.iter_mut().filter(|one| one.session == SessionStatus::Connect);
    for instance in connected.take(count) {
        instance.session = SessionStatus::Disconnect;
        instance.modified = since;
        instance.bound = since - 10 * MINUTE;
    }
}

/// Puts sessions on the first `sessions` instances and deletes the others. Their nodes stay.
pub fn serve_on_demand(group: &mut SimulatedGroup, sessions: usize) {
    let surplus: Vec<u64> = group.instances.iter().skip(sessions).map(|instance| instance.serial).collect();
    group.delete_instances(&surplus);
    set_occupancy(group, 1.0, 0.0);
}

/// Leaves one node, whose sessions are all in use. The schedule demands none.
pub fn linger_after_the_schedule(group: &mut SimulatedGroup) {
    let last = group.nodes.last().map(|node| node.serial);
    keep_nodes(group, |_, node| Some(node.serial) == last);
    set_occupancy(group, 1.0, 0.0);
    for pool in &mut group.pools {
        pool.schedules = ALWAYS;
        pool.schedule_factor = 0;
    }
}

/// Leaves `limit` instances of a group that is sold by session, which is its limit: `closed` of
/// them are closed, and one is idle. Usage is above the threshold only if disconnected sessions
/// count.
pub fn keep_closed(group: &mut SimulatedGroup, limit: usize, closed: usize) {
    keep_nodes(group, |position, _| position < limit);
    group.settings.max_amount = u32::try_from(limit).unwrap_or(u32::MAX);
    let busy = limit - closed - 1;
    set_occupancy(group, busy as f64 / limit as f64, 0.3);
    strand_instances(group, InstanceStatus::Closed, closed);
}

/// Leaves four nodes that scaling has added, of five that it may add, and three quarters of the
/// sessions in use.
pub fn reach_daily_peak(group: &mut SimulatedGroup) {
    let bought = group.nodes.iter().filter(|node| !node.elastic).count();
    keep_nodes(group, |position, _| position < bought + 4);
    for pool in &mut group.pools {
        pool.max_scaling = 5;
    }
    set_occupancy(group, 0.75, 0.0);
}

/// Keeps the nodes for which `keep` returns true, and deletes the others with their instances.
fn keep_nodes(group: &mut SimulatedGroup, keep: impl Fn(usize, &Node) -> bool) {
    for (position, node) in group.nodes.iter_mut().enumerate() {
        node.releasing = !keep(position, node);
    }
    let released: HashSet<u32> =
        group.nodes.iter().filter(|node| node.releasing).map(|node| node.serial).collect();
    let on_released = group.instances.iter().filter(|instance| released.contains(&instance.node));
    let serials: Vec<u64> = on_released.map(|instance| instance.serial).collect();
    group.delete_instances(&serials);
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
