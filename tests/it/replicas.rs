//! Restarts, and two replicas that share one poll.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::link::Link;
use crate::support::{Cloud, Exporter, Exposition, binary, eventually, http, run, throughout, within};

pub const TOKEN: &str = "replicas.token=0123456789abcdef";
pub const STARTED: &str = "appstreaming_group_sessions_started_total";
/// The simulated users start sessions at this time.
const BUSY: [&str; 2] = ["--start", "2026-03-04T10:30:00+08:00"];

pub fn cloud(groups: &str) -> Cloud {
    Cloud::start(&[&["--groups", groups][..], &BUSY].concat())
}

/// All requests that the cloud has received.
pub fn requests(cloud: &Cloud) -> u64 {
    cloud.stats()["requests"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum()
}

fn keeping(state: &Path, more: &[&str]) -> Vec<String> {
    let path = format!("state.path={}", state.display());
    [&path, "state.interval=1s"].into_iter().chain(more.iter().copied()).map(str::to_owned).collect()
}

/// An exporter that polls `cloud` with these settings.
fn start(cloud: &Cloud, settings: &[String]) -> Exporter {
    let mut all = Exporter::settings(cloud, &[]);
    all.extend(settings.iter().cloned());
    Exporter::start(&all)
}

/// The lines of a scrape that every replica has in common.
pub fn fleet(exporter: &Exporter) -> String {
    let own = ["appstreaming_exporter_", "process_"];
    let is_own = |line: &str| {
        let name = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")).unwrap_or(line);
        own.iter().any(|prefix| name.starts_with(prefix))
    };
    let body = exporter.get("/metrics").body;
    body.lines().filter(|line| !is_own(line)).map(|line| format!("{line}\n")).collect()
}

/// The value of every counter of the fleet, by its name and labels.
fn counters(exposition: &str) -> BTreeMap<String, f64> {
    let is_counter = |line: &&str| {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        !line.starts_with('#')
            && (name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_bucket"))
    };
    let lines = exposition.lines().filter(is_counter);
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

pub fn assert_no_counter_goes_down(before: &str, after: &str) {
    let after = counters(after);
    for (series, value) in counters(before) {
        let now = after.get(&series).copied();
        assert!(now.is_some_and(|now| now >= value), "{series}: {value} became {now:?}");
    }
}

fn role(exposition: &Exposition) -> Option<f64> {
    exposition.value("appstreaming_exporter_replica_active", &[])
}

pub fn is_active(exporter: &Exporter) -> bool {
    role(&exporter.scrape()) == Some(1.0)
}

/// Two replicas of a pair on fixed ports.
struct Pair {
    cloud: Cloud,
    ports: [u16; 2],
}

impl Pair {
    fn new() -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = [free(), free()];
        Self { cloud: cloud("4"), ports: listeners.map(|listener| listener.local_addr().unwrap().port()) }
    }

    /// The settings of one of the replicas.
    fn settings(&self, number: usize, more: &[&str]) -> Vec<String> {
        let role = format!("replicas.role={}", ["primary", "standby"][number]);
        let peer = format!("replicas.peer=http://127.0.0.1:{}", self.ports[1 - number]);
        let all = ["replicas.mode=pair", "replicas.takeover_after=3s", &role, &peer];
        Exporter::settings(&self.cloud, &[&all[..], more].concat())
    }

    /// `binary` with a subcommand, and with the settings of one of the replicas.
    fn command(&self, subcommand: &str, number: usize, settings: &[&str]) -> Command {
        let mut command = binary();
        let all = self.settings(number, settings);
        command.arg(subcommand).args(all.iter().flat_map(|setting| ["--set", setting]));
        command
    }

    fn replica(&self, number: usize, settings: &[&str]) -> Exporter {
        self.listening(number, &mut self.command("run", number, settings))
    }

    /// An exporter that polls the cloud, on the port of a replica.
    fn run(&self, number: usize, settings: &[&str]) -> Exporter {
        let all = Exporter::settings(&self.cloud, settings);
        let mut command = binary();
        command.arg("run").args(all.iter().flat_map(|setting| ["--set", setting]));
        self.listening(number, &mut command)
    }

    fn listening(&self, number: usize, command: &mut Command) -> Exporter {
        let address = format!("127.0.0.1:{}", self.ports[number]);
        Exporter::spawn_as_is(command.args(["--web.listen-address", &address]))
    }

    fn primary(&self) -> Exporter {
        self.replica(0, &[TOKEN])
    }

    fn standby(&self) -> Exporter {
        self.replica(1, &[TOKEN])
    }
}

#[test]
fn a_restart_continues_every_counter() {
    let directory = tempfile::tempdir().unwrap();
    let (cloud, state) = (cloud("4"), directory.path().join("state"));
    let first = start(&cloud, &keeping(&state, &[]));
    first.first_poll();
    cloud.control(&json!({"jump_seconds": 600}));
    first.scrape_until("sessions have started", |exposition| exposition.sum(STARTED, &[]) > 0.0);
    let before = fleet(&first);
    assert_eq!(first.end("-TERM").0, 0);

    let second = start(&cloud, &keeping(&state, &[]));
    second.first_poll();
    assert_no_counter_goes_down(&before, &fleet(&second));
    let restores = [("source", "file"), ("result", "ok")];
    assert_eq!(second.scrape().value("appstreaming_exporter_state_restores_total", &restores), Some(1.0));
}

#[test]
fn without_the_cloud_a_restart_serves_the_last_data_at_once_and_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let (mut cloud, state) = (cloud("4"), directory.path().join("state"));
    let first = start(&cloud, &keeping(&state, &[]));
    first.first_poll();
    first.end("-TERM");
    cloud.stop();

    let started = Instant::now();
    let second = start(&cloud, &keeping(&state, &[]));
    within(Duration::from_secs(5), "ready", || (second.get("/-/ready").status == 200).then_some(()));
    let exposition = second.scrape();
    let took = started.elapsed();
    assert!(exposition.sum("appstreaming_group_instances", &[]) > 0.0);
    let fetched = exposition.value("appstreaming_target_poll_timestamp_seconds", &[]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(fetched.is_some_and(|at| at < now && at > now - 60.0), "{fetched:?}, after {took:?}");
}

/// Starts an exporter that listens on `port`, and checks that the first response has the fleet.
fn assert_first_response_has_the_fleet(port: u16, start: impl FnOnce() -> Exporter) -> Exporter {
    let url = format!("http://127.0.0.1:{port}/metrics");
    let first = std::thread::spawn(move || {
        let started = Instant::now();
        loop {
            match http::try_get(&url) {
                Ok(response) => return response.body,
                Err(error) => assert!(started.elapsed().as_secs() < 30, "{error}"),
            }
        }
    });
    let exporter = start();
    let first = first.join().unwrap();
    assert!(first.contains("appstreaming_group_instances{"), "{first}\n{}", exporter.log());
    exporter
}

#[test]
fn the_first_response_after_a_restart_has_the_series_of_the_fleet() {
    let directory = tempfile::tempdir().unwrap();
    let (pair, state) = (Pair::new(), directory.path().join("state"));
    let kept = format!("state.path={}", state.display());
    let single = || pair.run(0, &[&kept, "poll.interval=1h"]);
    let first = single();
    first.first_poll();
    first.end("-TERM");
    drop(assert_first_response_has_the_fleet(pair.ports[0], single));

    let (primary, standby) = (pair.primary(), pair.standby());
    standby.first_poll();
    drop(standby);
    let standby = assert_first_response_has_the_fleet(pair.ports[1], || pair.standby());
    primary.end("-TERM");
    within(Duration::from_secs(10), "the standby polls", || is_active(&standby).then_some(()));
    assert_first_response_has_the_fleet(pair.ports[0], || pair.primary());
}

#[test]
fn a_restart_loop_sends_no_more_requests() {
    let directory = tempfile::tempdir().unwrap();
    let (cloud, state) = (cloud("4"), directory.path().join("state"));
    let settings = keeping(&state, &["poll.interval=1h"]);
    let first = start(&cloud, &settings);
    first.first_poll();
    eventually("the state is written", || state.exists().then_some(()));
    let once = requests(&cloud);
    first.end("-KILL");
    for restart in 0..20 {
        let exporter = start(&cloud, &settings);
        exporter.first_poll();
        exporter.end(if restart % 2 == 0 { "-KILL" } else { "-TERM" });
    }
    assert_eq!(requests(&cloud), once);
}

#[test]
fn a_state_file_that_cannot_be_used_is_reported_and_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    let (cloud, state) = (cloud("2"), directory.path().join("state"));
    let first = start(&cloud, &keeping(&state, &[]));
    first.first_poll();
    first.end("-TERM");
    let good = fs::read(&state).unwrap();
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut future = good.clone();
    future[8] += 1;
    for (result, bytes, settings) in [
        ("damaged", damaged, &[][..]),
        ("damaged", good[..good.len() - 1].to_vec(), &[]),
        ("damaged", b"something else".to_vec(), &[]),
        ("version", future, &[]),
        ("foreign", good, &["accounts.0.name=other"]),
    ] {
        fs::write(&state, &bytes).unwrap();
        let exporter = start(&cloud, &keeping(&state, settings));
        let exposition = exporter.first_poll();
        let labels = [("source", "file"), ("result", result)];
        assert_eq!(exposition.value("appstreaming_exporter_state_restores_total", &labels), Some(1.0));
        let (_, log) = exporter.end("-KILL");
        let warning = log.lines().find(|line| line.contains("the state file is not used"));
        assert!(warning.is_some_and(|line| line.contains("state.rejected")), "{result}: {log}");
        assert_eq!(fs::read(directory.path().join("state.rejected")).unwrap(), bytes);
    }
}

#[test]
fn a_state_file_that_cannot_be_written_is_a_warning_and_nothing_else() {
    let cloud = cloud("2");
    let exporter = start(&cloud, &keeping(Path::new("/does/not/exist/state"), &[]));
    exporter.first_poll();
    eventually("a warning", || exporter.log().contains("/does/not/exist/state").then_some(()));
    assert_eq!(exporter.end("-TERM").0, 0);
}

#[test]
fn a_standby_serves_the_same_fleet_and_sends_no_request() {
    let pair = Pair::new();
    let (primary, standby) = (pair.primary(), pair.standby());
    standby.first_poll();
    assert_eq!((is_active(&primary), is_active(&standby)), (true, false));
    pair.cloud.control(&json!({"jump_seconds": 600}));
    primary.scrape_until("sessions have started", |exposition| exposition.sum(STARTED, &[]) > 0.0);
    eventually("the same bytes", || (fleet(&primary) == fleet(&standby)).then_some(()));
    drop(primary);
    let before = requests(&pair.cloud);
    assert!(!fleet(&standby).is_empty());
    assert_eq!(requests(&pair.cloud), before, "the standby does not poll yet");
}

#[test]
fn a_primary_that_ends_hands_over_at_once_and_takes_back_when_it_returns() {
    let pair = Pair::new();
    let (primary, standby) = (pair.primary(), pair.standby());
    standby.first_poll();
    pair.cloud.control(&json!({"jump_seconds": 600}));
    standby.scrape_until("sessions have started", |exposition| exposition.sum(STARTED, &[]) > 0.0);
    let before = fleet(&standby);
    assert_eq!(primary.end("-TERM").0, 0);
    within(Duration::from_secs(2), "the standby polls", || is_active(&standby).then_some(()));
    let taken_over = standby.scrape();
    assert_eq!(taken_over.value("appstreaming_exporter_takeovers_total", &[]), Some(1.0));
    assert_no_counter_goes_down(&before, &fleet(&standby));

    pair.cloud.control(&json!({"jump_seconds": 600}));
    let before = fleet(&standby);
    let primary = pair.primary();
    primary.first_poll();
    assert_no_counter_goes_down(&before, &fleet(&primary));
    within(Duration::from_secs(10), "the primary polls", || {
        (is_active(&primary) && !is_active(&standby)).then_some(())
    });
    assert_no_counter_goes_down(&before, &fleet(&standby));
    assert_eq!(primary.scrape().value("appstreaming_exporter_takeovers_total", &[]), Some(0.0));
}

#[test]
fn a_standby_that_is_busy_when_the_primary_ends_takes_over_as_soon_as_it_can() {
    let pair = Pair::new();
    let (primary, standby) =
        (pair.replica(0, &[TOKEN]), pair.replica(1, &[TOKEN, "replicas.takeover_after=1h"]));
    standby.first_poll();
    standby.signal("-STOP");
    let polled =
        |exposition: &Exposition| exposition.value("appstreaming_target_poll_timestamp_seconds", &[]);
    let before = polled(&primary.scrape());
    primary.scrape_until("a state that the standby does not serve", |exposition| polled(exposition) > before);
    primary.signal("-TERM");
    throughout(Duration::from_millis(1500), "the primary waits for the standby", || {
        http::try_get(&format!("{}/-/ready", primary.url)).is_ok()
    });
    standby.signal("-CONT");
    within(Duration::from_secs(10), "the standby polls", || is_active(&standby).then_some(()));
}

#[test]
fn a_standby_takes_over_from_a_primary_that_is_killed_or_hangs() {
    let pair = Pair::new();
    let (primary, standby) = (pair.primary(), pair.standby());
    standby.first_poll();
    primary.signal("-STOP");
    within(Duration::from_secs(10), "the standby polls", || is_active(&standby).then_some(()));
    primary.signal("-CONT");
    within(Duration::from_secs(10), "the primary is back", || (!is_active(&standby)).then_some(()));
    assert!(is_active(&primary));

    let before = fleet(&standby);
    primary.end("-KILL");
    within(Duration::from_secs(10), "the standby polls", || is_active(&standby).then_some(()));
    assert_no_counter_goes_down(&before, &fleet(&standby));
}

#[test]
#[ignore = "takes more than a minute and needs a real Prometheus: just end-to-end"]
fn prometheus_sees_no_gap_and_counts_every_event_during_rollouts_and_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log").display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/replicas/rollouts.py");
    let short = ["--duration", "60", "--rollouts", "6", "--interval", "5", "--takeover-after", "3"];
    let mut command = Command::new("python3");
    command.args(["-B", script, env!("CARGO_BIN_EXE_appstreaming-exporter"), "--log", &log]).args(short);
    let finished = run(&mut command);
    let log = fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(finished.status, 0, "{}{}{log}", finished.stdout, finished.stderr);
}

#[test]
fn in_a_partition_both_replicas_poll_and_after_it_the_standby_follows_the_primary() {
    let pair = Pair::new();
    let link = Link::to(pair.ports[0]);
    let primary = pair.primary();
    let standby = pair.replica(1, &[TOKEN, &format!("replicas.peer={}", link.url)]);
    standby.first_poll();
    assert!(!is_active(&standby));
    link.cut(true);
    within(Duration::from_secs(10), "both poll", || is_active(&standby).then_some(()));
    assert!(is_active(&primary));
    pair.cloud.control(&json!({"jump_seconds": 600}));
    for replica in [&primary, &standby] {
        replica.scrape_until("sessions have started", |exposition| exposition.sum(STARTED, &[]) > 0.0);
    }
    link.cut(false);
    within(Duration::from_secs(10), "one polls", || (!is_active(&standby)).then_some(()));
    assert!(is_active(&primary));
    eventually("the same bytes", || (fleet(&primary) == fleet(&standby)).then_some(()));
}

#[test]
fn a_standby_whose_token_is_refused_is_not_ready_and_does_not_poll() {
    let pair = Pair::new();
    let primary = pair.primary();
    primary.first_poll();
    let standby = pair.replica(1, &["replicas.token=fedcba9876543210"]);
    eventually("an error", || standby.log().contains("refuses replicas.token").then_some(()));
    throughout(Duration::from_secs(4), "it does not take over", || !is_active(&standby));
    let ready = standby.get("/-/ready");
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(ready.body.contains("replicas.token"), "{}", ready.body);
    assert!(!standby.get("/metrics").body.contains("appstreaming_group_instances"));
    assert!(!standby.log().contains("fedcba9876543210"));
}

#[test]
fn the_state_needs_the_token() {
    let pair = Pair::new();
    let primary = pair.primary();
    primary.first_poll();
    let refused = primary.get("/-/state");
    assert_eq!((refused.status, refused.body.as_str()), (401, ""));
    let single = start(&pair.cloud, &[]);
    assert_eq!(http::get(&format!("{}/-/state", single.url)).status, 404);
}

#[test]
fn the_doctor_asks_the_other_replica_only_online() {
    let pair = Pair::new();
    let check = |settings: &[&str], online: bool| {
        let mut command = pair.command("check", 1, settings);
        run(if online { command.arg("--online") } else { &mut command })
    };
    let away = check(&[TOKEN], true);
    assert_eq!(away.status, 0, "{}", away.stdout);
    assert!(away.stdout.contains("does not answer"), "{}", away.stdout);

    let primary = pair.primary();
    primary.first_poll();
    let accepted = check(&[TOKEN], true);
    assert_eq!(accepted.status, 0, "{}", accepted.stdout);
    assert!(accepted.stdout.contains("accepts the token: its role is active"), "{}", accepted.stdout);

    const WRONG: &str = "replicas.token=fedcba9876543210";
    let refused = check(&[WRONG], true);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(refused.stdout.contains("refuses replicas.token"), "{}", refused.stdout);
    assert!(refused.stdout.contains("1 problem with replicas"), "{}", refused.stdout);
    let offline = check(&[WRONG], false);
    assert_eq!(offline.status, 0, "{}", offline.stdout);
    assert!(offline.stdout.contains("the standby of a pair with"), "{}", offline.stdout);
}
