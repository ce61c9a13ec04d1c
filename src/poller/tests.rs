//! The poller's rules, with an API that answers from a script and a clock that stands where it is put.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::*;
use crate::{
    aliyun::{Error, Request},
    fleet::Snapshot,
};

/// What the script answers to one request.
#[derive(Clone)]
enum Answer {
    Body(String),
    Refusal(&'static str),
    Never,
    Panic,
}

/// An API that answers by operation and group.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<(&'static str, String), Answer>>>);

impl Script {
    fn on(&self, operation: &'static str, group: &str, answer: Answer) {
        self.0.lock().unwrap().insert((operation, group.to_owned()), answer);
    }

    fn groups(&self, ids: &[&str]) {
        let models: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"AppInstanceGroupId": "{id}", "AuthMode": "App"}}"#)).collect();
        let body =
            format!(r#"{{"TotalCount": {}, "AppInstanceGroupModels": [{}]}}"#, ids.len(), models.join(", "));
        self.on("ListAppInstanceGroup", "", Answer::Body(body));
    }

    fn instances(&self, group: &str, statuses: &[&str]) {
        let models: Vec<String> = statuses
            .iter()
            .enumerate()
            .map(|(number, status)| format!(r#"{{"AppInstanceId": "ai-{number}", "Status": "{status}"}}"#))
            .collect();
        let body =
            format!(r#"{{"TotalCount": {}, "AppInstanceModels": [{}]}}"#, statuses.len(), models.join(", "));
        self.on("ListAppInstances", group, Answer::Body(body));
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
        let answer = self.0.lock().unwrap().get(&(request.operation, group)).cloned();
        match answer {
            Some(Answer::Body(body)) => read(body.as_bytes()),
            Some(Answer::Refusal(code)) => {
                let body = format!(r#"{{"Code": "{code}", "Message": "scripted"}}"#);
                Err(Error::from_body(request.operation, 400, body.as_bytes()))
            }
            Some(Answer::Never) => std::future::pending().await,
            Some(Answer::Panic) => panic!("scripted"),
            None => read(br#"{"TotalCount": 0, "AppInstanceModels": [], "PersistentAppInstanceModels": []}"#),
        }
    }
}

/// A target, its state and a clock in seconds.
struct Bench {
    script: Script,
    target: Target<Script>,
    state: TargetState,
}

impl Bench {
    fn new() -> Self {
        let script = Script::default();
        let query = GroupQuery { product_type: "CloudApp".into(), ..GroupQuery::default() };
        let target = Target {
            account: "a".into(),
            name: "CloudApp".into(),
            product_type: "CloudApp".into(),
            queries: vec![query],
            excluded: Vec::new(),
            shard: Shard::WHOLE,
            collectors: ListingOptions::default(),
            timeout: Duration::from_secs(60),
            page_size: 100,
            concurrency: 4,
            api: appstreaming::Client::new(script.clone(), 100),
        };
        Self { script, target, state: TargetState::new("a".into(), "CloudApp".into()) }
    }

    async fn poll(&mut self, second: i64) -> Vec<Failure> {
        let mut poll = self.target.poll(&self.state.refreshed(), || at(second)).await;
        let failures = std::mem::take(&mut poll.failures);
        // `apply` judges success by the failures that it sees.
        poll.failures = failures
            .iter()
            .map(|f| Failure { operation: f.operation, group_id: f.group_id.clone(), error: None })
            .collect();
        self.state.apply(Some(poll), at(second));
        failures
    }

    fn snapshot(&self, second: i64) -> Snapshot {
        let groups = self.state.groups().map(Arc::new).collect();
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
async fn a_failed_listing_of_groups_keeps_everything_and_says_down() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1"]);
    bench.script.instances("g1", &["IDLE"]);
    assert!(bench.poll(10).await.is_empty());
    assert_eq!(bench.state.health().up, Some(true));

    bench.script.on("ListAppInstanceGroup", "", Answer::Refusal("ServiceUnavailable"));
    assert_eq!(bench.poll(20).await.len(), 1);
    assert_eq!(bench.state.health().up, Some(false));
    assert_eq!(bench.state.health().last_success, Some(at(10)));
    assert_eq!(bench.count("g1", "IDLE"), Some(1));
    assert_eq!(bench.snapshot(20).groups[0].group.at, at(10));
}

#[tokio::test]
async fn a_group_that_fails_keeps_its_last_good_data_while_the_others_go_on() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1", "g2"]);
    bench.script.instances("g1", &["IDLE"]);
    bench.script.instances("g2", &["IDLE"]);
    bench.poll(10).await;

    bench.script.on("ListAppInstances", "g1", Answer::Refusal("InternalError"));
    bench.script.instances("g2", &["BOUND"]);
    let failures = bench.poll(20).await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].group_id.as_deref(), Some("g1"));
    assert_eq!((bench.count("g1", "IDLE"), bench.count("g2", "BOUND")), (Some(1), Some(1)));
    let snapshot = bench.snapshot(20);
    let refreshed: Vec<_> = snapshot.groups.iter().map(|g| g.instances.as_ref().unwrap().at).collect();
    assert_eq!(refreshed, [at(10), at(20)]);
}

#[tokio::test]
async fn a_group_that_vanishes_between_the_listings_is_gone_and_no_failure() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1", "g2"]);
    bench.script.on("ListAppInstances", "g1", Answer::Refusal("InvalidAppInstanceGroup.NotFound"));
    assert!(bench.poll(10).await.is_empty());
    assert_eq!(bench.state.health().up, Some(true));
    assert_eq!(bench.snapshot(10).groups.len(), 1);
}

#[tokio::test]
async fn a_group_without_persistent_sessions_may_refuse_to_list_them() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1"]);
    for refusal in ["InvalidAppInstanceGroup.NotFound", "InvalidParameter.AuthMode"] {
        bench.script.on("ListPersistentAppInstances", "g1", Answer::Refusal(refusal));
        assert!(bench.poll(10).await.is_empty(), "{refusal}");
        assert!(bench.snapshot(10).groups[0].persistent.is_none());
    }
    bench.script.on("ListPersistentAppInstances", "g1", Answer::Refusal("Forbidden.NoPermission"));
    assert_eq!(bench.poll(20).await.len(), 1, "a missing permission is nothing to be silent about");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_runs_too_long_is_given_up_and_what_it_had_counts() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1", "g2"]);
    bench.script.on("ListAppInstances", "g1", Answer::Never);
    bench.script.instances("g2", &["RUNNING"]);
    let failures = bench.poll(10).await;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].error.is_none() && failures[0].group_id.as_deref() == Some("g1"));
    assert_eq!((bench.count("g1", "IDLE"), bench.count("g2", "RUNNING")), (None, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_too_large_for_one_poll_is_listed_by_several() {
    let mut bench = Bench::new();
    bench.target.concurrency = 1;
    let ids = ["g1", "g2", "g3"];
    bench.script.groups(&ids);
    // Every poll gets through one group, then hangs in the next one.
    for (poll, id) in (1..).zip(ids) {
        for other in ids {
            bench.script.on("ListAppInstances", other, Answer::Never);
        }
        bench.script.instances(id, &["IDLE"]);
        bench.poll(poll * 100).await;
        assert_eq!(bench.count(id, "IDLE"), Some(1), "{id} is next in line");
    }
}

#[tokio::test]
async fn an_outage_causes_no_transitions_by_itself() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1"]);
    bench.script.instances("g1", &["IDLE", "IDLE", "IDLE"]);
    bench.poll(10).await;
    assert!(
        bench.snapshot(10).groups[0].counters.transitions.is_empty(),
        "the first listing is the baseline"
    );

    bench.script.on("ListAppInstances", "g1", Answer::Refusal("InternalError"));
    bench.poll(20).await;
    bench.script.instances("g1", &["IDLE", "RUNNING", "IDLE"]);
    bench.poll(30).await;
    let snapshot = bench.snapshot(30);
    let transitions: Vec<_> = snapshot.groups[0].counters.transitions.iter().collect();
    assert_eq!(transitions, [(&("IDLE".into(), "RUNNING".into()), &1)]);
}

#[tokio::test]
async fn groups_that_are_excluded_or_of_another_shard_are_never_asked_about() {
    let mut bench = Bench::new();
    bench.script.groups(&["g1", "g2", "g3"]);
    bench.target.excluded = vec!["g2".into()];
    bench.script.on("ListAppInstances", "g2", Answer::Panic);
    assert!(bench.poll(10).await.is_empty());
    let ids: Vec<_> = bench.snapshot(10).groups.iter().map(|group| group.group.data.id.to_string()).collect();
    assert_eq!(ids, ["g1", "g3"]);
}

#[tokio::test]
async fn planned_requests_are_one_pass_over_every_listing() {
    let bench = Bench::new();
    bench.script.groups(&["g1", "g2"]);
    bench.script.instances("g1", &["IDLE"; 3]);
    let poll = bench.target.poll(&Refreshed::default(), || at(10)).await;
    assert_eq!(poll.planned_requests, 5, "one of groups, two of instances, two of persistent sessions");
    assert_eq!(poll.requests, 5);
    assert_eq!(poll.instances(), 3);
}

/// Runs one poll through a runner, with an observer that only remembers.
async fn run_once(script: &Script, board: &Arc<Board>) -> Vec<(bool, bool)> {
    #[derive(Default)]
    struct Notes(Mutex<Vec<(bool, bool)>>);
    impl Observer for Notes {
        fn poll_finished(&self, report: &Report<'_>) {
            let ended = report.poll.is_some();
            let succeeded = report.poll.is_some_and(TargetPoll::succeeded);
            self.0.lock().unwrap().push((ended, succeeded));
        }
        fn poll_overrun(&self) {}
    }
    let mut target = Bench::new().target;
    target.api = appstreaming::Client::new(script.clone(), 100);
    let notes = Arc::new(Notes::default());
    let runner = Runner {
        target,
        board: Arc::clone(board),
        observer: Arc::clone(&notes) as Arc<dyn Observer>,
        meter: Arc::new(Meter::new(Arc::new(()))),
    };
    runner.poll_once(|| at(100)).await;
    notes.0.lock().unwrap().clone()
}

fn board(targets: &[&str], stale_after: i64) -> Arc<Board> {
    let states = targets.iter().map(|name| TargetState::new("a".into(), (*name).into())).collect();
    Arc::new(Board::new(states, SignedDuration::from_secs(stale_after), TimeZone::UTC))
}

#[tokio::test]
async fn a_panic_in_a_poll_is_a_failed_poll_and_nothing_more() {
    let script = Script::default();
    script.groups(&["g1"]);
    let board = board(&["CloudApp"], 300);
    assert_eq!(run_once(&script, &board).await, [(true, true)]);

    script.on("ListAppInstances", "g1", Answer::Panic);
    assert_eq!(run_once(&script, &board).await, [(false, false)]);
    let snapshot = Arc::clone(&board.subscribe().borrow());
    assert_eq!(snapshot.targets[0].up, Some(false));
    assert_eq!(snapshot.groups.len(), 1, "the last good data stays");
}

#[tokio::test]
async fn what_is_too_old_is_no_longer_published_while_health_stays() {
    let script = Script::default();
    script.groups(&["g1"]);
    let board = board(&["CloudApp"], 300);
    run_once(&script, &board).await;
    board.publish(at(399));
    assert_eq!(board.subscribe().borrow().groups.len(), 1);
    board.publish(at(400));
    let snapshot = Arc::clone(&board.subscribe().borrow());
    assert!(snapshot.groups.is_empty());
    assert_eq!((snapshot.targets[0].up, snapshot.targets[0].last_success), (Some(true), Some(at(100))));
}

#[tokio::test(start_paused = true)]
async fn the_board_publishes_by_itself_when_something_gets_too_old() {
    let script = Script::default();
    script.groups(&["g1"]);
    let board = board(&["CloudApp"], 300);
    run_once(&script, &board).await;

    // The clock follows tokio's, which is paused and runs ahead whenever nothing else is to do.
    let start = tokio::time::Instant::now();
    let clock = move || at(100) + SignedDuration::try_from(start.elapsed()).unwrap();
    let mut snapshots = board.subscribe();
    snapshots.borrow_and_update();
    let keeper = tokio::spawn({
        let board = Arc::clone(&board);
        async move { board.keep(clock).await }
    });
    snapshots.changed().await.unwrap();
    assert!(snapshots.borrow().groups.is_empty());
    assert!(start.elapsed() >= Duration::from_secs(300) && start.elapsed() < Duration::from_secs(301));
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn polls_start_an_interval_apart_and_never_overlap() {
    let script = Script::default();
    script.groups(&["g1"]);
    let board = board(&["CloudApp"], 300);
    let mut snapshots = board.subscribe();
    let mut target = Bench::new().target;
    target.api = appstreaming::Client::new(script.clone(), 100);
    struct Overruns(Mutex<u32>);
    impl Observer for Overruns {
        fn poll_finished(&self, _: &Report<'_>) {}
        fn poll_overrun(&self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let overruns = Arc::new(Overruns(Mutex::new(0)));
    target.timeout = Duration::from_secs(25);
    let runner = Runner {
        target,
        board: Arc::clone(&board),
        observer: Arc::clone(&overruns) as Arc<dyn Observer>,
        meter: Arc::new(Meter::new(Arc::new(()))),
    };
    let schedule = Schedule { interval: Duration::from_secs(10), first_delay: Duration::from_secs(1) };
    let start = tokio::time::Instant::now();
    let running = tokio::spawn(async move { runner.run(schedule, || at(100)).await });

    let mut ends = Vec::new();
    for poll in 0..4 {
        snapshots.changed().await.unwrap();
        snapshots.borrow_and_update();
        ends.push(start.elapsed().as_secs());
        // The third poll hangs until its time is up, 25 s; the next one waits for the interval.
        let answer = if poll == 1 { Answer::Never } else { Answer::Body(r#"{"TotalCount": 0}"#.into()) };
        script.on("ListAppInstances", "g1", answer);
    }
    assert_eq!(ends, [1, 11, 46, 51]);
    assert_eq!(*overruns.0.lock().unwrap(), 1);
    running.abort();
}

#[tokio::test]
async fn a_board_with_other_targets_keeps_what_is_known_of_those_that_stay() {
    let script = Script::default();
    script.groups(&["g1"]);
    let board = board(&["CloudApp"], 300);
    run_once(&script, &board).await;
    let targets = |names: &[&str]| -> Vec<(Arc<str>, Arc<str>)> {
        names.iter().map(|name| ("a".into(), (*name).into())).collect()
    };
    let change = |names: &[&str]| {
        board.change(targets(names), SignedDuration::from_secs(300), TimeZone::UTC, at(110));
        Arc::clone(&board.subscribe().borrow())
    };

    let more = change(&["Other", "CloudApp"]);
    let up: Vec<_> = more.targets.iter().map(|health| (&*health.target, health.up)).collect();
    assert_eq!(up, [("Other", None), ("CloudApp", Some(true))]);
    assert_eq!(more.groups.len(), 1, "published at once, nothing lost");

    assert!(change(&["Other"]).groups.is_empty());
    run_once(&script, &board).await;
    let late = Arc::clone(&board.subscribe().borrow());
    assert_eq!((late.targets.len(), late.groups.len()), (1, 0), "a poll that ends late is dropped");
}
