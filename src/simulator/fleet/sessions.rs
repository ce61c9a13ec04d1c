//! Sessions on instances: they begin, are left and taken up again, and end.

use rand::RngExt;

use super::{
    demand::{curve, lasting, occurrences},
    model::{NEVER, Second, SimulatedGroup, TICK},
    status::{InstanceStatus, PersistentStatus, SessionStatus},
};

/// Seconds between two disconnections of a session, on average.
const CONNECTED: f64 = 1_500.0;
/// Share of instances that get stuck when they start.
const STUCK: f64 = 0.003;

impl SimulatedGroup {
    /// Everything that is due on its instances.
    pub(super) fn step_instances(&mut self) {
        let now = self.now;
        let mut gone = Vec::new();
        let mut replaced = Vec::new();
        for position in 0..self.instances.len() {
            let instance = &self.instances[position];
            if instance.due > now || self.overrides.instances.contains_key(&instance.serial) {
                continue;
            }
            match instance.status {
                InstanceStatus::Init => {
                    let due = now + self.rng.random_range(10..40);
                    self.set_status(position, InstanceStatus::Starting, due);
                }
                InstanceStatus::Starting if self.rng.random_bool(STUCK) => {
                    let due = now + lasting(&mut self.rng, 5_400.0);
                    self.set_status(position, InstanceStatus::Unavailable, due);
                }
                InstanceStatus::Starting => self.set_status(position, InstanceStatus::Idle, NEVER),
                InstanceStatus::Bound => self.connect(position),
                InstanceStatus::Running if now >= instance.ends => self.close(position),
                InstanceStatus::Running if instance.session == SessionStatus::Connect => {
                    self.disconnect(position);
                }
                InstanceStatus::Running => self.connect(position),
                InstanceStatus::Unavailable => self.close(position),
                InstanceStatus::Closing => {
                    let due = now + self.rng.random_range(40..200);
                    self.set_status(position, InstanceStatus::Closed, due);
                    self.stop_persistent(position);
                }
                InstanceStatus::Closed => {
                    let (serial, node, elastic) = (instance.serial, instance.node, instance.elastic);
                    let releasing = self.node_mut(node).is_none_or(|node| node.releasing);
                    if releasing {
                        gone.push(serial);
                    } else if self.serves() {
                        gone.push(serial);
                        replaced.push((node, elastic));
                    } else {
                        self.instances[position].due = now + 60;
                    }
                }
                InstanceStatus::Idle | InstanceStatus::Deleted => self.instances[position].due = NEVER,
            }
        }
        for (node, elastic) in replaced {
            let due = now + self.rng.random_range(5..30);
            self.create_instance(node, elastic, due);
        }
        self.delete_instances(&gone);
    }

    /// People come, as many as the time of day makes come.
    pub(super) fn step_demand(&mut self) {
        if !self.takes_sessions() {
            return;
        }
        let arriving = self.wanted() / self.settings.session_seconds * TICK as f64;
        for _ in 0..occurrences(&mut self.rng, arriving) {
            // Whoever finds no free instance goes away.
            let Some(position) = self.free_instance() else { return };
            let user = self.settings.first_user + self.rng.random_range(0..self.settings.users);
            let lasts = lasting(&mut self.rng, self.settings.session_seconds);
            self.begin_session(position, user, lasts);
        }
    }

    /// Sessions wanted now, on average.
    pub(super) fn wanted(&self) -> f64 {
        f64::from(self.settings.nominal) * self.settings.peak * curve(self.now + self.settings.shift)
    }

    /// Ends a session, or takes an instance out of service: both lead through `CLOSING`.
    pub(super) fn close(&mut self, position: usize) {
        let due = self.now + self.rng.random_range(5..40);
        self.set_status(position, InstanceStatus::Closing, due);
        let instance = &mut self.instances[position];
        instance.session = SessionStatus::None;
        instance.user = None;
        instance.ends = NEVER;
        if let Some(slot) = instance.persistent
            && let Some(session) = self.persistent.get_mut(slot as usize)
        {
            session.status = PersistentStatus::Stopping;
        }
    }

    fn begin_session(&mut self, position: usize, user: u32, lasts: Second) {
        let user = match self.settings.auth_mode {
            "Session" => match self.start_persistent(position) {
                Some(user) => user,
                None => return,
            },
            _ => user,
        };
        let due = self.now + self.rng.random_range(5..30);
        self.set_status(position, InstanceStatus::Bound, due);
        let already_connected = self.rng.random_bool(0.3);
        let instance = &mut self.instances[position];
        instance.user = Some(user);
        instance.bound = self.now;
        instance.ends = self.now + lasts.max(60);
        // Documented only for RUNNING, and yet seen with BOUND.
        if already_connected {
            instance.session = SessionStatus::Connect;
        }
    }

    fn connect(&mut self, position: usize) {
        let due = self.instances[position].ends.min(self.now + lasting(&mut self.rng, CONNECTED));
        self.set_status(position, InstanceStatus::Running, due);
        let instance = &mut self.instances[position];
        instance.session = SessionStatus::Connect;
        if let Some(slot) = instance.persistent
            && let Some(session) = self.persistent.get_mut(slot as usize)
        {
            session.status = PersistentStatus::Running;
        }
    }

    fn disconnect(&mut self, position: usize) {
        let timeout = Second::from(self.settings.session_timeout) * 60;
        let away = lasting(&mut self.rng, if timeout < 0 { 3_600.0 } else { 300.0 });
        let back = self.now + away;
        self.set_status(position, InstanceStatus::Running, back);
        let instance = &mut self.instances[position];
        instance.session = SessionStatus::Disconnect;
        if timeout < 0 {
            // Kept for ever: the session waits for its user.
            instance.ends = instance.ends.max(back + 60);
        } else if away > timeout || back > instance.ends {
            // Nobody comes back in time.
            instance.due = instance.modified + timeout;
            instance.ends = instance.due;
        }
    }

    /// A free instance, on the oldest node that has one: full nodes let empty ones be given back.
    fn free_instance(&self) -> Option<usize> {
        let idle = |(position, instance): (usize, &super::SimulatedInstance)| {
            let free = instance.status == InstanceStatus::Idle
                && !self.overrides.instances.contains_key(&instance.serial);
            free.then_some((instance.node, position))
        };
        self.instances.iter().enumerate().filter_map(idle).min().map(|(_, position)| position)
    }
}
