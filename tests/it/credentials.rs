//! Credentials as they are found where the exporter is deployed: each source through the real binary, with tokens that
//! live for seconds, so that a poll that meets a stale one would show.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use appstreaming_exporter::simulator::{
    ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID, GUARDED_ROLE, INSTANCE_ROLE, OIDC_PROVIDER,
    OTHER_ACCOUNTS_ROLE, ROLE,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Cloud, Exporter, Exposition, binary, eventually, http, process::Finished, run};

const REFRESHES: &str = "appstreaming_exporter_credentials_refreshes_total";
const EXPIRY: &str = "appstreaming_exporter_credentials_expiry_timestamp_seconds";

/// A machine with a home directory of its own, a cloud, and an account's settings.
struct Machine {
    cloud: Cloud,
    home: TempDir,
    settings: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Machine {
    /// Temporary credentials live so long; nothing in the environment but a home without files.
    fn new(token_lifetime: &str) -> Self {
        let cloud = Cloud::start(&["--groups", "2", "--token-lifetime", token_lifetime]);
        let home = tempfile::tempdir().unwrap();
        let path = home.path().display().to_string();
        let machine = Self { cloud, home, settings: Vec::new(), variables: Vec::new() };
        let endpoint = machine.cloud.url.clone();
        machine
            .variable("HOME", &path)
            .variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
            .set("accounts.0.name", "test")
            .set("accounts.0.endpoint", &endpoint)
            .set("poll.interval", "1s")
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push(format!("{key}={value}"));
        self
    }

    fn key(self, key: &str, value: &str) -> Self {
        self.set(&format!("accounts.0.credentials.{key}"), value)
    }

    /// A key whose value is the cloud's address.
    fn at_cloud(self, key: &str) -> Self {
        let url = self.cloud.url.clone();
        self.key(key, &url)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A token of the cluster, as the kubelet would lay it down.
    fn oidc_token(self, query: &str) -> Self {
        let token = oidc_token(&self.cloud, query);
        self.file("token", &token)
    }

    /// The three variables that ACK's webhook sets.
    fn pod(self) -> Self {
        let token = self.path("token").display().to_string();
        self.oidc_token("")
            .variable("ALIBABA_CLOUD_ROLE_ARN", ROLE)
            .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", OIDC_PROVIDER)
            .variable("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token)
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = binary();
        command.args(arguments).args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command.env_remove("HTTP_PROXY").env_remove("http_proxy");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&self) -> Exporter {
        Exporter::spawn(&mut self.command(&["run"]))
    }

    fn once(&self) -> Finished {
        run(&mut self.command(&["once"]))
    }

    /// Polls until the credentials were replaced three times; not one poll fails.
    fn rotates(&self, source: &str) {
        let exporter = self.start();
        let first = exporter.first_poll();
        assert_eq!(first.value("appstreaming_up", &[]), Some(1.0), "{}", exporter.log());
        assert!(first.value(EXPIRY, &[("account", "test")]).is_some());
        let last =
            exporter.scrape_until("three rotations", |exposition| refreshes(exposition, "success") >= 4.0);
        assert_no_poll_failed(&last, &exporter);
        assert_eq!(refreshes(&last, "failure"), 0.0, "{}", exporter.log());
        assert!(last.value(EXPIRY, &[]).unwrap() > first.value(EXPIRY, &[]).unwrap());
        let (_, log) = exporter.end("-TERM");
        assert_eq!(log.matches("credentials found").count(), 1, "{log}");
        assert!(log.contains(&format!("source={source}")), "{log}");
    }
}

fn oidc_token(cloud: &Cloud, query: &str) -> String {
    http::get(&format!("{}/oidc/token?{query}", cloud.url)).body
}

fn refreshes(exposition: &Exposition, result: &str) -> f64 {
    exposition.value(REFRESHES, &[("account", "test"), ("result", result)]).unwrap()
}

#[track_caller]
fn assert_no_poll_failed(exposition: &Exposition, exporter: &Exporter) {
    let polls = |result| exposition.sum("appstreaming_exporter_polls_total", &[("result", result)]);
    assert!(polls("success") > 0.0);
    assert_eq!(polls("failure"), 0.0, "{}", exporter.log());
}

fn cli_file(current: &str, profiles: Value) -> String {
    json!({"current": current, "profiles": profiles, "meta_path": ""}).to_string()
}

/// A role of another account, taken on with a key.
fn guarded(external_id: &str) -> Machine {
    Machine::new("3s")
        .key("source", "assume_role")
        .key("role_arn", GUARDED_ROLE)
        .key("external_id", external_id)
        .key("duration", "15m")
        .key("policy", r#"{"Version":"1","Statement":[]}"#)
        .at_cloud("sts_endpoint")
        .key("base.source", "access_key")
        .key("base.access_key_id", ACCESS_KEY_ID)
        .key("base.access_key_secret", ACCESS_KEY_SECRET)
}

/// A laptop whose CLI takes on a role.
fn laptop() -> Machine {
    let profile = json!({"name": "work", "mode": "RamRoleArn", "access_key_id": ACCESS_KEY_ID,
                         "access_key_secret": ACCESS_KEY_SECRET, "ram_role_arn": ROLE});
    let file = cli_file("work", json!([profile]));
    Machine::new("3s").file(".aliyun/config.json", &file).at_cloud("sts_endpoint")
}

#[test]
fn no_poll_fails_while_the_credentials_of_any_source_are_replaced() {
    let of_uri = Machine::new("3s").key("source", "uri");
    let uri = format!("{}/credentials?key=opens-it", of_uri.cloud.url);
    let on_ecs = Machine::new("3s").variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "");
    let chained = Machine::new("3s").pod().key("source", "assume_role").key("role_arn", OTHER_ACCOUNTS_ROLE);
    let machines = [
        // A pod with RRSA, an instance, a laptop: nothing is configured but where the simulated services are.
        ("oidc_role", Machine::new("3s").pod().at_cloud("sts_endpoint")),
        ("ecs_ram_role", on_ecs.at_cloud("metadata_endpoint")),
        ("cli_profile", laptop()),
        ("uri", of_uri.key("uri", &uri)),
        ("assume_role", guarded(EXTERNAL_ID)),
        ("assume_role", chained.at_cloud("sts_endpoint").key("base.source", "oidc_role")),
    ];
    // Side by side: each takes ten seconds and does little.
    std::thread::scope(|scope| {
        for (source, machine) in &machines {
            scope.spawn(|| machine.rotates(source));
        }
    });
}

#[test]
fn a_role_that_cannot_be_taken_on_is_told_with_what_to_do_about_it() {
    let told = |machine: Machine, parts: &[&str]| {
        let finished = machine.once();
        assert_eq!(finished.status, 1);
        for part in parts {
            assert!(finished.stderr.contains(part), "{part} is not in {}", finished.stderr);
        }
    };
    told(guarded("wrong"), &["NoPermission", "needs sts:AssumeRole", GUARDED_ROLE]);
    told(guarded(EXTERNAL_ID).key("role_arn", "acs:ram::1:role/gone"), &["there is no such role"]);
    told(guarded(EXTERNAL_ID).key("duration", "2h"), &["at most what the role allows"]);
    let disabled = guarded(EXTERNAL_ID).key("base.access_key_secret", "wrong-access-key-secret");
    told(disabled, &["SignatureDoesNotMatch"]);
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
fn an_oidc_role_is_taken_on_with_the_token_that_is_in_the_file_now() {
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
    // The kubelet replaces the token: what was read before opens nothing any more.
    fs::write(&token, oidc_token(&machine.cloud, "expires_in=-1")).unwrap();
    exporter.scrape_until("the old token is refused", |exposition| refreshes(exposition, "failure") >= 1.0);
    // Written by a person, with a line feed at its end.
    fs::write(&token, oidc_token(&machine.cloud, "") + "\n").unwrap();
    let before = refreshes(&exporter.scrape(), "success");
    exporter.scrape_until("the new one is taken", |exposition| refreshes(exposition, "success") > before);
    exporter.scrape_until("up", |exposition| exposition.value("appstreaming_up", &[]) == Some(1.0));
    assert!(exporter.log().contains("AuthenticationFail.OIDCToken.Expired"), "{}", exporter.log());
}

#[test]
fn the_metadata_service_is_asked_in_the_way_that_it_allows() {
    let machine = Machine::new("1h").key("source", "ecs_ram_role").at_cloud("metadata_endpoint");
    let instance = |instance: Value| machine.cloud.control(&json!({"instance": instance}));
    instance(json!({"role": INSTANCE_ROLE, "v2_only": true}));
    assert_eq!(machine.once().status, 0);
    instance(json!({"role": INSTANCE_ROLE, "v1_only": true}));
    assert_eq!(machine.once().status, 0);
    let strict =
        |machine: &Machine| run(machine.command(&["once"]).env("ALIBABA_CLOUD_IMDSV1_DISABLED", "true"));
    let refused = strict(&machine);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("a metadata token"), "{}", refused.stderr);
    instance(json!({"role": null}));
    let none = machine.once();
    assert_eq!(none.status, 1);
    assert!(none.stderr.contains("no role of that name is attached"), "{}", none.stderr);
    instance(json!({"role": "another"}));
    let machine = machine.key("role_name", "another");
    assert_eq!(machine.once().status, 0);
    assert_eq!(machine.key("role_name", "wrong").once().status, 1);
}

/// A CLI file with a profile of every mode, and an INI file with a section of every type.
fn with_files(machine: Machine) -> Machine {
    let machine = machine.oidc_token("");
    let token = machine.path("token");
    let keys = json!({"access_key_id": ACCESS_KEY_ID, "access_key_secret": ACCESS_KEY_SECRET});
    let issued: Value = http::get(&format!("{}/credentials", machine.cloud.url)).json();
    let with = |mut profile: Value, more: &Value| {
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        profile
    };
    let profiles = json!([
        with(json!({"name": "AK", "mode": "AK", "region_id": "cn-shanghai"}), &keys),
        {"name": "StsToken", "mode": "StsToken", "access_key_id": issued["AccessKeyId"],
         "access_key_secret": issued["AccessKeySecret"], "sts_token": issued["SecurityToken"]},
        with(json!({"name": "RamRoleArn", "mode": "RamRoleArn", "ram_role_arn": GUARDED_ROLE,
                    "ram_session_name": "cli", "external_id": EXTERNAL_ID, "expired_seconds": 900}), &keys),
        {"name": "EcsRamRole", "mode": "EcsRamRole", "ram_role_name": ""},
        {"name": "OIDC", "mode": "OIDC", "ram_role_arn": ROLE, "oidc_provider_arn": OIDC_PROVIDER,
         "oidc_token_file": token, "role_session_name": "cli"},
        {"name": "Chained", "mode": "ChainableRamRoleArn", "source_profile": "EcsRamRole",
         "ram_role_arn": OTHER_ACCOUNTS_ROLE, "ram_session_name": "cli"},
        {"name": "CloudSSO", "mode": "CloudSSO"},
    ]);
    let keys = format!("access_key_id = {ACCESS_KEY_ID}\naccess_key_secret = {ACCESS_KEY_SECRET}\n");
    let sections = format!(
        "[default]\ntype = access_key\n{keys}\n[role]\ntype = ram_role_arn\n{keys}role_arn = {ROLE}\n\
         role_session_name = ini\n\n[ecs]\ntype = ecs_ram_role\nrole_name = {INSTANCE_ROLE}\n\n\
         [rrsa]\ntype = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {OIDC_PROVIDER}\n\
         oidc_token_file_path = {}\nrole_session_name = ini\n",
        token.display()
    );
    machine
        .file(".aliyun/config.json", &cli_file("AK", profiles))
        .file(".alibabacloud/credentials.ini", &sections)
        .at_cloud("sts_endpoint")
        .at_cloud("metadata_endpoint")
}

const PROFILES: [&str; 6] = ["AK", "StsToken", "RamRoleArn", "EcsRamRole", "OIDC", "Chained"];
const SECTIONS: [&str; 4] = ["default", "role", "ecs", "rrsa"];

#[test]
fn every_profile_of_the_cli_that_needs_nobody_works() {
    let machine = with_files(Machine::new("1h")).key("source", "profile");
    for profile in PROFILES {
        let setting = format!("accounts.0.credentials.profile={profile}");
        let finished = run(machine.command(&["once"]).args(["--set", &setting]));
        assert_eq!(finished.status, 0, "{profile}: {}", finished.stderr);
    }
    let unsupported = machine.key("profile", "CloudSSO").once();
    assert_eq!(unsupported.status, 1);
    assert!(unsupported.stderr.contains("unsupported mode"), "{}", unsupported.stderr);
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
#[ignore = "installs the official SDK with pip: just end-to-end"]
fn the_official_library_finds_the_same_credentials_in_the_same_places() {
    let python = crate::sdk::python();
    // Each found by both in the same environment, whatever it holds beside.
    let agree = |machine: &Machine, theirs: &str, ours: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/credentials.py");
        let mut library = std::process::Command::new(&python);
        library.arg(script).arg(machine.cloud.url.trim_start_matches("http://"));
        let clouds = std::env::vars_os().map(|(name, _)| name);
        for name in clouds.filter(|name| name.to_string_lossy().starts_with("ALIBABA_CLOUD_")) {
            library.env_remove(name);
        }
        let library = run(library.envs(machine.variables.iter().map(|(name, value)| (name, value))));
        assert_eq!(library.status, 0, "{theirs}: {}", library.stderr);
        let found: Value = serde_json::from_str(&library.stdout).unwrap();
        assert_eq!(found, json!({"provider": format!("default/{theirs}"), "groups": 2}));
        let exporter = machine.once();
        assert_eq!(exporter.status, 0, "{ours}: {}", exporter.stderr);
        assert!(exporter.stderr.contains(&format!("source={ours}")), "{}", exporter.stderr);
    };
    // The library wants at least 15 minutes to be left.
    let machine = || Machine::new("1h").at_cloud("sts_endpoint").at_cloud("metadata_endpoint");
    let keys = |machine: Machine| {
        machine
            .variable("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET)
    };
    agree(&keys(machine().pod()), "env", "environment");
    agree(&with_files(machine().pod()), "oidc_role_arn", "oidc_role");
    let inside = [
        "static_ak",
        "static_sts",
        "ram_role_arn/static_ak",
        "ecs_ram_role",
        "oidc_role_arn",
        "ram_role_arn/ecs_ram_role",
    ];
    for (profile, inside) in PROFILES.iter().zip(inside) {
        let machine = with_files(machine())
            .variable("ALIBABA_CLOUD_PROFILE", profile)
            .variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "");
        agree(&machine, &format!("cli_profile/{inside}"), "cli_profile");
    }
    let without_cli = || with_files(machine()).variable("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true");
    agree(&without_cli(), "profile/static_ak", "credentials_file");
    agree(&machine().variable("ALIBABA_CLOUD_ECS_METADATA_DISABLED", ""), "ecs_ram_role", "ecs_ram_role");
    let uri = machine();
    let url = format!("{}/credentials", uri.cloud.url);
    agree(&uri.variable("ALIBABA_CLOUD_CREDENTIALS_URI", &url), "credential_uri", "uri");
}

#[test]
fn credentials_are_asked_for_directly_and_nobody_is_sent_elsewhere() {
    let machine = Machine::new("1h").at_cloud("metadata_endpoint").key("source", "ecs_ram_role");
    // Nobody listens there.
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
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = elsewhere.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let sent = Machine::new("1h").key("source", "uri").key("uri", &format!("http://{address}/x")).once();
    answering.join().unwrap();
    assert_eq!(sent.status, 1);
    assert!(sent.stderr.contains("status 302"), "{}", sent.stderr);
    assert!(machine.cloud.stats()["requests"]["CredentialsUri"].is_null(), "the redirect was followed");
}

#[test]
fn when_no_source_has_credentials_every_one_says_why_and_the_exporter_starts() {
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
        "config.json is not there",
        "credentials.ini is not there",
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true",
        "ALIBABA_CLOUD_CREDENTIALS_URI is not set",
    ] {
        assert!(log.contains(part), "{part} is not in {log}");
    }
    assert_eq!(log.matches("is skipped").count(), 2, "half a key and two of three variables: {log}");
    assert!(!log.contains("half-a-key-id"), "{log}");
}

#[test]
fn starting_waits_for_no_metadata_service() {
    // Nobody answers there, and nobody says so.
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
fn tokens_that_the_api_refuses_are_replaced_at_once_and_no_poll_fails() {
    let machine = Machine::new("1h").key("source", "ecs_ram_role").at_cloud("metadata_endpoint");
    let exporter = machine.start();
    exporter.first_poll();
    let before = refreshes(&exporter.scrape(), "success");
    machine.cloud.control(&json!({"expire_tokens": true, "reset_stats": true}));
    let after = exporter.scrape_until("others", |exposition| refreshes(exposition, "success") > before);
    let polls = after.sum("appstreaming_exporter_polls_total", &[]);
    let after = exporter.scrape_until("further polls", |exposition| {
        exposition.sum("appstreaming_exporter_polls_total", &[]) > polls + 1.0
    });
    assert_no_poll_failed(&after, &exporter);
    assert_eq!(refreshes(&after, "success"), before + 1.0, "many refusals, one refresh");
    // A token, the role's name, the credentials.
    assert_eq!(machine.cloud.stats()["requests"]["Metadata"], 3);
}

#[test]
fn an_outage_of_sts_is_outlived_by_credentials_that_are_still_good() {
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
    assert!(exporter.log().contains("the old ones are still good"), "{}", exporter.log());
}

#[test]
fn a_key_file_that_is_replaced_is_read_again_when_the_key_is_refused() {
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
    assert!(!after.has(EXPIRY), "a key has no end");
}

#[test]
fn a_slow_metadata_service_of_one_account_delays_no_other() {
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
    let first = exporter.scrape_until("the fast one", |exposition| up(exposition, "test") == Some(1.0));
    assert!(up(&first, "slow").is_none(), "three slow answers come before the first request");
    assert!(begin.elapsed() < Duration::from_secs(4));
    let both = exporter.scrape_until("the slow one", |exposition| up(exposition, "slow") == Some(1.0));
    assert_eq!(up(&both, "test"), Some(1.0));
    let polls = |account| {
        both.sum("appstreaming_exporter_polls_total", &[("account", account), ("result", "success")])
    };
    assert!(polls("test") > polls("slow"));
}

#[test]
fn accounts_have_credentials_of_their_own_and_one_without_any_stops_no_other() {
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
fn nothing_secret_of_any_source_is_logged_or_served() {
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
            scope.spawn(|| tells_no_secret(machine, &token));
        }
    });
}

fn tells_no_secret(machine: &Machine, token: &str) {
    let exporter = Exporter::spawn(&mut machine.command(&["run", "--log.level", "trace"]));
    exporter.first_poll();
    exporter.scrape_until("a rotation", |exposition| refreshes(exposition, "success") >= 2.0);
    // What goes wrong is told in more words.
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

/// Each TOML example of the documentation, by the source that it names.
fn documented() -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/credentials.md")).unwrap();
    let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let source = |block: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix("source = "));
        line.unwrap_or("\"default\"").split('"').nth(1).unwrap().to_owned()
    };
    blocks.map(|block| (source(&block), block)).collect()
}

#[test]
fn every_example_of_the_documentation_works() {
    let documented = documented();
    let sources: Vec<&str> = documented.iter().map(|(source, _)| source.as_str()).collect();
    for source in ["default", "access_key", "oidc_role", "ecs_ram_role", "assume_role", "uri", "profile"] {
        assert!(sources.contains(&source), "no example of {source}");
    }
    let keys = json!({"name": "monitoring", "mode": "AK", "access_key_id": ACCESS_KEY_ID,
                      "access_key_secret": ACCESS_KEY_SECRET});
    for (source, block) in &documented {
        let machine = Machine::new("1h")
            .pod()
            .variable("EXAMPLE_EXTERNAL_ID", EXTERNAL_ID)
            .file(".aliyun/config.json", &cli_file("other", json!([keys])))
            .file("access-key-id", ACCESS_KEY_ID)
            .file("access-key-secret", ACCESS_KEY_SECRET);
        // What an example can't know here: where the simulated services and the files are.
        let home = machine.home.path().display().to_string();
        let block = block
            .replace("/etc/appstreaming-exporter/", &format!("{home}/"))
            .replace("/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token", &format!("{home}/token"))
            .replace("http://localhost:8080", &machine.cloud.url);
        let machine = machine.file("exporter.toml", &block);
        let machine = match source.as_str() {
            "ecs_ram_role" => machine.at_cloud("metadata_endpoint"),
            "uri" | "access_key" => machine,
            _ => machine.at_cloud("sts_endpoint"),
        };
        let machine = if block.contains("[[accounts]]\nname = \"partner\"") {
            let url = machine.cloud.url.clone();
            machine.set("accounts.1.endpoint", &url).set("accounts.1.credentials.sts_endpoint", &url)
        } else {
            machine
        };
        let file = machine.path("exporter.toml").display().to_string();
        let finished = run(&mut machine.command(&["once", "--config.file", &file]));
        assert_eq!(finished.status, 0, "{block}\n{}", finished.stderr);
    }
}

#[test]
#[ignore = "takes four minutes: just end-to-end"]
fn three_rotations_of_tokens_that_live_for_a_minute_fail_no_poll() {
    let machine = Machine::new("60s").pod().at_cloud("sts_endpoint");
    let exporter = machine.start();
    exporter.first_poll();
    let deadline = Instant::now() + Duration::from_secs(240);
    while refreshes(&exporter.scrape(), "success") < 4.0 {
        assert!(Instant::now() < deadline, "{}", exporter.log());
        std::thread::sleep(Duration::from_secs(1));
    }
    let last = eventually("a further poll", || Some(exporter.scrape()));
    assert_no_poll_failed(&last, &exporter);
    assert_eq!(refreshes(&last, "failure"), 0.0);
}
