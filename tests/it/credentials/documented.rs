//! The examples of the documentation work, and the official library finds the same credentials.

use std::fs;
use std::path::Path;
use std::process::Command;

use appstreaming_exporter::simulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID};
use serde_json::{Value, json};

use super::machine::{Machine, PROFILES, cli_file, with_files};
use crate::support::run;

/// The TOML examples of the documentation, each with the source that it configures.
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
        // The addresses of the simulated services and the paths of the files differ from those of
        // the examples.
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
#[ignore = "installs the official SDK with pip: just end-to-end"]
fn the_official_library_finds_the_same_credentials_in_the_same_places() {
    let python = crate::sdk::python_of_the_sdk();
    // The library and the exporter choose the same source in the same environment, even if other
    // sources are available too.
    let agree = |machine: &Machine, theirs: &str, ours: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/credentials.py");
        let mut library = Command::new(&python);
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
    // The library requires credentials that are valid for at least 15 minutes.
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
