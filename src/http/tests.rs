//! The server as its clients see it: raw requests through real sockets on loopback.

use std::borrow::Cow;
use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::fleet::{Snapshot, TargetHealth};
use crate::lifecycle::Drained;
use crate::metrics::{Kind, Sample, Value};

/// What the tests serve; its answers can be made long, late or fatal.
#[derive(Default)]
struct Shown {
    polled: AtomicBool,
    readiness: Readiness,
    scrapes: AtomicUsize,
    label_bytes: usize,
    panics: bool,
    /// Answering `/config` says so, then waits until it is told to go on.
    gate: Option<Gate>,
}

type Gate = (mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);

impl Content for Shown {
    fn exposition(&self) -> Option<Arc<Exposition>> {
        let target = TargetHealth {
            account: "default".into(),
            target: "CloudApp".into(),
            up: Some(true),
            last_success: None,
        };
        let snapshot = Snapshot { targets: vec![target], ..Snapshot::default() };
        let polled = self.polled.load(Ordering::SeqCst);
        polled.then(|| Arc::new(Exposition::new(Arc::new(snapshot), Arc::default())))
    }

    fn telemetry(&self) -> Vec<MetricFamily> {
        let label = (Cow::Borrowed("label"), "x".repeat(self.label_bytes));
        vec![MetricFamily {
            name: "own_gauge".into(),
            help: "One.".into(),
            kind: Kind::Gauge,
            samples: vec![Sample { labels: vec![label], value: Value::Number(1.0) }],
        }]
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        assert!(!format.is_empty() && !encoding.is_empty());
        self.scrapes.fetch_add(1, Ordering::SeqCst);
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn configuration(&self) -> String {
        assert!(!self.panics, "asked to panic");
        if let Some((arrived, proceed)) = &self.gate {
            arrived.send(()).unwrap();
            proceed.lock().unwrap().recv().unwrap();
        }
        "[poll]\ninterval = \"60s\"\n".to_owned()
    }

    fn reload(&self) -> futures_util::future::BoxFuture<'static, Result<(), String>> {
        let refused = self.panics.then(|| "exporter.toml:1: poll.interval: must be a duration".to_owned());
        Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
    }
}

/// A server that runs until it is dropped.
struct Running {
    runtime: Runtime,
    addresses: Vec<SocketAddr>,
    shutdown: CancellationToken,
    task: Option<JoinHandle<Drained>>,
}

const GRACE: Duration = Duration::from_secs(5);

impl Running {
    fn start(content: Shown) -> Running {
        Running::with(content, Limits::default(), &["127.0.0.1:0"], GRACE)
    }

    fn limited(content: Shown, limits: Limits) -> Running {
        Running::with(content, limits, &["127.0.0.1:0"], GRACE)
    }

    fn with(content: Shown, limits: Limits, listen: &[&str], grace: Duration) -> Running {
        let runtime = Running::runtime();
        let listen = listen.iter().map(|address| address.parse().unwrap()).collect();
        Running::with_options(runtime, content, Options { listen, limits, ..Options::default() }, grace)
    }

    fn with_lifecycle(content: Shown) -> Running {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let options = Options { listen, lifecycle: true, ..Options::default() };
        Running::with_options(Running::runtime(), content, options, GRACE)
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    fn with_options(runtime: Runtime, content: Shown, options: Options, grace: Duration) -> Running {
        let entered = runtime.enter();
        let server = Server::bind(options, Arc::new(content)).unwrap();
        drop(entered);
        let addresses = server.addresses().iter().filter_map(BoundAddress::tcp).collect();
        let shutdown = CancellationToken::new();
        let task = Some(runtime.spawn(server.run(shutdown.clone(), move || grace)));
        Running { runtime, addresses, shutdown, task }
    }

    fn connect(&self) -> Client {
        Client::to(self.addresses[0])
    }

    fn get(&self, path: &str) -> Reply {
        self.connect().ask("GET", path)
    }

    fn stop(mut self) -> Drained {
        self.shutdown.cancel();
        self.runtime.block_on(self.task.take().unwrap()).unwrap()
    }
}

struct Client(TcpStream);

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Client(stream)
    }

    fn ask(&mut self, method: &str, path: &str) -> Reply {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: exporter\r\n\r\n"));
        self.reply(method == "HEAD").unwrap()
    }

    fn ask_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: exporter\r\n{headers}\r\n"));
        self.reply(false).unwrap()
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn reply(&mut self, without_body: bool) -> io::Result<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        if !without_body {
            let length = reply.header("content-length").expect("a length").parse().unwrap();
            reply.body.resize(length, 0);
            self.0.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    /// How long it takes until the other side ends the connection, without another byte.
    fn until_closed(&mut self) -> Duration {
        let started = Instant::now();
        match self.0.read(&mut [0; 64]) {
            Ok(0) => started.elapsed(),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => started.elapsed(),
            other => panic!("not closed: {other:?}"),
        }
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.clone().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn polled() -> Shown {
    Shown { polled: AtomicBool::new(true), ..Shown::default() }
}

#[test]
fn a_scrape_gets_the_fleet_and_then_the_exporters_own_metrics() {
    let server = Running::start(polled());
    let reply = server.get("/metrics");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("transfer-encoding"), None);
    let text = reply.text();
    let (fleet, own) = (text.find("# HELP appstreaming_up").unwrap(), text.find("# HELP own_gauge").unwrap());
    assert!(fleet < own);
    assert_eq!(server.get("/metrics?debug=1").body, reply.body, "other parameters are ignored");
}

#[test]
fn before_the_first_poll_a_scrape_gets_the_exporters_own_metrics() {
    let reply = Running::start(Shown::default()).get("/metrics");
    assert_eq!(reply.status, 200);
    assert!(reply.text().starts_with("# HELP own_gauge"));
}

#[test]
fn head_says_what_get_would_and_is_no_scrape() {
    let content = Arc::new(polled());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let entered = runtime.enter();
    let options = Options { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Options::default() };
    let server = Server::bind(options, Arc::clone(&content) as _).unwrap();
    drop(entered);
    let mut client = Client::to(server.addresses()[0].tcp().unwrap());
    runtime.spawn(server.run(CancellationToken::new(), || GRACE));

    for path in [
        "/metrics",
        "/",
        "/exporter",
        "/groups/a/b",
        "/api/v1/fleet",
        "/config",
        "/-/healthy",
        "/-/ready",
        "/favicon.svg",
        "/nowhere",
    ] {
        let head = client.ask("HEAD", path);
        let get = client.ask("GET", path);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-length").unwrap(), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    assert_eq!(content.scrapes.load(Ordering::SeqCst), 1);
}

#[test]
fn every_format_and_encoding_is_sent_as_it_says() {
    let server = Running::start(polled());
    let accepts = [
        "text/plain;version=0.0.4",
        "text/plain;version=1.0.0",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=1.0.0",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ];
    for accept in accepts {
        let plain = server.connect().ask_with("/metrics", &[("Accept", accept)]);
        let (kind, version) = accept.split_once(';').unwrap();
        let said = plain.header("content-type").unwrap();
        assert!(said.starts_with(kind), "{said}");
        assert!(kind.ends_with("protobuf") || said.contains(version), "{said}");
        assert_eq!(plain.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(plain.header("content-encoding"), None);
        let ends = plain.body.ends_with(b"# EOF\n");
        assert_eq!(ends, kind.contains("openmetrics"), "{kind}");
        for coding in ["gzip", "zstd"] {
            let packed =
                server.connect().ask_with("/metrics", &[("Accept", accept), ("Accept-Encoding", coding)]);
            assert_eq!(packed.header("content-encoding"), Some(coding));
            let mut unpacked = Vec::new();
            match coding {
                "gzip" => flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap(),
                _ => zstd::Decoder::new(&packed.body[..]).unwrap().read_to_end(&mut unpacked).unwrap(),
            };
            assert!(unpacked == plain.body, "{kind} {coding}");
        }
    }
}

#[test]
fn before_the_first_poll_every_format_ends_as_it_must() {
    let server = Running::start(Shown::default());
    let accept = [("Accept", "application/openmetrics-text"), ("Accept-Encoding", "gzip")];
    let reply = server.connect().ask_with("/metrics", &accept);
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&reply.body[..]).read_to_string(&mut unpacked).unwrap();
    assert!(
        unpacked.starts_with("# TYPE own_gauge gauge\n") && unpacked.ends_with("\n# EOF\n"),
        "{unpacked}"
    );
}

#[test]
fn a_query_narrows_what_is_answered() {
    let server = Running::start(polled());
    let answered = |query: &str| {
        let reply = server.get(&format!("/metrics?{query}"));
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        (reply.text().contains("appstreaming_up{"), reply.text().contains("own_gauge"))
    };
    assert_eq!(answered("account=default"), (true, true));
    assert_eq!(answered("collect[]=health"), (true, false));
    assert_eq!(answered("collect[]=health&collect[]=exporter"), (true, true));
    assert_eq!(answered("collect[]=exporter"), (false, true));
    assert_eq!(answered("collect[]=groups&account=default"), (false, false));

    for (query, named) in [
        ("account=nobody", "unknown account \"nobody\"\nknown: default\n"),
        ("group_id=aig-1", "unknown group_id \"aig-1\"\nnone is known now\n"),
        ("x=1&collect%5B%5D=fleet", "unknown collect[] \"fleet\"\nknown: exporter, groups, health, "),
    ] {
        let reply = server.get(&format!("/metrics?{query}"));
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.text().starts_with(named), "{}", reply.text());
    }
}

#[test]
fn readiness_says_what_is_missing() {
    let content = Shown::default();
    let readiness = content.readiness.clone();
    let latch = readiness.latch("the first poll of default/CloudApp");
    let server = Running::start(content);

    let reply = server.get("/-/ready");
    assert_eq!((reply.status, reply.text()), (503, "waiting for the first poll of default/CloudApp\n"));
    assert_eq!(server.get("/-/healthy").status, 200);
    latch.open();
    assert_eq!(server.get("/-/ready").status, 200);
    readiness.shut_down();
    let reply = server.get("/-/ready");
    assert_eq!((reply.status, reply.text()), (503, "shutting down\n"));
}

#[test]
fn people_get_a_page_that_can_load_nothing_from_elsewhere() {
    let server = Running::start(polled());
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for asset in page.text().split('"').filter_map(|part| part.strip_prefix("./assets/")) {
        let asset = server.get(&format!("/assets/{asset}"));
        assert_eq!(asset.status, 200);
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
    }
    assert!(page.text().contains("CloudApp"));

    let config = server.get("/config");
    assert_eq!(config.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(config.text(), "[poll]\ninterval = \"60s\"\n");
    for icon in ["/favicon.svg", "/favicon.ico"] {
        assert_eq!(server.get(icon).header("content-type"), Some("image/svg+xml"));
    }
}

#[test]
fn unknown_paths_are_told_what_there_is() {
    let server = Running::start(polled());
    for path in ["/nowhere", "/metrics/", "//", "/%2e%2e/etc/passwd"] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains(" /metrics "), "{}", reply.text());
    }
}

#[test]
fn reloading_is_asked_for_by_post_or_put_and_only_where_that_is_allowed() {
    let off = Running::start(polled());
    assert_eq!(off.connect().ask("POST", "/-/reload").status, 403);
    let reply = off.get("/-/reload");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST, PUT")));

    let on = Running::with_lifecycle(polled());
    for method in ["POST", "PUT"] {
        let reply = on.connect().ask(method, "/-/reload");
        assert_eq!((reply.status, reply.text()), (200, "reloaded\n"), "{method}");
    }
    let bad = Running::with_lifecycle(Shown { panics: true, ..polled() });
    let reply = bad.connect().ask("POST", "/-/reload");
    assert_eq!((reply.status, reply.text()), (400, "exporter.toml:1: poll.interval: must be a duration\n"));
}

#[test]
fn other_methods_are_refused_with_those_that_work() {
    let server = Running::start(polled());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let reply = server.connect().ask(method, "/metrics");
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let mut client = server.connect();
    client.send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    let _ = client.0.write_all(&vec![b'x'; 300_000]);
    assert_eq!(client.reply(false).unwrap().status, 405, "an answer in spite of the body");
}

#[test]
fn one_connection_serves_many_requests_also_sent_at_once() {
    let server = Running::start(polled());
    let mut client = server.connect();
    client.send(&"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
    for _ in 0..3 {
        assert_eq!(client.reply(false).unwrap().text(), "healthy\n");
    }
    assert_eq!(client.ask("GET", "/metrics").status, 200);
}

#[test]
fn headers_have_a_limit() {
    let server = Running::start(polled());
    let request = |length: usize| {
        let start = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Long: ";
        format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
    };
    for (length, status) in [(16 * 1024, 200), (16 * 1024 + 1, 431), (200_000, 431)] {
        let mut client = server.connect();
        client.send(&request(length));
        assert_eq!(client.reply(status == 431).unwrap().status, status, "{length} bytes");
    }
    let mut client = server.connect();
    client.send(&format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000)));
    assert_eq!(client.reply(true).unwrap().status, 431);
}

#[test]
fn whoever_is_slow_to_ask_is_cut_but_an_idle_connection_is_kept() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(900),
        ..Limits::default()
    };
    let server = Running::limited(polled(), limits);
    let about = |took: Duration, expected: u64| {
        let range = Duration::from_millis(expected - 60)..Duration::from_millis(expected + 1_500);
        assert!(range.contains(&took), "{took:?} instead of {expected} ms");
    };

    about(server.connect().until_closed(), 200);

    let mut dripping = server.connect();
    let started = Instant::now();
    dripping.0.set_nodelay(true).unwrap();
    while dripping.0.write_all(b"G").is_ok() && started.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() < Duration::from_secs(2), "cut although bytes kept coming");

    let mut idle = server.connect();
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200, "idle for longer than headers may take");
    about(idle.until_closed(), 900);

    let mut half = server.connect();
    assert_eq!(half.ask("GET", "/-/healthy").status, 200);
    half.send("GET /-/hea");
    about(half.until_closed(), 200);
}

/// Far more than the buffers of two sockets hold.
const LARGE: usize = 32 * 1024 * 1024;

#[test]
fn whoever_is_slow_to_read_is_cut() {
    let limits = Limits { write_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = Running::limited(Shown { label_bytes: LARGE, ..polled() }, limits);
    let mut client = server.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    // Not reading until the server has given up: only then has anybody less than the whole.
    std::thread::sleep(Duration::from_secs(3));
    assert!(client.reply(false).is_err(), "the answer ends early");
}

#[test]
fn whoever_reads_a_large_answer_gets_all_of_it() {
    let server = Running::start(Shown { label_bytes: LARGE, ..polled() });
    assert!(server.get("/metrics").body.len() > LARGE);
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server = Running::limited(polled(), Limits { connections: 2, ..Limits::default() });
    let (mut first, mut second) = (server.connect(), server.connect());
    first.send("GET");
    assert_eq!(second.ask("GET", "/-/healthy").header("connection"), Some("close"), "others may wait");
    let _third = server.connect();
    let mut fourth = server.connect();
    fourth.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
    fourth.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(fourth.reply(false).is_err(), "no place yet");
    fourth.0.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    drop(first);
    assert_eq!(fourth.reply(false).unwrap().status, 200);
}

#[test]
fn at_the_end_what_runs_is_finished_and_what_idles_is_closed() {
    let (arrived, arrivals) = mpsc::channel();
    let (proceed, proceeds) = mpsc::channel();
    let server = Running::start(Shown { gate: Some((arrived, Mutex::new(proceeds))), ..polled() });
    let address = server.addresses[0];
    let (mut fresh, mut idle, mut running) = (server.connect(), server.connect(), server.connect());
    assert_eq!(idle.ask("GET", "/-/healthy").status, 200);
    running.send("GET /config HTTP/1.1\r\nHost: x\r\n\r\n");
    arrivals.recv().unwrap();

    server.shutdown.cancel();
    idle.until_closed();
    fresh.until_closed();
    assert!(TcpStream::connect(address).is_err(), "nobody new is let in");
    proceed.send(()).unwrap();
    let reply = running.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(server.stop(), Drained::Clean);
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let listen = ["127.0.0.1:0"];
    let content = Shown { label_bytes: 32 * 1024 * 1024, ..polled() };
    let server = Running::with(content, Limits::default(), &listen, Duration::from_millis(100));
    let mut client = server.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    client.0.read_exact(&mut [0; 64]).unwrap();
    assert_eq!(server.stop(), Drained::Abandoned(1));
}

#[test]
fn a_handler_that_panics_costs_one_answer() {
    let server = Running::start(Shown { panics: true, ..polled() });
    let mut client = server.connect();
    assert_eq!(client.ask("GET", "/config").status, 500);
    assert_eq!(client.ask("GET", "/metrics").status, 200, "even on the same connection");
}

#[test]
fn both_families_are_listened_on_by_default() {
    let server = Running::with(polled(), Limits::default(), &[":0"], GRACE);
    let port = server.addresses[0].port();
    assert_eq!(Client::to(([127, 0, 0, 1], port).into()).ask("GET", "/-/healthy").status, 200);
    if server.addresses[0].is_ipv6() && TcpStream::connect(("::1", port)).is_ok() {
        let address = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
        assert_eq!(Client::to(address).ask("GET", "/-/healthy").status, 200);
    }
}

#[test]
fn every_address_is_served() {
    let server = Running::with(polled(), Limits::default(), &["127.0.0.1:0", "localhost:0"], GRACE);
    assert_eq!(server.addresses.len(), 2);
    for address in &server.addresses {
        assert_eq!(Client::to(*address).ask("GET", "/-/healthy").status, 200);
    }
}

#[tokio::test]
async fn a_taken_address_is_named_with_the_reason_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let listen = vec!["127.0.0.1:0".parse().unwrap(), address.to_string().parse().unwrap()];
    let options = Options { listen, ..Options::default() };
    let error = Server::bind(options, Arc::new(polled())).err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert!(error.source().unwrap().to_string().starts_with("Address already in use"));
    assert!(error.advice().unwrap().contains("--web.listen-address"));
}

/// Collects what is logged on the thread that it is made on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_tells_of_requests_but_not_what_may_be_secret_in_them() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = Options { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Options::default() };
        let server = Server::bind(options, Arc::new(polled())).unwrap();
        let (address, shutdown) = (server.addresses()[0].tcp().unwrap(), CancellationToken::new());
        let task = tokio::spawn(server.run(shutdown.clone(), || GRACE));
        let asked = tokio::task::spawn_blocking(move || {
            let mut client = Client::to(address);
            client.send("GET /metrics?token=HUSH HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer HUSH\r\n\r\n");
            client.reply(false).unwrap().status
        });
        assert_eq!(asked.await.unwrap(), 200);
        shutdown.cancel();
        task.await.unwrap();
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/metrics") && text.contains("status=200"), "{text}");
    assert!(!text.contains("HUSH"), "{text}");
}
