//! A machine on which the exporter is deployed: a home directory, an environment, and a cloud.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use appstreaming_exporter::simulator::{
    ACCESS_KEY_ID, ACCESS_KEY_SECRET, EXTERNAL_ID, GUARDED_ROLE, INSTANCE_ROLE, OIDC_PROVIDER,
    OTHER_ACCOUNTS_ROLE, ROLE,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::Finished;
use crate::support::{Cloud, Exporter, Exposition, binary, http, run};

pub const REFRESHES: &str = "appstreaming_exporter_credentials_refreshes_total";
pub const EXPIRY: &str = "appstreaming_exporter_credentials_expiry_timestamp_seconds";

/// A machine with a home directory, a cloud, and the settings of an account.
pub struct Machine {
    pub cloud: Cloud,
    pub home: TempDir,
    pub settings: Vec<String>,
    pub variables: Vec<(String, String)>,
}

impl Machine {
    /// A machine with an empty home directory, whose cloud issues credentials with this lifetime.
    pub fn new(token_lifetime: &str) -> Self {
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

    /// Adds a setting, as the flag `--set` does.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push(format!("{key}={value}"));
        self
    }

    /// Sets a key of the first account's credentials.
    pub fn key(self, key: &str, value: &str) -> Self {
        self.set(&format!("accounts.0.credentials.{key}"), value)
    }

    /// Sets a key of the first account's credentials to the address of the cloud.
    pub fn at_cloud(self, key: &str) -> Self {
        let url = self.cloud.url.clone();
        self.key(key, &url)
    }

    /// Adds an environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The path of a file in the home directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// Writes a file in the home directory.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Writes an OIDC token of the cluster to the file `token`, as the kubelet does.
    pub fn oidc_token(self, query: &str) -> Self {
        let token = oidc_token(&self.cloud, query);
        self.file("token", &token)
    }

    /// Writes an OIDC token and sets the three variables of the OIDC role, as ACK's webhook does.
    pub fn pod(self) -> Self {
        let token = self.path("token").display().to_string();
        self.oidc_token("")
            .variable("ALIBABA_CLOUD_ROLE_ARN", ROLE)
            .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", OIDC_PROVIDER)
            .variable("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command.args(arguments).args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command.env_remove("HTTP_PROXY").env_remove("http_proxy");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn start(&self) -> Exporter {
        Exporter::spawn(&mut self.command(&["run"]))
    }

    pub fn once(&self) -> Finished {
        run(&mut self.command(&["once"]))
    }

    /// Polls until the credentials were replaced three times. No poll may fail.
    pub fn assert_rotation(&self, source: &str) {
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

pub fn oidc_token(cloud: &Cloud, query: &str) -> String {
    http::get(&format!("{}/oidc/token?{query}", cloud.url)).body
}

pub fn refreshes(exposition: &Exposition, result: &str) -> f64 {
    exposition.value(REFRESHES, &[("account", "test"), ("result", result)]).unwrap()
}

#[track_caller]
pub fn assert_no_poll_failed(exposition: &Exposition, exporter: &Exporter) {
    let polls = |result| exposition.sum("appstreaming_exporter_polls_total", &[("result", result)]);
    assert!(polls("success") > 0.0);
    assert_eq!(polls("failure"), 0.0, "{}", exporter.log());
}

pub fn cli_file(current: &str, profiles: Value) -> String {
    json!({"current": current, "profiles": profiles, "meta_path": ""}).to_string()
}

/// A machine that uses an AccessKey to assume a role that requires an external id.
pub fn guarded(external_id: &str) -> Machine {
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

/// A laptop whose CLI profile assumes a role.
pub fn laptop() -> Machine {
    let profile = json!({"name": "work", "mode": "RamRoleArn", "access_key_id": ACCESS_KEY_ID,
                         "access_key_secret": ACCESS_KEY_SECRET, "ram_role_arn": ROLE});
    let file = cli_file("work", json!([profile]));
    Machine::new("3s").file(".aliyun/config.json", &file).at_cloud("sts_endpoint")
}

/// Adds a CLI file with a profile of every mode, and an INI file with a section of every type.
pub fn with_files(machine: Machine) -> Machine {
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
        {"name": "CredentialsURI", "mode": "CredentialsURI",
         "credentials_uri": format!("{}/credentials", machine.cloud.url)},
        {"name": "CloudSSO", "mode": "CloudSSO"},
    ]);
    let keys = format!("access_key_id = {ACCESS_KEY_ID}\naccess_key_secret = {ACCESS_KEY_SECRET}\n");
    let temporary =
        ["AccessKeyId", "AccessKeySecret", "SecurityToken"].map(|field| issued[field].to_string());
    let [id, secret, security_token] = temporary;
    let sections = format!(
        "[default]\ntype = access_key\n{keys}\n[role]\ntype = ram_role_arn\n{keys}role_arn = {ROLE}\n\
         role_session_name = ini\n\n[ecs]\ntype = ecs_ram_role\nrole_name = {INSTANCE_ROLE}\n\n\
         [rrsa]\ntype = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {OIDC_PROVIDER}\n\
         oidc_token_file_path = {}\nrole_session_name = ini\n\n\
         [sts]\nenable = true\ntype = sts # temporary\naccess_key_id = {id}\naccess_key_secret = {secret}\n\
         security_token = {security_token} ; in quotes\n",
        token.display()
    );
    machine
        .file(".aliyun/config.json", &cli_file("AK", profiles))
        .file(".alibabacloud/credentials.ini", &sections)
        .at_cloud("sts_endpoint")
        .at_cloud("metadata_endpoint")
}

/// The profiles of [`with_files`] that the exporter supports.
pub const PROFILES: [&str; 7] =
    ["AK", "StsToken", "RamRoleArn", "EcsRamRole", "OIDC", "Chained", "CredentialsURI"];
/// The sections of [`with_files`].
pub const SECTIONS: [&str; 5] = ["default", "role", "ecs", "rrsa", "sts"];
