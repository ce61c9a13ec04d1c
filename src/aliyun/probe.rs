//! Whether an endpoint can be reached, stage by stage: name, connection, TLS, HTTP.
//!
//! A failed call says "no connection"; this says which part of the way is broken. Nothing is signed
//! here, no credentials are needed. What is not here: what to do about it, and calls of operations.

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    client::Options,
    endpoint::{Endpoint, Scheme},
    error::{Error, chain},
    signature::Signed,
    transport::{Answer, Transport, tls},
};

/// The name under which the HTTP stage appears in errors; no operation of the API.
const OPERATION: &str = "probe";

/// A part of the way to an endpoint, in the order in which they are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The host's name becomes addresses.
    Resolve,
    /// One of the addresses accepts a connection.
    Connect,
    /// The peer proves that it is the host.
    Tls,
    /// Somebody answers in HTTP, whatever the answer.
    Http,
}

impl Stage {
    /// One word for machines: `dns`, `connect`, `tls`, `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
        }
    }
}

/// A stage that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Which one.
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
    /// What there is to know of it: an address, a version of TLS, a status.
    pub detail: String,
}

/// The stage that was not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub stage: Stage,
    /// Why, without secrets.
    pub message: String,
    /// Whether the peer showed a certificate that isn't accepted.
    pub certificate: bool,
}

/// The peer's clock beside ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// What the `Date` header said: whole seconds.
    pub theirs: SystemTime,
    /// Ours in the middle of the exchange.
    pub ours: SystemTime,
}

/// How far one got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// The proxy in between, as `host:port`. Names and TLS are then its and the HTTP library's business:
    /// the way to the proxy is shown instead.
    pub proxy: Option<String>,
    /// The stages passed, in order.
    pub passed: Vec<Passed>,
    /// Where it ended, if it did.
    pub failed: Option<Failed>,
    /// Known once somebody answered with a date.
    pub clocks: Option<Clocks>,
}

/// Goes the way to the endpoint of `options`, each stage within its timeout.
pub async fn probe(options: &Options) -> Probe {
    let proxy = proxy(options);
    let mut probe = Probe { proxy: proxy.as_ref().map(|(host, port)| at(host, *port)), ..Probe::default() };
    let endpoint = &options.endpoint;
    let (host, port) = match &proxy {
        Some((host, port)) => (host.as_str(), *port),
        None => (endpoint.host(), endpoint.port()),
    };
    probe.failed = probe.go(host, port, proxy.is_none(), options).await.err();
    probe
}

impl Probe {
    async fn go(&mut self, host: &str, port: u16, direct: bool, options: &Options) -> Result<(), Failed> {
        let patience = options.connect_timeout;
        let stage = Timed::new(Stage::Resolve);
        // An IPv6 address stands in brackets in a URL, and in none here.
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let addresses: Vec<SocketAddr> = stage.within(patience, lookup_host((name, port))).await?.collect();
        if addresses.is_empty() {
            return Err(stage.failed("the name has no address"));
        }
        let shown: Vec<String> = addresses.iter().take(4).map(|address| address.ip().to_string()).collect();
        self.passed.push(stage.passed(shown.join(", ")));

        let stage = Timed::new(Stage::Connect);
        let connection = stage.within(patience, TcpStream::connect(&addresses[..])).await?;
        let peer = connection.peer_addr().map_or_else(|_| at(host, port), |address| address.to_string());
        self.passed.push(stage.passed(peer));

        if direct && options.endpoint.scheme() == Scheme::Https {
            let stage = Timed::new(Stage::Tls);
            let session = handshake(&stage, &options.endpoint, connection, patience).await?;
            self.passed.push(stage.passed(shown_version(&session)));
        }
        self.ask(options).await
    }

    /// Over a connection of the HTTP library's own, which knows the proxy.
    async fn ask(&mut self, options: &Options) -> Result<(), Failed> {
        let stage = Timed::new(Stage::Http);
        let failed = |error: Error| {
            let message = chain(&error);
            let certificate = message.contains("invalid peer certificate");
            let prefix = format!("{OPERATION}: {}: ", error.code());
            let message = message.strip_prefix(&prefix).unwrap_or(&message).to_owned();
            Failed { stage: Stage::Http, message, certificate }
        };
        let transport = Transport::new(options).map_err(failed)?;
        let nothing = Signed { query: String::new(), headers: Vec::new(), body: String::new() };
        let before = SystemTime::now();
        let answer = transport.send(OPERATION, nothing).await.map_err(failed)?;
        self.clocks = clocks(&answer, before, stage.start.elapsed());
        self.passed.push(stage.passed(format!("status {}", answer.status)));
        Ok(())
    }
}

/// A stage that is being gone through.
struct Timed {
    stage: Stage,
    start: Instant,
}

impl Timed {
    fn new(stage: Stage) -> Self {
        Self { stage, start: Instant::now() }
    }

    async fn within<T, E: fmt::Display>(
        &self,
        patience: Duration,
        attempt: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failed> {
        match timeout(patience, attempt).await {
            Ok(outcome) => outcome.map_err(|error| self.failed(error.to_string())),
            Err(_) => Err(self.failed(format!("nothing within {patience:?}"))),
        }
    }

    fn passed(&self, detail: String) -> Passed {
        Passed { stage: self.stage, took: self.start.elapsed(), detail }
    }

    fn failed(&self, message: impl Into<String>) -> Failed {
        Failed { stage: self.stage, message: message.into(), certificate: false }
    }
}

async fn handshake(
    stage: &Timed,
    endpoint: &Endpoint,
    connection: TcpStream,
    patience: Duration,
) -> Result<TlsStream<TcpStream>, Failed> {
    let config =
        tls(endpoint.scheme()).map_err(|error| stage.failed(format!("TLS can't be set up: {error}")))?;
    let host = endpoint.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|_| stage.failed("no host that TLS could verify"))?;
    let connector = TlsConnector::from(Arc::new(config));
    stage.within(patience, connector.connect(name, connection)).await.map_err(|failed| Failed {
        certificate: failed.message.contains("invalid peer certificate"),
        ..failed
    })
}

fn shown_version(session: &TlsStream<TcpStream>) -> String {
    match session.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        // No other version is offered.
        _ => "TLS".to_owned(),
    }
}

fn clocks(answer: &Answer, before: SystemTime, took: Duration) -> Option<Clocks> {
    let theirs = httpdate::parse_http_date(answer.header("date")?).ok()?;
    Some(Clocks { theirs, ours: before + took / 2 })
}

/// The proxy that the HTTP library is going to use, by the same rules: the configured one, else the
/// environment's; never for this machine's own loopback unless configured.
fn proxy(options: &Options) -> Option<(String, u16)> {
    let endpoint = &options.endpoint;
    let matcher = match options.proxy.as_deref().map(str::trim).filter(|proxy| !proxy.is_empty()) {
        Some(proxy) => {
            let except = ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok());
            Matcher::builder().all(proxy).no(except.unwrap_or_default()).build()
        }
        None if endpoint.is_loopback() => return None,
        None => Matcher::from_system(),
    };
    let destination: Uri = endpoint.url().parse().ok()?;
    let intercept = matcher.intercept(&destination)?;
    let uri = intercept.uri();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    // Only host and port: user and password stay where they are.
    Some((uri.host()?.to_owned(), port))
}

fn at(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn options(url: &str) -> Options {
        let patience = Duration::from_secs(2);
        let endpoint = Endpoint::parse(url).unwrap();
        Options { connect_timeout: patience, request_timeout: patience, ..Options::new(endpoint) }
    }

    /// A server that answers every connection with these bytes.
    async fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // Whatever was asked: the answer is the same, also to a peer that is gone.
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(answer).await;
                });
            }
        });
        address
    }

    fn stages(probe: &Probe) -> Vec<Stage> {
        probe.passed.iter().map(|passed| passed.stage).collect()
    }

    #[tokio::test]
    async fn any_answer_is_an_answer_and_its_date_is_kept() {
        let address = server(
            b"HTTP/1.1 404 Not Found\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let probe = probe(&options(&format!("http://{address}"))).await;
        assert_eq!(probe.failed, None);
        assert_eq!(stages(&probe), [Stage::Resolve, Stage::Connect, Stage::Http]);
        let theirs = probe.clocks.unwrap().theirs;
        assert_eq!(theirs, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400));
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_fails_as_a_name() {
        let probe = probe(&options("https://no-such-host.invalid")).await;
        // Behind a proxy the name is the proxy's business.
        let expected = if probe.proxy.is_some() { Stage::Http } else { Stage::Resolve };
        assert_eq!(probe.failed.map(|failed| failed.stage), Some(expected));
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_fails_as_a_connection() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let probe = probe(&options(&format!("https://{address}"))).await;
        assert_eq!(stages(&probe), [Stage::Resolve]);
        assert_eq!(probe.failed.unwrap().stage, Stage::Connect);
    }

    #[tokio::test]
    async fn a_peer_that_speaks_no_tls_fails_as_tls() {
        let address = server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        let probe = probe(&options(&format!("https://{address}"))).await;
        assert_eq!(stages(&probe), [Stage::Resolve, Stage::Connect]);
        let failed = probe.failed.unwrap();
        assert_eq!((failed.stage, failed.certificate), (Stage::Tls, false));
    }

    #[tokio::test]
    async fn a_peer_that_is_no_web_server_fails_as_http() {
        let address = server(b"220 mail.example ESMTP\r\n").await;
        let probe = probe(&options(&format!("http://{address}"))).await;
        assert_eq!(stages(&probe), [Stage::Resolve, Stage::Connect]);
        assert_eq!(probe.failed.unwrap().stage, Stage::Http);
    }

    #[tokio::test]
    async fn the_way_through_a_proxy_is_the_way_to_the_proxy() {
        let address = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let proxied = Options {
            proxy: Some(format!("http://user:hunter2@{address}")),
            ..options("http://appstream.example")
        };
        let probe = probe(&proxied).await;
        assert_eq!(probe.proxy, Some(address.to_string()));
        assert_eq!(stages(&probe), [Stage::Resolve, Stage::Connect, Stage::Http]);
        assert!(!format!("{probe:?}").contains("hunter2"));
    }
}
