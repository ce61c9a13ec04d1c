//! Problems: where they are, and what is allowed.

use super::*;

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let problems = toml(
        r#"[poll]
interval = "0s"
page_size = 101
pages = 3
[api]
signature = "v4"
requests_per_second = 600000
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
fn problems_of_files_variables_and_flags_are_reported_together() {
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
fn an_unknown_key_is_rejected_with_the_closest_known_one() {
    assert_rejected("[poll]\nintervall = \"30s\"\n", 2, &["unknown key", "did you mean poll.interval?"]);
    assert_rejected("[colectors]\nnodes = true\n", 1, &["unknown key", "did you mean collectors?"]);
    assert_rejected("page_size = 3\n", 1, &["unknown key", "did you mean poll.page_size?"]);
    assert_rejected("[[accounts]]\n[accounts.filters]\n", 2, &["did you mean accounts.0.filter?"]);
    assert_rejected("[zebra]\nstripes = 3\n", 1, &["zebra: unknown key"]);
}

#[test]
fn a_value_out_of_range_is_rejected_with_the_range() {
    assert_rejected("[poll]\ninterval = \"999ms\"", 2, &["from 1s"]);
    assert_rejected("[poll]\ninterval = 60", 2, &["\"60\"", "30s"]);
    assert_rejected("[poll]\nstale_after = \"4s\"", 2, &["from 5s"]);
    assert_rejected("[poll]\npage_size = 0", 2, &["from 1 to 100"]);
    assert_rejected("[poll]\ntimeout = \"soon\"", 2, &["\"soon\" must be a duration"]);
    assert_rejected("[api]\nmax_in_flight = 0", 2, &["from 1"]);
    assert_rejected("[api]\nmax_retries = -1", 2, &["from 0"]);
    assert_rejected("[api]\nrequests_per_second = 0", 2, &["above 0"]);
    assert_rejected("[api]\nrequests_per_second = nan", 2, &["above 0"]);
    assert_rejected("[api]\nrequests_per_second = 100000.5", 2, &["at most 100000"]);
    assert_rejected("[api]\nmax_response_bytes = \"16M\"", 2, &["16MiB"]);
    assert_rejected(
        "[collectors]\npersistent = \"agregate\"",
        2,
        &["off, aggregate, detailed", "did you mean \"aggregate\"?"],
    );
    assert_rejected("[collectors]\nusers = \"hash\"", 1, &["user_hash_key", "is required"]);
    assert_rejected("[labels]\ngroup = [\"names\"]", 2, &["name, or tag:KEY"]);
    assert_rejected("[labels]\ngroup = [\"name\", \"name\"]", 2, &["in the list twice"]);
    assert_rejected("[labels]\ntags = \"department\"", 2, &["must be a list"]);
    assert_rejected("[schedule]\ntime_zone = \"Mars\"", 2, &["\"Mars\" is not a known time zone"]);
    assert_rejected("poll = 3", 1, &["poll: must be a table"]);
    assert_rejected("accounts = 3", 1, &["must be a list of tables"]);
    assert_rejected("accounts = []", 1, &["is empty"]);
}

#[test]
fn the_bounds_of_a_range_are_allowed() {
    let config = toml(
        "[poll]\ninterval = \"1s\"\nstale_after = \"5s\"\npage_size = 1\nshutdown_grace = \"0s\"\n\
         [api]\nmax_retries = 0\nrequests_per_second = 100000\nmax_in_flight = 1\nmax_response_bytes = 1048576\n",
    )
    .config();
    assert_eq!(config.poll.interval.as_secs(), 1);
    assert_eq!(config.accounts[0].client.max_response_bytes, 1 << 20);
}
