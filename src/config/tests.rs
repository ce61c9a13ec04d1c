//! What operators rely on, from sources to configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A configuration file in a directory of its own.
struct Written {
    directory: TempDir,
    sources: Sources,
}

impl Written {
    fn new(name: &str, text: &str) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), sources: Sources::default() }
            .and(name, text)
    }

    fn and(mut self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        fs::write(&path, text).expect("written");
        self.sources.files.push(path);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.sources.set.push(text.to_owned());
        self
    }

    fn load(&self) -> Result<Loaded, Problems> {
        load(&self.sources)
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}")).config
    }

    /// The problems, without the directory in front of files.
    fn problems(&self) -> Vec<String> {
        let problems = self.load().expect_err("refused");
        let directory = format!("{}/", self.directory.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&directory, "")).collect()
    }
}

fn toml(text: &str) -> Written {
    Written::new("exporter.toml", text)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn sharded(index: &str, total: &str, host_name: Option<&str>) -> Result<Sharding, String> {
    let set = vec![format!("sharding.index={index}"), format!("sharding.total={total}")];
    let sources = Sources { set, host_name: host_name.map(str::to_owned), ..Sources::default() };
    load(&sources).map(|loaded| loaded.config.sharding).map_err(|problems| problems.to_string())
}

/// The one problem of a file, checked to be on `line` and to say each of `parts`.
#[track_caller]
fn refused(text: &str, line: u64, parts: &[&str]) {
    let problems = toml(text).problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    assert!(problem.starts_with(&format!("exporter.toml:{line}: ")), "{problem}");
    for part in parts {
        assert!(problem.contains(part), "{part:?} is not in {problem:?}");
    }
}

#[test]
fn without_any_word_there_is_one_account_with_the_default_credentials() {
    let loaded = load(&Sources::default()).expect("defaults are sound");
    assert!(loaded.warnings.is_empty());
    let account = &loaded.config.accounts[0];
    assert_eq!(loaded.config.accounts.len(), 1);
    assert_eq!(account.name, "default");
    assert_eq!(account.endpoint.host(), "appstream-center.cn-shanghai.aliyuncs.com");
    assert!(matches!(account.credentials, Credentials::Default { .. }));
    assert_eq!(account.product_types, ["CloudApp"]);
    assert!(account.regions.is_empty());
}

#[test]
fn later_sources_win() {
    let mut written =
        toml("[poll]\ninterval = \"10s\"\ntimeout = \"11s\"\npage_size = 10\n[api]\nmax_retries = 1\n")
            .and("second.yaml", "poll:\n  interval: 20s\n  timeout: 22s\n  page_size: 20\n");
    assert_eq!(written.config().poll.interval.to_string(), "20s");
    written = written.variable("APPSTREAMING_EXPORTER_POLL__INTERVAL", "30s");
    written = written.variable("APPSTREAMING_EXPORTER_POLL__TIMEOUT", "33s");
    assert_eq!(written.config().poll.interval.to_string(), "30s");
    written = written.set("poll.interval=40s").set("poll.interval=50s");
    let config = written.config();
    assert_eq!(config.poll.interval.to_string(), "50s");
    assert_eq!(config.poll.timeout.to_string(), "33s");
    assert_eq!(config.poll.page_size, 20);
    assert_eq!(config.api.max_retries, 1);
}

#[test]
fn a_flag_of_its_own_name_beats_set() {
    let flag = Flag { flag: "--shard.index", key: "sharding.index", value: "2".to_owned() };
    let set = vec!["sharding.index=1".to_owned(), "sharding.total=3".to_owned()];
    let sources = Sources { set, flags: vec![flag], ..Sources::default() };
    assert_eq!(load(&sources).expect("sound").config.sharding, Sharding { index: 2, total: 3 });
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let problems = toml(
        r#"[poll]
interval = "0s"
page_size = 101
pages = 3
[api]
signature = "v4"
requests_per_second = 6000
allow_http = "yes"
[collectors]
instances = "all"
[schedule]
time_zone = "Asia/Nowhere"
[sharding]
index = 3
[[accounts]]
endpoint_region = "cn-hangzhou"
"#,
    )
    .problems();
    assert_eq!(problems.len(), 10, "{problems:#?}");
    for (line, key) in [
        (2, "poll.interval"),
        (3, "poll.page_size"),
        (4, "poll.pages"),
        (6, "api.signature"),
        (7, "api.requests_per_second"),
        (8, "api.allow_http"),
        (10, "collectors.instances"),
        (12, "schedule.time_zone"),
        (14, "sharding.index"),
        (16, "accounts.0.endpoint_region"),
    ] {
        let start = format!("exporter.toml:{line}: {key}: ");
        assert!(problems.iter().any(|problem| problem.starts_with(&start)), "{start} {problems:#?}");
    }
}

#[test]
fn problems_of_files_environment_and_flags_come_together() {
    let problems = toml("[poll]\npage_size = 0\n")
        .variable("APPSTREAMING_EXPORTER_API__MAX_RETRIES", "many")
        .set("collectors.nodes=perhaps")
        .set("nonsense")
        .problems();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    for start in [
        "exporter.toml:2: poll.page_size: ",
        "APPSTREAMING_EXPORTER_API__MAX_RETRIES: api.max_retries: ",
        "--set: collectors.nodes: ",
        "--set: write KEY=VALUE",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(start)), "{start} {problems:#?}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    refused("[poll]\nintervall = \"30s\"\n", 2, &["unknown key", "did you mean poll.interval?"]);
    refused("[colectors]\nnodes = true\n", 1, &["unknown key", "did you mean collectors?"]);
    refused("page_size = 3\n", 1, &["unknown key", "did you mean poll.page_size?"]);
    refused("[[accounts]]\n[accounts.filters]\n", 2, &["did you mean accounts.0.filter?"]);
    refused("[zebra]\nstripes = 3\n", 1, &["zebra: unknown key"]);
}

#[test]
fn values_out_of_range_are_refused_with_what_is_allowed() {
    refused("[poll]\ninterval = \"999ms\"", 2, &["from 1s"]);
    refused("[poll]\ninterval = 60", 2, &["\"60\"", "30s"]);
    refused("[poll]\nstale_after = \"4s\"", 2, &["from 5s"]);
    refused("[poll]\npage_size = 0", 2, &["from 1 to 100"]);
    refused("[poll]\ntimeout = \"soon\"", 2, &["\"soon\" must be a duration"]);
    refused("[api]\nmax_in_flight = 0", 2, &["from 1"]);
    refused("[api]\nmax_retries = -1", 2, &["from 0"]);
    refused("[api]\nrequests_per_second = 0", 2, &["above 0"]);
    refused("[api]\nrequests_per_second = nan", 2, &["above 0"]);
    refused("[api]\nrequests_per_second = 5000.5", 2, &["at most 5000"]);
    refused("[api]\nmax_response_bytes = \"16M\"", 2, &["16MiB"]);
    refused(
        "[collectors]\npersistent = \"agregate\"",
        2,
        &["off, aggregate, detailed", "did you mean \"aggregate\"?"],
    );
    refused("[collectors]\nusers = \"hash\"", 1, &["user_hash_key", "is needed"]);
    refused("[labels]\ngroup = [\"names\"]", 2, &["name, or tag:KEY"]);
    refused("[labels]\ngroup = [\"name\", \"name\"]", 2, &["there twice"]);
    refused("[labels]\ntags = \"department\"", 2, &["must be a list"]);
    refused("[schedule]\ntime_zone = \"Mars\"", 2, &["\"Mars\" is no known time zone"]);
    refused("poll = 3", 1, &["poll: must be a table"]);
    refused("accounts = 3", 1, &["must be a list of tables"]);
    refused("accounts = []", 1, &["is empty"]);
}

#[test]
fn the_bounds_themselves_are_fine() {
    let config = toml(
        "[poll]\ninterval = \"1s\"\nstale_after = \"5s\"\npage_size = 1\nshutdown_grace = \"0s\"\n\
         [api]\nmax_retries = 0\nrequests_per_second = 5000\nmax_in_flight = 1\nmax_response_bytes = 1048576\n",
    )
    .config();
    assert_eq!(config.poll.interval.get().as_secs(), 1);
    assert_eq!(config.api.max_response_bytes.get(), 1 << 20);
}

#[test]
fn endpoints_are_looked_up_or_written() {
    let endpoint =
        |text: &str| toml(&format!("[[accounts]]\n{text}")).config().accounts[0].endpoint.to_string();
    for (text, url) in [
        ("endpoint_region = \"ap-southeast-1\"", "https://appstream-center.ap-southeast-1.aliyuncs.com"),
        ("vpc = true", "https://appstream-center.vpc-proxy.aliyuncs.com"),
        ("vpc = true\nendpoint = \"https://example.com:8443/\"", "https://example.com:8443"),
        ("endpoint = \"http://127.0.0.1:9878\"", "http://127.0.0.1:9878"),
        ("endpoint = \"http://[::1]:9878\"", "http://[::1]:9878"),
        ("endpoint = \"http://localhost\"", "http://localhost"),
    ] {
        assert_eq!(endpoint(text), url);
    }
    let allowed = toml("[api]\nallow_http = true\n[[accounts]]\nendpoint = \"http://example.com\"").config();
    assert_eq!(allowed.accounts[0].endpoint.to_string(), "http://example.com");
}

#[test]
fn endpoints_that_make_no_sense_are_refused() {
    refused("[[accounts]]\nendpoint_region = \"cn-hangzhou\"", 2, &["cn-shanghai, ap-southeast-1"]);
    refused("[[accounts]]\nendpoint = \"http://example.com\"", 2, &["allow_http"]);
    for endpoint in
        ["https://example.com/path", "https://user:hunter2@example.com", "example.com", "ftp://example.com"]
    {
        let problems = toml(&format!("[[accounts]]\nendpoint = \"{endpoint}\"")).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn accounts_have_names_of_their_own() {
    refused("[[accounts]]\nname = \"a\"\n[[accounts]]\nname = \"a\"", 4, &["name of another account"]);
    refused("[[accounts]]\nname = \" \"", 2, &["must not be empty"]);
    let config = toml("[[accounts]]\nname = \"生产 \\\"x\\\"\"").config();
    assert_eq!(config.accounts[0].name, "生产 \"x\"");
}

#[test]
fn credentials_are_all_there_or_refused() {
    let keys = "access_key_id = \"LTAI5tExample1234\"\naccess_key_secret = \"hunter2\"\n";
    let account = "[[accounts]]\n[accounts.credentials]\n";
    let config = toml(&format!("{account}source = \"access_key\"\n{keys}")).config();
    let Credentials::AccessKey { id, secret, security_token, .. } = &config.accounts[0].credentials else {
        panic!("not an AccessKey");
    };
    assert_eq!((id.expose(), secret.expose()), ("LTAI5tExample1234", "hunter2"));
    assert!(security_token.is_none());
    let problems = toml(&format!("{account}source = \"access_key\"\n")).problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let problems = toml(&format!("{account}{keys}")).problems();
    assert!(
        problems.iter().all(|problem| problem.contains("belongs to source = \"access_key\"")),
        "{problems:#?}"
    );
    refused(&format!("{account}source = \"acess_key\"\n"), 3, &["did you mean \"access_key\"?"]);
}

/// The credentials of one account with these lines.
fn credentials(lines: &str) -> Written {
    toml(&format!("[[accounts]]\n[accounts.credentials]\n{lines}"))
}

const ROLE: &str = "role_arn = \"acs:ram::1234567890123456:role/exporter\"\n";

#[test]
fn a_role_may_be_based_on_another_source_and_inherits_its_sts() {
    let written = credentials(&format!(
        "source = \"assume_role\"\n{ROLE}duration = \"15m\"\nexternal_id = \"partner\"\n\
         sts_endpoint = \"http://127.0.0.1:1\"\n\
         [accounts.credentials.base]\nsource = \"assume_role\"\n{ROLE}\
         [accounts.credentials.base.base]\nsource = \"ecs_ram_role\"\n\
         metadata_endpoint = \"http://127.0.0.1:2\"\n"
    ));
    let config = written.config();
    let Credentials::AssumeRole { role, external_id, base, .. } = &config.accounts[0].credentials else {
        panic!("another source");
    };
    assert_eq!(role.duration.get(), Duration::from_secs(900));
    assert_eq!(role.session_name, "appstreaming-exporter");
    assert!(external_id.is_some());
    let Credentials::AssumeRole { sts, base, .. } = &**base else { panic!("another source") };
    assert_eq!(sts.as_ref().map(ToString::to_string).as_deref(), Some("http://127.0.0.1:1"));
    assert!(matches!(&**base, Credentials::EcsRamRole { metadata: Some(_), .. }));
    let shown = config.redacted();
    assert!(shown.contains("[accounts.credentials.base.base]") && !shown.contains("partner"), "{shown}");
    assert_eq!(toml(&shown).config().redacted(), shown);
}

#[test]
fn roles_take_what_is_not_written_from_the_sdks_variables() {
    let written = credentials("source = \"oidc_role\"\n");
    let problems = written.problems();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(
        problems.iter().any(|problem| problem.contains("ALIBABA_CLOUD_OIDC_TOKEN_FILE")),
        "{problems:#?}"
    );
    let written = written
        .variable("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r")
        .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p")
        .variable("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token")
        .variable("ALIBABA_CLOUD_ROLE_SESSION_NAME", "metrics");
    let shown = written.config().redacted();
    for part in ["acs:ram::1:role/r", "oidc-provider/p", "\"/token\"", "\"metrics\""] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(toml(&shown).config().redacted(), shown);
}

#[test]
fn keys_of_another_source_are_refused_with_its_name() {
    let problems =
        credentials(&format!("source = \"uri\"\nuri = \"localhost:1\"\n{ROLE}file = \"x\"\n")).problems();
    assert_eq!(
        problems,
        [
            "exporter.toml:5: accounts.0.credentials.role_arn: belongs to source = \"oidc_role\" or \"assume_role\", not to \"uri\"",
            "exporter.toml:6: accounts.0.credentials.file: belongs to source = \"profile\", not to \"uri\"",
        ]
    );
    let base = "[accounts.credentials.base]\nsource = \"default\"\n";
    let problems = credentials(base).problems();
    assert!(problems[0].contains("credentials.base: belongs to source = \"assume_role\""), "{problems:#?}");
}

#[test]
fn credentials_that_make_no_sense_are_refused() {
    let assume = format!("source = \"assume_role\"\n{ROLE}");
    for (lines, line, part) in [
        (
            "source = \"assume_role\"\nrole_arn = \"exporter\"".to_owned(),
            4,
            "acs:ram::1234567890123456:role/name",
        ),
        (format!("{assume}duration = \"5m\""), 5, "from 15m to 12h"),
        (format!("{assume}policy = \"allow\""), 5, "RAM policy in JSON"),
        (format!("{assume}role_session_name = \"a b\""), 5, "2 to 64"),
        (format!("{assume}sts_endpoint = \"http://sts.example\""), 5, "plain http is only for loopback"),
        (format!("{assume}sts_endpoint = \"sts.example\""), 5, "not a URL"),
        ("source = \"uri\"\nuri = \"ftp://x\"".to_owned(), 4, "must be a URL"),
        ("source = \"uri\"".to_owned(), 2, "ALIBABA_CLOUD_CREDENTIALS_URI"),
        ("source = \"ecs_ramrole\"".to_owned(), 3, "did you mean \"ecs_ram_role\"?"),
        (format!("{assume}[accounts.credentials.base]\nsource = \"oidc\""), 6, "base.source"),
    ] {
        let text = format!("[[accounts]]\n[accounts.credentials]\n{lines}");
        refused(&text, line, &[part]);
    }
    let deep = (1..=6).map(|depth| {
        let table = format!("[accounts.credentials{}]\n", ".base".repeat(depth));
        format!("{table}source = \"assume_role\"\n{ROLE}")
    });
    let problems = credentials(&format!("{assume}{}", deep.collect::<String>())).problems();
    assert!(problems[0].contains("more than 5 roles"), "{problems:#?}");
}

#[test]
fn every_source_is_shown_so_that_it_loads_again() {
    for lines in [
        "source = \"ecs_ram_role\"\nrole_name = \"r\"",
        "source = \"uri\"\nuri = \"localhost:1/x?key=hunter2\"",
        "source = \"profile\"\nprofile = \"p\"\nfile = \"/x\"\nsts_endpoint = \"https://sts.example\"",
        "source = \"default\"\nmetadata_endpoint = \"http://10.0.0.1\"",
    ] {
        let shown = credentials(lines).config().redacted();
        assert_eq!(toml(&shown).config().redacted(), shown);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_key_remembers_the_file_that_it_can_be_read_from_again() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "secret\n").expect("written");
    let path = file.path().display();
    let config = credentials(&format!(
        "source = \"access_key\"\naccess_key_id = \"LTAI1234\"\naccess_key_secret = \"file:{path}\""
    ))
    .config();
    let Credentials::AccessKey { files, .. } = &config.accounts[0].credentials else {
        panic!("another source")
    };
    assert_eq!(files.secret.as_deref(), Some(file.path()));
    assert_eq!((&files.id, &files.security_token), (&None, &None));
}

#[test]
fn data_outlives_long_intervals_unless_the_operator_says_otherwise() {
    let stale_after = |text: &str| toml(&format!("[poll]\n{text}")).config().poll.stale_after.to_string();
    assert_eq!(stale_after("interval = \"100s\""), "5m");
    assert_eq!(stale_after("interval = \"10m\""), "30m");
    assert_eq!(stale_after("interval = \"10m\"\nstale_after = \"11m\""), "11m");
    let loaded =
        toml("[poll]\ninterval = \"10m\"\nstale_after = \"11m\"").load().expect("a warning is no error");
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].key, "poll.stale_after");
    assert!(
        toml("[poll]\ninterval = \"1m\"\nstale_after = \"3m\"").load().expect("sound").warnings.is_empty()
    );
}

#[test]
fn a_replica_finds_its_number_in_its_host_name() {
    assert_eq!(sharded("hostname", "3", Some("exporter-2")), Ok(Sharding { index: 2, total: 3 }));
    assert_eq!(
        sharded("hostname", "3", Some("exporter-1.pods.svc.local")),
        Ok(Sharding { index: 1, total: 3 })
    );
    assert_eq!(sharded("1", "2", None), Ok(Sharding { index: 1, total: 2 }));
    for (index, total, host_name, part) in [
        ("hostname", "3", Some("laptop"), "laptop"),
        ("hostname", "3", Some("exporter-"), "exporter-"),
        ("hostname", "3", None, "unknown"),
        ("hostname", "2", Some("exporter-2"), "below the total"),
        ("2", "2", None, "below the total"),
        ("-1", "2", None, "whole number"),
        ("host", "2", None, "hostname"),
        ("0", "0", None, "sharding.total"),
    ] {
        let message = sharded(index, total, host_name).expect_err(index);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn variables_reach_every_kind_of_key() {
    let sources = environment(&[
        ("APPSTREAMING_EXPORTER_POLL__PAGE_SIZE", "50"),
        ("APPSTREAMING_EXPORTER_API__REQUESTS_PER_SECOND", "2.5"),
        ("APPSTREAMING_EXPORTER_COLLECTORS__NODES", "false"),
        ("APPSTREAMING_EXPORTER_LABELS__TAGS", "department, team"),
        ("APPSTREAMING_EXPORTER_LABELS__GROUP", r#"["name", "tag:a,b"]"#),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__NAME", "123"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__FILTER__TAGS", "a=1,b=x=y"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__FILTER__TAGS__CostCentre", "007"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__1__NAME", "second"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__1__FILTER__TAGS", r#"{"k.v": "w"}"#),
    ]);
    let config = load(&sources).unwrap_or_else(|problems| panic!("{problems}")).config;
    assert_eq!(config.poll.page_size, 50);
    assert!((config.api.requests_per_second - 2.5).abs() < f64::EPSILON);
    assert!(!config.collectors.nodes);
    assert_eq!(config.labels.tags, Tags::Keys(vec!["department".to_owned(), "team".to_owned()]));
    assert_eq!(config.labels.group, [GroupLabel::Name, GroupLabel::Tag("a,b".to_owned())]);
    assert_eq!(config.accounts[0].name, "123");
    let tags = |account: &Account| {
        account.filter.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(tags(&config.accounts[0]), ["CostCentre=007", "a=1", "b=x=y"]);
    assert_eq!(tags(&config.accounts[1]), ["k.v=w"]);
}

#[test]
fn a_variable_changes_one_account_of_a_file_and_leaves_the_rest() {
    let written =
        toml("[[accounts]]\nname = \"a\"\nregions = [\"cn-beijing\"]\n[[accounts]]\nname = \"b\"\n")
            .variable("APPSTREAMING_EXPORTER_ACCOUNTS__0__ENDPOINT_REGION", "ap-southeast-1")
            .set("accounts.1.vpc=true")
            .set("accounts.2.name=c");
    let config = written.config();
    let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(config.accounts[0].endpoint_region, EndpointRegion::ApSoutheast1);
    assert_eq!(config.accounts[0].regions, ["cn-beijing"]);
    assert!(config.accounts[1].vpc);
    let problems = toml("").set("accounts.5.name=x").problems();
    assert!(problems[0].contains("the next one has number 0"), "{problems:?}");
}

#[test]
fn ten_and_more_accounts_from_the_environment_stay_in_order() {
    let variables: Vec<(String, String)> = (0..12)
        .map(|number| {
            (format!("APPSTREAMING_EXPORTER_ACCOUNTS__{number}__NAME"), format!("account {number}"))
        })
        .collect();
    let config = load(&Sources { environment: variables.into_iter().collect(), ..Sources::default() });
    let accounts = config.unwrap_or_else(|problems| panic!("{problems}")).config.accounts;
    assert_eq!(accounts.len(), 12);
    assert_eq!(accounts[10].name, "account 10");
}

#[test]
fn accounts_may_be_written_inline() {
    let accounts = r#"[{"name": "a"}, {"name": "b", "credentials": {"source": "default"}}]"#;
    let config = load(&environment(&[("APPSTREAMING_EXPORTER_ACCOUNTS", accounts)])).expect("sound").config;
    assert_eq!(config.accounts.len(), 2);
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_are_left_alone() {
    let loaded = load(&environment(&[
        ("APPSTREAMING_EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("APPSTREAMING_EXPORTER_SERVICE_PORT", "9877"),
        ("APPSTREAMING_EXPORTER_SERVICE_PORT_METRICS", "9877"),
        ("APPSTREAMING_EXPORTER_PORT", "tcp://10.0.0.1:9877"),
        ("APPSTREAMING_EXPORTER_PORT_9877_TCP", "tcp://10.0.0.1:9877"),
        ("APPSTREAMING_EXPORTER_PORT_9877_TCP_PROTO", "tcp"),
        ("APPSTREAMING_EXPORTER_PORT_9877_TCP_PORT", "9877"),
        ("APPSTREAMING_EXPORTER_PORT_9877_TCP_ADDR", "10.0.0.1"),
        ("APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS", ":9877"),
    ]));
    assert!(loaded.expect("sound").warnings.is_empty());
}

#[test]
fn a_variable_of_a_section_must_name_a_key() {
    for (name, part) in [
        ("APPSTREAMING_EXPORTER_POLL__INTERVALL", "did you mean poll.interval?"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__BASE__ROLE_ANR", "credentials.base.role_arn"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__BASE", "is a section"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__FIRST__NAME", "unknown key"),
        ("APPSTREAMING_EXPORTER_POLL", "is a section"),
        ("APPSTREAMING_EXPORTER_WEB__LISTEN", "APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS"),
    ] {
        let problems = load(&environment(&[(name, "hunter2")])).expect_err(name).to_string();
        assert!(problems.starts_with(name) && problems.contains(part), "{problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn a_variable_that_misses_its_section_is_warned_about() {
    for name in ["APPSTREAMING_EXPORTER_POLL_INTERVAL", "APPSTREAMING_EXPORTER_POL__INTERVAL"] {
        let warnings = load(&environment(&[(name, "30s")])).expect("ignored").warnings;
        assert_eq!(warnings.len(), 1);
        let warning = warnings[0].to_string();
        assert!(warning.contains("did you mean APPSTREAMING_EXPORTER_POLL__INTERVAL?"), "{warning}");
    }
}

#[test]
fn a_secret_that_looks_like_a_number_stays_text() {
    let config = load(&environment(&[
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__SOURCE", "access_key"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__ACCESS_KEY_ID", "0123456"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__ACCESS_KEY_SECRET", "123456"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__SECURITY_TOKEN", "true"),
    ]));
    let config = config.unwrap_or_else(|problems| panic!("{problems}")).config;
    let Credentials::AccessKey { id, secret, security_token, .. } = &config.accounts[0].credentials else {
        panic!("not an AccessKey");
    };
    assert_eq!((id.expose(), secret.expose()), ("0123456", "123456"));
    assert_eq!(security_token.as_ref().map(|token| token.expose()), Some("true"));
}

#[test]
fn secrets_are_never_shown() {
    let text = "[api]\nproxy = \"http://user:SECRET1@proxy:3128\"\n\
                [collectors]\nusers = \"hash\"\nuser_hash_key = \"SECRET2\"\n\
                [[accounts]]\n[accounts.credentials]\nsource = \"access_key\"\naccess_key_id = \"SECRETID1234\"\n\
                access_key_secret = \"SECRET3\"\nsecurity_token = \"SECRET4\"\n";
    let written = toml(text);
    let loaded = written.load().expect("sound");
    for shown in
        [format!("{loaded:?}"), format!("{loaded:#?}"), loaded.config.redacted(), loaded.config.to_string()]
    {
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("<secret>") && shown.contains("…1234"), "{shown}");
    }
    // The same secrets where they don't belong, or of the wrong type.
    for text in [
        text.replace("[[accounts]]", "[[accounts]]\nendpoint = \"https://user:SECRET5@host\""),
        text.replace("http://user:SECRET1@", "SECRET1:"),
        text.replace("\"access_key\"", "\"default\""),
        text.replace("\"SECRET3\"", "[\"SECRET3\"]"),
        text.replace("access_key_secret", "acces_key_secret"),
        text.replace("\"SECRET3\"", "\"SECRET3"),
    ] {
        let problems = toml(&text).load().expect_err("refused");
        assert!(!format!("{problems} {problems:?}").contains("SECRET"), "{problems}");
    }
    let number = toml(
        "[[accounts]]\n[accounts.credentials]\nsource = \"access_key\"\naccess_key_secret = 987654321\n",
    );
    assert!(!number.problems().concat().contains("987654321"));
}

#[test]
fn what_is_shown_loads_again_and_means_the_same() {
    let written = toml(
        "[poll]\ninterval = \"90s\"\n[api]\nproxy = \"http://u:p@proxy:1\"\nmax_response_bytes = \"1MB\"\nrequests_per_second = 0.5\n\
         [collectors]\nusers = \"hash\"\nuser_hash_key = \"k\"\nstateset = \"full\"\ninstances = \"detailed\"\n\
         [labels]\ngroup = [\"name\", \"tag:a\\u007f\\n\\\"\"]\ntags = [\"*\"]\n[sharding]\nindex = 1\ntotal = 2\n\
         [[accounts]]\nname = \"\\\\ \\\"生\\\" \\t\"\nendpoint = \"https://[::1]:8443\"\n\
         [accounts.credentials]\nsource = \"access_key\"\naccess_key_id = \"LTAI1234\"\naccess_key_secret = \"s\"\n\
         [accounts.filter]\ntags = { \"a.b c\" = \"=\" }\nstatus = [\"PUBLISHED\"]\ngroup_name = \"x\"\n\
         [[accounts]]\nname = \"b\"\nvpc = true\n",
    );
    let shown = written.config().redacted();
    assert!(
        shown.contains("interval = \"90s\"") && shown.contains("max_response_bytes = \"1MB\""),
        "{shown}"
    );
    let again = toml(&shown).config();
    assert_eq!(again.redacted(), shown);
    assert_eq!(again.accounts[0].filter, written.config().accounts[0].filter);
    assert_eq!(again.labels.group, written.config().labels.group);
}

#[test]
fn files_that_cannot_be_read_are_named_together() {
    let sources = Sources {
        files: ["/does/not/exist.toml", "/nor/this.yaml", "/etc/hostname"].map(PathBuf::from).into(),
        ..Sources::default()
    };
    let problems = load(&sources).expect_err("refused").to_string();
    assert_eq!(problems.lines().count(), 3, "{problems}");
    assert!(problems.contains("/does/not/exist.toml: cannot be read: "), "{problems}");
    assert!(problems.contains("/etc/hostname: a configuration file ends in .toml"), "{problems}");
}

#[test]
fn null_says_nothing() {
    let written = Written::new("exporter.yaml", "poll:\n  interval: ~\napi:\naccounts: null\n");
    assert_eq!(written.config().poll.interval.to_string(), "60s");
}

#[test]
fn numbers_of_the_wrong_kind_in_yaml_name_the_quotes_they_lack() {
    let problems = Written::new("exporter.yaml", "accounts:\n  - name: 12\n    regions: [1]\n").problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.contains("put it in quotes")), "{problems:?}");
    assert!(problems[0].starts_with("exporter.yaml:2: accounts.0.name"), "{problems:?}");
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

#[test]
fn the_full_example_is_the_defaults() {
    let loaded = load(&Sources { files: vec![example("full.toml")], ..Sources::default() });
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.config.redacted(), load(&Sources::default()).expect("sound").config.redacted());
}

#[test]
fn the_full_example_names_every_key() {
    let text = fs::read_to_string(example("full.toml")).expect("readable");
    let mut section = String::new();
    let mut named = vec!["accounts".to_owned()];
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).replacen("accounts", "accounts.*", 1);
        } else if let Some((key, _)) = line.split_once(" = ") {
            named.push(format!("{section}.{key}"));
        }
    }
    for (key, _) in schema::KEYS {
        assert!(named.iter().any(|name| name == key), "{key} is not in full.toml");
    }
}

#[test]
fn the_typical_example_says_the_same_in_three_languages() {
    let shown = ["typical.toml", "typical.yaml", "typical.json"].map(|name| {
        let variables = ["PRODUCTION", "INTERNATIONAL"].map(|account| {
            ["ID", "SECRET"].map(|part| (format!("{account}_ACCESS_KEY_{part}"), "x".to_owned()))
        });
        let environment = variables.into_iter().flatten().collect();
        let loaded = load(&Sources { files: vec![example(name)], environment, ..Sources::default() });
        loaded.unwrap_or_else(|problems| panic!("{problems}")).config.redacted()
    });
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
}

#[test]
fn the_minimal_example_needs_nothing_else() {
    let loaded = load(&Sources { files: vec![example("minimal.toml")], ..Sources::default() });
    let Loaded { config, warnings } = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(warnings.is_empty());
    assert_eq!(config.accounts[0].name, "production");
    assert!(matches!(config.accounts[0].credentials, Credentials::Default { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_operators_own_words_are_they_are_shown_so_that_they_load_again(
        name in "\\PC{0,20}|[\\x00-\\x7f]{0,10}", key in "[^\\x00]{0,12}", value: String,
    ) {
        let mut config = load(&Sources::default()).expect("sound").config;
        config.accounts[0].name = format!("n{name}");
        config.accounts[0].filter.tags.insert(key, value);
        let again = toml(&config.redacted()).config();
        prop_assert_eq!(&again.accounts[0].name, &config.accounts[0].name);
        prop_assert_eq!(&again.accounts[0].filter, &config.accounts[0].filter);
    }

    #[test]
    fn no_file_upsets_the_loader(text in "([a-z\\[\\]{}=\"'.#0-9:, -]|\\n|\\PC){0,80}", name in "x\\.(toml|yaml|json)") {
        let _ = Written::new(&name, &text).load();
    }

    #[test]
    fn no_value_of_any_key_upsets_the_loader(
        key in 0..schema::KEYS.len(),
        value in prop_oneof![
            "[0-9a-z]{0,6}",
            Just("[]".to_owned()), Just("[{}]".to_owned()), Just("{}".to_owned()), Just("-1".to_owned()),
            Just("99999999999999999999".to_owned()), Just("9e999".to_owned()), Just("[[1]]".to_owned()),
            Just("1979-05-27".to_owned()), Just("nan".to_owned()), Just("{ a = { b = 1 } }".to_owned()),
        ],
    ) {
        let path = schema::KEYS[key].0.replace('*', "0");
        let _ = toml("").set(&format!("{path}={value}")).load();
        let inline = path.replace("accounts.0.", "accounts.");
        let section = inline.rsplit_once('.').map_or(String::new(), |(section, _)| format!("[{section}]\n"));
        let name = inline.rsplit('.').next().unwrap_or_default();
        let array = if inline.starts_with("accounts.") { "[[accounts]]\n" } else { "" };
        let section = if section == "[accounts]\n" { String::new() } else { section };
        let _ = toml(&format!("{array}{section}{name} = {value}\n")).load();
        let _ = toml(&format!("{array}{section}{name} = \"{value}\"\n")).load();
    }
}
