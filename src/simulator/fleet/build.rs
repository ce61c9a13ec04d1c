//! A group as it is when the simulation starts: in the middle of a day, not empty.

use jiff::{Timestamp, ToSpan, tz::Offset};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::{
    catalogue::{GroupTemplate, PoolTemplate, TEMPLATES},
    demand::lasting,
    identity::{IdKind, identifier, mix},
    lifecycle::{image_version, midnight_after},
    model::{GroupPhase, GroupSettings, NEVER, OtaState, Overrides, Second, SimulatedGroup, SimulatedPool},
    status::{GroupStatus, InstanceStatus, PersistentStatus, SessionStatus, Strategy},
};

const MINUTE: Second = 60;
const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

/// How much is in a group at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSize {
    /// Instances, exactly.
    pub instances: usize,
    /// Persistent sessions, where users are authorised by session.
    pub persistent: usize,
}

impl SimulatedGroup {
    /// Group number `number` of the fleet that `seed` chooses, at `start`.
    pub fn new(seed: u64, number: u64, size: GroupSize, start: Timestamp) -> Self {
        let profile = &TEMPLATES[(number % TEMPLATES.len() as u64) as usize];
        let round = number / TEMPLATES.len() as u64;
        let key = mix(mix(seed).wrapping_add(number));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(key);
        let now = start.as_second();
        let (status, minutes) = profile.states[(round % profile.states.len() as u64) as usize];
        let until = minutes.map_or(NEVER, |minutes| now + minutes * MINUTE);
        let over = matches!(status, GroupStatus::Expired | GroupStatus::ExpiredRecycling);
        let expires = profile.prepaid.then(|| match profile.expires_minutes {
            _ if over => midnight_after(now - 2 * DAY),
            Some(minutes) => now + minutes * MINUTE,
            None => midnight_after(now + rng.random_range(10..60) * DAY),
        });
        let update = now
            + match profile.update_minutes {
                Some(minutes) => minutes * MINUTE + rng.random_range(0..300),
                None => rng.random_range(8 * HOUR..5 * DAY),
            };
        let made = now - rng.random_range(20..200) * DAY;
        let mut group = Self {
            settings: settings(profile, number, key, size, now, &mut rng),
            phase: GroupPhase { status, until },
            expires,
            ota: OtaState {
                version: image_version(made),
                new_version: None,
                task_id: String::new(),
                due: update,
            },
            pools: Vec::new(),
            nodes: Vec::new(),
            instances: Vec::with_capacity(size.instances),
            deleted: Default::default(),
            persistent: Vec::new(),
            overrides: Overrides::default(),
            rng,
            now,
            next_instance: 0,
            next_node: 0,
            next_persistent: 0,
        };
        group.furnish(profile, size);
        group
    }

    fn furnish(&mut self, profile: &GroupTemplate, size: GroupSize) {
        if profile.auth_mode == "Session" {
            for _ in 0..size.persistent {
                let mut session = self.new_persistent(NEVER);
                session.status = PersistentStatus::Stopped;
                session.created = self.settings.created + self.rng.random_range(0..DAY);
                self.persistent.push(session);
            }
        }
        let mut left = size.instances;
        for (position, pool) in profile.pools.iter().enumerate() {
            let last = position + 1 == profile.pools.len();
            let share = (size.instances as f64 * pool.share).round() as usize;
            let instances = if last { left } else { share.min(left) };
            left -= instances;
            self.furnish_pool(pool, position, instances);
        }
        let starting = self.now;
        for instance in &mut self.instances {
            instance.created = starting - 6 * HOUR;
        }
        self.settle();
    }

    /// A pool with as many nodes as its instances need; only the last one may have free room.
    fn furnish_pool(&mut self, profile: &PoolTemplate, position: usize, instances: usize) {
        let capacity = profile.size.capacity as usize;
        let nodes = instances.div_ceil(capacity);
        let bought = (nodes as f64 * profile.bought).ceil() as usize;
        let day = |days: i64| {
            let date = Timestamp::from_second(self.now).ok()?;
            Offset::constant(8).to_datetime(date).date().checked_add(days.days()).ok()
        };
        let dates = day(-30).zip(day(200));
        let nodes_count = u32::try_from(nodes).unwrap_or(u32::MAX);
        self.pools.push(SimulatedPool {
            id: identifier("rg-", self.settings.key, IdKind::Pool, position as u64),
            size: profile.size,
            strategy: profile.strategy,
            bought: u32::try_from(bought).unwrap_or(u32::MAX),
            max_scaling: match profile.strategy {
                Strategy::ByUsage => nodes_count.max(2),
                _ => 0,
            },
            max_idle: match profile.strategy {
                Strategy::ByUsage => (nodes_count * profile.size.capacity / 4).max(3),
                _ => 0,
            },
            step: match profile.strategy {
                Strategy::ByUsage => (nodes_count / 10).clamp(1, 10),
                _ => 0,
            },
            threshold: profile.threshold,
            idle_minutes: profile.idle_minutes,
            schedules: profile.schedules,
            schedule_factor: nodes_count.div_ceil(8).max(1),
            enabled: if profile.dated { dates } else { None },
            warm_up: profile.warm_up,
            rests_until: self.now,
        });
        let mut left = instances;
        for node in 0..nodes {
            let slots = left.min(capacity);
            left -= slots;
            self.add_node(position, node >= bought, slots as u32, 0);
        }
    }

    /// Puts every instance somewhere in its life, as if the group had been running all day.
    fn settle(&mut self) {
        let mut sessions = if self.takes_sessions() { self.wanted().round() as usize } else { 0 };
        if self.settings.auth_mode == "Session" {
            sessions = sessions.min(self.persistent.len());
        }
        for position in 0..self.instances.len() {
            if !self.serves() {
                let closed = self.phase.status != GroupStatus::Deploying;
                let status = if closed { InstanceStatus::Closed } else { InstanceStatus::Init };
                let due = self.now + self.rng.random_range(10..60);
                self.set_status(position, status, due);
            } else if sessions > 0 {
                sessions -= 1;
                self.settle_session(position);
            } else {
                self.settle_free(position);
            }
            let instance = &mut self.instances[position];
            // What is on its way now has not been for hours.
            let oldest = match instance.status {
                InstanceStatus::Init | InstanceStatus::Starting | InstanceStatus::Closing => MINUTE,
                InstanceStatus::Unavailable => 5 * MINUTE,
                _ => 4 * HOUR,
            };
            let age = self.rng.random_range(0..oldest);
            instance.modified = (self.now - age).max(instance.bound);
        }
    }

    fn settle_session(&mut self, position: usize) {
        let user = match self.settings.auth_mode {
            "Session" => match self.start_persistent(position) {
                Some(user) => user,
                None => return self.settle_free(position),
            },
            _ => self.settings.first_user + self.rng.random_range(0..self.settings.users),
        };
        let now = self.now;
        let since = lasting(&mut self.rng, self.settings.session_seconds).min(5 * HOUR);
        let rest = lasting(&mut self.rng, self.settings.session_seconds).max(30);
        let (status, session, due) = match self.rng.random_range(0..100) {
            0..6 => (InstanceStatus::Bound, SessionStatus::None, now + 15),
            6..8 => (InstanceStatus::Bound, SessionStatus::Connect, now + 25),
            8..20 => (InstanceStatus::Running, SessionStatus::Disconnect, now + rest.min(120)),
            _ => (
                InstanceStatus::Running,
                SessionStatus::Connect,
                now + rest.min(lasting(&mut self.rng, 1_500.0)),
            ),
        };
        self.set_status(position, status, due);
        let running = status == InstanceStatus::Running;
        let instance = &mut self.instances[position];
        instance.session = session;
        instance.user = Some(user);
        instance.bound = if running { now - since } else { now };
        instance.ends = now + rest;
        if let Some(slot) = instance.persistent
            && running
        {
            self.persistent[slot as usize].status = PersistentStatus::Running;
        }
    }

    fn settle_free(&mut self, position: usize) {
        let now = self.now;
        let (status, due) = match self.rng.random_range(0..100) {
            0..3 => (InstanceStatus::Init, now + 20),
            3..6 => (InstanceStatus::Starting, now + 30),
            6..8 => (InstanceStatus::Closing, now + 20),
            8..12 => (InstanceStatus::Closed, now + 90),
            12..14 => (InstanceStatus::Unavailable, now + 2 * HOUR),
            _ => (InstanceStatus::Idle, NEVER),
        };
        self.set_status(position, status, due);
        self.instances[position].bound = now - 5 * HOUR;
    }
}

fn settings(
    profile: &GroupTemplate,
    number: u64,
    key: u64,
    size: GroupSize,
    now: Second,
    rng: &mut Xoshiro256PlusPlus,
) -> GroupSettings {
    let round = number / TEMPLATES.len() as u64;
    let instances = u32::try_from(size.instances).unwrap_or(u32::MAX);
    let name = match round {
        0 => profile.name.to_owned(),
        round => format!("{} {}", profile.name, round + 1),
    };
    let line_feed = if profile.line_feed { "\n" } else { "" };
    GroupSettings {
        key,
        id: identifier("aig-", key, IdKind::Group, number),
        name,
        region_id: profile.region_id,
        spec_id: identifier("spec-", key, IdKind::Spec, number),
        image_id: if profile.apps.len() > 1 { "img-8z4nztpaqvay40002" } else { "img-8z4nztpaqvay40001" },
        office_site_id: format!("{}+dir-{}{line_feed}", profile.region_id, 1_723_010_000 + number % 7),
        prepaid: profile.prepaid,
        sold_by_node: profile.sold_by_node,
        auth_mode: profile.auth_mode,
        access_type: profile.access_type,
        session_timeout: profile.session_timeout,
        mixed_network: profile.mixed_network,
        amount: if profile.prepaid { instances.max(1) } else { 0 },
        min_amount: (instances / 10).max(1),
        max_amount: instances.saturating_mul(2).max(1),
        tags: profile.tags,
        apps: profile.apps,
        user_groups: profile.user_groups,
        // The later in the fleet, the younger: the API lists the newest first.
        created: now - 300 * DAY + (number as Second % 100_000) * 97,
        peak: profile.peak * rng.random_range(0.9..1.1),
        nominal: instances,
        session_seconds: profile.session_minutes * 60.0,
        shift: rng.random_range(-HOUR..HOUR),
        first_user: (number % 10_000) as u32 * 100_000,
        users: instances.saturating_mul(2).clamp(1, 100_000),
    }
}
