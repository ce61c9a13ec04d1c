//! Persistent sessions: they stay while the instances behind them come and go.

use rand::RngExt;

use super::{
    demand::lasting,
    identity::{IdKind, identifier},
    model::{NEVER, PersistentSession, Second, SimulatedGroup},
    status::PersistentStatus,
};

/// How often one of a group's persistent sessions is reset, breaks or is deleted, per step.
const UPSET: f64 = 0.004;

impl SimulatedGroup {
    /// Everything that is due on its persistent sessions; now and then one is upset.
    pub(super) fn step_persistent(&mut self) {
        let now = self.now;
        for slot in 0..self.persistent.len() {
            if self.persistent[slot].due > now {
                continue;
            }
            match self.persistent[slot].status {
                PersistentStatus::Deleting => {
                    self.set_persistent(slot, PersistentStatus::Deleted, now + 300);
                }
                PersistentStatus::Deleted => self.persistent[slot] = self.new_persistent(now + 60),
                PersistentStatus::Pending | PersistentStatus::Rebuilding | PersistentStatus::Unavailable => {
                    self.set_persistent(slot, PersistentStatus::Stopped, NEVER);
                }
                _ => self.persistent[slot].due = NEVER,
            }
        }
        if !self.persistent.is_empty() && self.rng.random_bool(UPSET) {
            let slot = self.rng.random_range(0..self.persistent.len());
            if self.persistent[slot].status == PersistentStatus::Stopped {
                let status = match self.rng.random_range(0..10) {
                    0..5 => PersistentStatus::Rebuilding,
                    5..8 => PersistentStatus::Unavailable,
                    _ => PersistentStatus::Deleting,
                };
                let due = now + lasting(&mut self.rng, 900.0);
                self.set_persistent(slot, status, due);
            }
        }
    }

    /// Starts one of those that are stopped on an instance; its user comes with it.
    pub(super) fn start_persistent(&mut self, position: usize) -> Option<u32> {
        let stopped: Vec<usize> = (0..self.persistent.len())
            .filter(|slot| self.persistent[*slot].status == PersistentStatus::Stopped)
            .collect();
        if stopped.is_empty() {
            return None;
        }
        let slot = stopped[self.rng.random_range(0..stopped.len())];
        self.instances[position].persistent = u32::try_from(slot).ok();
        let session = &mut self.persistent[slot];
        session.status = PersistentStatus::Starting;
        session.instance = Some(self.instances[position].serial);
        session.due = NEVER;
        session.users.first().copied()
    }

    /// The instance behind it is closed: it is stopped and has none.
    pub(super) fn stop_persistent(&mut self, position: usize) {
        if let Some(slot) = self.instances[position].persistent.take()
            && let Some(session) = self.persistent.get_mut(slot as usize)
        {
            session.status = PersistentStatus::Stopped;
            session.instance = None;
            session.due = NEVER;
        }
    }

    /// One more persistent session, being created.
    pub(super) fn new_persistent(&mut self, due: Second) -> PersistentSession {
        let serial = self.next_persistent;
        self.next_persistent += 1;
        let user = |number: u64| self.settings.first_user + (number % u64::from(self.settings.users)) as u32;
        let mut users = vec![user(serial)];
        if serial.is_multiple_of(3) {
            users.push(user(serial + 1));
        }
        PersistentSession {
            id: identifier("p-", self.settings.key, IdKind::Persistent, serial),
            name: format!("会话 {}", serial + 1),
            status: PersistentStatus::Pending,
            instance: None,
            users,
            created: self.now,
            due,
        }
    }

    /// Moves one of them on.
    pub(super) fn set_persistent(&mut self, slot: usize, status: PersistentStatus, due: Second) {
        let session = &mut self.persistent[slot];
        session.status = status;
        session.due = due;
    }
}
