//! Groups of scenarios whose fault is a series of events, not a state. Nothing else changes in
//! them.
//!
//! The steps are shorter than those of other groups, and each instance has its turn at another
//! step, so events occur in every period of a few polls.

use super::model::{Course, Second, SimulatedGroup};
use super::status::{InstanceStatus, SessionStatus};

/// The length of one step in seconds.
pub(super) const STEP: Second = 2;

/// Steps from one disconnection of a session to the next.
const STORM_STEPS: Second = 8;
/// Steps for which a session stays disconnected.
const DISCONNECTED_STEPS: Second = 2;

/// Seconds for which an instance stays in `INIT`, and after that in `IDLE`: longer than a short
/// poll interval, so that a client sees both.
const VISIBLE_SECONDS: Second = 4;
/// The time in seconds from its creation to its readiness of the first instance.
const FIRST_READY_SECONDS: f64 = 20.0;
/// The time in which this time doubles.
const DOUBLING_SECONDS: f64 = 40.0;
const MAX_READY_SECONDS: f64 = 3_600.0;

/// Makes the changes of one step.
pub(super) fn step(group: &mut SimulatedGroup) {
    match group.course {
        Course::Natural | Course::Still => {}
        Course::Storms => step_storms(group),
        Course::SlowStarts { since } => step_starts(group, since),
    }
}

fn step_storms(group: &mut SimulatedGroup) {
    for position in 0..group.instances.len() {
        let instance = &group.instances[position];
        if instance.user.is_none() {
            continue;
        }
        let turn = (group.now / STEP + instance.serial as Second) % STORM_STEPS;
        let session = match turn {
            0 => SessionStatus::Disconnect,
            DISCONNECTED_STEPS => SessionStatus::Connect,
            _ => continue,
        };
        let (status, due) = (instance.status, instance.due);
        group.set_session(position, session);
        // The change of the session is the last change of the instance.
        group.set_status(position, status, due);
    }
}

fn step_starts(group: &mut SimulatedGroup, since: Second) {
    let now = group.now;
    let mut replaced = Vec::new();
    for position in 0..group.instances.len() {
        let instance = &group.instances[position];
        match instance.status {
            _ if instance.due > now => {}
            InstanceStatus::Init => group.set_status(position, InstanceStatus::Idle, now + VISIBLE_SECONDS),
            InstanceStatus::Idle => replaced.push((instance.serial, instance.node, instance.elastic)),
            _ => {}
        }
    }
    let created = now + VISIBLE_SECONDS - ready_seconds(now - since);
    for &(_, node, elastic) in &replaced {
        group.create_instance(node, elastic, now + VISIBLE_SECONDS);
        if let Some(instance) = group.instances.last_mut() {
            // Time passes as usual in a scenario, so an instance that started long ago is listed
            // only at the end of its start.
            instance.created = created;
        }
    }
    group.delete_instances(&replaced.into_iter().map(|(serial, ..)| serial).collect::<Vec<_>>());
}

/// The time that an instance needs to be ready, so many seconds after the times began to grow.
fn ready_seconds(elapsed: Second) -> Second {
    let seconds = FIRST_READY_SECONDS * (elapsed as f64 / DOUBLING_SECONDS).exp2();
    seconds.min(MAX_READY_SECONDS) as Second
}
