//! The environment variables of proxies and trusted certificates, with the real binary.

use std::process::Command;

use appstreaming_exporter::simulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};

use crate::support::process::Finished;
use crate::support::{Cloud, binary, run};

const VARIABLES: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A command in an environment that sets only these variables of proxies and certificates.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = binary();
    command.args(arguments);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}

#[test]
fn a_proxy_is_used_in_either_spelling_of_its_variable_unless_no_proxy_excludes_the_endpoint() {
    // The simulated cloud responds to the requests that a proxy would forward.
    let cloud = Cloud::start(&["--groups", "1"]);
    let settings = [
        "accounts.0.endpoint=http://cloud.invalid".to_owned(),
        "api.allow_http=true".to_owned(),
        "api.max_retries=0".to_owned(),
        "accounts.0.credentials.source=access_key".to_owned(),
        format!("accounts.0.credentials.access_key_id={ACCESS_KEY_ID}"),
        format!("accounts.0.credentials.access_key_secret={ACCESS_KEY_SECRET}"),
    ];
    let once = |variables: &[(&str, &str)], more: &[&str]| -> Finished {
        let settings = settings.iter().map(String::as_str).chain(more.iter().copied());
        run(command(&["once"], variables).args(settings.flat_map(|setting| ["--set", setting])))
    };
    let proxy = cloud.url.as_str();
    let configured = format!("api.proxy={proxy}");
    let used = [
        once(&[("HTTP_PROXY", proxy)], &[]),
        once(&[("HTTP_PROXY", ""), ("http_proxy", proxy)], &[]),
        once(&[("HTTP_PROXY", proxy), ("NO_PROXY", "*.cloud.invalid,10.0.0.0/8")], &[]),
        once(&[], &[&configured]),
    ];
    for finished in used {
        assert_eq!(finished.status, 0, "{}", finished.stderr);
    }
    let unused = [
        once(&[("HTTP_PROXY", proxy), ("NO_PROXY", "*.invalid")], &[]),
        once(&[("HTTP_PROXY", proxy), ("NO_PROXY", ""), ("no_proxy", "cloud.invalid:80")], &[]),
        once(&[("NO_PROXY", ".invalid")], &[&configured]),
    ];
    for finished in unused {
        assert_eq!(finished.status, 1, "{}", finished.stderr);
    }
}

#[test]
fn an_unusable_proxy_or_certificate_file_is_a_configuration_error_that_names_the_variable() {
    for (variable, value, reason) in [
        ("HTTPS_PROXY", "socks5://user:hunter2@proxy.example:1080", "such as socks5, are not supported"),
        ("SSL_CERT_FILE", "/does/not/exist.pem", "/does/not/exist.pem"),
        ("SSL_CERT_FILE", "/dev/null", "no certificate"),
        ("SSL_CERT_FILE", "", "is empty"),
    ] {
        for arguments in [&["check"][..], &["once"], &["list", "groups"]] {
            let finished = run(&mut command(arguments, &[(variable, value)]));
            assert_eq!(finished.status, 1, "{variable}: {}", finished.stderr);
            let stderr = finished.stderr;
            assert!(stderr.contains(variable) && stderr.contains(reason), "{stderr}");
            assert!(!stderr.contains("hunter2"), "{stderr}");
        }
        let finished = run(&mut command(
            &["check", "--set", "accounts.0.endpoint=http://127.0.0.1:1"],
            &[(variable, value)],
        ));
        assert_eq!(finished.status, 0, "a local cloud needs neither: {}", finished.stderr);
    }
}
