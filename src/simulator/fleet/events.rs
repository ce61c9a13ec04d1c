//! What happened in a group, counted exactly. A test compares these counts with the counters of the
//! exporter, which only compares two listings.

use std::borrow::Cow;

use super::model::{Durations, GroupEvents, Second, SimulatedGroup};
use super::status::SessionStatus;

/// The most recent durations that a group keeps of each kind. The limit bounds memory.
const MAX_RECENT: usize = 256;

/// Statuses in which an instance serves a user or can serve one.
const READY: [&str; 3] = ["IDLE", "BOUND", "RUNNING"];

impl Durations {
    fn push(&mut self, ended: Second, seconds: Second) {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        self.count += 1;
        self.sum += seconds;
        if self.recent.len() == MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((ended, seconds));
    }
}

impl SimulatedGroup {
    /// Counts nothing that has happened so far, and regards every status as entered at the last
    /// change of its instance. For a group whose state was set up instead of simulated.
    pub fn forget_events(&mut self) {
        self.events = GroupEvents::default();
        for instance in &mut self.instances {
            instance.entered = instance.modified;
            instance.disconnected =
                (instance.session == SessionStatus::Disconnect).then_some(instance.modified);
            instance.was_ready |= READY.contains(&instance.status.as_str());
        }
    }

    /// Counts that the instance has entered a status in the API.
    pub(super) fn count_entered(&mut self, position: usize, status: Cow<'static, str>) {
        let now = self.now;
        let instance = &mut self.instances[position];
        instance.entered = now;
        if !instance.was_ready && READY.contains(&&*status) {
            instance.was_ready = true;
            self.events.ready.push(now, now - instance.created);
        }
        *self.events.entered.entry(status).or_default() += 1;
    }

    /// Sets the status that the API returns for an instance; `None`: the simulated one again.
    /// Returns whether the instance exists.
    pub fn override_status(&mut self, serial: u64, status: Option<String>) -> bool {
        let Some(position) = self.instances.iter().position(|instance| instance.serial == serial) else {
            return false;
        };
        let before = self.instance_status(&self.instances[position]).to_uppercase();
        match status {
            Some(status) => self.overrides.instances.insert(serial, status),
            None => self.overrides.instances.remove(&serial),
        };
        let after = self.instance_status(&self.instances[position]).to_uppercase();
        if before != after {
            self.count_entered(position, Cow::Owned(after));
        }
        true
    }

    /// Binds a user to an instance. The session ends at `ends`.
    pub(super) fn bind(&mut self, position: usize, user: u32, ends: Second) {
        let now = self.now;
        let instance = &mut self.instances[position];
        instance.user = Some(user);
        instance.bound = now;
        instance.ends = ends;
        self.events.sessions_started += 1;
    }

    /// Ends the session of an instance, if it has one.
    pub(super) fn unbind(&mut self, position: usize) {
        self.set_session(position, SessionStatus::None);
        let now = self.now;
        let instance = &mut self.instances[position];
        if instance.user.take().is_some() {
            self.events.sessions_ended += 1;
            self.events.bindings.push(now, now - instance.bound);
        }
    }

    /// Changes the status of an instance's session.
    pub(super) fn set_session(&mut self, position: usize, session: SessionStatus) {
        let now = self.now;
        let instance = &mut self.instances[position];
        match (instance.session, session) {
            (SessionStatus::Connect, SessionStatus::Disconnect) => self.events.disconnects += 1,
            (SessionStatus::Disconnect, SessionStatus::Connect) => self.events.reconnects += 1,
            _ => {}
        }
        if session != SessionStatus::Disconnect {
            instance.disconnected = None;
        } else if instance.session != session {
            instance.disconnected = Some(now);
        }
        instance.session = session;
    }
}
