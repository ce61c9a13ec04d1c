//! What a restored store continues, and what its polls request.

use super::*;
use crate::poller::fixture::{NOW, at, poll, polled_store, store};

/// What another process reads of the state of `store`.
fn saved(store: &SnapshotStore, second: i64) -> SavedState {
    let bytes = rmp_serde::to_vec_named(&store.save(at(second))).unwrap();
    rmp_serde::from_slice(&bytes).unwrap()
}

fn snapshot(store: &SnapshotStore) -> Arc<Snapshot> {
    Arc::clone(&store.subscribe().borrow())
}

/// The key with which the next listing of a group hashes ids.
fn hash_key(store: &SnapshotStore, group_id: &str) -> HashKey {
    store.hash_keys("a", "CloudApp").of(group_id)
}

fn sessions(store: &SnapshotStore) -> (u64, u64) {
    let counters = &snapshot(store).groups[0].counters;
    (counters.sessions_started, counters.sessions_ended)
}

#[test]
fn a_restored_store_publishes_and_saves_the_same() {
    let original = polled_store();
    let state = saved(&original, NOW + 10);
    let bytes = |store: &SnapshotStore| rmp_serde::to_vec_named(&store.save(at(NOW + 10))).unwrap();
    let mirror = store(&["CloudApp"], 99);
    assert!(mirror.mirror(state, SignedDuration::ZERO));
    assert_eq!(snapshot(&mirror), snapshot(&original));
    assert_eq!(mirror.history(&snapshot(&mirror).groups[0]).len(), 3);
    assert!(bytes(&mirror) == bytes(&original));
}

#[test]
fn saving_copies_no_group() {
    let store = polled_store();
    let before = snapshot(&store);
    let groups = store.save(at(NOW)).targets.remove(0).groups;
    assert!(Arc::ptr_eq(&before.groups[0], &groups[0].snapshot));
}

#[test]
fn counters_continue_and_no_false_transition_is_counted() {
    let original = polled_store();
    assert_eq!(sessions(&original), (2, 1));
    let restored = store(&["CloudApp"], 99);
    assert_eq!(
        restored.restore(saved(&original, NOW), at(NOW + 30)),
        RestoreOutcome::Restored { targets: 1 }
    );
    assert_eq!(hash_key(&restored, "g1"), HashKey::new(7), "later listings are hashed like the saved ones");
    let instances = [("i1", "BOUND"), ("i2", "BOUND"), ("i4", "EVEN")];
    for store in [&original, &restored] {
        store.apply("a", "CloudApp", Some(poll(NOW + 60, &instances)), at(NOW + 60));
    }
    assert_eq!(sessions(&restored), (3, 1));
    assert_eq!(snapshot(&restored), snapshot(&original));
}

#[test]
fn hashes_that_cannot_be_compared_make_the_next_listing_a_baseline() {
    let mut state = saved(&polled_store(), NOW);
    state.hash_check ^= 1;
    let restored = store(&["CloudApp"], 99);
    restored.restore(state, at(NOW + 30));
    restored.apply("a", "CloudApp", Some(poll(NOW + 60, &[("i9", "BOUND")])), at(NOW + 60));
    assert_eq!(sessions(&restored), (2, 1), "counters continue");
    restored.apply("a", "CloudApp", Some(poll(NOW + 120, &[])), at(NOW + 120));
    assert_eq!(sessions(&restored), (2, 2));
}

#[test]
fn restored_data_has_its_own_age() {
    let state = saved(&polled_store(), NOW);
    let restored = store(&["CloudApp"], 99);
    restored.restore(state, at(NOW + 299));
    let published = snapshot(&restored);
    assert_eq!((published.at, published.groups[0].group.at), (at(NOW + 299), at(NOW)));
    assert_eq!((published.targets[0].up, published.targets[0].last_success), (Some(true), Some(at(NOW))));
    restored.publish(at(NOW + 300));
    assert!(snapshot(&restored).groups.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_standby_whose_clock_is_an_hour_off_serves_the_data_as_long_as_the_active_replica() {
    for lead in [3_600, -3_600] {
        let standby = Arc::new(store(&["CloudApp"], 99));
        let expiry = tokio::spawn({
            let (standby, clock) = (Arc::clone(&standby), clock(NOW + lead));
            async move { standby.run_expiry(clock).await }
        });
        let served_for = async || {
            let mut snapshots = standby.subscribe();
            assert!(!snapshots.borrow().groups.is_empty());
            let start = tokio::time::Instant::now();
            snapshots.wait_for(|snapshot| snapshot.groups.is_empty()).await.unwrap();
            start.elapsed().as_secs()
        };
        assert!(standby.mirror(saved(&polled_store(), NOW), SignedDuration::from_secs(lead)));
        assert_eq!(served_for().await, 300, "{lead}");

        let taken_over = NOW + lead + 300;
        standby.apply("a", "CloudApp", Some(poll(taken_over, &[("i1", "BOUND")])), at(taken_over));
        assert_eq!(served_for().await, 300, "by its own clock, {lead}");
        expiry.abort();
    }
}

#[test]
fn a_state_that_is_too_old_is_not_used() {
    let state = saved(&polled_store(), NOW + 1_000);
    let restored = store(&["CloudApp"], 99);
    assert_eq!(restored.restore(state, at(NOW + 300)), RestoreOutcome::Stale);
    assert_eq!(snapshot(&restored).targets[0].up, None);
    assert_eq!(hash_key(&restored, "g1"), HashKey::new(99));
}

#[test]
fn a_state_of_other_targets_is_not_used() {
    let restored = store(&["Other"], 99);
    assert_eq!(restored.restore(saved(&polled_store(), NOW), at(NOW)), RestoreOutcome::Foreign);
    assert!(!restored.mirror(saved(&polled_store(), NOW), SignedDuration::ZERO));
    let without_targets = saved(&store(&[], 7), NOW);
    assert_eq!(restored.restore(without_targets, at(NOW)), RestoreOutcome::Foreign);
}

#[test]
fn targets_that_the_state_does_not_have_start_fresh_and_others_are_ignored() {
    let state = saved(&polled_store(), NOW);
    let restored = store(&["Other", "CloudApp"], 99);
    assert_eq!(restored.restore(state.clone(), at(NOW)), RestoreOutcome::Restored { targets: 1 });
    let up: Vec<_> = snapshot(&restored).targets.iter().map(|health| health.up).collect();
    assert_eq!(up, [None, Some(true)]);

    let both = saved(&restored, NOW);
    let one = store(&["CloudApp"], 99);
    one.restore(both, at(NOW));
    assert_eq!(snapshot(&one).targets.len(), 1);
}

#[test]
fn groups_of_another_shard_are_not_served_but_saved() {
    let state = saved(&polled_store(), NOW);
    let owner = (0..2).find(|&index| Shard { index, total: 2 }.owns("g1")).unwrap();
    let shard = |index| {
        let identity =
            TargetIdentity { shard: Shard { index, total: 2 }, ..TargetIdentity::named("CloudApp") };
        SnapshotStore::new([identity], (&PollOptions::default()).into(), TimeZone::UTC, HashKey::new(1))
    };
    let has =
        |store: &SnapshotStore| snapshot(store).groups.iter().any(|group| &*group.group.data.id == "g1");
    let other = shard(1 - owner);
    other.restore(state, at(NOW));
    assert!(!has(&other));

    let moved = shard(owner);
    moved.restore(saved(&other, NOW), at(NOW));
    assert!(!has(&moved), "its new owner has not listed it");
    moved.apply("a", "CloudApp", Some(poll(NOW + 60, &[("i1", "BOUND"), ("i2", "IDLE")])), at(NOW + 60));
    assert_eq!(sessions(&moved), (2, 1), "its counters continue");
}

#[test]
fn a_group_that_moved_continues_the_counters_of_its_previous_owner() {
    let previous = saved(&polled_store(), NOW);
    let owner = store(&["CloudApp"], 8);
    assert_eq!(owner.adopt(previous.clone(), at(NOW + 10)), 2);
    assert_eq!(owner.adopt(previous.clone(), at(NOW + 10)), 0, "they are known");
    assert!(snapshot(&owner).groups.is_empty(), "they are served when they are listed");
    assert_eq!(hash_key(&owner, "g1"), HashKey::new(7), "so that its listings can be compared");
    assert_eq!(hash_key(&owner, "new"), HashKey::new(8));

    let instances = [("i1", "BOUND"), ("i2", "BOUND"), ("i4", "EVEN")];
    owner.apply("a", "CloudApp", Some(poll(NOW + 60, &instances)), at(NOW + 60));
    assert_eq!(sessions(&owner), (3, 1), "what happened since the last poll of its previous owner counts");
    let moved = &snapshot(&owner).groups[0];
    assert_eq!(moved.counters.since, at(NOW - 120));
    assert_eq!(owner.history(moved).len(), 4);
    assert_eq!(store(&["Other"], 7).adopt(previous, at(NOW)), 0);

    let again = store(&["CloudApp"], 99);
    again.restore(saved(&owner, NOW + 60), at(NOW + 70));
    let keys = ["g1", "new"].map(|group| hash_key(&again, group));
    assert_eq!(keys, [HashKey::new(7), HashKey::new(8)], "also after a restart");
}

#[test]
fn a_listing_with_another_key_is_not_compared() {
    let mut state = saved(&polled_store(), NOW);
    state.targets[0].groups.iter_mut().for_each(|group| group.hash_key = Some(HashKey::new(8)));
    let restored = store(&["CloudApp"], 99);
    restored.restore(state, at(NOW + 30));
    assert_eq!(hash_key(&restored, "g1"), HashKey::new(8));
    // The fixture hashes with the key 7.
    restored.apply("a", "CloudApp", Some(poll(NOW + 60, &[("i9", "BOUND")])), at(NOW + 60));
    assert_eq!(sessions(&restored), (2, 1));
    assert_eq!(hash_key(&restored, "g1"), HashKey::new(7));
}

#[test]
fn of_several_states_the_newest_one_of_a_group_is_continued() {
    let older = saved(&polled_store(), NOW);
    let later = polled_store();
    later.apply("a", "CloudApp", Some(poll(NOW + 60, &[("i2", "BOUND"), ("i6", "BOUND")])), at(NOW + 60));
    let newer = saved(&later, NOW + 60);
    for order in [[&older, &newer], [&newer, &older]] {
        let fresh = store(&["CloudApp"], 8);
        let restored = store(&["CloudApp"], 8);
        restored.restore(older.clone(), at(NOW + 70));
        for owner in [fresh, restored] {
            order.into_iter().for_each(|state| _ = owner.adopt(state.clone(), at(NOW + 70)));
            let next = poll(NOW + 120, &[("i2", "BOUND")]);
            owner.apply("a", "CloudApp", Some(next), at(NOW + 120));
            assert_eq!(sessions(&owner), (4, 3));
        }
    }
}

#[test]
fn only_groups_of_the_shard_are_adopted_and_the_state_shows_whose_they_are() {
    let previous = saved(&polled_store(), NOW);
    assert_eq!(polled_store().shard(), Some(Shard::WHOLE));
    let shards = [0, 1, 2].map(|index| Shard { index, total: 3 });
    let stores = shards.map(|shard| {
        let identity = TargetIdentity { shard, ..TargetIdentity::named("CloudApp") };
        SnapshotStore::new([identity], (&PollOptions::default()).into(), TimeZone::UTC, HashKey::new(1))
    });
    let adopted = stores.each_ref().map(|store| store.adopt(previous.clone(), at(NOW)));
    assert_eq!(adopted.iter().sum::<usize>(), 2, "each group has one owner: {adopted:?}");

    let store = &stores[1];
    assert_eq!(store.shard(), None, "it has not polled");
    store.restore(previous, at(NOW));
    assert_eq!(store.shard(), Some(Shard::WHOLE), "its data is that of the undivided fleet");
    store.apply("a", "CloudApp", None, at(NOW + 60));
    assert_eq!(store.shard(), Some(shards[1]));
    let again = polled_store();
    again.mirror(saved(store, NOW + 60), SignedDuration::ZERO);
    assert_eq!(again.shard(), Some(shards[1]));
}

/// A runner of the fixture's target, with a clock that follows tokio's paused clock from `second`.
fn runner(script: &Script, store: SnapshotStore) -> (Runner<Script>, Arc<SnapshotStore>) {
    let store = Arc::new(store);
    let mut target = Fixture::new().target;
    target.api = appstreaming::Client::new(script.clone(), 100);
    let (observer, meter) = (Arc::new(Silent), Arc::new(WaitMeter::new(Arc::new(()))));
    (Runner { target, store: Arc::clone(&store), observer, meter }, store)
}

struct Silent;

impl Observer for Silent {}

fn clock(second: i64) -> impl Fn() -> Timestamp + Copy + Send + 'static {
    let start = tokio::time::Instant::now();
    move || at(second) + SignedDuration::try_from(start.elapsed()).unwrap()
}

const MINUTE: PollSchedule = PollSchedule {
    interval: Duration::from_secs(60),
    first_delay: Duration::from_secs(3),
    second_delay: Duration::from_secs(5),
};

/// When the first polls of a store end that was restored `second` seconds after its last poll,
/// which started at `NOW - 1`; seconds after the start.
async fn first_polls(second: i64) -> [u64; 2] {
    let restored = store(&["CloudApp"], 99);
    restored.restore(saved(&polled_store(), NOW), at(second));
    let (runner, store) = runner(&Script::default(), restored);
    let mut snapshots = store.subscribe();
    snapshots.borrow_and_update();
    let start = tokio::time::Instant::now();
    let running =
        tokio::spawn(async move { runner.run(MINUTE, clock(second), CancellationToken::new()).await });
    let mut ends = [0; 2];
    for end in &mut ends {
        snapshots.changed().await.unwrap();
        snapshots.borrow_and_update();
        *end = start.elapsed().as_secs();
    }
    running.abort();
    ends
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_starts_when_it_would_have_started() {
    assert_eq!(first_polls(NOW + 19).await, [40, 100], "without the delays of a first start");
    assert_eq!(first_polls(NOW + 200).await, [0, 60], "at once if its time has passed");
    assert_eq!(first_polls(NOW - 500).await, [60, 120], "the clock of the other process was ahead");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_never_ended_counts_as_started_and_an_aborted_one_does_not() {
    let script = Script::default();
    script.on("ListAppInstanceGroup", "", Scripted::Never);
    let (runner, store) = runner(&script, polled_store());
    let started = |store: &SnapshotStore| saved(store, NOW).targets[0].poll_started;
    assert_eq!(started(&store), Some(at(NOW - 1)));
    let running = tokio::spawn(async move { runner.run(MINUTE, clock(NOW), CancellationToken::new()).await });
    sleep(Duration::from_secs(70)).await;
    assert_eq!(started(&store), Some(at(NOW + 59)), "a process that is killed now must not poll again");
    running.abort();
    assert!(running.await.is_err());
    assert_eq!(started(&store), Some(at(NOW - 1)), "a successor polls at once");
}

#[tokio::test(start_paused = true)]
async fn a_crash_during_the_first_poll_does_not_multiply_requests() {
    let script = Script::default();
    script.on("ListAppInstanceGroup", "", Scripted::Never);
    let (first, first_store) = runner(&script, store(&["CloudApp"], 7));
    let running = tokio::spawn(async move { first.run(MINUTE, clock(NOW), CancellationToken::new()).await });
    sleep(Duration::from_secs(10)).await;
    let state = saved(&first_store, NOW + 10);
    running.abort();

    let restored = store(&["CloudApp"], 99);
    assert_eq!(restored.restore(state, at(NOW + 10)), RestoreOutcome::Restored { targets: 1 });
    script.on("ListAppInstanceGroup", "", Scripted::Body(r#"{"TotalCount": 0}"#.into()));
    let (second, second_store) = runner(&script, restored);
    let mut snapshots = second_store.subscribe();
    snapshots.borrow_and_update();
    let start = tokio::time::Instant::now();
    let running =
        tokio::spawn(async move { second.run(MINUTE, clock(NOW + 10), CancellationToken::new()).await });
    snapshots.changed().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 53, "the first poll started after 3 s");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_settings_changed_is_polled_at_once() {
    let (runner, store) = runner(&Script::default(), polled_store());
    store.forget_polls("a", "CloudApp");
    let mut snapshots = store.subscribe();
    snapshots.borrow_and_update();
    let start = tokio::time::Instant::now();
    let schedule = PollSchedule { first_delay: Duration::ZERO, ..MINUTE };
    let running =
        tokio::spawn(async move { runner.run(schedule, clock(NOW), CancellationToken::new()).await });
    snapshots.changed().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 0);
    running.abort();
}

#[tokio::test]
async fn persistent_sessions_that_are_seldom_listed_are_not_asked_for_early() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    // Group g1 has no persistent sessions; the API refuses to list those of g2.
    fixture.script.on(
        "ListPersistentAppInstances",
        "g2",
        Scripted::Error("InvalidAppInstanceGroup.AuthMode"),
    );
    fixture.poll(0).await;
    let times = fixture.state.listing_times(ListingOptions::default());
    let carried = CarryOver::new(HashKeys::default(), times);
    fixture.carried = carried;
    fixture.script.on("ListPersistentAppInstances", "g1", Scripted::Panic);
    fixture.script.on("ListPersistentAppInstances", "g2", Scripted::Panic);
    fixture.poll(60).await;
}

#[tokio::test]
#[should_panic(expected = "scripted")]
async fn persistent_sessions_are_asked_for_once_their_interval_has_passed() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1"]);
    fixture.poll(0).await;
    fixture.carried =
        CarryOver::new(HashKeys::default(), fixture.state.listing_times(ListingOptions::default()));
    fixture.script.on("ListPersistentAppInstances", "g1", Scripted::Panic);
    fixture.poll(600).await;
}
