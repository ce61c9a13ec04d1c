//! `demo`, the first command that a newcomer runs.

use crate::fleet::assert_equals_truth;
use crate::support::{Exporter, binary, eventually, http};

fn demo(arguments: &[&str]) -> Exporter {
    let mut command = binary();
    command.arg("demo").args(arguments);
    Exporter::spawn(&mut command)
}

#[test]
fn the_demo_shows_a_fleet_without_an_account_a_network_or_a_file() {
    let exporter = demo(&["--speed", "0"]);
    let exposition = exporter.first_poll();
    let truth = http::get(&exporter.truth_url()).json();
    assert_equals_truth(&exposition, &truth);
    assert_eq!(exposition.value("appstreaming_up", &[("account", "demo")]), Some(1.0));
    let output = exporter.log();
    for part in ["/metrics", "page", "/_truth"] {
        assert!(output.contains(part), "{output}");
    }
}

#[test]
fn flags_set_the_size_of_the_demo_fleet_and_the_seed_determines_it() {
    let sizes = ["--groups", "3", "--instances-per-group", "17", "--speed", "0"];
    let seen = |seed: &str| {
        let exporter = demo(&[&sizes[..], &["--seed", seed]].concat());
        let exposition = exporter.first_poll();
        assert_eq!(exposition.series("appstreaming_group_info", &[]).count(), 3);
        assert_eq!(exposition.sum("appstreaming_group_instances", &[]), 51.0);
        let ids: Vec<String> = exposition
            .series("appstreaming_group_info", &[])
            .map(|(labels, _)| labels["group_id"].clone())
            .collect();
        ids
    };
    assert_eq!(seen("5"), seen("5"));
    assert_ne!(seen("5"), seen("6"));
}

#[test]
fn sessions_start_and_end_in_the_demo_fleet() {
    let exporter = demo(&["--speed", "600", "--set", "poll.interval=1s"]);
    exporter.first_poll();
    eventually("sessions start and end", || {
        let exposition = exporter.scrape();
        let started = exposition.sum("appstreaming_group_sessions_started_total", &[]);
        let ended = exposition.sum("appstreaming_group_sessions_ended_total", &[]);
        (started > 0.0 && ended > 0.0).then_some(())
    });
}
