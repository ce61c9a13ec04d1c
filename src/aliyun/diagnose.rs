//! Which part of a connection to an endpoint fails: name resolution, TCP, TLS or HTTP.
//!
//! The error of a failed call is only "no connection"; this module finds the stage that fails. It
//! signs nothing and needs no credentials. What is not here: connecting (`connect_attempts`), what
//! to do about a failure, and calls of operations.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect_attempts::ConnectAttempts;
use super::credentials::environment::Environment;
use super::endpoint::{Endpoint, Scheme};
use super::error::{Error, chain};
use super::options::ClientOptions;
use super::proxy::proxy_of;
use super::signature::SignedRequest;
use super::tls::tls_config;
use super::transport::{RawResponse, Transport};

pub use super::connect_attempts::UnreachableAddress;

/// The operation in errors of the HTTP stage. The API has no operation of this name.
const OPERATION: &str = "diagnose";
/// Maximum number of a name's addresses in the result of [`Stage::Resolve`].
const MAX_LISTED_ADDRESSES: usize = 4;

/// A stage of connecting. The variants are in the order of the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The host's name is resolved to addresses.
    Resolve,
    /// One of the addresses accepts a TCP connection.
    Connect,
    /// The TLS handshake, in which the peer proves its identity.
    Tls,
    /// The peer sends an HTTP response of any status.
    Http,
}

impl Stage {
    /// The name for machines: `dns`, `connect`, `tls`, `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
        }
    }
}

/// A stage that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedStage {
    /// The stage.
    pub stage: Stage,
    /// How long the stage took.
    pub took: Duration,
    /// The result: addresses, a version of TLS, or a status.
    pub detail: String,
}

/// The stage that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStage {
    /// The stage.
    pub stage: Stage,
    /// Why the stage failed, without secrets.
    pub message: String,
    /// Whether the stage failed because the peer's certificate is not accepted.
    pub bad_certificate: bool,
}

/// The peer's time and this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockComparison {
    /// The `Date` header of the response, in whole seconds.
    pub peer: SystemTime,
    /// This machine's clock in the middle of the exchange.
    pub local: SystemTime,
}

/// The stages of one connection, up to the first failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The proxy, as `host:port`. With a proxy, the stages describe the connection to the proxy,
    /// which resolves the endpoint's name.
    pub proxy: Option<String>,
    /// The stages that succeeded, in order.
    pub passed: Vec<PassedStage>,
    /// The stage that failed, if one did.
    pub failed: Option<FailedStage>,
    /// The addresses that failed, if another one accepted the connection.
    pub unreachable: Vec<UnreachableAddress>,
    /// The clocks, if the peer sent a date.
    pub clocks: Option<ClockComparison>,
}

/// Connects to the endpoint of `options` in stages, each within its timeout, up to the first
/// failure.
pub async fn diagnose(options: &ClientOptions) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    diagnosis.failed = diagnosis.run(options, &Environment::of_process()).await.err();
    diagnosis
}

impl Diagnosis {
    async fn run(&mut self, options: &ClientOptions, environment: &Environment) -> Result<(), FailedStage> {
        let proxy = proxy_of(options, environment)
            .map_err(|error| StageTimer::start(Stage::Connect).failed(chain(&error)))?;
        let endpoint = &options.endpoint;
        let (host, port) = match &proxy {
            Some(proxy) => proxy.authority(),
            None => (endpoint.host(), endpoint.port()),
        };
        self.proxy = proxy.as_ref().map(|_| format!("{host}:{port}"));
        let addresses = self.resolve(host, port, options.connect_timeout).await?;
        self.exchange(&addresses, proxy.is_none(), options).await
    }

    async fn resolve(
        &mut self,
        host: &str,
        port: u16,
        limit: Duration,
    ) -> Result<Vec<SocketAddr>, FailedStage> {
        let stage = StageTimer::start(Stage::Resolve);
        // A URL has brackets around an IPv6 address, which name resolution does not accept.
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let addresses: Vec<SocketAddr> = stage.within(limit, lookup_host((name, port))).await?.collect();
        if addresses.is_empty() {
            return Err(stage.failed("the name has no address"));
        }
        let listed = addresses.iter().take(MAX_LISTED_ADDRESSES).map(|address| address.ip().to_string());
        self.passed.push(stage.passed(listed.collect::<Vec<_>>().join(", ")));
        Ok(addresses)
    }

    /// Connects to all addresses at the same time, because a request uses another address if one
    /// does not respond, and continues with the first connection.
    async fn exchange(
        &mut self,
        addresses: &[SocketAddr],
        direct: bool,
        options: &ClientOptions,
    ) -> Result<(), FailedStage> {
        let stage = StageTimer::start(Stage::Connect);
        let mut attempts = ConnectAttempts::start(addresses, options.connect_timeout);
        let Some((address, connection)) = attempts.first_connection().await else {
            return Err(stage.failed(attempts.failures()));
        };
        self.passed.push(stage.passed(address.to_string()));
        let outcome = self.converse(connection, direct, options).await;
        self.unreachable = attempts.finish().await;
        outcome
    }

    async fn converse(
        &mut self,
        connection: TcpStream,
        direct: bool,
        options: &ClientOptions,
    ) -> Result<(), FailedStage> {
        if direct && options.endpoint.scheme() == Scheme::Https {
            let stage = StageTimer::start(Stage::Tls);
            let session = handshake(&stage, &options.endpoint, connection, options.connect_timeout).await?;
            self.passed.push(stage.passed(tls_version(&session).to_owned()));
        }
        self.request(options).await
    }

    /// Sends a request over a new connection, through the proxy if there is one.
    async fn request(&mut self, options: &ClientOptions) -> Result<(), FailedStage> {
        let stage = StageTimer::start(Stage::Http);
        let transport = Transport::new(options).map_err(http_failure)?;
        let request = SignedRequest { query: String::new(), headers: Vec::new(), body: String::new() };
        let before = SystemTime::now();
        let response = transport.send(OPERATION, request).await.map_err(http_failure)?;
        self.clocks = compare_clocks(&response, before, stage.start.elapsed());
        self.passed.push(stage.passed(format!("status {}", response.status)));
        Ok(())
    }
}

/// A stage and the time since its start.
struct StageTimer {
    stage: Stage,
    start: Instant,
}

impl StageTimer {
    fn start(stage: Stage) -> Self {
        Self { stage, start: Instant::now() }
    }

    async fn within<T, E: fmt::Display>(
        &self,
        limit: Duration,
        attempt: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FailedStage> {
        match timeout(limit, attempt).await {
            Ok(outcome) => outcome.map_err(|error| self.failed(error.to_string())),
            Err(_) => Err(self.failed(format!("timed out after {limit:?}"))),
        }
    }

    fn passed(&self, detail: String) -> PassedStage {
        PassedStage { stage: self.stage, took: self.start.elapsed(), detail }
    }

    fn failed(&self, message: impl Into<String>) -> FailedStage {
        FailedStage { stage: self.stage, message: message.into(), bad_certificate: false }
    }
}

fn http_failure(error: Error) -> FailedStage {
    let message = chain(&error);
    let prefix = format!("{OPERATION}: {}: ", error.code());
    FailedStage {
        stage: Stage::Http,
        bad_certificate: is_certificate_error(&message),
        message: message.strip_prefix(&prefix).unwrap_or(&message).to_owned(),
    }
}

/// Whether a message contains the text that rustls has for every certificate that it rejects.
fn is_certificate_error(message: &str) -> bool {
    message.contains("invalid peer certificate")
}

async fn handshake(
    stage: &StageTimer,
    endpoint: &Endpoint,
    connection: TcpStream,
    limit: Duration,
) -> Result<TlsStream<TcpStream>, FailedStage> {
    let config = tls_config(endpoint.scheme(), &Environment::of_process())
        .map_err(|error| stage.failed(format!("cannot set up TLS: {}", chain(&error))))?;
    let host = endpoint.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name =
        ServerName::try_from(host).map_err(|_| stage.failed("TLS cannot verify a host of this name"))?;
    let connector = TlsConnector::from(Arc::new(config));
    stage
        .within(limit, connector.connect(name, connection))
        .await
        .map_err(|failed| FailedStage { bad_certificate: is_certificate_error(&failed.message), ..failed })
}

fn tls_version(session: &TlsStream<TcpStream>) -> &'static str {
    match session.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        // No other version is enabled.
        _ => "TLS",
    }
}

fn compare_clocks(response: &RawResponse, before: SystemTime, took: Duration) -> Option<ClockComparison> {
    let peer = httpdate::parse_http_date(response.header("date")?).ok()?;
    Some(ClockComparison { peer, local: before + took / 2 })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn options(url: &str) -> ClientOptions {
        let limit = Duration::from_secs(2);
        let endpoint = Endpoint::parse(url).unwrap();
        ClientOptions { connect_timeout: limit, request_timeout: limit, ..ClientOptions::new(endpoint) }
    }

    /// A server that sends these bytes on every connection.
    async fn server(response: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // The same bytes for every request; a closed connection is not an error.
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(response).await;
                });
            }
        });
        address
    }

    fn stages(diagnosis: &Diagnosis) -> Vec<Stage> {
        diagnosis.passed.iter().map(|passed| passed.stage).collect()
    }

    #[tokio::test]
    async fn a_response_of_any_status_passes_and_its_date_is_kept() {
        let address = server(
            b"HTTP/1.1 404 Not Found\r\nDate: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let diagnosis = diagnose(&options(&format!("http://{address}"))).await;
        assert_eq!(diagnosis.failed, None);
        assert_eq!(stages(&diagnosis), [Stage::Resolve, Stage::Connect, Stage::Http]);
        let peer = diagnosis.clocks.unwrap().peer;
        assert_eq!(peer, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400));
    }

    #[tokio::test]
    async fn an_unknown_name_fails_in_the_dns_stage() {
        let diagnosis = diagnose(&options("https://no-such-host.invalid")).await;
        // A proxy resolves the name.
        let expected = if diagnosis.proxy.is_some() { Stage::Http } else { Stage::Resolve };
        assert_eq!(diagnosis.failed.map(|failed| failed.stage), Some(expected));
    }

    #[tokio::test]
    async fn a_closed_port_fails_in_the_connect_stage() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let diagnosis = diagnose(&options(&format!("https://{address}"))).await;
        assert_eq!(stages(&diagnosis), [Stage::Resolve]);
        assert_eq!(diagnosis.failed.unwrap().stage, Stage::Connect);
    }

    #[tokio::test]
    async fn a_peer_without_tls_fails_in_the_tls_stage() {
        let address = server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        let diagnosis = diagnose(&options(&format!("https://{address}"))).await;
        assert_eq!(stages(&diagnosis), [Stage::Resolve, Stage::Connect]);
        let failed = diagnosis.failed.unwrap();
        assert_eq!((failed.stage, failed.bad_certificate), (Stage::Tls, false));
    }

    #[tokio::test]
    async fn a_peer_that_is_not_a_web_server_fails_in_the_http_stage() {
        let address = server(b"220 mail.example ESMTP\r\n").await;
        let diagnosis = diagnose(&options(&format!("http://{address}"))).await;
        assert_eq!(stages(&diagnosis), [Stage::Resolve, Stage::Connect]);
        assert_eq!(diagnosis.failed.unwrap().stage, Stage::Http);
    }

    #[tokio::test]
    async fn with_a_proxy_the_stages_describe_the_connection_to_the_proxy() {
        let address = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let proxied = ClientOptions {
            proxy: Some(format!("http://user:hunter2@{address}")),
            ..options("http://appstream.example")
        };
        let diagnosis = diagnose(&proxied).await;
        assert_eq!(diagnosis.proxy, Some(address.to_string()));
        assert_eq!(stages(&diagnosis), [Stage::Resolve, Stage::Connect, Stage::Http]);
        assert!(!format!("{diagnosis:?}").contains("hunter2"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_does_not_respond_neither_hides_the_others_nor_is_forgotten() {
        let (dead, _sockets) = crate::aliyun::connect_attempts::tests::dead_address();
        let live = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let limit = Duration::from_millis(300);
        let options = ClientOptions { connect_timeout: limit, ..options(&format!("http://{live}")) };
        let mut diagnosis = Diagnosis::default();
        diagnosis.exchange(&[dead, live], true, &options).await.unwrap();
        assert_eq!(stages(&diagnosis), [Stage::Connect, Stage::Http]);
        assert_eq!(diagnosis.passed[0].detail, live.to_string());
        let message = "timed out after 300ms".to_owned();
        assert_eq!(diagnosis.unreachable, [UnreachableAddress { address: dead, message }]);
    }

    #[tokio::test]
    async fn if_every_address_fails_the_reason_of_each_is_reported() {
        let closed = || async { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
        let (one, other) = (closed().await, closed().await);
        let mut diagnosis = Diagnosis::default();
        let options = options("http://localhost:1");
        let failed = diagnosis.exchange(&[one, other], true, &options).await.unwrap_err();
        assert_eq!(failed.stage, Stage::Connect);
        for address in [one, other] {
            assert!(failed.message.contains(&address.to_string()), "{}", failed.message);
        }
        assert_eq!(diagnosis.unreachable, []);
    }
}
