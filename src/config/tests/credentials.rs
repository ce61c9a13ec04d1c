//! `[accounts.credentials]`.

use std::time::Duration;

use super::*;

#[test]
fn an_access_key_needs_its_id_and_secret() {
    let keys = "access_key_id = \"LTAI5tExample1234\"\naccess_key_secret = \"hunter2\"\n";
    let account = "[[accounts]]\n[accounts.credentials]\n";
    let config = toml(&format!("{account}source = \"access_key\"\n{keys}")).config();
    let ProviderConfig::AccessKey { id, secret, security_token } = &config.accounts[0].credentials else {
        panic!("not an AccessKey");
    };
    let key = (id.loaded().expose(), secret.loaded().expose());
    assert_eq!(key, ("LTAI5tExample1234", "hunter2"));
    assert!(security_token.is_none());
    let problems = toml(&format!("{account}source = \"access_key\"\n")).problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    let problems = toml(&format!("{account}{keys}")).problems();
    assert!(
        problems.iter().all(|problem| problem.contains("belongs to source = \"access_key\"")),
        "{problems:#?}"
    );
    assert_rejected(&format!("{account}source = \"acess_key\"\n"), 3, &["did you mean \"access_key\"?"]);
}

/// The credentials of one account with these lines.
fn credentials(lines: &str) -> TestFiles {
    toml(&format!("[[accounts]]\n[accounts.credentials]\n{lines}"))
}

const ROLE: &str = "role_arn = \"acs:ram::1234567890123456:role/exporter\"\n";

#[test]
fn a_role_is_assumed_with_another_source_which_inherits_its_sts() {
    let written = credentials(&format!(
        "source = \"assume_role\"\n{ROLE}duration = \"15m\"\nexternal_id = \"partner\"\n\
         sts_endpoint = \"http://127.0.0.1:1\"\n\
         [accounts.credentials.base]\nsource = \"assume_role\"\n{ROLE}\
         [accounts.credentials.base.base]\nsource = \"ecs_ram_role\"\n\
         metadata_endpoint = \"http://127.0.0.1:2\"\n"
    ));
    let config = written.config();
    let ProviderConfig::AssumeRole { role, base, .. } = &config.accounts[0].credentials else {
        panic!("another source");
    };
    assert_eq!(role.duration, Duration::from_secs(900));
    assert_eq!(role.session_name, "appstreaming-exporter");
    assert!(role.external_id.is_some());
    let ProviderConfig::AssumeRole { sts, base, .. } = &**base else { panic!("another source") };
    assert_eq!(sts.explicit().map(ToString::to_string).as_deref(), Some("http://127.0.0.1:1"));
    assert!(matches!(&**base, ProviderConfig::EcsRamRole { metadata: Some(_), .. }));
    let shown = config.to_string();
    assert!(shown.contains("[accounts.credentials.base.base]") && !shown.contains("partner"), "{shown}");
    assert_eq!(toml(&shown).config().to_string(), shown);
}

#[test]
fn keys_of_roles_default_to_the_variables_of_the_sdks() {
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
    let shown = written.config().to_string();
    for part in ["acs:ram::1:role/r", "oidc-provider/p", "\"/token\"", "\"metrics\""] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(toml(&shown).config().to_string(), shown);
}

#[test]
fn a_key_of_another_source_is_rejected_with_the_name_of_that_source() {
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
fn invalid_credentials_are_rejected_with_their_line() {
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
        assert_rejected(&text, line, &[part]);
    }
    let deep = (1..=6).map(|depth| {
        let table = format!("[accounts.credentials{}]\n", ".base".repeat(depth));
        format!("{table}source = \"assume_role\"\n{ROLE}")
    });
    let problems = credentials(&format!("{assume}{}", deep.collect::<String>())).problems();
    assert!(problems[0].contains("more than 5 roles"), "{problems:#?}");
}

#[test]
fn every_source_is_shown_in_a_form_that_loads_again() {
    for lines in [
        "source = \"ecs_ram_role\"\nrole_name = \"r\"",
        "source = \"uri\"\nuri = \"localhost:1/x?key=hunter2\"",
        "source = \"profile\"\nprofile = \"p\"\nfile = \"/x\"\nsts_endpoint = \"https://sts.example\"",
        "source = \"default\"\nmetadata_endpoint = \"http://10.0.0.1\"",
    ] {
        let shown = credentials(lines).config().to_string();
        assert_eq!(toml(&shown).config().to_string(), shown);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_key_in_a_file_keeps_the_path_of_the_file() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "secret\n").expect("written");
    let path = file.path().display();
    let config = credentials(&format!(
        "source = \"access_key\"\naccess_key_id = \"LTAI1234\"\naccess_key_secret = \"file:{path}\""
    ))
    .config();
    let ProviderConfig::AccessKey { id, secret, .. } = &config.accounts[0].credentials else {
        panic!("another source")
    };
    assert!(matches!(secret, KeySource::File { path, .. } if path == file.path()));
    assert!(matches!(id, KeySource::Value(_)));
}
