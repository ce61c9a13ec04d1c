//! Credentials that expire while the exporter runs: no poll fails, and accounts do not affect each
//! other.

use std::fs;
use std::time::{Duration, Instant};

use appstreaming_exporter::simulator::{
    ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID, OIDC_PROVIDER, OTHER_ACCOUNTS_ROLE, ROLE,
};
use serde_json::json;

use super::machine::{EXPIRY, Machine, assert_no_poll_failed, guarded, laptop, oidc_token, refreshes};
use crate::support::{Cloud, Exposition};

#[test]
fn no_poll_fails_while_the_credentials_of_any_source_are_replaced() {
    let of_uri = Machine::new("3s").key("source", "uri");
    let uri = format!("{}/credentials?key=opens-it", of_uri.cloud.url);
    let on_ecs = Machine::new("3s").variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "");
    let chained = Machine::new("3s").pod().key("source", "assume_role").key("role_arn", OTHER_ACCOUNTS_ROLE);
    let machines = [
        // A pod with RRSA, an ECS instance, a laptop: only the addresses of the simulated services
        // are configured.
        ("oidc_role", Machine::new("3s").pod().at_cloud("sts_endpoint")),
        ("ecs_ram_role", on_ecs.at_cloud("metadata_endpoint")),
        ("cli_profile", laptop()),
        ("uri", of_uri.key("uri", &uri)),
        ("assume_role", guarded(EXTERNAL_ID)),
        ("assume_role", chained.at_cloud("sts_endpoint").key("base.source", "oidc_role")),
    ];
    // Each machine takes ten seconds and little CPU time, so all of them run in parallel.
    std::thread::scope(|scope| {
        for (source, machine) in &machines {
            scope.spawn(|| machine.assert_rotation(source));
        }
    });
}

#[test]
fn an_oidc_role_is_assumed_with_the_current_token_in_the_file() {
    let machine = Machine::new("3s").oidc_token("expires_in=600");
    let token = machine.path("token").display().to_string();
    let machine = machine
        .key("source", "oidc_role")
        .key("role_arn", ROLE)
        .key("oidc_provider_arn", OIDC_PROVIDER)
        .key("oidc_token_file", &token)
        .key("role_session_name", "metrics")
        .at_cloud("sts_endpoint");
    let exporter = machine.start();
    let first = exporter.first_poll();
    assert_eq!(first.value("appstreaming_up", &[]), Some(1.0), "{}", exporter.log());
    // The kubelet replaces the token: STS rejects the previous one.
    fs::write(&token, oidc_token(&machine.cloud, "expires_in=-1")).unwrap();
    exporter.scrape_until("the old token is rejected", |exposition| refreshes(exposition, "failure") >= 1.0);
    // An editor adds a line feed at the end.
    fs::write(&token, oidc_token(&machine.cloud, "") + "\n").unwrap();
    let before = refreshes(&exporter.scrape(), "success");
    exporter
        .scrape_until("the new token is accepted", |exposition| refreshes(exposition, "success") > before);
    exporter.scrape_until("up", |exposition| exposition.value("appstreaming_up", &[]) == Some(1.0));
    assert!(exporter.log().contains("AuthenticationFail.OIDCToken.Expired"), "{}", exporter.log());
}

#[test]
fn tokens_that_the_api_rejects_are_replaced_at_once_and_no_poll_fails() {
    let machine = Machine::new("1h").key("source", "ecs_ram_role").at_cloud("metadata_endpoint");
    let exporter = machine.start();
    exporter.first_poll();
    let before = refreshes(&exporter.scrape(), "success");
    machine.cloud.control(&json!({"expire_tokens": true, "reset_stats": true}));
    let after =
        exporter.scrape_until("new credentials", |exposition| refreshes(exposition, "success") > before);
    let polls = after.sum("appstreaming_exporter_polls_total", &[]);
    let after = exporter.scrape_until("further polls", |exposition| {
        exposition.sum("appstreaming_exporter_polls_total", &[]) > polls + 1.0
    });
    assert_no_poll_failed(&after, &exporter);
    assert_eq!(refreshes(&after, "success"), before + 1.0, "many rejections, one refresh");
    // One request for a metadata token, one for the name of the role, one for the credentials.
    assert_eq!(machine.cloud.stats()["requests"]["Metadata"], 3);
}

#[test]
fn an_outage_of_sts_fails_no_poll_while_the_credentials_are_valid() {
    let machine = Machine::new("8s").pod().at_cloud("sts_endpoint");
    let exporter = machine.start();
    exporter.first_poll();
    let outage =
        json!({"operation": "AssumeRoleWithOIDC", "fault": {"error": {"code": "ServiceUnavailable"}}});
    machine.cloud.control(&json!({"faults": [outage]}));
    let during = exporter.scrape_until("failures", |exposition| refreshes(exposition, "failure") >= 1.0);
    assert_no_poll_failed(&during, &exporter);
    machine.cloud.control(&json!({"faults": []}));
    let after = exporter.scrape_until("a refresh", |exposition| refreshes(exposition, "success") >= 2.0);
    assert_no_poll_failed(&after, &exporter);
    assert!(exporter.log().contains("the previous ones are still valid"), "{}", exporter.log());
}

#[test]
fn a_replaced_key_file_is_read_again_when_the_key_is_rejected() {
    let machine = Machine::new("1h").file("id", ACCESS_KEY_ID).file("secret", ACCESS_KEY_SECRET);
    let [id, secret] = ["id", "secret"].map(|name| format!("file:{}", machine.path(name).display()));
    let machine =
        machine.key("source", "access_key").key("access_key_id", &id).key("access_key_secret", &secret);
    let exporter = machine.start();
    assert_eq!(exporter.first_poll().value("appstreaming_up", &[]), Some(1.0));
    fs::write(machine.path("id"), "another-access-key-id\n").unwrap();
    fs::write(machine.path("secret"), "another-access-key-secret\n").unwrap();
    machine.cloud.control(&json!({"credentials": [
        {"access_key_id": "another-access-key-id", "access_key_secret": "another-access-key-secret"}
    ]}));
    let after = exporter.scrape_until("the new key", |exposition| refreshes(exposition, "success") >= 2.0);
    let polls = after.sum("appstreaming_exporter_polls_total", &[]);
    let after = exporter.scrape_until("a further poll", |exposition| {
        exposition.sum("appstreaming_exporter_polls_total", &[]) > polls
    });
    assert_no_poll_failed(&after, &exporter);
    assert!(!after.has(EXPIRY), "an AccessKey does not expire");
}

#[test]
fn a_slow_metadata_service_delays_only_its_own_account() {
    let slow = Cloud::start(&["--groups", "1"]);
    slow.control(&json!({"faults": [{"operation": "Metadata", "fault": {"latency": {"ms": 700}}}]}));
    let machine = Machine::new("1h").at_cloud("metadata_endpoint").key("source", "ecs_ram_role");
    let mut machine = machine.set("accounts.1.name", "slow").set("accounts.1.endpoint", &slow.url);
    for (key, value) in [("source", "ecs_ram_role"), ("metadata_endpoint", &slow.url)] {
        machine = machine.set(&format!("accounts.1.credentials.{key}"), value);
    }
    let exporter = machine.start();
    let up = |exposition: &Exposition, account| exposition.value("appstreaming_up", &[("account", account)]);
    let begin = Instant::now();
    let first = exporter.scrape_until("the fast account", |exposition| up(exposition, "test") == Some(1.0));
    assert!(up(&first, "slow").is_none(), "three slow responses precede the first request of the API");
    assert!(begin.elapsed() < Duration::from_secs(4));
    let both = exporter.scrape_until("the slow account", |exposition| up(exposition, "slow") == Some(1.0));
    assert_eq!(up(&both, "test"), Some(1.0));
    let polls = |account| {
        both.sum("appstreaming_exporter_polls_total", &[("account", account), ("result", "success")])
    };
    assert!(polls("test") > polls("slow"));
}

#[test]
fn an_account_without_credentials_does_not_affect_the_others() {
    let machine = Machine::new("3s").pod().at_cloud("sts_endpoint").key("source", "oidc_role");
    let endpoint = machine.cloud.url.clone();
    let machine = machine
        .set("accounts.1.name", "none")
        .set("accounts.1.endpoint", &endpoint)
        .set("accounts.1.credentials.source", "profile")
        .set("accounts.2.name", "uri")
        .set("accounts.2.endpoint", &endpoint)
        .set("accounts.2.credentials.source", "uri")
        .set("accounts.2.credentials.uri", &format!("{endpoint}/credentials"));
    let exporter = machine.start();
    exporter.first_poll();
    let last = exporter.scrape_until("rotations", |exposition| refreshes(exposition, "success") >= 3.0);
    for (account, up) in [("test", 1.0), ("none", 0.0), ("uri", 1.0)] {
        assert_eq!(last.value("appstreaming_up", &[("account", account)]), Some(up), "{account}");
    }
    assert_eq!(last.series(EXPIRY, &[]).count(), 2);
}

#[test]
#[ignore = "takes over two minutes: just end-to-end"]
fn three_rotations_of_tokens_with_a_lifetime_of_a_minute_fail_no_poll() {
    let machine = Machine::new("60s").pod().at_cloud("sts_endpoint");
    let exporter = machine.start();
    exporter.first_poll();
    let deadline = Instant::now() + Duration::from_secs(240);
    while refreshes(&exporter.scrape(), "success") < 4.0 {
        assert!(Instant::now() < deadline, "{}", exporter.log());
        std::thread::sleep(Duration::from_secs(1));
    }
    let last = exporter.scrape();
    assert_no_poll_failed(&last, &exporter);
    assert_eq!(refreshes(&last, "failure"), 0.0);
}
