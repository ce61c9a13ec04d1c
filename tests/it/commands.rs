//! The commands other than `run`: their output and their exit statuses.

use serde_json::json;

use crate::fleet::assert_equals_truth;
use crate::support::{Cloud, Exposition, binary, run};

/// Flags (`--set`) for an account that uses this cloud, and for further settings.
pub fn settings(cloud: &Cloud, more: &[&str]) -> Vec<String> {
    let mut all = cloud.account(0, "test");
    all.extend(more.iter().map(ToString::to_string));
    all.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

#[test]
fn once_prints_the_exposition_of_one_poll() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let finished = run(binary().arg("once").args(settings(&cloud, &[])));
    assert_eq!(finished.status, 0, "{}", finished.stderr);
    let exposition = Exposition::parse(&finished.stdout);
    assert_equals_truth(&exposition, &cloud.truth());
    assert!(
        exposition.names().all(|name| name.starts_with("appstreaming_")),
        "process_* metrics would collide with those of the collector that reads the file"
    );
}

#[test]
fn once_writes_its_file_atomically_and_exits_with_1_if_a_target_failed() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("appstreaming.prom");
    let once = || {
        run(binary().arg("once").arg("--output").arg(&file).args(settings(&cloud, &["api.max_retries=0"])))
    };

    assert_eq!(once().status, 0);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_equals_truth(&Exposition::parse(&written), &cloud.truth());

    cloud.control(&json!({"faults": [{"fault": {"error": {"code": "Forbidden.NoPermission"}}}]}));
    let failed = once();
    assert_eq!(failed.status, 1);
    assert!(failed.stderr.contains("Forbidden.NoPermission"), "{}", failed.stderr);
    let after = Exposition::parse(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(after.value("appstreaming_up", &[]), Some(0.0));
    let remaining: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(remaining, ["appstreaming.prom"], "no temporary file remains");

    let nowhere = run(binary().args(["once", "--output", "/nowhere/x.prom"]).args(settings(&cloud, &[])));
    assert_eq!(nowhere.status, 1);
    assert!(nowhere.stderr.contains("/nowhere/x.prom"), "{}", nowhere.stderr);
}

#[test]
fn the_printed_catalogue_equals_the_reference_in_the_documentation() {
    let printed = run(binary().args(["catalog", "--format", "markdown"]));
    let reference = include_str!("../../docs/metrics.md");
    assert!(printed.stdout == reference, "docs/metrics.md is out of date: run `just generate`");
}

#[test]
fn version_help_and_usage_errors_have_the_usual_exit_statuses() {
    let version = run(binary().arg("--version"));
    assert_eq!(version.status, 0);
    assert!(version.stdout.starts_with("appstreaming-exporter 0."), "{}", version.stdout);

    let help = run(binary().arg("--help"));
    assert_eq!(help.status, 0);
    for command in ["run", "demo", "simulate", "once", "check", "list", "catalog"] {
        assert!(help.stdout.contains(command), "{command}");
    }
    assert_eq!(run(binary().arg("--no-such-flag")).status, 2);
    assert_eq!(run(binary().arg("no-such-command")).status, 2);
}

#[test]
fn an_address_in_use_is_an_error_and_not_a_panic() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cloud = Cloud::start(&["--groups", "1"]);
    let finished = run(binary().args(["run", "--web.listen-address", &address]).args(settings(&cloud, &[])));
    assert_eq!(finished.status, 1);
    assert!(finished.stderr.contains(&address), "{}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
