//! Configuration by files, the environment and flags, with the real binary.

use crate::support::{Cloud, Exporter, binary, run};

const EXAMPLES: [&str; 5] = ["minimal.toml", "typical.toml", "typical.yaml", "typical.json", "full.toml"];

fn example(name: &str) -> String {
    format!("{}/config/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_example_is_a_valid_configuration() {
    for name in EXAMPLES {
        let checked = run(binary()
            .args(["check", "--config.file", &example(name)])
            .env("PRODUCTION_ACCESS_KEY_ID", "example")
            .env("PRODUCTION_ACCESS_KEY_SECRET", "example")
            .env("INTERNATIONAL_ACCESS_KEY_ID", "example")
            .env("INTERNATIONAL_ACCESS_KEY_SECRET", "example"));
        assert_eq!(checked.status, 0, "{name}: {}{}", checked.stdout, checked.stderr);
    }
}

#[test]
fn one_run_reports_every_mistake_with_its_key_and_location() {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(
        file.path(),
        "[poll]\ninterval = \"soon\"\npage_size = 500\n\n[colectors]\nnodes = true\n\n[api]\nrequests_per_secnd = 5\n",
    )
    .unwrap();
    let checked = run(binary()
        .args(["check", "--config.file"])
        .arg(file.path())
        .env("APPSTREAMING_EXPORTER_POLL__TIMEOUT", "never"));
    assert_eq!(checked.status, 1);
    for expected in [
        "poll.interval",
        "poll.page_size",
        "colectors",
        "collectors",
        "api.requests_per_secnd",
        "requests_per_second",
        "APPSTREAMING_EXPORTER_POLL__TIMEOUT",
        ":2",
        ":3",
    ] {
        assert!(checked.stderr.contains(expected), "{expected} is not in\n{}", checked.stderr);
    }
    assert!(!checked.stderr.contains("panicked"));
}

#[test]
fn the_environment_overrides_files_and_flags_override_the_environment() {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), "poll:\n  interval: 31s\n  timeout: 32s\n  stale_after: 33s\n").unwrap();
    let cloud = Cloud::start(&["--groups", "1"]);
    let mut command = binary();
    command
        .args(["run", "--config.file"])
        .arg(file.path())
        .args(cloud.account(0, "test").iter().flat_map(|setting| ["--set", setting]))
        .args(["--set", "poll.stale_after=53s"])
        .env("APPSTREAMING_EXPORTER_POLL__TIMEOUT", "42s")
        .env("APPSTREAMING_EXPORTER_POLL__STALE_AFTER", "43s")
        .env("APPSTREAMING_EXPORTER_SERVICE_HOST", "10.0.0.1")
        .env("APPSTREAMING_EXPORTER_PORT_9877_TCP", "tcp://10.0.0.1:9877");
    let exporter = Exporter::spawn(&mut command);
    let page = exporter.get("/config").body;
    for expected in ["interval = \"31s\"", "timeout = \"42s\"", "stale_after = \"53s\""] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
}

#[test]
fn a_secret_is_read_from_the_environment_or_a_file_and_a_missing_file_is_reported() {
    use appstreaming_exporter::simulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
    let cloud = Cloud::start(&["--groups", "1"]);
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), format!("{ACCESS_KEY_SECRET}\n")).unwrap();
    let with = |secret: &str| {
        let settings = cloud.account(0, "test");
        let secret = format!("accounts.0.credentials.access_key_secret={secret}");
        run(binary()
            .args(["once"])
            .args(settings.iter().chain([&secret]).flat_map(|setting| ["--set", setting]))
            .env("SOME_SECRET", ACCESS_KEY_SECRET))
    };
    assert_eq!(with(&format!("file:{}", secret.path().display())).status, 0);
    assert_eq!(with("env:SOME_SECRET").status, 0);
    let missing = with("file:/nowhere/secret");
    assert_eq!(missing.status, 1);
    assert!(missing.stderr.contains("/nowhere/secret"), "{}", missing.stderr);

    let chain = run(binary()
        .args([
            "once",
            "--set",
            &format!("accounts.0.endpoint={}", cloud.url),
            "--set",
            "accounts.0.name=test",
        ])
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET));
    assert_eq!(chain.status, 0, "{}", chain.stderr);
}

#[test]
fn a_missing_configuration_file_is_an_error() {
    let checked = run(binary().args(["check", "--config.file", "/nowhere/exporter.toml"]));
    assert_eq!(checked.status, 1);
    assert!(checked.stderr.contains("/nowhere/exporter.toml"), "{}", checked.stderr);
}
