//! Precedence of sources, and files that cannot be read.

use super::*;

#[test]
fn an_empty_configuration_has_one_account_with_the_default_credentials() {
    let loaded = load(&Sources::default()).expect("the defaults are valid");
    assert!(loaded.warnings.is_empty());
    let account = &loaded.config.accounts[0];
    assert_eq!(loaded.config.accounts.len(), 1);
    assert_eq!(account.name, "default");
    assert_eq!(account.client.endpoint.host(), "appstream-center.cn-shanghai.aliyuncs.com");
    assert!(matches!(account.credentials, ProviderConfig::Default(_)));
    assert_eq!(account.product_types, ["CloudApp"]);
    assert!(account.regions.is_empty());
}

#[test]
fn later_sources_win() {
    let mut written =
        toml("[poll]\ninterval = \"10s\"\ntimeout = \"11s\"\npage_size = 10\n[api]\nmax_retries = 1\n")
            .and("second.yaml", "poll:\n  interval: 20s\n  timeout: 22s\n  page_size: 20\n");
    assert_eq!(written.config().poll.interval.as_secs(), 20);
    written = written.variable("APPSTREAMING_EXPORTER_POLL__INTERVAL", "30s");
    written = written.variable("APPSTREAMING_EXPORTER_POLL__TIMEOUT", "33s");
    assert_eq!(written.config().poll.interval.as_secs(), 30);
    written = written.set("poll.interval=40s").set("poll.interval=50s");
    let config = written.config();
    assert_eq!(config.poll.interval.as_secs(), 50);
    assert_eq!(config.poll.timeout.as_secs(), 33);
    assert_eq!(config.poll.page_size, 20);
    assert_eq!(config.accounts[0].client.max_retries, 1);
}

#[test]
fn other_flags_win_over_set() {
    let flag = Flag { flag: "--shard.index", key: "sharding.index", value: "2".to_owned() };
    let set = vec!["sharding.index=1".to_owned(), "sharding.total=3".to_owned()];
    let sources = Sources { set, flags: vec![flag], ..Sources::default() };
    assert_eq!(load(&sources).expect("valid").config.shard, Shard { index: 2, total: 3 });
}

#[test]
fn all_unreadable_files_are_reported_together() {
    let sources = Sources {
        files: ["/does/not/exist.toml", "/nor/this.yaml", "/etc/hostname"].map(PathBuf::from).into(),
        ..Sources::default()
    };
    let problems = load(&sources).expect_err("rejected").to_string();
    assert_eq!(problems.lines().count(), 3, "{problems}");
    assert!(problems.contains("/does/not/exist.toml: cannot be read: "), "{problems}");
    assert!(problems.contains("/etc/hostname: a configuration file must end in .toml"), "{problems}");
}

#[test]
fn null_leaves_the_default() {
    let written = TestFiles::new("exporter.yaml", "poll:\n  interval: ~\napi:\naccounts: null\n");
    assert_eq!(written.config().poll.interval.as_secs(), 60);
}

#[test]
fn a_number_where_yaml_needs_text_is_rejected_with_advice_to_quote_it() {
    let problems = TestFiles::new("exporter.yaml", "accounts:\n  - name: 12\n    regions: [1]\n").problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.contains("put it in quotes")), "{problems:?}");
    assert!(problems[0].starts_with("exporter.yaml:2: accounts.0.name"), "{problems:?}");
}
