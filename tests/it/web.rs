//! Access to the exporter: TLS, users, limits, sockets; and the reload of all of them.
//!
//! The client is curl: it supports every protocol, and it does not use the libraries of the
//! exporter.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::support::certificates::Authority;
use crate::support::{Cloud, Exporter, binary, eventually, http, run};

/// The bcrypt hash of a password, at the lowest cost.
fn hash_of(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap().to_string()
}

/// A directory with a web configuration file and certificates, and the authority that signs them.
struct Web {
    directory: TempDir,
    authority: Authority,
}

impl Web {
    /// A directory with `server.crt` and `server.key` for this machine, and with `ca.crt`, the
    /// certificate of the authority.
    fn new() -> Self {
        let web =
            Self { directory: tempfile::tempdir().unwrap(), authority: Authority::new("test authority") };
        web.authority.write(&web.path("ca.crt"));
        web.sign("server");
        web
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        self.authority.sign(self.directory.path(), name, &["localhost", "127.0.0.1"])
    }

    fn write(&self, text: &str) {
        fs::write(self.path("web.yml"), text).unwrap();
    }

    fn exporter(&self, cloud: &Cloud) -> Exporter {
        let mut command = binary();
        command.arg("run").args(settings(cloud)).arg("--web.config.file").arg(self.path("web.yml"));
        Exporter::spawn(&mut command)
    }

    /// Sends a request by HTTPS with a client that trusts the authority.
    fn curl(&self, exporter: &Exporter, path: &str, more: &[&str]) -> CurlResult {
        let ca = self.path("ca.crt");
        let url = exporter.url.replace("http://", "https://") + path;
        curl(&[&["--cacert", ca.to_str().unwrap()], more, &[&url]].concat())
    }
}

fn settings(cloud: &Cloud) -> Vec<String> {
    let settings = Exporter::settings(cloud, &[]);
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

/// The result of curl; `status` is 0 if there was no response.
#[derive(Debug)]
struct CurlResult {
    status: u16,
    protocol: String,
    head: String,
    body: String,
    error: String,
}

fn curl(arguments: &[&str]) -> CurlResult {
    let done = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--dump-header", "-"])
        .args(["--write-out", "\n%{http_code} %{http_version}"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("curl is installed");
    let output = String::from_utf8_lossy(&done.stdout).into_owned();
    let (response, numbers) = output.rsplit_once('\n').unwrap_or_default();
    let (status, protocol) = numbers.split_once(' ').unwrap_or_default();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    CurlResult {
        status: status.parse().unwrap_or(0),
        protocol: protocol.to_owned(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
        error: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

#[test]
fn tls_1_2_and_1_3_are_supported_and_older_versions_are_not() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let web = Web::new();
    web.write(TLS);
    let exporter = web.exporter(&cloud);
    for (version, max) in [("--tlsv1.2", "1.2"), ("--tlsv1.3", "1.3")] {
        let response = web.curl(&exporter, "/-/healthy", &[version, "--tls-max", max]);
        assert_eq!((response.status, response.body.as_str()), (200, "healthy\n"), "{response:?}");
    }
    let old = web.curl(
        &exporter,
        "/-/healthy",
        &["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"],
    );
    assert_eq!(old.status, 0, "{old:?}");
    let metrics = web.curl(&exporter, "/metrics", &[]);
    assert!(metrics.body.contains("appstreaming_exporter_build_info"), "{metrics:?}");

    let plain = http::get(&format!("{}/metrics", exporter.url));
    assert_eq!((plain.status, plain.body.as_str()), (400, "this port speaks HTTPS\n"));

    web.write(&format!("{TLS}  min_version: TLS13\n"));
    assert_eq!(web.curl(&exporter, "/-/healthy", &["--tls-max", "1.2"]).status, 0);
    assert_eq!(web.curl(&exporter, "/-/healthy", &[]).status, 200);
}

#[test]
fn http_2_is_supported_over_tls_and_by_prior_knowledge_unless_it_is_disabled() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let web = Web::new();
    web.write(TLS);
    let exporter = web.exporter(&cloud);
    let before = exporter.url.replace("http://", "https://") + "/metrics";
    let several = web.curl(&exporter, "/-/healthy", &["--http2", "--verbose", &before, &before]);
    assert_eq!((several.status, several.protocol.as_str()), (200, "2"), "{several:?}");
    assert_eq!(several.error.matches("SSL connection using").count(), 1, "{}", several.error);
    assert!(several.body.ends_with("healthy\n"), "{several:?}");
    assert_eq!(web.curl(&exporter, "/metrics", &["--http1.1"]).protocol, "1.1");

    web.write(&format!("{TLS}http_server_config:\n  http2: false\n"));
    let one = web.curl(&exporter, "/metrics", &["--http2"]);
    assert_eq!((one.status, one.protocol.as_str()), (200, "1.1"));

    let plain = Exporter::polling(&cloud, &[]);
    let known = curl(&["--http2-prior-knowledge", &format!("{}/metrics", plain.url)]);
    assert_eq!((known.status, known.protocol.as_str()), (200, "2"), "{known:?}");
    let long = format!("X-Long: {}", "x".repeat(20_000));
    let rejected = curl(&["--http2-prior-knowledge", "--header", &long, &format!("{}/metrics", plain.url)]);
    assert_ne!(rejected.status, 200, "headers have the same limit: {rejected:?}");
}

#[test]
fn a_client_needs_a_certificate_of_the_right_authority_with_an_allowed_name() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let web = Web::new();
    let policy = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    web.write(&format!("{TLS}{policy}"));
    let exporter = web.exporter(&cloud);
    let directory = web.directory.path();
    let good = web.authority.sign(directory, "good", &["prometheus.example"]);
    let misnamed = web.authority.sign(directory, "misnamed", &["other.example"]);
    let foreign = Authority::new("another authority").sign(directory, "foreign", &["prometheus.example"]);
    let status = |(certificate, key): &(PathBuf, PathBuf)| {
        let shown = ["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        web.curl(&exporter, "/metrics", &shown).status
    };

    assert_eq!(web.curl(&exporter, "/metrics", &[]).status, 0, "without a certificate");
    assert_eq!([status(&good), status(&misnamed), status(&foreign)], [200, 200, 0]);

    web.write(&format!("{TLS}{policy}  client_allowed_sans: [prometheus.example]\n"));
    assert_eq!([status(&good), status(&misnamed), status(&foreign)], [200, 0, 0]);

    let optional = "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n";
    web.write(&format!("{TLS}{optional}"));
    assert_eq!(web.curl(&exporter, "/metrics", &[]).status, 200, "a certificate is optional");
    assert_eq!([status(&good), status(&foreign)], [200, 0]);

    web.write(&format!("{TLS}  client_auth_type: RequireAnyClientCert\n"));
    assert_eq!(web.curl(&exporter, "/metrics", &[]).status, 0, "some certificate is required");
    assert_eq!([status(&good), status(&foreign)], [200, 200]);

    web.write(&format!("{TLS}  client_auth_type: RequestClientCert\n"));
    assert_eq!([web.curl(&exporter, "/metrics", &[]).status, status(&foreign)], [200, 200]);
}

#[test]
fn a_rotated_certificate_is_used_at_once_and_an_invalid_file_keeps_the_previous_one() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let web = Web::new();
    web.write(TLS);
    let exporter = web.exporter(&cloud);
    let serial = || {
        let shown = web.curl(&exporter, "/-/healthy", &["--verbose"]);
        assert_eq!(shown.status, 200, "{shown:?}");
        shown
            .error
            .lines()
            .find(|line| line.contains("start date") || line.contains("subject:"))
            .map(str::to_owned)
    };
    assert!(serial().is_some_and(|line| line.contains("CN=server")));

    let (certificate, key) = web.sign("rotated");
    fs::rename(&key, web.path("server.key")).unwrap();
    fs::rename(&certificate, web.path("server.crt")).unwrap();
    assert!(serial().is_some_and(|line| line.contains("CN=rotated")), "the next handshake shows it");

    fs::write(web.path("server.crt"), "no certificate").unwrap();
    for _ in 0..3 {
        assert!(serial().is_some_and(|line| line.contains("CN=rotated")));
    }
    let problems_logged = || exporter.log().matches("invalid web configuration").count();
    eventually("the problem is logged", || (problems_logged() > 0).then_some(()));
    assert_eq!(problems_logged(), 1, "once: {}", exporter.log());
    assert!(exporter.log().contains("tls_server_config.cert_file: has no certificate in PEM"));

    web.write("tls_server_config:\n  cert_fil: server.crt\n");
    assert_eq!(web.curl(&exporter, "/metrics", &[]).status, 200);
    assert!(exporter.log().contains("unknown key; did you mean"), "{}", exporter.log());

    web.sign("server");
    web.write(TLS);
    assert!(serial().is_some_and(|line| line.contains("CN=server")), "a valid file is used again");
}

#[test]
fn a_user_needs_the_right_password() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let web = Web::new();
    web.write(&format!("basic_auth_users:\n  alice: {}\n", hash_of("open sesame")));
    let exporter = web.exporter(&cloud);
    let url = format!("{}/metrics", exporter.url);
    let login = |user: &str| curl(&["--user", user, &url]).status;

    let rejected = curl(&[&url]);
    assert_eq!(rejected.status, 401);
    assert!(rejected.head.contains("www-authenticate: basic realm="), "{rejected:?}");
    assert!(!rejected.body.contains("appstreaming_"));
    for wrong in ["alice:open", "alice:", "bob:open sesame", ":open sesame"] {
        assert_eq!(login(wrong), 401, "{wrong}");
    }
    assert_eq!([login("alice:open sesame"), login("alice:open sesame")], [200, 200]);
    for path in ["/", "/config", "/-/healthy", "/-/reload", "/nowhere"] {
        assert_eq!(exporter.get(path).status, 401, "{path} needs a password too");
    }

    web.write(&format!("basic_auth_users:\n  alice: {}\n", hash_of("a new one")));
    assert_eq!([login("alice:open sesame"), login("alice:a new one")], [401, 200]);
    let log = exporter.log();
    assert!(!log.contains("alice") && !log.contains("sesame"), "{log}");
}

#[test]
fn the_headers_and_the_rate_limit_of_the_file_apply() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let web = Web::new();
    web.write(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Content-Security-Policy: default-src 'self'\n\
         rate_limit:\n  interval: 1h\n  burst: 2\n",
    );
    let exporter = web.exporter(&cloud);
    let responses: Vec<_> = (0..3).map(|_| exporter.get("/")).collect();
    assert_eq!(responses.iter().map(|response| response.status).collect::<Vec<_>>(), [200, 200, 429]);
    for response in &responses {
        assert_eq!(response.header("x-frame-options"), Some("deny"));
        assert_eq!(response.header("content-security-policy"), Some("default-src 'self'"));
    }
    let wait: u64 = responses[2].header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");

    web.write("rate_limit:\n  interval: 0\n  burst: 0\n");
    assert_eq!(exporter.get("/").status, 200);
}

#[test]
fn an_invalid_file_at_the_start_is_reported_with_all_its_problems() {
    let web = Web::new();
    web.write("tls_server_config:\n  cert_file: absent.crt\n  key_file: server.key\nbasic_auth_users:\n  alice: no hash\n");
    let path = web.path("web.yml");
    for command in ["run", "check"] {
        let ended = run(binary().arg(command).arg("--web.config.file").arg(&path).envs([
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", "example"),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "example"),
        ]));
        assert_eq!(ended.status, 1, "{ended:?}");
        for expected in ["web.yml:2: tls_server_config.cert_file: ", "web.yml:5: basic_auth_users.alice: "] {
            assert!(ended.stderr.contains(expected), "{expected} is not in\n{}", ended.stderr);
        }
    }
    let missing = run(binary().args(["check", "--web.config.file", "/nowhere/web.yml"]));
    assert_eq!(missing.status, 1);
    assert!(missing.stderr.contains("/nowhere/web.yml: cannot be read"), "{}", missing.stderr);
    web.write(TLS);
    let good = run(binary().arg("check").arg("--web.config.file").arg(&path));
    assert_eq!(good.status, 0, "{}", good.stderr);
    assert!(good.stdout.contains("web.yml"), "{}", good.stdout);
}

#[test]
fn a_unix_socket_is_served_next_to_a_port_and_removed_at_the_end() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("exporter.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let address = format!("unix:{}?mode=0600", socket.display());
    let mut command = binary();
    command.arg("run").args(settings(&cloud)).args([
        "--web.listen-address",
        "127.0.0.1:0",
        "--web.listen-address",
        &address,
    ]);
    let exporter = Exporter::spawn_as_is(&mut command);
    let response = curl(&["--unix-socket", socket.to_str().unwrap(), "http://exporter/-/healthy"]);
    assert_eq!((response.status, response.body.as_str()), (200, "healthy\n"), "{response:?}");
    assert_eq!(exporter.get("/-/healthy").status, 200);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    let second = run(binary().arg("run").args(settings(&cloud)).args(["--web.listen-address", &address]));
    assert_eq!(second.status, 1, "a socket that is served is not replaced");
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    assert_eq!(exporter.end("-TERM").0, 0);
    assert!(!socket.exists());
}

/// A shell script that starts a process as systemd does: with a socket as descriptor 3, and the
/// number of sockets in the environment. The socket is the standard input of the shell.
const ACTIVATE: &str = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"";

#[test]
fn sockets_of_systemd_are_served_and_systemd_is_notified() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let directory = tempfile::tempdir().unwrap();
    let notices = std::os::unix::net::UnixDatagram::bind(directory.path().join("notify")).unwrap();
    notices.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            ACTIVATE,
            "sh",
            env!("CARGO_BIN_EXE_appstreaming-exporter"),
            "run",
            "--web.systemd-socket",
        ])
        .args(settings(&cloud))
        .env("NOTIFY_SOCKET", directory.path().join("notify"));
    let exporter = Exporter::spawn_activated(&mut command, listener);
    assert_eq!(exporter.url, format!("http://{address}"));
    assert_eq!(exporter.get("/-/healthy").status, 200);
    let notice = || {
        let mut bytes = [0; 64];
        let count = notices.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).trim().to_owned()
    };
    assert_eq!(notice(), "READY=1");
    assert_eq!(exporter.end("-TERM").0, 0);
    assert_eq!(notice(), "STOPPING=1");

    let without = run(binary().args(["run", "--web.systemd-socket"]).args(settings(&cloud)));
    assert_eq!(without.status, 1);
    assert!(without.stderr.contains("systemd passed no socket"), "{}", without.stderr);
}

/// An exporter with a configuration file that the test changes.
struct Reloaded {
    exporter: Exporter,
    directory: TempDir,
}

impl Reloaded {
    fn start(text: &str, lifecycle: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("exporter.toml");
        fs::write(&path, text).unwrap();
        let mut command = binary();
        let exporter = Exporter::spawn(command.arg("run").args(lifecycle).arg("--config.file").arg(path));
        Self { exporter, directory }
    }

    fn write(&self, text: &str) {
        fs::write(self.directory.path().join("exporter.toml"), text).unwrap();
    }

    fn reload(&self) -> http::HttpResponse {
        http::post(&format!("{}/-/reload", self.exporter.url), &json!({}))
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.exporter.scrape().value(name, labels)
    }
}

/// A configuration with these accounts, one for each cloud.
fn configuration(poll: &str, accounts: &[(&str, &Cloud)]) -> String {
    use appstreaming_exporter::simulator::{ACCESS_KEY_ID, ACCESS_KEY_SECRET};
    let mut text = format!("[poll]\n{poll}\n[api]\nrequests_per_second = 5000\n");
    for (name, cloud) in accounts {
        text += &format!(
            "[[accounts]]\nname = \"{name}\"\nendpoint = \"{}\"\n[accounts.credentials]\nsource = \"access_key\"\n\
             access_key_id = \"{ACCESS_KEY_ID}\"\naccess_key_secret = \"{ACCESS_KEY_SECRET}\"\n",
            cloud.url
        );
    }
    text
}

const RELOAD_SUCCESSFUL: &str = "appstreaming_exporter_config_last_reload_successful";
const RELOADED_AT: &str = "appstreaming_exporter_config_last_reload_success_timestamp_seconds";
const POLLS: &str = "appstreaming_exporter_polls_total";
/// Settings with which only the first poll takes place, unless a reload starts another one.
const ONE_POLL: &str = "interval = \"1h\"\nstale_after = \"2h\"";

#[test]
fn a_reload_adds_and_removes_accounts_without_affecting_the_others() {
    let (first, second) = (Cloud::start(&["--groups", "2"]), Cloud::start(&["--groups", "3", "--seed", "7"]));
    let one = configuration(ONE_POLL, &[("one", &first)]);
    let reloaded = Reloaded::start(&one, &["--web.enable-lifecycle"]);
    let before = reloaded.exporter.first_poll();
    assert_eq!(before.value(RELOAD_SUCCESSFUL, &[]), Some(1.0));
    let requests = first.stats()["requests"].clone();
    let groups = |account: &str| {
        reloaded.exporter.scrape().series("appstreaming_group_info", &[("account", account)]).count()
    };

    reloaded.write(&configuration(ONE_POLL, &[("two", &second), ("one", &first)]));
    let response = reloaded.reload();
    assert_eq!((response.status, response.body.as_str()), (200, "reloaded\n"));
    assert_eq!(reloaded.exporter.get("/-/ready").status, 200, "a new target does not end readiness");
    assert_eq!(groups("one"), 2, "the groups of the other account stay");
    eventually("the new account is polled", || (groups("two") == 3).then_some(()));
    assert!(reloaded.exporter.get("/config").body.contains("name = \"two\""));
    assert_eq!(first.stats()["requests"], requests, "the account that stayed was not polled again");
    assert_eq!(reloaded.value(POLLS, &[("account", "one"), ("result", "success")]), Some(1.0));
    assert!(reloaded.value(RELOADED_AT, &[]) > before.value(RELOADED_AT, &[]));

    reloaded.write(&one);
    assert_eq!(reloaded.reload().status, 200);
    assert_eq!((groups("one"), groups("two")), (2, 0));
    let after = reloaded.exporter.scrape();
    for name in after.names().map(str::to_owned).collect::<Vec<_>>() {
        assert_eq!(
            after.series(&name, &[("account", "two")]).count(),
            0,
            "{name} still has series of the removed account"
        );
    }
    assert_eq!(first.stats()["requests"], requests);
}

#[test]
fn an_invalid_file_changes_nothing_and_its_problems_are_returned() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let good = configuration(ONE_POLL, &[("one", &cloud)]);
    let reloaded = Reloaded::start(&good, &["--web.enable-lifecycle"]);
    let before = reloaded.exporter.first_poll();
    reloaded.write(&good.replace("1h", "often").replace("[api]", "[apy]"));
    let response = reloaded.reload();
    assert_eq!(response.status, 400);
    for expected in ["poll.interval", "apy", "exporter.toml:2"] {
        assert!(response.body.contains(expected), "{expected} is not in\n{}", response.body);
    }
    let after = reloaded.exporter.scrape();
    assert_eq!(after.value(RELOAD_SUCCESSFUL, &[]), Some(0.0));
    assert_eq!(
        after.value(RELOADED_AT, &[]),
        before.value(RELOADED_AT, &[]),
        "the time of the last successful reload"
    );
    assert_eq!(after.series("appstreaming_group_info", &[]).count(), 2);
    assert!(reloaded.exporter.get("/config").body.contains("interval = \"1h\""));

    reloaded.write(&good);
    assert_eq!(reloaded.reload().status, 200);
    assert_eq!(reloaded.value(RELOAD_SUCCESSFUL, &[]), Some(1.0));
}

#[test]
fn changed_settings_of_a_target_take_effect_and_its_counters_continue() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let good = configuration(ONE_POLL, &[("one", &cloud)]);
    let reloaded = Reloaded::start(&good, &["--web.enable-lifecycle"]);
    reloaded.exporter.first_poll();

    // Labels concern only the renderer: no request is sent.
    let requests = cloud.stats()["requests"].clone();
    reloaded.write(&format!("{good}[labels]\ngroup = [\"name\"]\n"));
    assert_eq!(reloaded.reload().status, 200);
    let labelled = |exposition: &crate::support::Exposition| {
        exposition
            .series("appstreaming_group_status", &[])
            .any(|(labels, _)| labels.contains_key("group_name"))
    };
    reloaded.exporter.scrape_until("groups have their names", labelled);
    assert_eq!(cloud.stats()["requests"], requests);

    // Collectors concern the poll: the target is polled again, and its counters continue.
    reloaded.write(&format!("{good}[collectors]\ninstances = \"detailed\"\n"));
    assert_eq!(reloaded.reload().status, 200);
    assert_eq!(
        reloaded.exporter.scrape().series("appstreaming_group_info", &[]).count(),
        3,
        "known groups stay until the next poll"
    );
    let detailed = reloaded
        .exporter
        .scrape_until("instances are shown", |scraped| scraped.has("appstreaming_instance_info"));
    assert_eq!(detailed.value(POLLS, &[("account", "one"), ("result", "success")]), Some(2.0));
}

#[test]
fn a_signal_reloads_without_a_flag_and_http_only_with_one() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let good = configuration(ONE_POLL, &[("one", &cloud)]);
    let reloaded = Reloaded::start(&good, &[]);
    reloaded.exporter.first_poll();
    let rejected = reloaded.reload();
    assert_eq!(rejected.status, 403);
    assert!(rejected.body.contains("--web.enable-lifecycle"), "{}", rejected.body);
    let got = reloaded.exporter.get("/-/reload");
    assert_eq!((got.status, got.header("allow")), (405, Some("POST, PUT")));

    reloaded.write(&good.replace("2h", "3h"));
    reloaded.exporter.signal("-HUP");
    let config = || reloaded.exporter.get("/config").body;
    eventually("the configuration is reloaded", || config().contains("stale_after = \"3h\"").then_some(()));

    reloaded.write("[poll]\ninterval = 5\n");
    reloaded.exporter.signal("-HUP");
    eventually("the problem is logged", || {
        reloaded.exporter.log().contains("invalid configuration; keeping the previous one").then_some(())
    });
    assert_eq!(reloaded.value(RELOAD_SUCCESSFUL, &[]), Some(0.0));
    assert!(config().contains("stale_after = \"3h\""));
    let (status, _) = reloaded.exporter.end("-TERM");
    assert_eq!(status, 0, "it still drains at the end");
}

#[test]
fn every_snippet_of_the_documentation_is_a_valid_file() {
    let web = Web::new();
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/web.md")).unwrap();
    let snippets: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(snippets.len() >= 3, "{snippets:?}");
    fs::copy(web.path("ca.crt"), web.path("clients.crt")).unwrap();
    for snippet in snippets {
        web.write(snippet);
        let checked = run(binary().args(["check", "--web.config.file"]).arg(web.path("web.yml")));
        assert_eq!(checked.status, 0, "{snippet}\n{}", checked.stderr);
        assert!(!checked.stdout.contains("warning"), "{snippet}\n{}", checked.stdout);
    }
}
