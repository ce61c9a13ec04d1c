//! Opens connections to one endpoint: directly or through an HTTP proxy, with TLS for `https`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

use crate::aliyun::endpoint::{Endpoint, Scheme};
use crate::aliyun::proxy::ProxyUrl;

/// Time without traffic after which the kernel tests whether the peer still exists, and the time
/// between such tests.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
/// Failed tests after which the connection is broken.
const TCP_KEEPALIVE_RETRIES: u32 = 3;

/// A connection to the endpoint or to its proxy, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections to one endpoint.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    /// The address of the endpoint, or of its proxy.
    address: Uri,
    proxy: Option<Proxy>,
    /// Absent for an endpoint without TLS.
    tls: Option<Tls>,
    limit: Duration,
}

/// An HTTP proxy.
#[derive(Clone)]
struct Proxy {
    /// Absent for a proxy without TLS.
    tls: Option<Tls>,
    authorization: Option<HeaderValue>,
    /// The endpoint, with its port.
    target: Authority,
}

/// TLS with a peer of this name.
#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// A connection could not be opened.
#[derive(Debug, Error)]
pub(super) enum ConnectError {
    /// No address of the name accepts a connection, or the name has none.
    #[error(transparent)]
    Tcp(Box<dyn std::error::Error + Send + Sync>),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    /// The proxy did not respond as an HTTP proxy does.
    #[error("the proxy does not respond")]
    Proxy(#[source] hyper::Error),
    /// The proxy refused to connect to the endpoint.
    #[error("the proxy refused the connection: status {0}")]
    ProxyRefused(StatusCode),
    /// Connecting took too long.
    #[error("not connected within {0:?}")]
    Timeout(Duration),
}

/// Why a connector cannot be made.
#[derive(Debug, Error)]
pub(super) enum SetupError {
    /// The endpoint or the proxy has a host that is not a name or an address.
    #[error("the host of the {0} is not a name or an address")]
    Host(&'static str),
}

impl Connector {
    /// A connector that opens each connection within `limit`.
    ///
    /// # Errors
    /// A host is not a name or an address.
    pub(super) fn new(
        endpoint: &Endpoint,
        proxy: Option<&ProxyUrl>,
        tls: ClientConfig,
        limit: Duration,
    ) -> Result<Self, SetupError> {
        let tls = Arc::new(tls);
        let with_tls = |role, is_wanted, host: &str| match is_wanted {
            false => Ok(None),
            true => {
                // A URL has brackets around an IPv6 address.
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(host).map_err(|_| SetupError::Host(role))?;
                Ok(Some(Tls { connector: TlsConnector::from(Arc::clone(&tls)), name }))
            }
        };
        let authority = |role, (host, port): (&str, u16)| {
            Authority::try_from(format!("{host}:{port}")).map_err(|_| SetupError::Host(role))
        };
        let target = authority("endpoint", (endpoint.host(), endpoint.port()))?;
        let (role, address) = match proxy {
            Some(proxy) => ("proxy", authority("proxy", proxy.authority())?),
            None => ("endpoint", target.clone()),
        };
        let address = Uri::builder().scheme("http").authority(address).path_and_query("/").build();
        let address = address.map_err(|_| SetupError::Host(role))?;
        let proxy = proxy
            .map(|proxy| {
                let tls = with_tls("proxy", proxy.is_https(), proxy.authority().0)?;
                Ok(Proxy { tls, authorization: authorization(proxy), target })
            })
            .transpose()?;
        let tls = with_tls("endpoint", endpoint.scheme() == Scheme::Https, endpoint.host())?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        tcp.set_keepalive_interval(Some(TCP_KEEPALIVE));
        tcp.set_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
        // Several addresses share the limit, so that each is tried.
        tcp.set_connect_timeout(Some(limit));
        Ok(Self { tcp, address, proxy, tls, limit })
    }

    /// The `Proxy-Authorization` of a request that the proxy forwards. Absent without a proxy, and
    /// for an endpoint with TLS, whose requests the proxy cannot read.
    pub(super) fn forward_authorization(&self) -> Option<&HeaderValue> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())?.authorization.as_ref()
    }

    /// Whether a proxy reads the requests, so that they must name the endpoint.
    pub(super) fn is_forwarded(&self) -> bool {
        self.proxy.is_some() && self.tls.is_none()
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// No connection within the limit.
    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, ConnectError> {
        timeout(self.limit, self.open()).await.unwrap_or(Err(ConnectError::Timeout(self.limit)))
    }

    async fn open(&self) -> Result<Box<dyn Stream>, ConnectError> {
        let tcp = self.tcp.clone().call(self.address.clone()).await;
        let tcp = tcp.map_err(|error| ConnectError::Tcp(Box::new(error)))?.into_inner();
        let Some(proxy) = &self.proxy else { return secure(tcp, self.tls.as_ref()).await };
        let stream = secure(tcp, proxy.tls.as_ref()).await?;
        if self.tls.is_none() {
            return Ok(stream);
        }
        secure(proxy.tunnel(stream).await?, self.tls.as_ref()).await
    }
}

impl Proxy {
    /// Lets the proxy connect to the endpoint, and returns that connection.
    async fn tunnel(&self, stream: Box<dyn Stream>) -> Result<impl Stream + use<>, ConnectError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(ConnectError::Proxy)?;
        // Ends when the tunnel is dropped.
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::connect(Uri::from(self.target.clone()))
            .header(HOST, self.target.as_str())
            .body(Empty::<Bytes>::new())
            .expect("an authority is a valid target and a valid header");
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let response = sender.send_request(request).await.map_err(ConnectError::Proxy)?;
        if !response.status().is_success() {
            return Err(ConnectError::ProxyRefused(response.status()));
        }
        hyper::upgrade::on(response).await.map(TokioIo::new).map_err(ConnectError::Proxy)
    }
}

async fn secure(stream: impl Stream + 'static, tls: Option<&Tls>) -> Result<Box<dyn Stream>, ConnectError> {
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let session = tls.connector.connect(tls.name.clone(), stream).await.map_err(ConnectError::Tls)?;
    Ok(Box::new(session))
}

/// `Basic` with the user name and the password of the proxy's URL; `None` without them.
fn authorization(proxy: &ProxyUrl) -> Option<HeaderValue> {
    let (user, password) = proxy.user()?;
    let credentials = [user, password].join(&b':');
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))
        .expect("base64 is visible ASCII");
    value.set_sensitive(true);
    Some(value)
}
