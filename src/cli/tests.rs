//! The command line as an operator types it.

use super::*;

pub(super) fn parsed(line: &str) -> Command {
    try_parse(std::iter::once("appstreaming-exporter").chain(line.split_whitespace())).expect(line)
}

fn refused(line: &str) -> clap::Error {
    try_parse(std::iter::once("appstreaming-exporter").chain(line.split_whitespace())).expect_err(line)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn run_is_the_default_command() {
    let Command::Run(run) = parsed("--config.file a.toml --config.file b.yaml --set poll.interval=5s") else {
        panic!("not run");
    };
    assert_eq!(run.configuration.files, [PathBuf::from("a.toml"), PathBuf::from("b.yaml")]);
    assert_eq!(run.configuration.set, ["poll.interval=5s"]);
    assert_eq!(run.web.listen_address, [":9877".parse().expect("an address")]);
    assert_eq!((run.web.telemetry_path.as_str(), run.log.level.as_str()), ("/metrics", "info"));
    assert_eq!(parsed(""), parsed("run"));
}

#[test]
fn flags_that_stand_for_a_key_become_sources() {
    let Command::Run(run) = parsed("run --shard.index hostname --shard.total 3") else { panic!("not run") };
    let sources = run.configuration.sources_over(Sources::default());
    let flags: Vec<_> = sources.flags.iter().map(|flag| (flag.key, flag.value.as_str())).collect();
    assert_eq!(flags, [("sharding.index", "hostname"), ("sharding.total", "3")]);
}

#[test]
fn several_addresses_are_listened_on() {
    let Command::Run(run) = parsed("--web.listen-address 127.0.0.1:0 --web.listen-address [::1]:9877") else {
        panic!("not run");
    };
    assert_eq!(run.web.listen_address.len(), 2);
}

#[test]
fn usage_errors_end_with_status_2_and_help_with_0() {
    for line in [
        "--no-such-flag",
        "nonsense",
        "--web.listen-address 9877",
        "--web.telemetry-path metrics",
        "--web.telemetry-path //metrics",
        "--log.level loud",
        "catalog --format xml",
        "simulate --fault 2=ServiceUnavailable",
        "simulate --speed -1",
    ] {
        assert_eq!(refused(line).exit_code(), 2, "{line}");
    }
    for line in ["--help", "--version", "check --help"] {
        assert_eq!(refused(line).exit_code(), 0, "{line}");
    }
}

#[test]
fn a_telemetry_path_that_would_hide_a_page_is_refused_by_name() {
    for path in [
        "/",
        "//",
        "/exporter",
        "/exporter/",
        "/config",
        "/api/v1/fleet",
        "/groups/default/aig-1",
        "/api/v1/groups/default/aig-1",
        "/favicon.ico",
        "/-/healthy",
        "/-/ready",
        "/-/reload",
    ] {
        let error = refused(&format!("--web.telemetry-path {path}"));
        assert_eq!(error.exit_code(), 2, "{path}");
        assert!(error.to_string().contains(&format!("serves another page at {path};")), "{error}");
    }
    for path in ["/probe", "/metrics/", "/groups/metrics", "/exporter/metrics"] {
        let Command::Run(run) = parsed(&format!("--web.telemetry-path {path}")) else { panic!("not run") };
        assert_eq!(run.web.telemetry_path, path);
    }
}

#[test]
fn switches_of_the_server_are_off_by_default() {
    let Command::Run(run) = parsed("run") else { panic!("not run") };
    assert!(!run.web.enable_lifecycle && !run.web.systemd_socket && run.web.config_file.is_none());
    let Command::Run(run) =
        parsed("run --web.enable-lifecycle --web.systemd-socket --web.config.file web.yml")
    else {
        panic!("not run");
    };
    assert!(run.web.enable_lifecycle && run.web.systemd_socket);
    assert_eq!(run.web.config_file, Some(PathBuf::from("web.yml")));
}

#[test]
fn the_version_is_shown() {
    let shown = refused("--version").to_string();
    assert!(shown.starts_with(&format!("appstreaming-exporter {VERSION}")), "{shown}");
}
