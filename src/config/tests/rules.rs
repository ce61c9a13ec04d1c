//! Rules about several keys: endpoints, names, durations, shards.

use super::*;

#[test]
fn the_endpoint_is_that_of_the_region_or_explicit() {
    let endpoint =
        |text: &str| toml(&format!("[[accounts]]\n{text}")).config().accounts[0].client.endpoint.to_string();
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
    assert_eq!(allowed.accounts[0].client.endpoint.to_string(), "http://example.com");
}

#[test]
fn invalid_endpoints_are_rejected() {
    assert_rejected("[[accounts]]\nendpoint_region = \"cn-hangzhou\"", 2, &["cn-shanghai, ap-southeast-1"]);
    assert_rejected("[[accounts]]\nendpoint = \"http://example.com\"", 2, &["allow_http"]);
    for endpoint in
        ["https://example.com/path", "https://user:hunter2@example.com", "example.com", "ftp://example.com"]
    {
        let problems = toml(&format!("[[accounts]]\nendpoint = \"{endpoint}\"")).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn names_of_accounts_differ() {
    assert_rejected(
        "[[accounts]]\nname = \"a\"\n[[accounts]]\nname = \"a\"",
        4,
        &["name of another account"],
    );
    assert_rejected("[[accounts]]\nname = \" \"", 2, &["must not be empty"]);
    let config = toml("[[accounts]]\nname = \"生产 \\\"x\\\"\"").config();
    assert_eq!(config.accounts[0].name, "生产 \"x\"");
}

#[test]
fn data_of_a_long_interval_is_served_for_three_intervals_by_default() {
    let stale_after = |text: &str| toml(&format!("[poll]\n{text}")).config().poll.stale_after.as_secs();
    assert_eq!(stale_after("interval = \"100s\""), 300);
    assert_eq!(stale_after("interval = \"10m\""), 1800);
    assert_eq!(stale_after("interval = \"10m\"\nstale_after = \"11m\""), 660);
    let loaded = toml("[poll]\ninterval = \"10m\"\nstale_after = \"11m\"").load().expect("only a warning");
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].key, "poll.stale_after");
    assert!(
        toml("[poll]\ninterval = \"1m\"\nstale_after = \"3m\"").load().expect("valid").warnings.is_empty()
    );
}

#[test]
fn a_replica_takes_its_index_from_its_host_name() {
    assert_eq!(sharded("hostname", "3", Some("exporter-2")), Ok(Shard { index: 2, total: 3 }));
    assert_eq!(sharded("hostname", "3", Some("exporter-1.pods.svc.local")), Ok(Shard { index: 1, total: 3 }));
    assert_eq!(sharded("1", "2", None), Ok(Shard { index: 1, total: 2 }));
    assert_eq!(
        sharded("hostname", "3", Some("exporter-5")),
        Ok(Shard { index: 2, total: 3 }),
        "a second pod"
    );
    assert_eq!(sharded("hostname", "1", Some("exporter-5")), Ok(Shard::WHOLE));
    for (index, total, host_name, part) in [
        ("hostname", "3", Some("laptop"), "laptop"),
        ("hostname", "3", Some("exporter-"), "exporter-"),
        ("hostname", "3", None, "unknown"),
        ("2", "2", None, "below sharding.total"),
        ("-1", "2", None, "whole number"),
        ("host", "2", None, "hostname"),
        ("0", "0", None, "sharding.total"),
    ] {
        let message = sharded(index, total, host_name).expect_err(index);
        assert!(message.contains(part), "{message}");
        assert_eq!(message.contains("sharding.index"), part != "sharding.total", "{message}");
    }
}

#[test]
fn several_shards_need_an_index() {
    assert_rejected("[sharding]\ntotal = 3", 1, &["sharding.index: is required"]);
    assert_eq!(toml("[sharding]\ntotal = 1").config().shard, Shard::WHOLE);
}

#[test]
fn a_second_pod_of_a_shard_that_is_not_its_standby_is_a_warning() {
    let warnings = |text: &str, host_name: &str| {
        let mut files = toml(text);
        files.sources.host_name = Some(host_name.to_owned());
        files.load().expect("valid").warnings
    };
    const SHARDS: &str = "[sharding]\nindex = \"hostname\"\ntotal = 3\n";
    assert!(warnings(SHARDS, "exporter-2").is_empty());
    let warnings_of_second = warnings(SHARDS, "exporter-5");
    assert_eq!(warnings_of_second.len(), 1, "{warnings_of_second:?}");
    assert!(warnings_of_second[0].to_string().contains("shard 2 of 3"), "{warnings_of_second:?}");
    assert!(warnings("[sharding]\nindex = 1\ntotal = 3\n", "exporter-5").is_empty());
    let pair = "[replicas]\nmode = \"pair\"\nrole = \"primary\"\npeer = \"http://127.0.0.1:9\"\n\
                token = \"0123456789abcdef\"\n";
    assert!(warnings(&format!("{SHARDS}{pair}"), "exporter-5").is_empty());
}

#[test]
fn a_shard_sends_its_part_of_the_rate_and_shows_the_whole() {
    let config = toml("[api]\nrequests_per_second = 30\n[sharding]\nindex = 1\ntotal = 4").config();
    assert_eq!(config.accounts[0].client.requests_per_second, 7.5);
    assert!(config.to_string().contains("requests_per_second = 30"), "{config}");
}

#[test]
fn accounts_that_replace_others_use_the_api_options_of_the_configuration() {
    let set = |settings: &[&str]| {
        let set = settings.iter().map(ToString::to_string).collect();
        load(&Sources { set, ..Sources::default() }).expect("a valid configuration").config
    };
    let mut config = set(&["api.requests_per_second=50"]);
    config.replace_accounts(&set(&["accounts.0.name=demo", "accounts.0.endpoint=http://127.0.0.1:9"]));
    let client = &config.accounts[0].client;
    assert_eq!(client.requests_per_second, 50.0);
    assert_eq!(client.endpoint.to_string(), "http://127.0.0.1:9");
}

#[test]
fn a_variable_that_a_client_cannot_use_is_a_problem_unless_no_account_depends_on_it() {
    for (name, value) in [("HTTPS_PROXY", "socks5://proxy:1080"), ("SSL_CERT_FILE", "/does/not/exist")] {
        let problems = toml("").variable(name, value).problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with(&format!("{name}: ")), "{problems:#?}");
        let local = "[[accounts]]\nendpoint = \"http://127.0.0.1:1\"\n";
        assert!(toml(local).variable(name, value).load().is_ok());
    }
    let proxied = toml("[api]\nproxy = \"http://proxy:1\"\n");
    assert!(proxied.variable("HTTPS_PROXY", "socks5://proxy:1080").load().is_ok());
    assert_rejected("[api]\nproxy = \"socks5://proxy:1\"\n", 2, &["such as socks5, are not supported"]);
}
