//! The file as operators write it, and what is said of what they shouldn't have written.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;

use super::settings::{Reading, Settings, read};

/// A directory with a certificate `server.crt` and its key `server.key`.
struct Bench(TempDir);

impl Bench {
    fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(directory.path().join("server.crt"), cert.pem()).unwrap();
        fs::write(directory.path().join("server.key"), signing_key.serialize_pem()).unwrap();
        Bench(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, text: &str) -> Reading {
        fs::write(self.path("web.yml"), text).unwrap();
        read(&self.path("web.yml"))
    }

    fn good(&self, text: &str) -> Settings {
        self.read(text).settings.unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }

    /// What is said of a bad file, without its directory.
    fn refused(&self, text: &str) -> String {
        let problems = self.read(text).settings.err().unwrap_or_else(|| panic!("taken:\n{text}"));
        problems.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }

    fn warned(&self, text: &str) -> String {
        self.read(text).warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

#[test]
fn the_sample_of_the_toolkit_is_taken() {
    let settings = Bench::new().good(
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
fn a_file_that_says_nothing_is_plain_http_for_everybody() {
    for text in
        ["", "# nothing\n", "tls_server_config:\nhttp_server_config: {}\nbasic_auth_users:\nrate_limit:\n"]
    {
        let settings = Bench::new().good(text);
        assert!(
            settings.protocol.tls.is_none() && settings.users.is_empty() && settings.rate_limit.is_none(),
            "{text}"
        );
    }
}

#[test]
fn certificate_and_key_may_stand_in_the_file_itself() {
    let bench = Bench::new();
    let indented = |name| fs::read_to_string(bench.path(name)).unwrap().replace('\n', "\n    ");
    let (cert, key) = (indented("server.crt"), indented("server.key"));
    let inline = format!("tls_server_config:\n  cert: |\n    {cert}\n  key: |\n    {key}\n");
    assert!(bench.good(&inline).protocol.tls.is_some());
    let both = bench.refused(&format!("{inline}  key_file: server.key\n"));
    assert!(both.contains("tls_server_config.key_file: key is there too"), "{both}");
}

#[test]
fn every_option_of_the_toolkit_is_known() {
    let bench = Bench::new();
    for policy in ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"] {
        let more = format!(
            "  client_auth_type: {policy}\n  client_ca_file: server.crt\n  client_allowed_sans: [one, 127.0.0.1]\n  \
             min_version: TLS12\n  max_version: TLS13\n  prefer_server_cipher_suites: false\n  \
             curve_preferences: [CurveP256, X25519]\n  \
             cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
        );
        let settings = bench.good(&format!("{TLS}{more}http_server_config:\n  http2: false\n"));
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
            bench.good(&format!("{TLS}  client_auth_type: {policy}\n")).protocol.tls.is_some(),
            "{policy}"
        );
    }
}

#[test]
fn headers_of_the_toolkit_are_set_and_others_refused() {
    let bench = Bench::new();
    let headers = |text: &str| format!("http_server_config:\n  headers:\n{text}");
    let settings = bench.good(&headers(
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
        ("    Content-Security-Policy: \"a\\nb\"\n", "must be printable ASCII"),
    ] {
        let refused = bench.refused(&headers(text));
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn every_problem_is_named_at_once_with_its_line() {
    let refused = Bench::new().refused(
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
        "web.yml:2: tls_server_config.cert_file: absent.crt cannot be read: ",
        "web.yml:4: tls_server_config.min_version: TLS 1.0 and 1.1 are broken and not supported",
        "web.yml:5: tls_server_config.client_auth_type: \"Maybe\" must be one of NoClientCert, ",
        "web.yml:6: tls_server_config.cipher_suites: \"TLS_RSA_WITH_RC4_128_SHA\" must be one of TLS_",
        "web.yml:7: tls_server_config.curve_preferences: \"CurveP256X\" must be one of X25519, ",
        "web.yml:8: tls_server_config.sni: unknown key",
        "web.yml:10: http_server_config.http3: unknown key; did you mean \"http2\"?",
        "web.yml:12: basic_auth_users.alice: is no bcrypt hash",
        "web.yml:14: rate_limit.interval: \"often\" must be a duration",
        "web.yml:15: rate_limit.burst: must be a whole number from 0",
        "web.yml:16: extra: unknown key",
    ] {
        assert!(refused.contains(expected), "{expected}\nis not in\n{refused}");
    }
    assert!(!refused.contains("plain text"), "it may be the password itself: {refused}");
}

#[test]
fn what_would_be_weaker_than_it_looks_is_refused() {
    let bench = Bench::new();
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
        ("basic_auth_users:\n  \"a:b\": x\n".to_owned(), "can't have a colon"),
        ("basic_auth_users: [alice]\n".to_owned(), "basic_auth_users: must be a table"),
        ("just text".to_owned(), "web.yml: must be a table"),
        ("a: b: c".to_owned(), "not valid YAML"),
    ] {
        let refused = bench.refused(&text);
        assert!(refused.contains(expected), "{text}\n{refused}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let bench = Bench::new();
    fs::write(bench.path("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let refused = bench.refused("tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n");
    assert!(refused.contains("key_file: can't be used with the certificate"), "{refused}");
    fs::write(bench.path("other.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").unwrap();
    let refused = bench.refused("tls_server_config:\n  cert_file: other.key\n  key_file: other.key\n");
    assert!(refused.contains("cert_file: has no certificate"), "{refused}");
    assert!(refused.contains("key_file: has no private key"), "{refused}");
}

#[test]
fn what_is_odd_but_works_is_said() {
    let bench = Bench::new();
    let costly = "$2y$18$4VeFDzXIoPHKnKTU3O3GH.N.vZu06CVqczYZ8WvfzrddFU6tGqjR.";
    for (text, expected) in [
        ("rate_limit:\n  interval: 1s\n  burst: 0\n".to_owned(), "every request is refused"),
        (format!("basic_auth_users:\n  bob: {costly}\n"), "a cost of 18"),
        (
            format!("{TLS}  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [one]\n"),
            "anybody can make a certificate with these names",
        ),
        (
            format!(
                "{TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"
            ),
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not supported and left out",
        ),
    ] {
        bench.good(&text);
        assert!(bench.warned(&text).contains(expected), "{text}\n{}", bench.warned(&text));
    }
    assert!(bench.good("rate_limit:\n  interval: 0\n  burst: 0\n").rate_limit.is_none());
}

#[test]
fn a_change_of_any_file_that_is_named_is_noticed_even_if_the_file_was_bad() {
    let bench = Bench::new();
    let reading = bench.read(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: absent.crt\n"
    ));
    assert!(reading.settings.is_err() && !reading.watched.changed());
    fs::copy(bench.path("server.crt"), bench.path("absent.crt")).unwrap();
    assert!(reading.watched.changed());
}
