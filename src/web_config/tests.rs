//! The settings of web configuration files, and the problems and warnings that operators get.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;

use super::settings::{LoadedSettings, WebSettings, load};

/// A directory with a certificate `server.crt` and its key `server.key`.
struct TestDirectory(TempDir);

impl TestDirectory {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(directory.path().join("server.crt"), cert.pem()).unwrap();
        fs::write(directory.path().join("server.key"), signing_key.serialize_pem()).unwrap();
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, text: &str) -> LoadedSettings {
        fs::write(self.path("web.yml"), text).unwrap();
        load(&self.path("web.yml"))
    }

    fn valid(&self, text: &str) -> WebSettings {
        self.load(text).settings.unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }

    /// The problems of a file, without its directory.
    fn problems(&self, text: &str) -> String {
        let problems = self.load(text).settings.err().unwrap_or_else(|| panic!("accepted:\n{text}"));
        problems.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }

    fn warnings(&self, text: &str) -> String {
        self.load(text).warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

#[test]
fn the_example_of_the_toolkit_is_accepted() {
    let settings = TestDirectory::new().valid(
        "# TLS and basic authentication configuration example.
tls_server_config:
  cert_file: server.crt
  key_file: server.key
basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
  bob: $2y$10$hLqFl9jSjoAAy95Z/zw8Ye8wkdMBM8c5Bn1ptYqP/AXyV0.oy0S8m
rate_limit:
  interval: \"1s\" # time interval between two requests, set to 0 to disable rate limiter
  burst: 20 # and permits a burst of up to 20 requests.
",
    );
    let tls = settings.protocol.tls.unwrap();
    assert_eq!(tls.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert!(tls.ignore_client_order);
    assert!(!settings.users.is_empty() && !settings.protocol.http1_only);
    let limit = settings.rate_limit.unwrap();
    assert_eq!((limit.interval, limit.burst), (Duration::from_secs(1), 20));
}

#[test]
fn an_empty_file_is_plain_http_without_authentication() {
    for text in
        ["", "# nothing\n", "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\nrate_limit:\n"]
    {
        let settings = TestDirectory::new().valid(text);
        assert!(
            settings.protocol.tls.is_none() && settings.users.is_empty() && settings.rate_limit.is_none(),
            "{text}"
        );
    }
}

#[test]
fn a_byte_order_mark_before_a_certificate_or_a_key_is_dropped() {
    let directory = TestDirectory::new();
    for name in ["server.crt", "server.key"] {
        let text = fs::read_to_string(directory.path(name)).unwrap();
        fs::write(directory.path(name), format!("\u{feff}{text}")).unwrap();
    }
    directory.valid(TLS);
}

#[test]
fn certificate_and_key_may_be_inline() {
    let directory = TestDirectory::new();
    let indented = |name| fs::read_to_string(directory.path(name)).unwrap().replace('\n', "\n    ");
    let (cert, key) = (indented("server.crt"), indented("server.key"));
    let inline = format!("tls_server_config:\n  cert: |\n    {cert}\n  key: |\n    {key}\n");
    assert!(directory.valid(&inline).protocol.tls.is_some());
    let both = directory.problems(&format!("{inline}  key_file: server.key\n"));
    assert!(both.contains("tls_server_config.key_file: cannot be combined with key"), "{both}");
}

#[test]
fn every_option_of_the_toolkit_is_accepted() {
    let directory = TestDirectory::new();
    for policy in ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"] {
        let more = format!(
            "  client_auth_type: {policy}\n  client_ca_file: server.crt\n  client_allowed_sans: [one, 127.0.0.1]\n  \
             min_version: TLS12\n  max_version: TLS13\n  prefer_server_cipher_suites: false\n  \
             curve_preferences: [CurveP256, X25519]\n  \
             cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
        );
        let settings = directory.valid(&format!("{TLS}{more}http_server_config:\n  http2: false\n"));
        let tls = settings.protocol.tls.unwrap();
        assert_eq!(tls.alpn_protocols, [b"http/1.1".to_vec()]);
        assert!(settings.protocol.http1_only && !tls.ignore_client_order);
        let provider = tls.crypto_provider();
        assert_eq!(provider.kx_groups[0].name(), rustls::NamedGroup::secp256r1);
        let suites = &provider.cipher_suites;
        assert_eq!(suites.iter().filter(|suite| suite.tls13().is_none()).count(), 1, "{suites:?}");
    }
    for policy in ["RequestClientCert", "RequireAnyClientCert", "RequireClientCert", "NoClientCert"] {
        assert!(
            directory.valid(&format!("{TLS}  client_auth_type: {policy}\n")).protocol.tls.is_some(),
            "{policy}"
        );
    }
}

#[test]
fn headers_of_the_toolkit_are_accepted_and_others_rejected() {
    let directory = TestDirectory::new();
    let headers = |text: &str| format!("http_server_config:\n  headers:\n{text}");
    let settings = directory.valid(&headers(
        "    X-Frame-Options: deny\n    X-XSS-Protection: 1\n    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    Content-Security-Policy: \"\"\n",
    ));
    let set: Vec<_> =
        settings.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(
        set,
        [
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-frame-options", "deny"),
            ("x-xss-protection", "1")
        ]
    );
    for (text, expected) in [
        ("    X-Extra: 1\n", "web.yml:3: http_server_config.headers.X-Extra: unknown key"),
        ("    X-Content-Type-Options: sniff\n", "must be one of nosniff"),
        ("    X-Frame-Options: maybe\n", "must be one of deny, sameorigin"),
        ("    Content-Security-Policy: \"a\\nb\"\n", "must be one line of printable ASCII"),
    ] {
        let problems = directory.problems(&headers(text));
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn all_problems_are_reported_at_once_with_their_lines() {
    let problems = TestDirectory::new().problems(
        "tls_server_config:
  cert_file: absent.crt
  key_file: server.key
  min_version: TLS10
  client_auth_type: Maybe
  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
  curve_preferences: [CurveP256X]
  sni: true
http_server_config:
  http3: true
basic_auth_users:
  alice: plain text
rate_limit:
  interval: often
  burst: -1
extra: 1
",
    );
    for expected in [
        "web.yml:2: tls_server_config.cert_file: cannot read absent.crt: ",
        "web.yml:4: tls_server_config.min_version: TLS 1.0 and 1.1 are insecure and not supported",
        "web.yml:5: tls_server_config.client_auth_type: \"Maybe\" must be one of NoClientCert, ",
        "web.yml:6: tls_server_config.cipher_suites: \"TLS_RSA_WITH_RC4_128_SHA\" must be one of TLS_",
        "web.yml:7: tls_server_config.curve_preferences: \"CurveP256X\" must be one of X25519, ",
        "web.yml:8: tls_server_config.sni: unknown key",
        "web.yml:10: http_server_config.http3: unknown key; did you mean \"http2\"?",
        "web.yml:12: basic_auth_users.alice: is not a bcrypt hash",
        "web.yml:14: rate_limit.interval: \"often\" must be a duration",
        "web.yml:15: rate_limit.burst: must be a whole number from 0",
        "web.yml:16: extra: unknown key",
    ] {
        assert!(problems.contains(expected), "{expected}\nis not in\n{problems}");
    }
    assert!(!problems.contains("plain text"), "the text may be the password itself: {problems}");
}

#[test]
fn settings_that_look_stronger_than_they_are_are_rejected() {
    let directory = TestDirectory::new();
    for (text, expected) in [
        ("tls_server_config:\n  min_version: TLS13\n".to_owned(), "cert_file: is missing"),
        ("tls_server_config:\n  cert_file: server.crt\n".to_owned(), "key_file: is missing"),
        (
            format!("{TLS}  client_ca_file: server.crt\n"),
            "client_ca_file: has no effect without client_auth_type",
        ),
        (format!("{TLS}  client_allowed_sans: [one]\n"), "client_allowed_sans: has no effect"),
        (format!("{TLS}  min_version: TLS13\n  max_version: TLS12\n"), "max_version: is below min_version"),
        (format!("{TLS}  cipher_suites: [TLS_AES_128_GCM_SHA256]\n"), "none of them is for TLS 1.2"),
        (format!("{TLS}  curve_preferences: [CurveP521]\n"), "none of them is supported"),
        ("basic_auth_users:\n  \"a:b\": x\n".to_owned(), "cannot contain a colon"),
        ("basic_auth_users: [alice]\n".to_owned(), "basic_auth_users: must be a table"),
        ("just text".to_owned(), "web.yml: must be a table"),
        ("a: b: c".to_owned(), "not valid YAML"),
    ] {
        let problems = directory.problems(&text);
        assert!(problems.contains(expected), "{text}\n{problems}");
    }
}

#[test]
fn a_key_of_another_certificate_is_rejected() {
    let directory = TestDirectory::new();
    fs::write(directory.path("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let problems = directory.problems("tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n");
    assert!(problems.contains("key_file: cannot be used with the certificate"), "{problems}");
    fs::write(directory.path("other.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").unwrap();
    let problems = directory.problems("tls_server_config:\n  cert_file: other.key\n  key_file: other.key\n");
    assert!(problems.contains("cert_file: has no certificate"), "{problems}");
    assert!(problems.contains("key_file: has no unencrypted private key"), "{problems}");
}

#[test]
fn settings_that_are_probably_not_intended_have_a_warning() {
    let directory = TestDirectory::new();
    let costly = "$2y$18$4VeFDzXIoPHKnKTU3O3GH.N.vZu06CVqczYZ8WvfzrddFU6tGqjR.";
    for (text, expected) in [
        ("rate_limit:\n  interval: 1s\n  burst: 0\n".to_owned(), "every request is rejected"),
        (format!("basic_auth_users:\n  bob: {costly}\n"), "a cost of 18"),
        (
            format!("{TLS}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [one]\n"),
            "unverified certificates can contain any name",
        ),
        (
            format!(
                "{TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"
            ),
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not supported and is ignored",
        ),
    ] {
        directory.valid(&text);
        assert!(directory.warnings(&text).contains(expected), "{text}\n{}", directory.warnings(&text));
    }
    assert!(directory.valid("rate_limit:\n  interval: 0\n  burst: 0\n").rate_limit.is_none());
}

#[test]
fn a_change_of_any_named_file_is_detected_even_if_the_configuration_was_invalid() {
    let directory = TestDirectory::new();
    let loaded = directory.load(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: absent.crt\n"
    ));
    assert!(loaded.settings.is_err() && !loaded.files.has_changed());
    fs::copy(directory.path("server.crt"), directory.path("absent.crt")).unwrap();
    assert!(loaded.files.has_changed());
}
