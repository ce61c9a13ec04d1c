//! Sessions on instances, which begin, are disconnected and connected again, and end; and
//! instances, which start and close.

use rand::RngExt;

use super::demand::{demand_at, random_count, random_duration};
use super::model::{NEVER, STEP, Second, SimulatedGroup, SimulatedInstance};
use super::persistent;
use super::status::{InstanceStatus, PersistentStatus, SessionStatus};

/// Mean seconds from the connection of a session to its disconnection.
const MEAN_CONNECTED_SECONDS: f64 = 1_500.0;
/// The share of starting instances that become unavailable instead of idle.
const FAILED_STARTS: f64 = 0.003;

/// Closed instances that are deleted in one step, and the nodes on which new ones replace them.
#[derive(Default)]
struct ClosedInstances {
    serials: Vec<u64>,
    /// Node and whether it is elastic.
    replacements: Vec<(u32, bool)>,
}

/// Changes every instance that is due.
pub(super) fn step_instances(group: &mut SimulatedGroup) {
    let mut closed = ClosedInstances::default();
    for position in 0..group.instances.len() {
        let instance = &group.instances[position];
        if instance.due > group.now || group.overrides.instances.contains_key(&instance.serial) {
            continue;
        }
        match instance.status {
            InstanceStatus::Closed => step_closed(group, position, &mut closed),
            _ => step_instance(group, position),
        }
    }
    for (node, elastic) in closed.replacements {
        let due = group.now + group.rng.random_range(5..30);
        group.create_instance(node, elastic, due);
    }
    group.delete_instances(&closed.serials);
}

fn step_instance(group: &mut SimulatedGroup, position: usize) {
    let now = group.now;
    let instance = &group.instances[position];
    match instance.status {
        InstanceStatus::Init => {
            let due = now + group.rng.random_range(10..40);
            group.set_status(position, InstanceStatus::Starting, due);
        }
        InstanceStatus::Starting if group.rng.random_bool(FAILED_STARTS) => {
            let due = now + random_duration(&mut group.rng, 5_400.0);
            group.set_status(position, InstanceStatus::Unavailable, due);
        }
        InstanceStatus::Starting => group.set_status(position, InstanceStatus::Idle, NEVER),
        InstanceStatus::Bound => connect(group, position),
        InstanceStatus::Running if now >= instance.ends => close(group, position),
        InstanceStatus::Running if instance.session == SessionStatus::Connect => disconnect(group, position),
        InstanceStatus::Running => connect(group, position),
        InstanceStatus::Unavailable => close(group, position),
        InstanceStatus::Closing => {
            let due = now + group.rng.random_range(40..200);
            group.set_status(position, InstanceStatus::Closed, due);
            persistent::stop(group, position);
        }
        InstanceStatus::Idle | InstanceStatus::Closed | InstanceStatus::Deleted => {
            group.instances[position].due = NEVER;
        }
    }
}

fn step_closed(group: &mut SimulatedGroup, position: usize, closed: &mut ClosedInstances) {
    let SimulatedInstance { serial, node, elastic, .. } = group.instances[position];
    let releasing = group.node_mut(node).is_none_or(|node| node.releasing);
    if releasing {
        closed.serials.push(serial);
    } else if group.is_in_service() {
        closed.serials.push(serial);
        closed.replacements.push((node, elastic));
    } else {
        group.instances[position].due = group.now + 60;
    }
}

/// Begins the sessions of users who arrive, as many as the time of day determines.
pub(super) fn step_arrivals(group: &mut SimulatedGroup) {
    if !group.accepts_sessions() {
        return;
    }
    let arriving = expected_sessions(group) / group.settings.session_seconds * STEP as f64;
    for _ in 0..random_count(&mut group.rng, arriving) {
        // Users who find no free instance leave.
        let Some(position) = free_instance(group) else { return };
        let user = group.settings.first_user + group.rng.random_range(0..group.settings.users);
        let length = random_duration(&mut group.rng, group.settings.session_seconds);
        begin_session(group, position, user, length);
    }
}

/// The mean number of sessions at the present time of day.
pub(super) fn expected_sessions(group: &SimulatedGroup) -> f64 {
    f64::from(group.settings.initial_slots)
        * group.settings.peak
        * demand_at(group.now + group.settings.shift)
}

/// Ends the session of an instance, if it has one, and closes the instance.
pub(super) fn close(group: &mut SimulatedGroup, position: usize) {
    let due = group.now + group.rng.random_range(5..40);
    group.set_status(position, InstanceStatus::Closing, due);
    group.unbind(position);
    let instance = &mut group.instances[position];
    instance.ends = NEVER;
    if let Some(slot) = instance.persistent
        && let Some(session) = group.persistent.get_mut(slot as usize)
    {
        session.status = PersistentStatus::Stopping;
    }
}

fn begin_session(group: &mut SimulatedGroup, position: usize, user: u32, length: Second) {
    let user = match group.settings.auth_mode {
        "Session" => match persistent::start(group, position) {
            Some(user) => user,
            None => return,
        },
        _ => user,
    };
    let due = group.now + group.rng.random_range(5..30);
    group.set_status(position, InstanceStatus::Bound, due);
    let already_connected = group.rng.random_bool(0.3);
    let ends = group.now + length.max(60);
    group.bind(position, user, ends);
    // The API documents a session status only for RUNNING, but it also occurs with BOUND.
    if already_connected {
        group.set_session(position, SessionStatus::Connect);
    }
}

fn connect(group: &mut SimulatedGroup, position: usize) {
    let due = group.instances[position]
        .ends
        .min(group.now + random_duration(&mut group.rng, MEAN_CONNECTED_SECONDS));
    group.set_status(position, InstanceStatus::Running, due);
    group.set_session(position, SessionStatus::Connect);
    let instance = &group.instances[position];
    if let Some(slot) = instance.persistent
        && let Some(session) = group.persistent.get_mut(slot as usize)
    {
        session.status = PersistentStatus::Running;
    }
}

fn disconnect(group: &mut SimulatedGroup, position: usize) {
    let timeout = Second::from(group.settings.session_timeout) * 60;
    let absence = random_duration(&mut group.rng, if timeout < 0 { 3_600.0 } else { 300.0 });
    let back = group.now + absence;
    group.set_status(position, InstanceStatus::Running, back);
    group.set_session(position, SessionStatus::Disconnect);
    let instance = &mut group.instances[position];
    if timeout < 0 {
        // The session is kept until its user returns.
        instance.ends = instance.ends.max(back + 60);
    } else if absence > timeout || back > instance.ends {
        // The user does not return before the timeout.
        instance.due = instance.modified + timeout;
        instance.ends = instance.due;
    }
}

/// A free instance on the oldest node that has one, so that newer nodes become empty and can be
/// released. An instance that changed in this step is not free yet: each status lasts for a step at
/// least, so a client that lists the instances after every step sees every status.
fn free_instance(group: &SimulatedGroup) -> Option<usize> {
    let idle = |(position, instance): (usize, &SimulatedInstance)| {
        let free = instance.status == InstanceStatus::Idle
            && instance.modified < group.now
            && !group.overrides.instances.contains_key(&instance.serial);
        free.then_some((instance.node, position))
    };
    group.instances.iter().enumerate().filter_map(idle).min().map(|(_, position)| position)
}
