//! Tests of the poller with a scripted API and a clock that the tests set.

mod restore;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::hash_keys::HashKeys;
use super::options::{ListingOptions, PollOptions};
use super::poll::CarryOver;
use super::state::TargetState;
use super::*;
use crate::aliyun::{Call, Error, Request, RequestObserver, Waited};
use crate::appstreaming::{self, GroupQuery};
use crate::fleet::{HashKey, Snapshot};

/// A scripted response to one request.
#[derive(Clone)]
enum Scripted {
    Body(String),
    Error(&'static str),
    /// None until the script changes.
    Never,
    Panic,
}

/// An API with one scripted response for each operation and group.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<(&'static str, String), Scripted>>>);

impl Script {
    fn on(&self, operation: &'static str, group: &str, response: Scripted) {
        self.0.lock().unwrap().insert((operation, group.to_owned()), response);
    }

    fn groups(&self, ids: &[&str]) {
        let models: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"AppInstanceGroupId": "{id}", "AuthMode": "App"}}"#)).collect();
        let body =
            format!(r#"{{"TotalCount": {}, "AppInstanceGroupModels": [{}]}}"#, ids.len(), models.join(", "));
        self.on("ListAppInstanceGroup", "", Scripted::Body(body));
    }

    fn instances(&self, group: &str, statuses: &[&str]) {
        let models: Vec<String> = statuses
            .iter()
            .enumerate()
            .map(|(number, status)| format!(r#"{{"AppInstanceId": "ai-{number}", "Status": "{status}"}}"#))
            .collect();
        let body =
            format!(r#"{{"TotalCount": {}, "AppInstanceModels": [{}]}}"#, statuses.len(), models.join(", "));
        self.on("ListAppInstances", group, Scripted::Body(body));
    }
}

impl Call for Script {
    async fn call<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let group = request.query.iter().find(|(name, _)| name == "AppInstanceGroupId");
        let group = group.map_or(String::new(), |(_, id)| id.clone());
        let response = || self.0.lock().unwrap().get(&(request.operation, group.clone())).cloned();
        request.turn.record_attempt();
        while let Some(Scripted::Never) = response() {
            sleep(Duration::from_secs(1)).await;
        }
        match response() {
            Some(Scripted::Body(body)) => read(body.as_bytes()),
            Some(Scripted::Error(code)) => {
                let body = format!(r#"{{"Code": "{code}", "Message": "scripted"}}"#);
                Err(Error::from_body(request.operation, 400, body.as_bytes()))
            }
            Some(Scripted::Never) => unreachable!("a response that never comes is waited for"),
            Some(Scripted::Panic) => panic!("scripted"),
            None => read(br#"{"TotalCount": 0, "AppInstanceModels": [], "PersistentAppInstanceModels": []}"#),
        }
    }
}

/// A scripted target and its state.
struct Fixture {
    script: Script,
    target: Target<Script>,
    carried: CarryOver,
    state: TargetState,
}

impl Fixture {
    fn new() -> Self {
        let script = Script::default();
        let query = GroupQuery { product_type: "CloudApp".into(), ..GroupQuery::default() };
        let settings = TargetSettings {
            account: "a".into(),
            name: "CloudApp".into(),
            key: TargetIdentity::named("CloudApp").key,
            product_type: "CloudApp".into(),
            queries: vec![query],
            excluded: Vec::new(),
            shard: Shard::WHOLE,
            listings: ListingOptions::default(),
            persistent: (&PollOptions::default()).into(),
            timeout: Duration::from_secs(60),
            page_size: 100,
            concurrency: 4,
        };
        let target =
            Target { settings: Arc::new(settings), api: appstreaming::Client::new(script.clone(), 100) };
        Self {
            script,
            target,
            carried: CarryOver::default(),
            state: TargetState::new(TargetIdentity::named("CloudApp")),
        }
    }

    async fn poll(&mut self, second: i64) -> Vec<ListingFailure> {
        let mut poll = self.target.poll(&mut self.carried, move || at(second)).await;
        let failures = std::mem::take(&mut poll.failures);
        // `apply` consumes the failures and errors cannot be cloned: it gets failures without
        // errors.
        poll.failures = failures
            .iter()
            .map(|f| ListingFailure { operation: f.operation, group_id: f.group_id.clone(), error: None })
            .collect();
        self.state.apply(Some(poll), at(second), SignedDuration::from_secs(300));
        failures
    }

    fn snapshot(&self, second: i64) -> Snapshot {
        let groups = self.state.groups().map(Arc::clone).collect();
        Snapshot::build(at(second), vec![self.state.health()], groups).0
    }

    fn count(&self, group: &str, status: &str) -> Option<u64> {
        let snapshot = self.snapshot(0);
        let group = snapshot.groups.iter().find(|found| &*found.group.data.id == group)?;
        group.instances.as_ref().map(|instances| instances.data.statuses.get(status))
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[tokio::test]
async fn a_failed_listing_of_groups_keeps_all_data_and_the_target_is_down() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1"]);
    fixture.script.instances("g1", &["IDLE"]);
    assert!(fixture.poll(10).await.is_empty());
    assert_eq!(fixture.state.health().up, Some(true));

    fixture.script.on("ListAppInstanceGroup", "", Scripted::Error("ServiceUnavailable"));
    assert_eq!(fixture.poll(20).await.len(), 1);
    assert_eq!(fixture.state.health().up, Some(false));
    assert_eq!(fixture.state.health().last_success, Some(at(10)));
    assert_eq!(fixture.count("g1", "IDLE"), Some(1));
    assert_eq!(fixture.snapshot(20).groups[0].group.at, at(10));
}

#[tokio::test]
async fn a_group_that_fails_keeps_its_last_good_data_while_others_are_refreshed() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    fixture.script.instances("g1", &["IDLE"]);
    fixture.script.instances("g2", &["IDLE"]);
    fixture.poll(10).await;

    fixture.script.on("ListAppInstances", "g1", Scripted::Error("InternalError"));
    fixture.script.instances("g2", &["BOUND"]);
    let failures = fixture.poll(20).await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].group_id.as_deref(), Some("g1"));
    assert_eq!((fixture.count("g1", "IDLE"), fixture.count("g2", "BOUND")), (Some(1), Some(1)));
    let snapshot = fixture.snapshot(20);
    let fetched: Vec<_> = snapshot.groups.iter().map(|g| g.instances.as_ref().unwrap().at).collect();
    assert_eq!(fetched, [at(10), at(20)]);
}

#[tokio::test]
async fn a_group_that_vanishes_during_a_poll_is_removed_without_a_failure() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    fixture.script.on("ListAppInstances", "g1", Scripted::Error("InvalidAppInstanceGroup.NotFound"));
    assert!(fixture.poll(10).await.is_empty());
    assert_eq!(fixture.state.health().up, Some(true));
    assert_eq!(fixture.snapshot(10).groups.len(), 1);
}

#[tokio::test]
async fn an_error_for_a_group_without_persistent_sessions_is_not_a_failure() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1"]);
    for (hour, code) in (1..).zip(["InvalidAppInstanceGroup.NotFound", "InvalidParameter.AuthMode"]) {
        fixture.script.on("ListPersistentAppInstances", "g1", Scripted::Error(code));
        assert!(fixture.poll(hour * 3600).await.is_empty(), "{code}");
        assert!(fixture.snapshot(10).groups[0].persistent.is_none());
    }
    fixture.script.on("ListPersistentAppInstances", "g1", Scripted::Error("Forbidden.NoPermission"));
    assert!(fixture.poll(2 * 3600 + 60).await.is_empty(), "the listing is not due");
    assert_eq!(fixture.poll(3 * 3600).await.len(), 1, "a missing permission is a failure");
    assert_eq!(fixture.poll(3 * 3600 + 60).await.len(), 1, "a listing that failed is due again");
}

#[tokio::test]
async fn persistent_sessions_are_listed_where_there_can_be_some_and_else_by_every_tenth_poll() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    let session = r#"{"TotalCount": 1, "PersistentAppInstanceModels": [{"AppInstancePersistentId": "p-1"}]}"#;
    fixture.script.on("ListPersistentAppInstances", "g2", Scripted::Body(session.into()));
    let mut planned = Vec::new();
    for poll in 0..11 {
        let poll = fixture.target.poll(&mut fixture.carried, move || at(poll * 60)).await;
        assert_eq!(poll.requests, poll.planned_requests);
        planned.push(poll.planned_requests);
        fixture.state.apply(Some(poll), at(0), SignedDuration::from_secs(300));
    }
    assert_eq!(planned, [5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5]);

    fixture.script.on("ListPersistentAppInstances", "g1", Scripted::Error("InternalError"));
    assert!(fixture.poll(660).await.is_empty());
    let snapshot = fixture.snapshot(660);
    assert_eq!(snapshot.groups[0].persistent.as_ref().map(|fetched| fetched.at), Some(at(600)));
    assert_eq!(snapshot.groups[1].persistent.as_ref().map(|fetched| fetched.at), Some(at(660)));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_times_out_keeps_the_listings_that_it_finished() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    fixture.script.on("ListAppInstances", "g1", Scripted::Never);
    fixture.script.instances("g2", &["RUNNING"]);
    let failures = fixture.poll(10).await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].error.is_none() && failures[0].group_id.as_deref() == Some("g1"));
    assert_eq!((fixture.count("g1", "IDLE"), fixture.count("g2", "RUNNING")), (None, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_too_large_for_one_poll_is_listed_by_several() {
    let mut fixture = Fixture::new();
    Arc::make_mut(&mut fixture.target.settings).concurrency = 1;
    let ids = ["g1", "g2", "g3"];
    fixture.script.groups(&ids);
    // Every poll lists one group, then hangs in the next one.
    for (poll, id) in (1..).zip(ids) {
        for other in ids {
            fixture.script.on("ListAppInstances", other, Scripted::Never);
        }
        fixture.script.instances(id, &["IDLE"]);
        fixture.poll(poll * 100).await;
        assert_eq!(fixture.count(id, "IDLE"), Some(1), "{id} was refreshed longest ago");
    }
}

#[tokio::test]
async fn an_outage_causes_no_transitions() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1"]);
    fixture.script.instances("g1", &["IDLE", "IDLE", "IDLE"]);
    fixture.poll(10).await;
    assert!(
        fixture.snapshot(10).groups[0].counters.transitions().next().is_none(),
        "the first listing is the baseline"
    );

    fixture.script.on("ListAppInstances", "g1", Scripted::Error("InternalError"));
    fixture.poll(20).await;
    fixture.script.instances("g1", &["IDLE", "RUNNING", "IDLE"]);
    fixture.poll(30).await;
    let snapshot = fixture.snapshot(30);
    let transitions: Vec<_> = snapshot.groups[0].counters.transitions().collect();
    assert_eq!(transitions, [("IDLE", "RUNNING", 1)]);
}

#[tokio::test]
async fn excluded_groups_are_never_polled() {
    let mut fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2", "g3"]);
    Arc::make_mut(&mut fixture.target.settings).excluded = vec!["g2".into()];
    fixture.script.on("ListAppInstances", "g2", Scripted::Panic);
    assert!(fixture.poll(10).await.is_empty());
    let ids: Vec<_> =
        fixture.snapshot(10).groups.iter().map(|group| group.group.data.id.to_string()).collect();
    assert_eq!(ids, ["g1", "g3"]);
}

#[tokio::test]
async fn planned_requests_are_one_pass_over_every_listing() {
    let fixture = Fixture::new();
    fixture.script.groups(&["g1", "g2"]);
    fixture.script.instances("g1", &["IDLE"; 3]);
    let poll = fixture.target.poll(&mut CarryOver::default(), || at(10)).await;
    assert_eq!(poll.planned_requests, 5, "one of groups, two of instances, two of persistent sessions");
    assert_eq!(poll.requests, 5);
    assert_eq!(poll.instances(), 3);
}

/// Keeps what it is notified of.
#[derive(Default)]
struct Notes(Mutex<Vec<Note>>);

/// Whether a poll ended without a panic, whether it succeeded, and what its requests waited for.
type Note = (bool, bool, PollWaits);

impl Observer for Notes {
    fn poll_finished(&self, report: &PollReport<'_>) {
        let ended = report.poll.is_some();
        let succeeded = report.poll.is_some_and(TargetPoll::succeeded);
        self.0.lock().unwrap().push((ended, succeeded, report.waits));
    }
}

fn runner(script: &Script, store: &Arc<SnapshotStore>, notes: &Arc<Notes>) -> Runner<Script> {
    let mut target = Fixture::new().target;
    target.api = appstreaming::Client::new(script.clone(), 100);
    Runner {
        target,
        store: Arc::clone(store),
        observer: Arc::clone(notes) as Arc<dyn Observer>,
        meter: Arc::new(WaitMeter::new(Arc::new(()))),
    }
}

/// Runs one poll with a runner. Returns, for each report, whether the poll ended without a panic
/// and whether it succeeded.
async fn run_once(script: &Script, store: &Arc<SnapshotStore>) -> Vec<(bool, bool)> {
    let notes = Arc::new(Notes::default());
    runner(script, store, &notes).poll_once(|| at(100)).await;
    notes.0.lock().unwrap().iter().map(|(ended, succeeded, _)| (*ended, *succeeded)).collect()
}

#[tokio::test]
async fn a_poll_does_not_count_the_waits_of_a_poll_that_panicked() {
    let script = Script::default();
    script.groups(&["g1"]);
    let notes = Arc::new(Notes::default());
    let runner = runner(&script, &store(&["CloudApp"]), &notes);
    let second = Duration::from_secs(1);
    let wait = || runner.meter.waited(Waited { total: 2 * second, rate_limit: second });

    script.on("ListAppInstances", "g1", Scripted::Panic);
    wait();
    runner.poll_once(|| at(100)).await;
    wait();
    script.instances("g1", &["IDLE"]);
    runner.poll_once(|| at(101)).await;
    let waits: Vec<_> = notes.0.lock().unwrap().iter().map(|(ended, _, waits)| (*ended, *waits)).collect();
    assert_eq!(waits, [(false, PollWaits::default()), (true, PollWaits::default())]);
}

#[test]
fn a_rate_below_its_maximum_counts_as_throttled_until_a_poll_begins_at_the_maximum() {
    let meter = WaitMeter::new(Arc::new(()));
    meter.rate_limit(20.0);
    assert!(!meter.waits().is_throttled);
    meter.rate_limit(10.0);
    meter.rate_limit(20.0);
    assert!(meter.waits().is_throttled);
    meter.reset();
    assert!(!meter.waits().is_throttled);
}

fn targets(names: &[&str]) -> Vec<TargetIdentity> {
    names.iter().map(|name| TargetIdentity::named(name)).collect()
}

fn store(names: &[&str]) -> Arc<SnapshotStore> {
    let freshness = (&PollOptions::default()).into();
    Arc::new(SnapshotStore::new(targets(names), freshness, TimeZone::UTC, HashKey::new(7)))
}

#[tokio::test]
async fn a_panic_in_a_poll_fails_only_that_poll() {
    let script = Script::default();
    script.groups(&["g1"]);
    let store = store(&["CloudApp"]);
    assert_eq!(run_once(&script, &store).await, [(true, true)]);

    script.on("ListAppInstances", "g1", Scripted::Panic);
    assert_eq!(run_once(&script, &store).await, [(false, false)]);
    let snapshot = Arc::clone(&store.subscribe().borrow());
    assert_eq!(snapshot.targets[0].up, Some(false));
    assert_eq!(snapshot.groups.len(), 1, "the last good data is kept");
}

#[tokio::test]
async fn stale_data_is_not_published_but_the_targets_health_is() {
    let script = Script::default();
    script.groups(&["g1"]);
    let store = store(&["CloudApp"]);
    run_once(&script, &store).await;
    store.publish(at(399));
    assert_eq!(store.subscribe().borrow().groups.len(), 1);
    store.publish(at(400));
    let snapshot = Arc::clone(&store.subscribe().borrow());
    assert!(snapshot.groups.is_empty());
    assert_eq!((snapshot.targets[0].up, snapshot.targets[0].last_success), (Some(true), Some(at(100))));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_published_when_data_becomes_stale() {
    let script = Script::default();
    script.groups(&["g1"]);
    let store = store(&["CloudApp"]);
    run_once(&script, &store).await;

    // The clock follows tokio's paused clock, which advances when every task is idle.
    let start = tokio::time::Instant::now();
    let clock = move || at(100) + SignedDuration::try_from(start.elapsed()).unwrap();
    let mut snapshots = store.subscribe();
    snapshots.borrow_and_update();
    let expiry = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.run_expiry(clock).await }
    });
    snapshots.changed().await.unwrap();
    assert!(snapshots.borrow().groups.is_empty());
    assert!(start.elapsed() >= Duration::from_secs(300) && start.elapsed() < Duration::from_secs(301));
    expiry.abort();
}

#[tokio::test(start_paused = true)]
async fn polls_start_an_interval_apart_and_never_overlap() {
    let script = Script::default();
    script.groups(&["g1"]);
    let store = store(&["CloudApp"]);
    let mut snapshots = store.subscribe();
    let mut target = Fixture::new().target;
    target.api = appstreaming::Client::new(script.clone(), 100);
    struct Overruns(Mutex<u32>);
    impl Observer for Overruns {
        fn poll_overrun(&self, _: &PollOverrun<'_>) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let overruns = Arc::new(Overruns(Mutex::new(0)));
    Arc::make_mut(&mut target.settings).timeout = Duration::from_secs(25);
    let runner = Runner {
        target,
        store: Arc::clone(&store),
        observer: Arc::clone(&overruns) as Arc<dyn Observer>,
        meter: Arc::new(WaitMeter::new(Arc::new(()))),
    };
    let [interval, first_delay, second_delay] = [10, 1, 2].map(Duration::from_secs);
    let schedule = PollSchedule { interval, first_delay, second_delay };
    let start = tokio::time::Instant::now();
    let running =
        tokio::spawn(async move { runner.run(schedule, || at(100), CancellationToken::new()).await });

    let mut ends = Vec::new();
    for poll in 0..4 {
        snapshots.changed().await.unwrap();
        snapshots.borrow_and_update();
        ends.push(start.elapsed().as_secs());
        // The third poll times out after 25 s; the next one starts at the next multiple of the
        // interval.
        let response =
            if poll == 1 { Scripted::Never } else { Scripted::Body(r#"{"TotalCount": 0}"#.into()) };
        script.on("ListAppInstances", "g1", response);
    }
    assert_eq!(ends, [1, 13, 48, 53], "the second delay applies once");
    assert_eq!(*overruns.0.lock().unwrap(), 1);
    running.abort();
}

#[tokio::test]
async fn targets_that_stay_keep_their_data_when_the_targets_change() {
    let script = Script::default();
    script.groups(&["g1"]);
    let store = store(&["CloudApp"]);
    run_once(&script, &store).await;
    let set_targets = |names: &[&str]| {
        store.set_targets(targets(names), (&PollOptions::default()).into(), TimeZone::UTC, at(110));
        Arc::clone(&store.subscribe().borrow())
    };

    let more = set_targets(&["Other", "CloudApp"]);
    let up: Vec<_> = more.targets.iter().map(|health| (&*health.target, health.up)).collect();
    assert_eq!(up, [("Other", None), ("CloudApp", Some(true))]);
    assert_eq!(more.groups.len(), 1, "published at once, with all data");

    assert!(set_targets(&["Other"]).groups.is_empty());
    run_once(&script, &store).await;
    let late = Arc::clone(&store.subscribe().borrow());
    assert_eq!((late.targets.len(), late.groups.len()), (1, 0), "the result of a removed target is dropped");
}

#[tokio::test]
async fn unchanged_groups_are_shared_between_snapshots() {
    let script = Script::default();
    script.groups(&["g1"]);
    script.instances("g1", &["IDLE"]);
    let store = store(&["CloudApp", "Other"]);
    run_once(&script, &store).await;
    let before = Arc::clone(&store.subscribe().borrow());
    store.apply("a", "Other", None, at(101));
    let after = Arc::clone(&store.subscribe().borrow());
    assert_eq!(after.targets[1].up, Some(false));
    assert!(Arc::ptr_eq(&before.groups[0], &after.groups[0]), "the other target's poll copies no group");
}
