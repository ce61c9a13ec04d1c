//! The server as its clients see it: raw requests through real sockets on loopback.

mod answers;
mod replica_state;

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::fleet::{Snapshot, TargetHealth};
use crate::metrics::{self, MetricFamily, MetricType, Value};
use crate::server::{self, Server, ServerOptions};
use crate::web_config::AccessControl;

/// The content that the tests serve.
#[derive(Default)]
struct Shown {
    polled: AtomicBool,
    readiness: Readiness,
    scrapes: AtomicUsize,
    /// How often a value was recorded, which is also the value.
    recorded: AtomicUsize,
    /// Whether reading the configuration panics, and a reload fails.
    panics: bool,
    publication: Option<Arc<Publication>>,
}

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

    fn body_rendered(&self) {}

    fn revision(&self) -> u64 {
        self.recorded.load(Ordering::SeqCst) as u64
    }

    fn telemetry(&self, part: OwnPart) -> OwnMetrics {
        let label = (Cow::Borrowed("label"), Cow::Borrowed("x"));
        let family = MetricFamily {
            name: "own_gauge".into(),
            help: "One.".into(),
            metric_type: MetricType::Gauge,
            samples: vec![metrics::Sample {
                labels: vec![label],
                value: Value::Number(self.recorded.load(Ordering::SeqCst) as f64),
            }],
        };
        let families = if part == OwnPart::Recorded { vec![family] } else { Vec::new() };
        OwnMetrics { counted_since: Timestamp::UNIX_EPOCH, families }
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        assert!(!format.is_empty() && !encoding.is_empty());
        self.scrapes.fetch_add(1, Ordering::SeqCst);
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn configuration(&self) -> String {
        assert!(!self.panics, "this content panics");
        "[poll]\ninterval = \"60s\"\n".to_owned()
    }

    fn reload(&self) -> futures_util::future::BoxFuture<'static, Result<(), String>> {
        let refused = self.panics.then(|| "exporter.toml:1: poll.interval: must be a duration".to_owned());
        Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
    }

    fn status(&self) -> Status {
        Status::default()
    }

    fn history(&self, _group: &GroupSnapshot) -> Vec<MinuteCounts> {
        Vec::new()
    }

    fn publication(&self) -> Option<Arc<Publication>> {
        self.publication.clone()
    }
}

/// A server that runs until it is dropped.
struct Running {
    _runtime: Runtime,
    address: SocketAddr,
}

const GRACE: Duration = Duration::from_secs(5);

impl Running {
    fn start(content: Shown) -> Self {
        Self::with_content(Arc::new(content), false)
    }

    fn with_lifecycle(content: Shown) -> Self {
        Self::with_content(Arc::new(content), true)
    }

    fn with_content(content: Arc<Shown>, lifecycle: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options =
            ServerOptions { listen: vec!["127.0.0.1:0".parse().unwrap()], ..ServerOptions::default() };
        let entered = runtime.enter();
        let server = bind(&options, content, lifecycle).unwrap();
        drop(entered);
        let address = server.addresses()[0].tcp().unwrap();
        runtime.spawn(server.run(CancellationToken::new(), || GRACE));
        Self { _runtime: runtime, address }
    }

    fn connect(&self) -> Client {
        Client::to(self.address)
    }

    fn get(&self, path: &str) -> Reply {
        self.connect().ask("GET", path)
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

/// A server of `content` without access control.
fn bind(options: &ServerOptions, content: Arc<Shown>, lifecycle: bool) -> Result<Server, server::Error> {
    let routes = Routes::new(content, "/metrics".to_owned(), lifecycle);
    Server::bind(options, AccessControl::new(None).unwrap(), Arc::new(routes))
}

fn polled() -> Shown {
    Shown { polled: AtomicBool::new(true), ..Shown::default() }
}
