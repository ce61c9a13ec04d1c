//! Environment variables: how they name keys, and which of them are ignored.

use super::*;
use crate::config::model::EndpointRegion;

#[test]
fn variables_set_keys_of_every_kind() {
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
    assert!((config.accounts[0].client.requests_per_second - 2.5).abs() < f64::EPSILON);
    assert!(!config.listing.nodes && !config.render.nodes);
    assert_eq!(config.render.tags, TagSelection::Keys(vec!["department".to_owned(), "team".to_owned()]));
    assert_eq!(config.render.group_labels, [GroupLabel::Name, GroupLabel::Tag("a,b".to_owned())]);
    assert_eq!(config.accounts[0].name, "123");
    let tags = |account: &Account| {
        account.filter.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(tags(&config.accounts[0]), ["CostCentre=007", "a=1", "b=x=y"]);
    assert_eq!(tags(&config.accounts[1]), ["k.v=w"]);
}

#[test]
fn a_variable_changes_one_account_of_a_file() {
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
    assert!(problems[0].contains("the next one has the number 0"), "{problems:?}");
}

#[test]
fn more_than_ten_accounts_in_variables_keep_their_order() {
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
fn accounts_can_be_written_inline() {
    let accounts = r#"[{"name": "a"}, {"name": "b", "credentials": {"source": "default"}}]"#;
    let config = load(&environment(&[("APPSTREAMING_EXPORTER_ACCOUNTS", accounts)])).expect("valid").config;
    assert_eq!(config.accounts.len(), 2);
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_ignored() {
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
    assert!(loaded.expect("valid").warnings.is_empty());
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
fn a_variable_without_a_section_causes_a_warning() {
    for name in ["APPSTREAMING_EXPORTER_POLL_INTERVAL", "APPSTREAMING_EXPORTER_POL__INTERVAL"] {
        let warnings = load(&environment(&[(name, "30s")])).expect("ignored").warnings;
        assert_eq!(warnings.len(), 1);
        let warning = warnings[0].to_string();
        assert!(warning.contains("did you mean APPSTREAMING_EXPORTER_POLL__INTERVAL?"), "{warning}");
    }
}
