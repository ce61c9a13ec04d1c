//! Failures: the exporter reports them, keeps valid values, and never shows old values as new.

use serde_json::json;

use crate::fleet::assert_equals_truth;
use crate::support::{Cloud, Exporter, eventually};

fn first_group(cloud: &Cloud) -> String {
    cloud.truth()["groups"][0]["group_id"].as_str().unwrap().to_owned()
}

#[test]
fn an_outage_keeps_the_last_values_and_marks_the_target_as_down() {
    let cloud = Cloud::start(&["--groups", "4"]);
    let exporter = Exporter::polling(&cloud, &["api.max_retries=0"]);
    exporter.first_poll();
    cloud.control(&json!({"faults": [{"fault": {"error": {"code": "ServiceUnavailable"}}}]}));

    let exposition =
        exporter.scrape_until("up is 0", |exposition| exposition.value("appstreaming_up", &[]) == Some(0.0));
    assert_equals_truth(&exposition, &cloud.truth());
    let rejected = [("code", "ServiceUnavailable")];
    assert!(exposition.sum("appstreaming_exporter_api_requests_total", &rejected) > 0.0);

    cloud.control(&json!({"faults": []}));
    exporter
        .scrape_until("up is 1 again", |exposition| exposition.value("appstreaming_up", &[]) == Some(1.0));
}

#[test]
fn values_older_than_stale_after_are_removed_while_the_target_stays_visible() {
    let mut cloud = Cloud::start(&["--groups", "3"]);
    let exporter = Exporter::polling(&cloud, &["poll.stale_after=5s", "api.max_retries=0"]);
    assert_eq!(exporter.first_poll().series("appstreaming_group_info", &[]).count(), 3);
    cloud.stop();

    let exposition =
        exporter.scrape_until("the groups are gone", |exposition| !exposition.has("appstreaming_group_info"));
    assert!(!exposition.has("appstreaming_group_instances"));
    assert!(!exposition.has("appstreaming_group_refreshed_timestamp_seconds"));
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(0.0));
    assert!(exposition.value("appstreaming_target_poll_timestamp_seconds", &[]).is_some());
    assert_eq!(
        exporter.get("/-/healthy").status,
        200,
        "an outage of the cloud does not make the exporter unhealthy"
    );
}

#[test]
fn a_failing_group_does_not_affect_the_others() {
    let cloud = Cloud::start(&["--groups", "4"]);
    let exporter = Exporter::polling(&cloud, &["api.max_retries=0"]);
    exporter.first_poll();
    let failing = first_group(&cloud);
    cloud.control(&json!({"faults": [{
        "operation": "ListAppInstances", "group_id": failing, "fault": {"error": {"code": "InternalError"}}
    }]}));

    let refreshed = |exposition: &crate::support::Exposition, group: &str| {
        let labels = [("group_id", group), ("operation", "ListAppInstances")];
        exposition.value("appstreaming_group_refreshed_timestamp_seconds", &labels).unwrap()
    };
    let before = exporter.scrape_until("up is 0", |e| e.value("appstreaming_up", &[]) == Some(0.0));
    let other = cloud.truth()["groups"][1]["group_id"].as_str().unwrap().to_owned();
    let after = exporter.scrape_until("the other groups are refreshed", |exposition| {
        refreshed(exposition, &other) > refreshed(&before, &other)
    });
    assert_eq!(refreshed(&after, &failing), refreshed(&before, &failing), "old values must not look new");
    assert_equals_truth(&after, &cloud.truth());
}

#[test]
fn a_failing_account_does_not_affect_the_others() {
    let good = Cloud::start(&["--groups", "3", "--seed", "1"]);
    let bad = Cloud::start(&["--groups", "3", "--seed", "2"]);
    bad.control(&json!({"faults": [{"fault": {"error": {"code": "Forbidden.NoPermission"}}}]}));
    let mut settings = good.account(0, "good");
    settings.extend(bad.account(1, "bad"));
    settings.push("poll.interval=1s".into());
    let exporter = Exporter::start(&settings);

    let exposition = exporter.first_poll();
    assert_eq!(exposition.value("appstreaming_up", &[("account", "good")]), Some(1.0));
    assert_eq!(exposition.value("appstreaming_up", &[("account", "bad")]), Some(0.0));
    assert_equals_truth(&exposition, &good.truth());
    let log = exporter.log();
    assert!(
        log.contains("Forbidden.NoPermission") && log.contains("AliyunAppStreamingReadOnlyAccess"),
        "{log}"
    );
}

#[test]
fn a_group_that_is_no_longer_listed_is_removed_at_the_next_poll() {
    let cloud = Cloud::start(&["--groups", "4"]);
    let exporter = Exporter::polling(&cloud, &[]);
    exporter.first_poll();
    let gone = first_group(&cloud);
    cloud.control(&json!({"delete_groups": [gone]}));
    let exposition = exporter.scrape_until("the group is gone", |exposition| {
        exposition.series("appstreaming_group_info", &[("group_id", &gone)]).count() == 0
    });
    assert_equals_truth(&exposition, &cloud.truth());
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(1.0));
}

#[test]
fn throttling_slows_the_exporter_down_without_losing_data() {
    let cloud = Cloud::start(&["--groups", "10", "--requests-per-second", "5"]);
    let exporter = Exporter::polling(
        &cloud,
        &["poll.interval=60s", "api.requests_per_second=200", "api.max_retries=8", "api.max_in_flight=2"],
    );
    let exposition = exporter.first_poll();
    assert_equals_truth(&exposition, &cloud.truth());
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(1.0));
    let throttled =
        exposition.sum("appstreaming_exporter_api_requests_total", &[("code", "Throttling.User")]);
    assert!(throttled > 0.0);
    let limit = exposition.value("appstreaming_exporter_api_rate_limit", &[]).unwrap();
    assert!(limit < 200.0, "the rate is still {limit}");
    assert!(exposition.sum("appstreaming_exporter_api_retries_total", &[]) > 0.0);
}

#[test]
fn broken_responses_are_protocol_errors_and_are_retried() {
    for fault in [json!("truncate"), json!("drop"), json!("html")] {
        let cloud = Cloud::start(&["--groups", "3"]);
        cloud.control(&json!({"faults": [{"requests": 2, "fault": fault}]}));
        let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
        let exposition = exporter.first_poll();
        assert_eq!(exposition.value("appstreaming_up", &[]), Some(1.0), "{fault}");
        assert_equals_truth(&exposition, &cloud.truth());
        assert!(exposition.sum("appstreaming_exporter_api_retries_total", &[]) >= 1.0, "{fault}");
    }
}

#[test]
fn a_response_beyond_the_size_limit_is_rejected() {
    let cloud = Cloud::start(&["--groups", "2"]);
    cloud.control(&json!({"faults": [{"fault": {"huge": {"bytes": 3_000_000}}}]}));
    let exporter = Exporter::polling(&cloud, &["api.max_response_bytes=1MiB", "api.max_retries=0"]);
    let exposition = exporter.first_poll();
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(0.0));
    assert!(exporter.log().contains("max_response_bytes"), "{}", exporter.log());
}

#[test]
fn a_listing_with_a_wrong_total_count_is_published_and_counted() {
    let cloud = Cloud::start(&["--groups", "2"]);
    cloud.control(
        &json!({"faults": [{"operation": "ListAppInstances", "fault": {"total_count": {"add": 3}}}]}),
    );
    let exporter = Exporter::polling(&cloud, &[]);
    let exposition = exporter.first_poll();
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(1.0));
    let truth = cloud.truth();
    assert_eq!(
        exposition.sum("appstreaming_group_instances", &[]),
        truth["totals"]["instances"].as_f64().unwrap()
    );
    let inconsistent = [("operation", "ListAppInstances")];
    assert!(exposition.sum("appstreaming_exporter_paging_inconsistencies_total", &inconsistent) > 0.0);
}

#[test]
fn a_null_list_with_a_positive_total_fails_instead_of_showing_an_empty_fleet() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let exporter = Exporter::polling(&cloud, &["api.max_retries=0"]);
    exporter.first_poll();
    cloud.control(&json!({"faults": [{"operation": "ListAppInstances", "fault": "null_list"}]}));
    let exposition = exporter.scrape_until("up is 0", |e| e.value("appstreaming_up", &[]) == Some(0.0));
    assert_equals_truth(&exposition, &cloud.truth());
}

#[test]
fn wrong_credentials_are_reported_without_being_shown() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let secret = "a-secret-that-must-not-leak-7731";
    let exporter =
        Exporter::polling(&cloud, &[&format!("accounts.0.credentials.access_key_secret={secret}")]);
    let exposition = exporter.first_poll();
    assert_eq!(exposition.value("appstreaming_up", &[]), Some(0.0));
    assert!(
        exposition.sum("appstreaming_exporter_api_requests_total", &[("code", "SignatureDoesNotMatch")])
            >= 1.0
    );
    let served =
        [exporter.get("/metrics"), exporter.get("/config"), exporter.get("/")].map(|response| response.body);
    let (_, log) = exporter.end("-TERM");
    for text in served.iter().chain([&log]) {
        assert!(!text.contains(secret));
        assert!(!text.contains(appstreaming_exporter::simulator::ACCESS_KEY_ID), "{text}");
    }
}

#[test]
fn nothing_secret_is_logged_at_any_level() {
    let cloud = Cloud::start(&["--groups", "2"]);
    cloud.control(&json!({"faults": [{"share": 0.5, "fault": {"error": {"code": "InternalError"}}}]}));
    for signature in ["v2", "v3"] {
        let settings = Exporter::settings(&cloud, &[&format!("api.signature={signature}")]);
        let mut command = crate::support::binary();
        command.args(["run", "--log.level", "trace"]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        let exporter = Exporter::spawn(&mut command);
        exporter.first_poll();
        let (status, log) = exporter.end("-INT");
        assert_eq!(status, 0);
        for secret in [
            appstreaming_exporter::simulator::ACCESS_KEY_SECRET,
            appstreaming_exporter::simulator::ACCESS_KEY_ID,
            "Signature=",
            "Authorization: ",
            "ACS3-HMAC-SHA256 Credential",
        ] {
            assert!(!log.contains(secret), "{signature}: {secret} in the log");
        }
    }
}

#[test]
fn transitions_and_sessions_are_counted_between_polls() {
    let cloud = Cloud::start(&["--groups", "1", "--instances-per-group", "20"]);
    let exporter = Exporter::polling(&cloud, &["collectors.transitions=true"]);
    let before = exporter.first_poll();
    for name in ["instance_transitions_total", "instances_entered_total"] {
        let name = format!("appstreaming_group_{name}");
        assert_eq!(before.sum(&name, &[]), 0.0, "the first poll is the baseline");
    }
    assert_eq!(before.value("appstreaming_group_sessions_started_total", &[]), Some(0.0));

    cloud.control(&json!({"speed": 600.0, "frozen": false}));
    let after = exporter.scrape_until("instances change", |exposition| {
        exposition.sum("appstreaming_group_instance_transitions_total", &[]) > 0.0
            && exposition.sum("appstreaming_group_sessions_started_total", &[]) > 0.0
            && exposition.sum("appstreaming_group_sessions_ended_total", &[]) > 0.0
    });
    for (labels, _) in after.series("appstreaming_group_instance_transitions_total", &[]) {
        assert_ne!(labels["from"], labels["to"]);
    }
}

#[test]
fn the_first_terminating_signal_drains_and_exits_with_success() {
    let cloud = Cloud::start(&["--groups", "1"]);
    for signal in ["-TERM", "-INT"] {
        let exporter = Exporter::polling(&cloud, &[]);
        exporter.first_poll();
        let (status, log) = exporter.end(signal);
        assert_eq!(status, 0, "{signal}: {log}");
    }
}

#[test]
fn readiness_waits_for_every_target_but_health_does_not() {
    let cloud = Cloud::start(&["--groups", "2", "--latency", "400ms"]);
    let exporter = Exporter::polling(&cloud, &[]);
    assert_eq!(exporter.get("/-/healthy").status, 200);
    let early = exporter.get("/-/ready");
    assert_eq!(early.status, 503, "{}", early.body);
    assert!(early.body.contains("test/CloudApp"), "{}", early.body);
    let scrape = exporter.scrape();
    assert!(!scrape.has("appstreaming_group_info") && scrape.has("appstreaming_exporter_build_info"));
    eventually("ready", || (exporter.get("/-/ready").status == 200).then_some(()));
}
