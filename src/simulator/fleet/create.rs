//! A group at the start of the simulation, in a state as if it had been in use for days.

use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::catalogue::{GroupTemplate, PoolTemplate, TEMPLATES};
use super::demand::random_duration;
use super::identity::{IdKind, identifier, mix};
use super::lifecycle::{image_version, midnight_after};
use super::model::{
    Course, GroupEvents, GroupPhase, GroupSettings, NEVER, OtaState, Overrides, Second, SimulatedGroup,
    SimulatedPool,
};
use super::status::{GroupStatus, InstanceStatus, PersistentStatus, ScheduleCounts, SessionStatus, Strategy};
use super::{persistent, scaling, sessions};

const MINUTE: Second = 60;
const HOUR: Second = 3600;
const DAY: Second = 24 * HOUR;

/// The size of a group at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSize {
    /// The number of instances.
    pub instances: usize,
    /// The number of persistent sessions, if users are authorised by session.
    pub persistent: usize,
}

/// Group number `number` of the fleet with this seed, at `start`.
pub fn create_group(seed: u64, number: u64, size: GroupSize, start: Timestamp) -> SimulatedGroup {
    let template = &TEMPLATES[(number % TEMPLATES.len() as u64) as usize];
    let round = number / TEMPLATES.len() as u64;
    let key = mix(mix(seed).wrapping_add(number));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(key);
    let now = start.as_second();
    let (status, minutes) = template.phases[(round % template.phases.len() as u64) as usize];
    let until = minutes.map_or(NEVER, |minutes| now + minutes * MINUTE);
    let is_expired = matches!(status, GroupStatus::Expired | GroupStatus::ExpiredRecycling);
    let expires = template.prepaid.then(|| match template.expires_minutes {
        _ if is_expired => midnight_after(now - 2 * DAY),
        Some(minutes) => now + minutes * MINUTE,
        None => midnight_after(now + rng.random_range(10..60) * DAY),
    });
    let update = now
        + match template.update_minutes {
            Some(minutes) => minutes * MINUTE + rng.random_range(0..300),
            None => rng.random_range(8 * HOUR..5 * DAY),
        };
    let image_created = now - rng.random_range(20..200) * DAY;
    let mut group = SimulatedGroup {
        settings: group_settings(template, number, key, size, now, &mut rng),
        phase: GroupPhase { status, until },
        expires,
        ota: OtaState {
            version: image_version(image_created),
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
        schedule_counts: ScheduleCounts::default(),
        course: Course::Natural,
        events: GroupEvents::default(),
        rng,
        now,
        next_instance: 0,
        next_node: 0,
        next_persistent: 0,
    };
    fill_group(&mut group, template, size);
    group
}

fn fill_group(group: &mut SimulatedGroup, template: &GroupTemplate, size: GroupSize) {
    if template.auth_mode == "Session" {
        for _ in 0..size.persistent {
            let mut session = persistent::new_session(group, NEVER);
            session.status = PersistentStatus::Stopped;
            session.created = group.settings.created + group.rng.random_range(0..DAY);
            group.persistent.push(session);
        }
    }
    let mut left = size.instances;
    for (position, pool) in template.pools.iter().enumerate() {
        let last = position + 1 == template.pools.len();
        let share = (size.instances as f64 * pool.share).round() as usize;
        let instances = if last { left } else { share.min(left) };
        left -= instances;
        fill_pool(group, pool, position, instances);
    }
    let now = group.now;
    for instance in &mut group.instances {
        instance.created = now - 6 * HOUR;
    }
    settle(group);
    group.forget_events();
}

/// Adds a pool with as many nodes as its instances need. Only the last node may have fewer
/// instances than its capacity.
fn fill_pool(group: &mut SimulatedGroup, template: &PoolTemplate, position: usize, instances: usize) {
    let capacity = template.size.capacity as usize;
    let nodes = instances.div_ceil(capacity);
    let bought = (nodes as f64 * template.bought).ceil() as usize;
    let day = |days: i64| {
        let date = Timestamp::from_second(group.now).ok()?;
        Offset::constant(8).to_datetime(date).date().checked_add(days.days()).ok()
    };
    let dates = day(-30).zip(day(200));
    let node_count = u32::try_from(nodes).unwrap_or(u32::MAX);
    group.pools.push(SimulatedPool {
        id: identifier("rg-", group.settings.key, IdKind::Pool, position as u64),
        size: template.size,
        strategy: template.strategy,
        bought: u32::try_from(bought).unwrap_or(u32::MAX),
        max_scaling: match template.strategy {
            Strategy::ByUsage => node_count.max(2),
            _ => 0,
        },
        max_idle: match template.strategy {
            Strategy::ByUsage => (node_count * template.size.capacity / 4).max(3),
            _ => 0,
        },
        step: match template.strategy {
            Strategy::ByUsage => (node_count / 10).clamp(1, 10),
            _ => 0,
        },
        threshold: template.threshold,
        idle_minutes: template.idle_minutes,
        schedules: template.schedules,
        schedule_factor: node_count.div_ceil(8).max(1),
        enabled: if template.dated { dates } else { None },
        warm_up: template.warm_up,
        rests_until: group.now,
    });
    let mut left = instances;
    for node in 0..nodes {
        let slots = left.min(capacity);
        left -= slots;
        scaling::add_node(group, position, node >= bought, slots as u32, 0);
    }
}

/// Gives every instance a status, as if the group had been in use all day.
fn settle(group: &mut SimulatedGroup) {
    let mut sessions =
        if group.accepts_sessions() { sessions::expected_sessions(group).round() as usize } else { 0 };
    if group.settings.auth_mode == "Session" {
        sessions = sessions.min(group.persistent.len());
    }
    let timeout = Second::from(group.settings.session_timeout) * MINUTE;
    for position in 0..group.instances.len() {
        if !group.is_in_service() {
            let closed = group.phase.status != GroupStatus::Deploying;
            let status = if closed { InstanceStatus::Closed } else { InstanceStatus::Init };
            let due = group.now + group.rng.random_range(10..60);
            group.set_status(position, status, due);
        } else if sessions > 0 {
            sessions -= 1;
            settle_session(group, position);
        } else {
            settle_without_session(group, position);
        }
        let instance = &mut group.instances[position];
        // Transient statuses began recently.
        let oldest = match instance.status {
            InstanceStatus::Init | InstanceStatus::Starting | InstanceStatus::Closing => MINUTE,
            InstanceStatus::Unavailable => 5 * MINUTE,
            // A disconnected session does not outlive its timeout.
            _ if instance.session == SessionStatus::Disconnect && timeout > 0 => timeout.min(4 * HOUR),
            _ => 4 * HOUR,
        };
        let age = group.rng.random_range(0..oldest);
        instance.modified = (group.now - age).max(instance.bound);
    }
}

fn settle_session(group: &mut SimulatedGroup, position: usize) {
    let user = match group.settings.auth_mode {
        "Session" => match persistent::start(group, position) {
            Some(user) => user,
            None => return settle_without_session(group, position),
        },
        _ => group.settings.first_user + group.rng.random_range(0..group.settings.users),
    };
    let now = group.now;
    let since = random_duration(&mut group.rng, group.settings.session_seconds).min(5 * HOUR);
    let rest = random_duration(&mut group.rng, group.settings.session_seconds).max(30);
    let (status, session, due) = match group.rng.random_range(0..100) {
        0..6 => (InstanceStatus::Bound, SessionStatus::None, now + 15),
        6..8 => (InstanceStatus::Bound, SessionStatus::Connect, now + 25),
        8..20 => (InstanceStatus::Running, SessionStatus::Disconnect, now + rest.min(120)),
        _ => (
            InstanceStatus::Running,
            SessionStatus::Connect,
            now + rest.min(random_duration(&mut group.rng, 1_500.0)),
        ),
    };
    group.set_status(position, status, due);
    let running = status == InstanceStatus::Running;
    let instance = &mut group.instances[position];
    instance.session = session;
    instance.user = Some(user);
    instance.bound = if running { now - since } else { now };
    instance.ends = now + rest;
    if let Some(slot) = instance.persistent
        && running
    {
        group.persistent[slot as usize].status = PersistentStatus::Running;
    }
}

fn settle_without_session(group: &mut SimulatedGroup, position: usize) {
    let now = group.now;
    let (status, due) = match group.rng.random_range(0..100) {
        0..3 => (InstanceStatus::Init, now + 20),
        3..6 => (InstanceStatus::Starting, now + 30),
        6..8 => (InstanceStatus::Closing, now + 20),
        8..12 => (InstanceStatus::Closed, now + 90),
        12..14 => (InstanceStatus::Unavailable, now + 2 * HOUR),
        _ => (InstanceStatus::Idle, NEVER),
    };
    group.set_status(position, status, due);
    group.instances[position].bound = now - 5 * HOUR;
}

fn group_settings(
    template: &GroupTemplate,
    number: u64,
    key: u64,
    size: GroupSize,
    now: Second,
    rng: &mut Xoshiro256PlusPlus,
) -> GroupSettings {
    let round = number / TEMPLATES.len() as u64;
    let instances = u32::try_from(size.instances).unwrap_or(u32::MAX);
    let name = match round {
        0 => template.name.to_owned(),
        round => format!("{} {}", template.name, round + 1),
    };
    let line_feed = if template.line_feed { "\n" } else { "" };
    GroupSettings {
        key,
        id: identifier("aig-", key, IdKind::Group, number),
        name,
        region_id: template.region_id,
        spec_id: identifier("spec-", key, IdKind::Spec, number),
        image_id: if template.apps.len() > 1 { "img-8z4nztpaqvay40002" } else { "img-8z4nztpaqvay40001" },
        office_site_id: format!("{}+dir-{}{line_feed}", template.region_id, 1_723_010_000 + number % 7),
        prepaid: template.prepaid,
        sold_by_node: template.sold_by_node,
        auth_mode: template.auth_mode,
        access_type: template.access_type,
        session_timeout: template.session_timeout,
        mixed_network: template.mixed_network,
        skip_user_auth_check: template.auth_mode == "AppInstanceGroup",
        amount: if template.prepaid { instances.max(1) } else { 0 },
        min_amount: (instances / 10).max(1),
        max_amount: instances.saturating_mul(2).max(1),
        tags: template.tags,
        apps: template.apps,
        user_groups: template.user_groups,
        // Groups with a higher number are newer: the API lists the newest first.
        created: now - 300 * DAY + (number as Second % 100_000) * 97,
        peak: template.peak * rng.random_range(0.9..1.1),
        initial_slots: instances,
        session_seconds: template.session_minutes * 60.0,
        shift: rng.random_range(-HOUR..HOUR),
        first_user: (number % 10_000) as u32 * 100_000,
        users: instances.saturating_mul(2).clamp(1, 100_000),
    }
}
