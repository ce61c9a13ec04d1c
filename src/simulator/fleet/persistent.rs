//! Persistent sessions, which stay while the instances on which they run are created and deleted.

use rand::RngExt;

use super::demand::random_duration;
use super::identity::{IdKind, identifier};
use super::model::{NEVER, PersistentSession, Second, SimulatedGroup};
use super::status::PersistentStatus;

/// The probability, per step, that one of a group's persistent sessions is rebuilt, becomes
/// unavailable or is deleted, if it is stopped.
const DISTURBANCE: f64 = 0.004;

/// Changes every persistent session that is due, and sometimes disturbs one.
pub(super) fn step(group: &mut SimulatedGroup) {
    let now = group.now;
    for slot in 0..group.persistent.len() {
        if group.persistent[slot].due > now {
            continue;
        }
        match group.persistent[slot].status {
            PersistentStatus::Deleting => {
                set_status(group, slot, PersistentStatus::Deleted, now + 300);
            }
            PersistentStatus::Deleted => group.persistent[slot] = new_session(group, now + 60),
            PersistentStatus::Pending | PersistentStatus::Rebuilding | PersistentStatus::Unavailable => {
                set_status(group, slot, PersistentStatus::Stopped, NEVER);
            }
            _ => group.persistent[slot].due = NEVER,
        }
    }
    if !group.persistent.is_empty() && group.rng.random_bool(DISTURBANCE) {
        let slot = group.rng.random_range(0..group.persistent.len());
        if group.persistent[slot].status == PersistentStatus::Stopped {
            let status = match group.rng.random_range(0..10) {
                0..5 => PersistentStatus::Rebuilding,
                5..8 => PersistentStatus::Unavailable,
                _ => PersistentStatus::Deleting,
            };
            let due = now + random_duration(&mut group.rng, 900.0);
            set_status(group, slot, status, due);
        }
    }
}

/// Starts a random stopped persistent session on an instance and returns its user; `None` if no
/// persistent session is stopped.
pub(super) fn start(group: &mut SimulatedGroup, position: usize) -> Option<u32> {
    let stopped: Vec<usize> = (0..group.persistent.len())
        .filter(|slot| group.persistent[*slot].status == PersistentStatus::Stopped)
        .collect();
    if stopped.is_empty() {
        return None;
    }
    let slot = stopped[group.rng.random_range(0..stopped.len())];
    group.instances[position].persistent = u32::try_from(slot).ok();
    let session = &mut group.persistent[slot];
    session.status = PersistentStatus::Starting;
    session.instance = Some(group.instances[position].serial);
    session.due = NEVER;
    session.users.first().copied()
}

/// Stops the persistent session of an instance that is closed.
pub(super) fn stop(group: &mut SimulatedGroup, position: usize) {
    if let Some(slot) = group.instances[position].persistent.take()
        && let Some(session) = group.persistent.get_mut(slot as usize)
    {
        session.status = PersistentStatus::Stopped;
        session.instance = None;
        session.due = NEVER;
    }
}

/// A new persistent session, which is `PENDING` until `due`.
pub(super) fn new_session(group: &mut SimulatedGroup, due: Second) -> PersistentSession {
    let serial = group.next_persistent;
    group.next_persistent += 1;
    let user = |number: u64| group.settings.first_user + (number % u64::from(group.settings.users)) as u32;
    let mut users = vec![user(serial)];
    if serial.is_multiple_of(3) {
        users.push(user(serial + 1));
    }
    PersistentSession {
        id: identifier("p-", group.settings.key, IdKind::Persistent, serial),
        name: format!("会话 {}", serial + 1),
        status: PersistentStatus::Pending,
        instance: None,
        users,
        created: group.now,
        due,
    }
}

/// Changes the status of a persistent session, which changes again at `due`.
pub(super) fn set_status(group: &mut SimulatedGroup, slot: usize, status: PersistentStatus, due: Second) {
    let session = &mut group.persistent[slot];
    session.status = status;
    session.due = due;
}
