//! Invariants of a group at every instant, for any seed and size.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::advance::advance;
use super::create::create_group;
use super::model::{GroupEvents, STEP};
use super::scheduled_nodes;
use super::status::{GroupStatus, ScheduleCounts, Strategy as Scaling};
use super::{GroupSize, InstanceStatus, PersistentStatus, SessionStatus, SimulatedGroup, SimulatedInstance};

const WEEK: i64 = 7 * 86_400;

fn start() -> Timestamp {
    "2026-11-23T01:00:00Z".parse().unwrap()
}

fn group(seed: u64, number: u64, instances: usize) -> SimulatedGroup {
    create_group(seed, number, GroupSize { instances, persistent: instances / 2 + 1 }, start())
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn check(group: &SimulatedGroup) {
    let sessions = group.instances.iter().filter(|instance| instance.status.is_in_use()).count();
    assert!(group.instances.is_sorted_by(|one, next| one.serial < next.serial));
    let mut slots = 0;
    let mut counted = 0;
    for (position, pool) in group.pools.iter().enumerate() {
        let occupancy = group.occupancy(position);
        assert!(occupancy.nodes_used <= occupancy.nodes, "{occupancy:?}");
        assert!(occupancy.scaling_nodes_used <= occupancy.scaling_nodes, "{occupancy:?}");
        if pool.strategy == Scaling::ByUsage {
            assert!(occupancy.scaling_nodes <= pool.max_scaling, "{occupancy:?}");
        }
        slots += (occupancy.nodes + occupancy.scaling_nodes) * pool.size.capacity;
        counted += occupancy.sessions;
    }
    assert_eq!(sessions, counted as usize, "the sessions that the nodes count");
    assert!(sessions <= slots as usize, "{sessions} sessions in {slots} slots");
    for node in &group.nodes {
        let present = group.instances.iter().filter(|instance| instance.node == node.serial).count();
        assert_eq!(present, node.instances as usize, "the instances that the node counts");
        assert!(present <= group.pools[usize::from(node.pool)].size.capacity as usize);
    }
    for instance in &group.instances {
        assert_ne!(instance.status, InstanceStatus::Deleted, "deleted ones are not listed");
        assert!(instance.created <= instance.modified && instance.modified <= group.now());
        assert!(instance.created <= instance.entered && instance.entered <= instance.modified);
        assert_eq!(instance.disconnected.is_some(), instance.session == SessionStatus::Disconnect);
        assert!(instance.disconnected.is_none_or(|since| instance.bound <= since && since <= group.now()));
        assert_eq!(instance.user.is_some(), instance.status.is_in_use());
        assert!(instance.session == SessionStatus::None || instance.status.is_in_use());
        assert!(group.nodes.iter().any(|node| node.serial == instance.node));
    }
    let mut used = HashSet::new();
    for session in &group.persistent {
        let has_instance = matches!(
            session.status,
            PersistentStatus::Starting | PersistentStatus::Running | PersistentStatus::Stopping
        );
        assert_eq!(session.instance.is_some(), has_instance, "{session:?}");
        if let Some(instance) = session.instance {
            assert!(group.instance(instance).is_some(), "{session:?} has no instance");
            assert!(used.insert(instance), "two persistent sessions on one instance");
        }
    }
    if matches!(group.phase.status, GroupStatus::Expired | GroupStatus::ExpiredRecycling) {
        assert_eq!(sessions, 0, "an expired group has no sessions");
    }
}

/// Two listings and what changed between them, as a client sees it.
#[derive(Debug, Default, PartialEq)]
struct Compared {
    entered: BTreeMap<String, u64>,
    disconnects: u64,
    reconnects: u64,
    started: u64,
    ended: u64,
}

impl Compared {
    fn add(&mut self, before: &[SimulatedInstance], after: &[SimulatedInstance]) {
        let earlier: HashMap<u64, &SimulatedInstance> =
            before.iter().map(|instance| (instance.serial, instance)).collect();
        for instance in after {
            let was = earlier.get(&instance.serial);
            if was.is_none_or(|was| was.status != instance.status) {
                *self.entered.entry(instance.status.as_str().to_owned()).or_default() += 1;
            }
            let session = (was.map(|was| was.session), instance.session);
            let same_user = was.is_some_and(|was| was.user == instance.user);
            self.disconnects +=
                u64::from(same_user && session == (Some(SessionStatus::Connect), SessionStatus::Disconnect));
            self.reconnects +=
                u64::from(same_user && session == (Some(SessionStatus::Disconnect), SessionStatus::Connect));
            let user = (was.and_then(|was| was.user), instance.user);
            self.started += u64::from(user.1.is_some() && !same_user);
            self.ended += u64::from(user.0.is_some() && !same_user);
        }
        let present: HashSet<u64> = after.iter().map(|instance| instance.serial).collect();
        let is_gone = |was: &&SimulatedInstance| was.user.is_some() && !present.contains(&was.serial);
        self.ended += before.iter().filter(is_gone).count() as u64;
    }

    fn of(events: &GroupEvents) -> Self {
        Self {
            entered: events.entered.iter().map(|(status, count)| (status.to_string(), *count)).collect(),
            disconnects: events.disconnects,
            reconnects: events.reconnects,
            started: events.sessions_started,
            ended: events.sessions_ended,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_consistent_at_every_instant(
        seed: u64,
        number in 0..40_u64,
        instances in 0..60_usize,
        steps in prop::collection::vec(1..20_000_i64, 1..30),
    ) {
        let mut group = group(seed, number, instances);
        prop_assert_eq!(group.instances.len(), instances);
        check(&group);
        let mut now = 0;
        for step in steps {
            now += step;
            advance(&mut group, after(now));
            check(&group);
        }
    }

    #[test]
    fn how_often_a_group_is_read_changes_nothing(
        seed: u64,
        number in 0..16_u64,
        pauses in prop::collection::vec(1..5_000_i64, 1..20),
    ) {
        let (mut often, mut once) = (group(seed, number, 30), group(seed, number, 30));
        let mut now = 0;
        for pause in pauses {
            now += pause;
            advance(&mut often, after(now));
        }
        advance(&mut once, after(now));
        prop_assert_eq!(often.instances, once.instances);
        prop_assert_eq!(often.nodes, once.nodes);
        prop_assert_eq!(often.persistent, once.persistent);
        prop_assert_eq!(often.events, once.events);
        prop_assert_eq!((often.phase, often.ota, often.expires), (once.phase, once.ota, once.expires));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_client_that_lists_after_every_step_sees_every_event(seed: u64, number in 0..40_u64) {
        let mut group = group(seed, number, 40);
        let mut seen = Compared::default();
        for step in 1..=2_000 {
            let before = group.instances.clone();
            advance(&mut group, after(step * STEP));
            seen.add(&before, &group.instances);
        }
        prop_assert_eq!(seen, Compared::of(&group.events));
    }
}

#[test]
fn users_disconnect_and_come_back_in_every_kind_of_group() {
    for number in 0..8 {
        let mut group = group(1, number, 40);
        advance(&mut group, after(WEEK));
        let GroupEvents { disconnects, reconnects, ready, bindings, .. } = &group.events;
        assert!(*disconnects > 50 && *reconnects > 20 && reconnects <= disconnects, "{:?}", group.events);
        assert!(ready.count > 50 && ready.sum / ready.count < 300, "{:?}", group.events);
        assert!(bindings.count > 50 && bindings.sum / bindings.count > 300, "{:?}", group.events);
    }
}

#[test]
fn a_session_that_comes_back_changes_the_time_of_the_last_change_but_not_that_of_the_status() {
    let mut group = group(1, 0, 40);
    let mut found = false;
    for step in 1..=WEEK / STEP {
        let before: HashMap<u64, SimulatedInstance> =
            group.instances.iter().map(|instance| (instance.serial, instance.clone())).collect();
        advance(&mut group, after(step * STEP));
        for instance in &group.instances {
            let Some(was) = before.get(&instance.serial) else { continue };
            if was.session == SessionStatus::Disconnect && instance.session == SessionStatus::Connect {
                assert_eq!((was.status, instance.status), (InstanceStatus::Running, InstanceStatus::Running));
                assert_eq!((was.entered, instance.modified), (instance.entered, group.now()));
                assert_eq!(was.disconnected, Some(was.modified));
                found = true;
            }
        }
        if found {
            return;
        }
    }
    panic!("no session came back");
}

#[test]
fn every_kind_of_group_can_be_simulated_for_weeks() {
    for number in 0..16 {
        let mut group = group(3, number, 40);
        for hour in 1..=3 * WEEK / 3_600 {
            advance(&mut group, after(hour * 3_600));
            check(&group);
        }
    }
}

#[test]
fn the_seed_determines_the_fleet() {
    let (one, same, other) = (group(1, 0, 40), group(1, 0, 40), group(2, 0, 40));
    assert_eq!((&one.settings, &one.instances), (&same.settings, &same.instances));
    assert_ne!(one.settings.id, other.settings.id);
}

/// The statuses in a week: those of a group in their order, those of its instances, and those of
/// its persistent sessions.
fn week(number: u64) -> (Vec<&'static str>, HashSet<InstanceStatus>, HashSet<PersistentStatus>) {
    let mut group = group(5, number, 40);
    let mut statuses = vec![group.phase.status.as_str()];
    let (mut instances, mut persistent) = (HashSet::new(), HashSet::new());
    for step in 1..=WEEK / 60 {
        advance(&mut group, after(step * 60));
        if statuses.last() != Some(&group.phase.status.as_str()) {
            statuses.push(group.phase.status.as_str());
        }
        instances.extend(group.instances.iter().map(|instance| instance.status));
        persistent.extend(group.persistent.iter().map(|session| session.status));
    }
    (statuses, instances, persistent)
}

#[test]
fn a_subscription_expires_and_is_renewed() {
    let (statuses, ..) = week(6);
    assert_eq!(statuses[..2], ["PUBLISHED", "EXPIRED"]);
    assert!(statuses.contains(&"DEPLOYING"), "{statuses:?}");
}

#[test]
fn an_update_becomes_available_and_is_installed() {
    let (statuses, ..) = week(5);
    assert!(statuses.contains(&"MAINTAINING"), "{statuses:?}");
}

#[test]
fn every_status_occurs_in_a_week() {
    let (_, instances, persistent) = week(4);
    for status in InstanceStatus::ALL {
        assert!(status == InstanceStatus::Deleted || instances.contains(&status), "{status:?}");
    }
    for status in PersistentStatus::ALL {
        assert!(persistent.contains(&status), "{status:?}");
    }
}

#[test]
fn nodes_are_added_by_usage_and_released_when_idle() {
    let mut group = group(1, 0, 40);
    let mut sizes = HashSet::new();
    for step in 1..=WEEK / 600 {
        advance(&mut group, after(step * 600));
        sizes.insert(group.occupancy(0).scaling_nodes);
    }
    assert!(sizes.len() > 3 && sizes.contains(&0), "{sizes:?}");
}

#[test]
fn a_schedule_is_followed_and_counts_scaled_nodes_or_all_nodes() {
    for (counts, at_work) in [(ScheduleCounts::Elastic, 24), (ScheduleCounts::Total, 19)] {
        let mut group = group(1, 1, 40);
        group.schedule_counts = counts;
        // Monday 14:00 at UTC+8, in the period with the most nodes, and Tuesday 03:00, in none.
        advance(&mut group, "2026-11-23T06:00:00Z".parse().unwrap());
        assert_eq!(scheduled_nodes(&group.pools[0], group.now()), Some(24));
        assert_eq!((group.occupancy(0).nodes, group.occupancy(0).scaling_nodes), (5, at_work));
        advance(&mut group, "2026-11-23T19:00:00Z".parse().unwrap());
        assert_eq!(scheduled_nodes(&group.pools[0], group.now()), Some(0));
        assert!(group.occupancy(0).scaling_nodes <= 3);
    }
}
