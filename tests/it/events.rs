//! The counters of events are held against the events that the simulated cloud counts itself.
//!
//! The exporter only compares listings. In the simulation nothing changes between two steps of
//! [`STEP`], so counts are equal if every step is listed, and lower if steps are not listed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Cloud, Exporter, Exposition, eventually};

/// The length of a step of the simulation, seconds.
const STEP: u64 = 10;
/// A busy time of a working day: the simulated users behave the same at each run of the tests.
const START: &str = "2026-03-04T10:30:00+08:00";
/// The statuses in which an instance can serve a session.
const READY: [&str; 3] = ["IDLE", "BOUND", "RUNNING"];
/// Counters without further labels, each with its path in the events of the truth.
const COUNTERS: [(&str, &str); 6] = [
    ("sessions_started_total", "/sessions_started"),
    ("sessions_ended_total", "/sessions_ended"),
    ("session_disconnects_total", "/disconnects"),
    ("session_reconnects_total", "/reconnects"),
    ("instance_ready_seconds_count", "/ready/count"),
    ("session_duration_seconds_count", "/bindings/count"),
];

/// The simulated cloud and an exporter that polls it, with what the exporter cannot know.
pub struct Watch {
    cloud: Cloud,
    pub exporter: Exporter,
    /// The simulated time of the first poll, seconds.
    start: u64,
    /// For each step that was listed: the real times between which the exporter saw it, seconds.
    seen: Vec<(f64, f64)>,
    /// Instances that were starting at the first poll, and have not been ready since. The exporter
    /// did not see them appear, so it does not observe how long their start takes.
    starting: BTreeSet<String>,
    /// The number of those that became ready, by group.
    unobserved: BTreeMap<String, f64>,
}

impl Watch {
    /// Waits for the first poll, which is the baseline of all counters.
    pub fn start(cloud: &[&str], settings: &[&str]) -> Self {
        let cloud = Cloud::start(&[cloud, &["--start", START]].concat());
        let exporter = Exporter::polling(&cloud, settings);
        exporter.first_poll();
        let truth = details(&cloud);
        let not_ready = |(_, instance): &(String, &Value)| !is_ready(instance);
        let starting = instances(&truth).filter(not_ready).map(|(_, instance)| id(instance)).collect();
        let start = truth["now"].as_f64().expect("the simulated time") as u64;
        Self { cloud, exporter, start, seen: Vec::new(), starting, unobserved: BTreeMap::new() }
    }

    /// Moves the simulated time forward.
    fn jump(&self, seconds: u64) {
        self.cloud.control(&json!({"jump_seconds": seconds}));
    }

    /// Simulates one step, and waits until the exporter has listed it: until its counts equal the
    /// truth.
    pub fn step(&mut self) -> Exposition {
        let before = real_time();
        self.jump(STEP);
        let truth = self.truth();
        let exposition = self.scrape_until_equal(&truth);
        self.seen.push((before, real_time()));
        exposition
    }

    /// The truth with every instance. Follows the instances that were starting at the first poll.
    fn truth(&mut self) -> Value {
        let truth = details(&self.cloud);
        for (group, instance) in instances(&truth).filter(|(_, instance)| is_ready(instance)) {
            if self.starting.remove(&id(instance)) {
                *self.unobserved.entry(group).or_default() += 1.0;
            }
        }
        truth
    }

    fn scrape_until_equal(&self, truth: &Value) -> Exposition {
        let mut last = (Instant::now(), Vec::new());
        eventually("the counts equal the truth", || {
            let exposition = self.exporter.scrape();
            let differences = self.differences(&exposition, truth);
            if differences.is_empty() {
                return Some(exposition);
            }
            if differences != last.1 {
                last = (Instant::now(), differences);
            }
            assert!(last.0.elapsed().as_secs() < 10, "not the truth: {:#?}", last.1);
            None
        })
    }

    /// Every count that is not the one of the truth.
    fn differences(&self, exposition: &Exposition, truth: &Value) -> Vec<String> {
        let counts = groups(truth).iter().flat_map(|group| self.counts(exposition, group));
        let different = counts.filter(|count| count.exported != Some(count.truth));
        different.map(|count| format!("{count:?}")).collect()
    }

    /// The counts of a group, exported and true.
    fn counts(&self, exposition: &Exposition, group: &Value) -> Vec<Count> {
        let id = group["group_id"].as_str().expect("group_id");
        let count = |name: &str, status: Option<&str>, truth: f64| {
            let labels: Vec<_> =
                [("group_id", id)].into_iter().chain(status.map(|s| ("status", s))).collect();
            let exported = exposition.value(&format!("appstreaming_group_{name}"), &labels);
            Count { what: format!("{name} {labels:?}"), exported, truth }
        };
        let events = &group["events"];
        let mut counts = Vec::new();
        for (status, truth) in events["entered"].as_object().expect("counts by status") {
            counts.push(count("instances_entered_total", Some(status), number(truth)));
        }
        for (status, truth) in group["instances"].as_object().expect("counts by status") {
            counts.push(count("instances", Some(status), number(truth)));
        }
        for (name, path) in COUNTERS {
            let unobserved = match name {
                "instance_ready_seconds_count" => self.unobserved.get(id).copied().unwrap_or_default(),
                _ => 0.0,
            };
            let truth = number(events.pointer(path).unwrap_or_else(|| panic!("no {path} in {events}")));
            counts.push(count(name, None, truth - unobserved));
        }
        counts
    }

    /// Whether the exporter's time `observed` belongs to the simulated time `since`: the time of the
    /// poll that saw the step, or the same time if nothing has changed since the first poll.
    fn is_observed_time_of(&self, observed: f64, since: u64) -> bool {
        if since <= self.start {
            return observed == since as f64;
        }
        let step = (since - self.start).div_ceil(STEP) as usize;
        let (from, to) = self.seen[step - 1];
        (from.floor()..=to).contains(&observed)
    }
}

/// One count of one group.
#[derive(Debug)]
struct Count {
    what: String,
    exported: Option<f64>,
    truth: f64,
}

fn details(cloud: &Cloud) -> Value {
    crate::support::http::get(&format!("{}/_truth?details=true", cloud.url)).json()
}

fn groups(truth: &Value) -> &Vec<Value> {
    truth["groups"].as_array().expect("groups")
}

/// Every instance with the id of its group.
fn instances(truth: &Value) -> impl Iterator<Item = (String, &Value)> {
    groups(truth).iter().flat_map(|group| {
        let id = group["group_id"].as_str().expect("group_id").to_owned();
        let list = group["instance_list"].as_array().expect("instances");
        list.iter().map(move |instance| (id.clone(), instance))
    })
}

fn id(instance: &Value) -> String {
    instance["instance_id"].as_str().expect("instance_id").to_owned()
}

fn is_ready(instance: &Value) -> bool {
    instance["status"].as_str().is_some_and(|status| READY.contains(&status))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// The sum of an event's count over all groups of the truth.
fn total(truth: &Value, path: &str) -> f64 {
    groups(truth).iter().map(|group| number(group["events"].pointer(path).expect("a count"))).sum()
}

/// Unix seconds.
fn real_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs_f64()
}

#[test]
fn every_count_exists_and_is_0_at_the_first_scrape() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let exposition = Exporter::polling(&cloud, &[]).first_poll();
    let truth = cloud.truth();
    for group in groups(&truth) {
        let group_id = ("group_id", group["group_id"].as_str().unwrap());
        for status in group["events"]["entered"].as_object().unwrap().keys() {
            let labels = [group_id, ("status", status.as_str())];
            let entered = exposition.value("appstreaming_group_instances_entered_total", &labels);
            assert_eq!(entered, Some(0.0), "{labels:?}");
        }
        for (name, _) in COUNTERS {
            let value = exposition.value(&format!("appstreaming_group_{name}"), &[group_id]);
            assert_eq!(value, Some(0.0), "{name} of {group_id:?}");
        }
    }
}

#[test]
fn every_event_is_counted_once_if_each_step_is_polled() {
    let arguments = ["--groups", "8", "--instances-per-group", "250", "--seed", "3"];
    let mut watch = Watch::start(&arguments, &[]);
    let mut exposition = Exposition::default();
    for _ in 0..12 {
        exposition = watch.step();
    }

    let truth = details(&watch.cloud);
    for (name, path) in COUNTERS {
        assert!(total(&truth, path) > 0.0, "{name}: the simulation has no such event");
        assert!(exposition.sum(&format!("appstreaming_group_{name}"), &[]) > 0.0, "{name}");
    }
    for group in groups(&truth) {
        let group_id = ("group_id", group["group_id"].as_str().unwrap());
        // A listing is taken before the last step of a session, so each duration is one step short.
        let bindings = &group["events"]["bindings"];
        assert_eq!(
            exposition.value("appstreaming_group_session_duration_seconds_sum", &[group_id]),
            Some(number(&bindings["seconds_sum"]) - number(&bindings["count"]) * STEP as f64),
            "{group_id:?}"
        );
        let since = "appstreaming_group_instance_oldest_since_timestamp_seconds";
        let oldest = group["oldest_since"].as_object().unwrap();
        assert_eq!(exposition.series(since, &[group_id]).count(), oldest.len(), "{group_id:?}");
        for (status, oldest) in oldest {
            let observed = exposition.value(since, &[group_id, ("status", status)]).expect("a sample");
            let fits = watch.is_observed_time_of(observed, oldest.as_u64().unwrap());
            assert!(fits, "{status} of {group_id:?}: since {oldest}, observed {observed}");
        }
        let oldest = group["oldest_disconnected"].as_u64();
        let name = "appstreaming_group_session_disconnected_oldest_timestamp_seconds";
        let observed = exposition.value(name, &[group_id]);
        assert_eq!(observed.is_some(), oldest.is_some(), "{group_id:?}");
        if let (Some(observed), Some(oldest)) = (observed, oldest) {
            let fits = watch.is_observed_time_of(observed, oldest);
            assert!(fits, "{group_id:?}: disconnected since {oldest}, observed {observed}");
        }
    }
}

#[test]
fn events_that_no_poll_sees_are_left_out_but_never_invented() {
    let mut watch = Watch::start(&["--groups", "4", "--instances-per-group", "80", "--seed", "5"], &[]);
    let bound = |truth: &Value| -> f64 {
        let connected = |group: &Value| number(&group["sessions_in_use"]);
        groups(truth).iter().map(connected).sum()
    };
    let before = bound(&watch.truth());
    for _ in 0..4 {
        watch.jump(900);
        let truth = watch.truth();
        // The number of instances in each status shows that the exporter has listed the change.
        let exposition = watch.exporter.scrape_until("the instances of the truth", |exposition| {
            let counts = groups(&truth).iter().flat_map(|group| watch.counts(exposition, group));
            let mut gauges = counts.filter(|count| count.what.starts_with("instances "));
            gauges.all(|count| count.exported == Some(count.truth))
        });
        for count in groups(&truth).iter().flat_map(|group| watch.counts(&exposition, group)) {
            // An instance that was starting at the first poll may have become ready unseen.
            let is_ready = count.what.starts_with("instance_ready_seconds");
            let unseen = if is_ready { watch.unobserved.values().sum::<f64>() } else { 0.0 };
            let most = count.truth + unseen;
            assert!(count.exported.is_some_and(|exported| exported <= most), "{count:?}");
        }
        let sum = |name: &str| exposition.sum(&format!("appstreaming_group_{name}"), &[]);
        let (started, ended) = (sum("sessions_started_total"), sum("sessions_ended_total"));
        assert_eq!(started - ended, bound(&truth) - before, "sessions that go on are not lost");
        assert_eq!(sum("session_duration_seconds_count"), ended);
    }
    let truth = details(&watch.cloud);
    let exposition = watch.exporter.scrape();
    let seen = exposition.sum("appstreaming_group_instances_entered_total", &[("status", "CLOSING")]);
    assert!(seen < total(&truth, "/entered/CLOSING"), "the polls saw every event: the test shows nothing");
}

#[test]
fn a_group_that_one_listing_misses_keeps_its_counts() {
    let arguments = ["--groups", "11", "--instances-per-group", "60"];
    let mut watch = Watch::start(&arguments, &["poll.page_size=10"]);
    for _ in 0..3 {
        watch.step();
    }
    // A listing without its last page, on which the last group is.
    let missed = groups(&details(&watch.cloud))[10].clone();
    let missed_id = [("group_id", missed["group_id"].as_str().unwrap())];
    let short = json!({"operation": "ListAppInstanceGroup", "fault": {"total_count": {"add": -1}}});
    watch.cloud.control(&json!({"faults": [short]}));
    let is_listed =
        |exposition: &Exposition| exposition.value("appstreaming_group_info", &missed_id).is_some();
    let without = watch.exporter.scrape_until("one group is missed", |exposition| !is_listed(exposition));
    assert_eq!(without.series("appstreaming_group_info", &[]).count(), 10);
    assert_eq!(without.value("appstreaming_up", &[]), Some(1.0));

    watch.jump(STEP);
    watch.cloud.control(&json!({"faults": []}));
    let truth = watch.truth();
    let exposition = watch.scrape_until_equal(&truth);
    assert!(is_listed(&exposition));
    let entered = missed["events"]["entered"].as_object().unwrap();
    assert!(entered.values().map(number).sum::<f64>() > 0.0, "no count could be lost");
}

#[test]
fn an_inconsistent_listing_changes_the_gauges_but_no_count() {
    let mut watch = Watch::start(&["--groups", "3", "--instances-per-group", "120"], &[]);
    watch.step();
    let before = watch.exporter.scrape();
    let wrong = json!({"operation": "ListAppInstances", "fault": {"total_count": {"add": 1}}});
    watch.cloud.control(&json!({"faults": [wrong]}));
    watch.jump(STEP);
    let truth = watch.truth();
    let exposition = watch.exporter.scrape_until("the gauges change", |exposition| {
        groups(&truth).iter().all(|group| {
            let labels = [("group_id", group["group_id"].as_str().unwrap())];
            let name = "appstreaming_group_session_usage_duration_seconds";
            exposition.value(name, &labels) == Some(number(&group["usage_seconds_sum"]))
        })
    });
    for name in COUNTERS.map(|(name, _)| name).into_iter().chain(["instances_entered_total"]) {
        let name = format!("appstreaming_group_{name}");
        let counts = |exposition: &Exposition| -> Vec<_> {
            exposition.series(&name, &[]).map(|(labels, value)| (labels.clone(), value)).collect()
        };
        assert_eq!(counts(&exposition), counts(&before), "{name}");
    }
    let inconsistent = [("operation", "ListAppInstances")];
    let name = "appstreaming_exporter_paging_inconsistencies_total";
    assert!(exposition.sum(name, &inconsistent) > 0.0);
    assert!(!watch.differences(&exposition, &truth).is_empty(), "nothing happened: the test shows nothing");

    watch.cloud.control(&json!({"faults": []}));
    watch.scrape_until_equal(&truth);
}
