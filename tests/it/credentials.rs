//! Credential sources as they are deployed, each with the real binary.

mod documented;
mod machine;
mod renewal;

use std::fs;
use std::io::{Read as _, Write as _};

use appstreaming_exporter::simulator::{
    ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID, GUARDED_ROLE, INSTANCE_ROLE, OIDC_PROVIDER, ROLE,
};
use machine::{Machine, PROFILES, SECTIONS, guarded, laptop, refreshes, with_files};
use serde_json::{Value, json};

use crate::support::{Exporter, run};

#[test]
fn every_non_interactive_profile_of_the_cli_works() {
    let machine = with_files(Machine::new("1h")).key("source", "profile");
    for profile in PROFILES {
        let setting = format!("accounts.0.credentials.profile={profile}");
        let finished = run(machine.command(&["once"]).args(["--set", &setting]));
        assert_eq!(finished.status, 0, "{profile}: {}", finished.stderr);
    }
    let unsupported = machine.key("profile", "CloudSSO").once();
    assert_eq!(unsupported.status, 1);
    for part in ["unsupported mode", "needs a person who signs in with a browser"] {
        assert!(unsupported.stderr.contains(part), "{part} is not in {}", unsupported.stderr);
    }
}

#[test]
fn every_section_of_a_credentials_file_works() {
    let machine = with_files(Machine::new("1h"));
    for section in SECTIONS {
        let finished = run(machine.command(&["once"]).env("ALIBABA_CLOUD_PROFILE", section));
        assert_eq!(finished.status, 0, "{section}: {}", finished.stderr);
        assert!(finished.stderr.contains("source=credentials_file"), "{}", finished.stderr);
    }
}

#[test]
fn the_files_of_other_tools_are_only_read() {
    let machine = laptop();
    let path = machine.path(".aliyun/config.json");
    let before = fs::read(&path).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let finished = machine.once();
    assert_eq!(finished.status, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("source=cli_profile"), "{}", finished.stderr);
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn the_metadata_service_is_queried_in_each_mode_that_it_supports() {
    let machine = Machine::new("1h").key("source", "ecs_ram_role").at_cloud("metadata_endpoint");
    let instance = |instance: Value| machine.cloud.control(&json!({"instance": instance}));
    instance(json!({"role": INSTANCE_ROLE, "v2_only": true}));
    assert_eq!(machine.once().status, 0);
    instance(json!({"role": INSTANCE_ROLE, "v1_only": true}));
    assert_eq!(machine.once().status, 0);
    let strict =
        |machine: &Machine| run(machine.command(&["once"]).env("ALIBABA_CLOUD_IMDSV1_DISABLED", "true"));
    let rejected = strict(&machine);
    assert_eq!(rejected.status, 1);
    assert!(rejected.stderr.contains("does not issue metadata tokens"), "{}", rejected.stderr);
    instance(json!({"role": null}));
    let none = machine.once();
    assert_eq!(none.status, 1);
    assert!(none.stderr.contains("no role is attached"), "{}", none.stderr);
    instance(json!({"role": "another"}));
    let machine = machine.key("role_name", "another");
    assert_eq!(machine.once().status, 0);
    assert_eq!(machine.key("role_name", "wrong").once().status, 1);
}

#[test]
fn in_a_container_that_tokens_do_not_reach_the_instances_role_is_used_without_a_token() {
    let machine = Machine::new("1h").key("source", "ecs_ram_role").at_cloud("metadata_endpoint");
    let instance = |instance: Value| machine.cloud.control(&json!({"instance": instance}));
    instance(json!({"role": INSTANCE_ROLE, "loses_tokens": true}));
    let finished = machine.once();
    assert_eq!(finished.status, 0, "{}", finished.stderr);
    let strict = run(machine.command(&["once"]).env("ALIBABA_CLOUD_IMDSV1_DISABLED", "true"));
    instance(json!({"role": INSTANCE_ROLE, "loses_tokens": true, "v2_only": true}));
    for failed in [strict, machine.once()] {
        assert_eq!(failed.status, 1);
        assert!(failed.stderr.contains("hop limit"), "{}", failed.stderr);
    }
}

#[test]
fn a_role_that_cannot_be_assumed_is_reported_with_a_remedy() {
    let reports = |machine: Machine, parts: &[&str]| {
        let finished = machine.once();
        assert_eq!(finished.status, 1);
        for part in parts {
            assert!(finished.stderr.contains(part), "{part} is not in {}", finished.stderr);
        }
    };
    reports(guarded("wrong"), &["NoPermission", "needs sts:AssumeRole", GUARDED_ROLE]);
    reports(guarded(EXTERNAL_ID).key("role_arn", "acs:ram::1:role/gone"), &["the role does not exist"]);
    reports(guarded(EXTERNAL_ID).key("duration", "2h"), &["must be from 15 minutes"]);
    let disabled = guarded(EXTERNAL_ID).key("base.access_key_secret", "wrong-access-key-secret");
    reports(disabled, &["SignatureDoesNotMatch"]);
}

#[test]
fn requests_for_credentials_ignore_proxies_and_redirects() {
    let machine = Machine::new("1h").at_cloud("metadata_endpoint").key("source", "ecs_ram_role");
    // No process listens at the address of the proxy.
    let proxied = |machine: &Machine| {
        let mut command = machine.command(&["once"]);
        run(["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
            .iter()
            .fold(&mut command, |command, name| command.env(name, "http://127.0.0.1:9")))
    };
    let finished = proxied(&machine);
    assert_eq!(finished.status, 0, "{}", finished.stderr);

    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    let location = format!("{}/credentials", machine.cloud.url);
    let redirecting = std::thread::spawn(move || {
        let (mut stream, _) = elsewhere.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let sent = Machine::new("1h").key("source", "uri").key("uri", &format!("http://{address}/x")).once();
    redirecting.join().unwrap();
    assert_eq!(sent.status, 1);
    assert!(sent.stderr.contains("status 302"), "{}", sent.stderr);
    assert!(machine.cloud.stats()["requests"]["CredentialsUri"].is_null(), "the redirect was followed");
}

#[test]
fn without_any_credentials_the_exporter_starts_and_logs_why_each_source_failed() {
    let machine = Machine::new("1h")
        .variable("ALIBABA_CLOUD_ACCESS_KEY_ID", "half-a-key-id-000")
        .variable("ALIBABA_CLOUD_ROLE_ARN", ROLE)
        .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", OIDC_PROVIDER);
    let exporter = machine.start();
    assert_eq!(exporter.first_poll().value("appstreaming_up", &[]), Some(0.0));
    let log = exporter.log();
    for part in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID is set but ALIBABA_CLOUD_ACCESS_KEY_SECRET is not",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE is not",
        "config.json does not exist",
        "credentials.ini does not exist",
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true",
        "ALIBABA_CLOUD_CREDENTIALS_URI is not set",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert_eq!(log.matches("trying the next one").count(), 2, "half a key and two of three variables: {log}");
    assert!(!log.contains("half-a-key-id"), "{log}");
}

#[test]
fn the_start_does_not_wait_for_the_metadata_service() {
    // The listener accepts connections and never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let machine = Machine::new("1h")
        .variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "")
        .key("metadata_endpoint", &silent);
    let uri = format!("{}/credentials", machine.cloud.url);
    let machine = machine.variable("ALIBABA_CLOUD_CREDENTIALS_URI", &uri);
    let exporter = machine.start();
    assert_eq!(exporter.get("/-/healthy").status, 200);
    assert_eq!(exporter.first_poll().value("appstreaming_up", &[]), Some(1.0), "{}", exporter.log());
    assert!(exporter.log().contains("source=uri"), "{}", exporter.log());
}

#[test]
fn no_secret_of_any_source_is_logged_or_served() {
    let issued = Machine::new("2s").pod();
    let token = fs::read_to_string(issued.path("token")).unwrap();
    let of_uri = Machine::new("2s");
    let uri = format!("{}/credentials?key=opens-the-uri", of_uri.cloud.url);
    let roles = |machine: Machine| machine.at_cloud("sts_endpoint").key("role_arn", GUARDED_ROLE);
    let machines = [
        issued.at_cloud("sts_endpoint"),
        Machine::new("2s").key("source", "ecs_ram_role").at_cloud("metadata_endpoint"),
        of_uri.key("source", "uri").key("uri", &uri),
        roles(Machine::new("2s"))
            .key("source", "assume_role")
            .key("external_id", EXTERNAL_ID)
            .key("base.source", "access_key")
            .key("base.access_key_id", ACCESS_KEY_ID)
            .key("base.access_key_secret", ACCESS_KEY_SECRET),
    ];
    std::thread::scope(|scope| {
        for machine in &machines {
            scope.spawn(|| assert_no_secret_is_shown(machine, &token));
        }
    });
}

fn assert_no_secret_is_shown(machine: &Machine, token: &str) {
    let exporter = Exporter::spawn(&mut machine.command(&["run", "--log.level", "trace"]));
    exporter.first_poll();
    exporter.scrape_until("a rotation", |exposition| refreshes(exposition, "success") >= 2.0);
    // The log of a failure has more details than that of a success.
    let faults = ["AssumeRole", "AssumeRoleWithOIDC", "Metadata", "CredentialsUri"]
        .map(|operation| json!({"operation": operation, "fault": {"error": {"code": "InternalError"}}}));
    machine.cloud.control(&json!({"faults": faults, "expire_tokens": true}));
    exporter.scrape_until("a failure", |exposition| refreshes(exposition, "failure") >= 1.0);
    let served = ["/metrics", "/config", "/"].map(|path| exporter.get(path).body);
    let (_, log) = exporter.end("-TERM");
    let secrets =
        [token.trim(), ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID, "opens-the-uri", "CAIS", "STS.NU"];
    for text in served.iter().chain([&log]) {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
