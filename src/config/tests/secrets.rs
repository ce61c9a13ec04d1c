//! Secrets are never shown, and a shown configuration loads again.

use super::*;

#[test]
fn a_secret_that_looks_like_a_number_stays_text() {
    let config = load(&environment(&[
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__SOURCE", "access_key"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__ACCESS_KEY_ID", "0123456"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__ACCESS_KEY_SECRET", "123456"),
        ("APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__SECURITY_TOKEN", "true"),
    ]));
    let config = config.unwrap_or_else(|problems| panic!("{problems}")).config;
    let ProviderConfig::AccessKey { id, secret, security_token } = &config.accounts[0].credentials else {
        panic!("not an AccessKey");
    };
    assert_eq!((id.loaded().expose(), secret.loaded().expose()), ("0123456", "123456"));
    assert_eq!(security_token.as_ref().map(|token| token.loaded().expose()), Some("true"));
}

#[test]
fn a_byte_order_mark_before_a_secret_is_dropped() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "\u{feff}from-a-file\r\n").expect("written");
    let key = "APPSTREAMING_EXPORTER_ACCOUNTS__0__CREDENTIALS__";
    let sources = toml("")
        .variable(&format!("{key}SOURCE"), "access_key")
        .variable(&format!("{key}ACCESS_KEY_ID"), "\u{feff}LTAI1234")
        .variable(&format!("{key}ACCESS_KEY_SECRET"), &format!("file:{}", file.path().display()))
        .variable(&format!("{key}SECURITY_TOKEN"), "env:TOKEN")
        .variable("TOKEN", "\u{feff}from-a-variable\n");
    let config = sources.config();
    let ProviderConfig::AccessKey { id, secret, security_token } = &config.accounts[0].credentials else {
        panic!("not an AccessKey");
    };
    let token = security_token.as_ref().expect("a token");
    let loaded = [id, secret, token].map(|part| part.loaded().expose());
    assert_eq!(loaded, ["LTAI1234", "from-a-file", "from-a-variable"]);
}

#[test]
fn a_placeholder_is_refused_with_what_to_write_instead() {
    let account = "[[accounts]]\n[accounts.credentials]\nsource = \"access_key\"\naccess_key_id = \"LTAI\"\n";
    let secret = |value: &str| format!("{account}access_key_secret = \"{value}\"\n");
    assert_rejected(&secret("${SECRET}"), 5, &["write env:SECRET"]);
    let partly = toml(&secret("hunter2${X}")).problems();
    assert_eq!(partly.len(), 1, "{partly:#?}");
    assert!(partly[0].contains("write env:NAME") && !partly[0].contains("hunter2"), "{partly:#?}");
    assert_rejected(
        "[poll]\ninterval = \"${INTERVAL:-60s}\"\n",
        2,
        &["APPSTREAMING_EXPORTER_POLL__INTERVAL", "env:INTERVAL is for secrets"],
    );
    assert_rejected("[labels]\ntags = [\"a\", \"${TAG}\"]\n", 2, &["${TAG} is not replaced"]);
    assert_rejected("[[accounts]]\nendpoint = \"https://${HOST}\"\n", 2, &["ACCOUNTS__0__ENDPOINT"]);
    let variable = toml("").variable("APPSTREAMING_EXPORTER_SCHEDULE__TIME_ZONE", "${TZ}").problems();
    assert!(variable[0].starts_with("APPSTREAMING_EXPORTER_SCHEDULE__TIME_ZONE: "), "{variable:#?}");
    assert!(toml("[[accounts]]\nname = \"$a {b} ${\"\n").load().is_ok());
}

#[test]
fn secrets_are_never_shown() {
    let text = "[api]\nproxy = \"http://user:SECRET1@proxy:3128\"\n\
                [collectors]\nusers = \"hash\"\nuser_hash_key = \"SECRET2\"\n\
                [[accounts]]\n[accounts.credentials]\nsource = \"access_key\"\naccess_key_id = \"SECRETID1234\"\n\
                access_key_secret = \"SECRET3\"\nsecurity_token = \"SECRET4\"\n";
    let written = toml(text);
    let loaded = written.load().expect("valid");
    for shown in
        [format!("{loaded:?}"), format!("{loaded:#?}"), loaded.config.to_string(), loaded.config.to_string()]
    {
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("<secret>") && shown.contains("…1234"), "{shown}");
    }
    // The same secrets in the wrong place, or of the wrong type.
    for text in [
        text.replace("[[accounts]]", "[[accounts]]\nendpoint = \"https://user:SECRET5@host\""),
        text.replace("http://user:SECRET1@", "SECRET1:"),
        text.replace("\"access_key\"", "\"default\""),
        text.replace("\"SECRET3\"", "[\"SECRET3\"]"),
        text.replace("access_key_secret", "acces_key_secret"),
        text.replace("\"SECRET3\"", "\"SECRET3"),
    ] {
        let problems = toml(&text).load().expect_err("rejected");
        assert!(!format!("{problems} {problems:?}").contains("SECRET"), "{problems}");
    }
    let number = toml(
        "[[accounts]]\n[accounts.credentials]\nsource = \"access_key\"\naccess_key_secret = 987654321\n",
    );
    assert!(!number.problems().concat().contains("987654321"));
}

#[test]
fn a_shown_configuration_loads_again_with_the_same_values() {
    let written = toml(
        "[poll]\ninterval = \"90s\"\n[api]\nproxy = \"http://u:p@proxy:1\"\nmax_response_bytes = \"1MB\"\nrequests_per_second = 0.5\n\
         [collectors]\nusers = \"hash\"\nuser_hash_key = \"k\"\nstateset = \"full\"\ninstances = \"detailed\"\n\
         [labels]\ngroup = [\"name\", \"tag:a\\u007f\\n\\\"\"]\ntags = [\"*\"]\n[sharding]\nindex = 1\ntotal = 2\n\
         [[accounts]]\nname = \"\\\\ \\\"生\\\" \\t\"\nendpoint = \"https://[::1]:8443\"\n\
         [accounts.credentials]\nsource = \"access_key\"\naccess_key_id = \"LTAI1234\"\naccess_key_secret = \"s\"\n\
         [accounts.filter]\ntags = { \"a.b c\" = \"=\" }\nstatus = [\"PUBLISHED\"]\ngroup_name = \"x\"\n\
         [[accounts]]\nname = \"b\"\nvpc = true\n",
    );
    let shown = written.config().to_string();
    assert!(
        shown.contains("interval = \"90s\"") && shown.contains("max_response_bytes = \"1MB\""),
        "{shown}"
    );
    let again = toml(&shown).config();
    assert_eq!(again.to_string(), shown);
    assert_eq!(again.accounts[0].filter, written.config().accounts[0].filter);
    assert_eq!(again.render.group_labels, written.config().render.group_labels);
}
