//! Every alert fires in a real Prometheus and arrives at a real Alertmanager, without any other
//! alert. A scenario of the simulated cloud causes it, unless its cause is not in the cloud. In a
//! scenario without an alert, none fires.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use appstreaming_exporter::simulator::{SCENARIOS, Scenario};
use serde_json::Value;

use crate::prometheus::Prometheus;
use crate::support::{Exporter, binary, http, run, within};

pub const RULES: [(&str, &str); 4] = [
    ("appstreaming-recording.yml", include_str!("../../deploy/prometheus/rules/appstreaming-recording.yml")),
    ("appstreaming-groups.yml", include_str!("../../deploy/prometheus/rules/appstreaming-groups.yml")),
    ("appstreaming-capacity.yml", include_str!("../../deploy/prometheus/rules/appstreaming-capacity.yml")),
    ("appstreaming-exporter.yml", include_str!("../../deploy/prometheus/rules/appstreaming-exporter.yml")),
];
pub const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// The divisor of the durations in rules (`for`, ranges, offsets): a week becomes a minute.
const FACTOR: u64 = 7 * 24 * 60;
/// The minimum of a shortened duration, in seconds: long enough for several polls.
const MIN_SECONDS: u64 = 10;
/// The poll interval of each exporter whose scenario does not set it.
const POLL: &str = "poll.interval=2s";
/// The time for which exactly the expected alerts must fire.
const STABLE_TIME: Duration = Duration::from_secs(15);

/// Alerts without a cause in the cloud. For them, the test stops an exporter, gives another one an
/// invalid configuration, and runs replicas and a second Prometheus without any target.
const WITHOUT_SCENARIO: [&str; 7] = [
    "AppStreamingExporterDown",
    "AppStreamingExporterAbsent",
    "AppStreamingConfigReloadFailed",
    "AppStreamingNoActiveReplica",
    "AppStreamingReplicaStateOld",
    "AppStreamingSeveralActiveReplicas",
    "AppStreamingStateRestoreFailed",
];

fn alerts() -> BTreeSet<&'static str> {
    let lines = RULES.iter().flat_map(|(_, text)| text.lines());
    lines.filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn every_alert_has_a_scenario_or_a_test_and_a_section_in_the_runbook() {
    let tested: BTreeSet<&str> =
        SCENARIOS.iter().filter_map(|scenario| scenario.alert).chain(WITHOUT_SCENARIO).collect();
    assert_eq!(tested, alerts());

    let sections: BTreeSet<&str> = RUNBOOK
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter(|title| title.starts_with("AppStreaming"))
        .collect();
    assert_eq!(sections, alerts(), "the runbook has one section for each alert");
    for (file, text) in RULES {
        let links = text.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: docs/runbook.md#"));
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- alert: "))
            .map(str::to_lowercase)
            .collect();
        assert_eq!(links.collect::<Vec<_>>(), expected, "{file}");
    }
}

#[test]
fn the_scenarios_are_listed_with_their_alerts() {
    let listed = run(binary().args(["simulate", "--scenario", "list"]));
    assert_eq!(listed.status, 0, "{}", listed.stderr);
    for scenario in SCENARIOS {
        let line = listed.stdout.lines().find(|line| line.starts_with(&format!("{} ", scenario.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not in {}", scenario.name, listed.stdout));
        assert!(line.contains(scenario.about) && line.contains(scenario.alert.unwrap_or("-")), "{line}");
    }
    let rejected = run(binary().args(["demo", "--scenario", "no-such"]));
    assert_eq!(rejected.status, 1);
    assert!(rejected.stderr.contains("--scenario list"), "{}", rejected.stderr);
}

#[test]
#[ignore = "needs Debian's promtool and prometheus-alertmanager: just end-to-end"]
fn the_rules_and_inhibitions_are_valid() {
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus");
    for command in [
        format!("promtool check rules {deploy}/rules/*.yml"),
        format!("promtool test rules {deploy}/tests/*.yml"),
        format!("amtool check-config {deploy}/alertmanager.yml"),
    ] {
        let checked = run(Command::new("sh").args(["-c", &command]));
        assert_eq!(checked.status, 0, "{command}: {}{}", checked.stdout, checked.stderr);
    }
}

#[test]
#[ignore = "needs Debian's prometheus and prometheus-alertmanager: just alerts"]
fn each_alert_fires_for_its_scenario_and_for_no_other() {
    let directory = tempfile::tempdir().expect("a directory for the configuration");
    let mut exporters: BTreeMap<String, Exporter> =
        SCENARIOS.iter().map(|scenario| (job(scenario.name), demo(scenario.name, &[]))).collect();
    exporters.insert(job("down"), demo("calm", &[]));
    let settings = directory.path().join("exporter.toml");
    std::fs::write(&settings, "").expect("written");
    exporters.insert(job("invalid"), demo("calm", &["--config.file", &settings.display().to_string()]));
    let replicas = Replicas::start(directory.path());
    let alertmanager = Alertmanager::start(directory.path());
    let of_scenarios = exporters.iter().map(|(job, exporter)| (job.as_str(), exporter.url.as_str()));
    let of_replicas = replicas.jobs(&exporters[&job("calm")]);
    let targets = of_replicas.iter().map(|(job, exporter)| (job.as_str(), exporter.url.as_str()));
    let targets: Vec<_> = of_scenarios.chain(targets).collect();
    let number = targets.len();
    let configuration = write_configuration(directory.path(), targets.into_iter(), &alertmanager.address);
    let prometheus = Prometheus::with(&configuration, &["--rules.alert.resend-delay=5s"]);
    let other_directory = tempfile::tempdir().expect("a directory for the other configuration");
    let without = write_configuration(other_directory.path(), std::iter::empty(), &alertmanager.address);
    let _idle = Prometheus::with(&without, &["--rules.alert.resend-delay=5s"]);
    within(Duration::from_secs(60), "every exporter is scraped", || {
        (prometheus.query("up == 1").len() == number).then_some(())
    });
    drop(exporters.remove(&job("down")));
    std::fs::write(&settings, "poll.timeout = \"soon\"\n").expect("written");
    exporters[&job("invalid")].signal("-HUP");

    let scenarios = SCENARIOS.iter().filter_map(|scenario| Some((job(scenario.name), scenario.alert?)));
    let others = [
        (job("no-active"), "AppStreamingNoActiveReplica"),
        (job("old-state"), "AppStreamingReplicaStateOld"),
        (job("several"), "AppStreamingSeveralActiveReplicas"),
        (job("unrestored"), "AppStreamingStateRestoreFailed"),
        (job("down"), "AppStreamingExporterDown"),
        (job("invalid"), "AppStreamingConfigReloadFailed"),
        // This alert is about missing series, so it has no label `job`.
        (String::new(), "AppStreamingExporterAbsent"),
    ];
    let expected: BTreeMap<String, BTreeSet<String>> =
        scenarios.chain(others).map(|(job, alert)| (job, BTreeSet::from([alert.to_owned()]))).collect();
    let url = format!("http://{}/api/v2/alerts?active=true&inhibited=false", alertmanager.address);
    let mut alone_since: Option<Instant> = None;
    let mut last = String::new();
    let deadline = Instant::now() + Duration::from_secs(170);
    while alone_since.is_none_or(|since| since.elapsed() < STABLE_TIME) {
        assert!(Instant::now() < deadline, "the alerts differ from the expected ones:\n{last}");
        let found = notified(&url);
        last = differences(&found, &expected);
        // Throttling is random, so its alert may pause. An unexpected alert is always an error.
        let unexpected = last.lines().any(|line| line.starts_with('+'));
        match alone_since {
            None if last.is_empty() => alone_since = Some(Instant::now()),
            Some(_) => assert!(!unexpected, "unexpected alerts:\n{last}"),
            None => {}
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    for scenario in SCENARIOS {
        assert_page_and_json_agree(scenario, &exporters[&job(scenario.name)]);
    }
}

/// Exporters that are replicas of each other, or that continue from a file.
struct Replicas {
    primary: Exporter,
    /// The primary refuses its token, so it neither serves its state nor takes over.
    refused: Exporter,
    /// Its state file is damaged.
    unrestored: Exporter,
}

impl Replicas {
    fn start(directory: &Path) -> Self {
        let replica = |role: &str, peer: &str, token: &str| {
            let settings = [
                "replicas.mode=pair".to_owned(),
                format!("replicas.role={role}"),
                format!("replicas.peer={peer}"),
                format!("replicas.token={token}"),
            ];
            demo("calm", &settings.each_ref().map(|setting| ["--set", setting]).concat())
        };
        // Nothing listens on the port of the primary's peer.
        let primary = replica("primary", "http://127.0.0.1:9", "0123456789abcdef");
        let refused = replica("standby", &primary.url, "fedcba9876543210");
        let state = directory.join("state");
        std::fs::write(&state, "not a state").expect("written");
        let unrestored = demo("calm", &["--set", &format!("state.path={}", state.display())]);
        Self { primary, refused, unrestored }
    }

    /// Job and exporter of each target. `other` polls the same groups as the primary.
    fn jobs<'a>(&'a self, other: &'a Exporter) -> [(String, &'a Exporter); 6] {
        [
            (job("no-active"), &self.refused),
            (job("old-state"), &self.primary),
            (job("old-state"), &self.refused),
            (job("several"), &self.primary),
            (job("several"), other),
            (job("unrestored"), &self.unrestored),
        ]
    }
}

/// The problem that an alert reports is on the page and in the JSON, with the severity of the
/// alert. Where no alert fires, the page shows that all is well.
fn assert_page_and_json_agree(scenario: &Scenario, exporter: &Exporter) {
    let (name, page) = (scenario.name, exporter.get("/").body);
    let fleet = exporter.get("/api/v1/fleet").json();
    let mut found = BTreeSet::new();
    collect_problems(&fleet, &mut found);
    let heading = page.split("id=\"verdict\"").nth(1).and_then(|rest| rest.split("</h1>").next());
    let heading = heading.unwrap_or_else(|| panic!("{name}: no heading in {page}"));
    // A slow machine may make polls late. Prometheus sees that only within the last seconds, because
    // this test shortens durations.
    let is_late = |(_, kind): &(String, String)| kind == "poll_overruns";
    let late = scenario.alert != Some("AppStreamingPollOverruns") && found.iter().any(is_late);
    let is_well = heading.contains(" well<");
    let all_well = is_well || late;
    found.retain(|problem| !late || !is_late(problem));
    let Some(alert) = scenario.alert else {
        assert!(all_well, "{name}: {heading} {found:?}");
        assert!(found.iter().all(|(severity, _)| severity == "info"), "{name}: {found:?}");
        return;
    };
    if alert == "AppStreamingStartsGettingSlow" {
        // Only Prometheus has the times of the week before.
        return;
    }
    let severity = severity(alert);
    let kind = snake_case(alert.trim_start_matches("AppStreaming"));
    if alert == "AppStreamingScaleOutNotFollowing" {
        // The page shows the problem after 15 minutes, and why it is about to do so from the start.
        let groups = fleet["groups"].as_array().expect("groups");
        assert!(groups.iter().any(|group| group["sessions"]["scale_out"] == "due"), "{name}: {fleet}");
        return;
    }
    assert!(found.contains(&(severity.to_owned(), kind.clone())), "{name}: {kind} is not in {found:?}");
    assert!(page.contains(&format!("id=\"problem-{severity}-{kind}\"")), "{name}: {page}");
    assert!(all_well || severity != "info", "{name}: {heading} {found:?}");
    assert!(!is_well || severity == "info", "{name}: {heading} {found:?}");
}

/// Adds severity and kind of every problem in a JSON document.
fn collect_problems(value: &Value, found: &mut BTreeSet<(String, String)>) {
    if let (Some(severity), Some(kind)) = (value["severity"].as_str(), value["kind"].as_str()) {
        found.insert((severity.to_owned(), kind.to_owned()));
    }
    value.as_array().into_iter().flatten().for_each(|element| collect_problems(element, found));
    value.as_object().into_iter().flatten().for_each(|(_, field)| collect_problems(field, found));
}

/// The severity of an alert.
fn severity(alert: &str) -> &'static str {
    let start = format!("- alert: {alert}\n");
    let rule = RULES.iter().find_map(|(_, text)| text.split(start.as_str()).nth(1)).expect("a rule");
    let label = rule.lines().find_map(|line| line.trim().strip_prefix("severity: "));
    label.expect("every alert has a severity")
}

/// A name in upper camel case as one in snake case: `ExpiresIn7Days` is `expires_in_7_days`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    let mut previous = '_';
    for character in name.chars() {
        let begins_word =
            character.is_ascii_uppercase() || (character.is_ascii_digit() && !previous.is_ascii_digit());
        if begins_word && !text.is_empty() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
        previous = character;
    }
    text
}

/// Debian's Alertmanager with the configuration that the project ships.
struct Alertmanager {
    child: Child,
    address: SocketAddr,
}

impl Alertmanager {
    fn start(directory: &Path) -> Self {
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let child = Command::new("prometheus-alertmanager")
            .arg(concat!("--config.file=", env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/alertmanager.yml"))
            .arg(format!("--storage.path={}", directory.join("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's prometheus-alertmanager is installed");
        Self { child, address }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn job(name: &str) -> String {
    format!("appstreaming-{name}")
}

/// A scenario with an alert gets only the groups that it needs, because all exporters share the
/// processors of this machine. One without an alert has all kinds of groups, and one with settings
/// has the number of groups that its settings are made for.
fn demo(scenario: &str, arguments: &[&str]) -> Exporter {
    let scenario = Scenario::named(scenario).expect("a scenario");
    let mut command = binary();
    command.args(["demo", "--scenario", scenario.name]);
    if scenario.alert.is_some() && scenario.settings.is_empty() {
        command.args(["--groups", &scenario.min_groups().max(1).to_string()]);
    }
    if !scenario.settings.iter().any(|setting| setting.starts_with("poll.interval=")) {
        command.args(["--set", POLL]);
    }
    Exporter::spawn(command.args(arguments))
}

/// Alerts for which Alertmanager would send notifications, by job.
fn notified(url: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Ok(response) = http::try_get(url) else { return found };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for alert in response.json().as_array().into_iter().flatten() {
        let labels = &alert["labels"];
        found.entry(text(&labels["job"])).or_default().insert(text(&labels["alertname"]));
    }
    found
}

/// One line for each difference: `+ job: alert` for an unexpected alert, `- job: alert` for a
/// missing one.
fn differences(
    found: &BTreeMap<String, BTreeSet<String>>,
    expected: &BTreeMap<String, BTreeSet<String>>,
) -> String {
    let none = BTreeSet::new();
    let mut text = String::new();
    for job in found.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
        let (found, expected) = (found.get(job).unwrap_or(&none), expected.get(job).unwrap_or(&none));
        for alert in found.difference(expected) {
            let _ = writeln!(text, "+ {job}: {alert}");
        }
        for alert in expected.difference(found) {
            let _ = writeln!(text, "- {job}: {alert}");
        }
    }
    text
}

/// Writes the shipped rules with shortened durations, and a configuration with them and with these
/// targets (job and URL). Returns the path of the configuration.
pub fn write_configuration<'a>(
    directory: &Path,
    targets: impl Iterator<Item = (&'a str, &'a str)>,
    alertmanager: &SocketAddr,
) -> String {
    for (file, text) in RULES {
        std::fs::write(directory.join(file), with_short_durations(text)).expect("written");
    }
    let mut config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['*.yml']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n\
         scrape_configs:\n"
    );
    let mut jobs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (job, url) in targets {
        jobs.entry(job).or_default().push(format!("'{}'", url.trim_start_matches("http://")));
    }
    for (job, addresses) in jobs {
        let addresses = addresses.join(", ");
        let _ = writeln!(config, "  - {{job_name: {job}, static_configs: [{{targets: [{addresses}]}}]}}");
    }
    let file = directory.join("prometheus.yaml");
    std::fs::write(&file, config).expect("written");
    file.display().to_string()
}

/// Shortens every `for`, `keep_firing_for`, range and offset of the rules.
fn with_short_durations(rules: &str) -> String {
    let mut text = String::new();
    for line in rules.lines() {
        let mut rest = line;
        let starts = ["for: ", "keep_firing_for: "];
        if let Some(start) = starts.iter().find(|start| line.trim_start().starts_with(**start)) {
            let (before, duration) = line.split_at(line.find(start).expect("just found") + start.len());
            let _ = writeln!(text, "{before}{}", shortened(duration));
            continue;
        }
        while let Some(at) = rest.find(['[', 'o']) {
            let opens = [("[", "]"), ("offset ", ")")];
            let found =
                opens.iter().find(|(open, _)| rest[at..].starts_with(open)).and_then(|(open, close)| {
                    let inside = &rest[at + open.len()..];
                    let duration = &inside[..inside.find(close)?];
                    seconds(duration).is_some().then_some((open.len(), duration))
                });
            match found {
                Some((open, duration)) => {
                    text += &rest[..at + open];
                    text += &shortened(duration);
                    rest = &rest[at + open + duration.len()..];
                }
                None => {
                    text += &rest[..=at];
                    rest = &rest[at + 1..];
                }
            }
        }
        text += rest;
        text.push('\n');
    }
    text
}

fn shortened(duration: &str) -> String {
    let seconds = seconds(duration).unwrap_or_else(|| panic!("{duration} is a duration"));
    format!("{}s", (seconds / FACTOR).max(MIN_SECONDS))
}

fn seconds(duration: &str) -> Option<u64> {
    let (number, unit) = duration.split_at(duration.len().checked_sub(1)?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * unit)
}

#[test]
fn shortening_the_rules_changes_every_duration_and_nothing_else() {
    let rules = "expr: min_over_time(x[7d] offset 7d) and foo{code=~\"(A)([.].*)?\"}\nfor: 30m\nkeep_firing_for: 5m\n";
    assert_eq!(
        with_short_durations(rules),
        "expr: min_over_time(x[60s] offset 60s) and foo{code=~\"(A)([.].*)?\"}\nfor: 10s\nkeep_firing_for: 10s\n"
    );
    let all: String = RULES.iter().map(|(_, text)| with_short_durations(text)).collect();
    assert!(!all.contains("[7d]") && !all.contains("offset 7d") && !all.contains("for: 30m"));
}
