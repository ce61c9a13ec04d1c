//! Which requests polls send.

use serde_json::Value;

use crate::fleet::assert_equals_truth;
use crate::support::{Cloud, Exporter, Exposition, eventually};

const PERSISTENT: &str = "ListPersistentAppInstances";

/// The number of groups, and of those whose persistent sessions every poll lists.
fn groups(cloud: &Cloud) -> (u64, u64) {
    let truth = cloud.truth();
    let groups = truth["groups"].as_array().unwrap();
    let can_have_sessions =
        |group: &&Value| group["auth_mode"] == "Session" || group["persistent_total"] != 0;
    (groups.len() as u64, groups.iter().filter(can_have_sessions).count() as u64)
}

/// The cloud's numbers of polls and of listings of persistent sessions, after six polls.
fn after_six_polls(cloud: &Cloud) -> (u64, u64) {
    eventually("six polls", || {
        let requests = &cloud.stats()["requests"];
        let polls = requests["ListAppInstanceGroup"].as_u64()?;
        Some((polls, requests[PERSISTENT].as_u64()?)).filter(|_| polls >= 6)
    })
}

#[test]
fn groups_that_do_not_fit_into_one_poll_are_all_served() {
    let cloud = Cloud::start(&["--groups", "8", "--instances-per-group", "1000"]);
    let small = ["poll.timeout=3s", "poll.interval=3s", "api.requests_per_second=20"];
    let exporter = Exporter::polling(&cloud, &small);
    let exposition = exporter.scrape_until("every group is served", |exposition| {
        exposition.series("appstreaming_group_instances", &[("status", "IDLE")]).count() == 8
    });
    assert!(exposition.sum("appstreaming_group_instances", &[]) > 7_000.0);
    let requests = cloud.stats()["requests"]["ListAppInstances"].as_u64().unwrap();
    assert!(requests < 200, "{requests} requests for 80 pages");
    let known = exporter.scrape_until("all sizes are known", |exposition| planned(exposition) >= 81);
    assert!(planned(&known) <= 89, "1 of groups, 80 of instances, up to 8 of sessions");
}

fn planned(exposition: &Exposition) -> u64 {
    exposition.value("appstreaming_exporter_poll_planned_requests", &[]).unwrap() as u64
}

#[test]
fn groups_without_persistent_sessions_are_not_asked_for_them_by_every_poll() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let (groups, with_sessions) = groups(&cloud);
    assert!(with_sessions > 0 && with_sessions < groups, "{with_sessions} of {groups}");
    let exporter = Exporter::polling(&cloud, &[]);
    let first = exporter.first_poll();
    let second = exporter.scrape_until("the second poll", |exposition| planned(exposition) < planned(&first));
    assert_eq!(planned(&first) - planned(&second), groups - with_sessions);

    let (polls, listings) = after_six_polls(&cloud);
    assert!(polls < 10, "the test is too slow to see less than ten polls");
    let every_poll = groups - with_sessions + polls * with_sessions;
    assert!(listings <= every_poll, "{listings} listings in {polls} polls, instead of {every_poll}");
    assert_equals_truth(&exporter.scrape(), &cloud.truth());
}

#[test]
fn a_configured_interval_of_persistent_sessions_holds_for_every_group() {
    let cloud = Cloud::start(&["--groups", "4"]);
    let exporter = Exporter::polling(&cloud, &["poll.persistent_interval=1h", "poll.stale_after=5s"]);
    exporter.first_poll();
    let (polls, listings) = after_six_polls(&cloud);
    assert_eq!(listings, 4, "each group once in {polls} polls");
    let exposition = exporter.scrape();
    let refreshed = [("operation", PERSISTENT)];
    let fresh = exposition.series("appstreaming_group_refreshed_timestamp_seconds", &refreshed);
    assert_eq!(fresh.count(), 4, "the data is served for three of its own intervals");
    let fleet = exporter.get("/api/v1/fleet").json();
    assert!(!fleet.to_string().contains("\"stale\""), "{fleet:#}");
}
