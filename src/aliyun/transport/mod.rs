//! HTTP below the client: sends one signed request, returns one complete response.
//!
//! | module | contents |
//! |---|---|
//! | `connector` | opens connections: TCP, TLS, proxies |
//! | `connection` | one request on one connection, and the pool of idle connections |
//! | `decompress` | compressed bodies |
//! | `library` | the HTTP library for rare requests, such as those for credentials |
//!
//! Requests of polls use hyper's connections directly, without the layers of the HTTP library,
//! which do nothing for them (`docs/decisions/0013-connections-of-polls.md`). The transport neither
//! retries nor follows redirects: a retry would send a nonce again, and a redirect could send
//! credentials to another host. A request is sent again only if it certainly did not reach the
//! network.

mod connection;
mod connector;
mod decompress;
mod library;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use rustls::ClientConfig;

use self::connection::{Connection, ExchangeError, Pool};
use self::connector::Connector;
pub use self::library::client_builder;
pub(super) use self::library::exchange_error;
use super::credentials::environment::Environment;
use super::endpoint::Endpoint;
use super::error::{Error, ErrorKind, chain};
use super::options::ClientOptions;
use super::proxy::{self, ProxyUrl, proxy_of};
use super::signature::SignedRequest;
use super::tls::{self, tls_config};
use super::variable_error::VariableError;

/// Sends requests to one endpoint over persistent connections. Clones share the connections.
#[derive(Clone)]
pub(super) struct Transport {
    inner: Arc<TransportInner>,
}

struct TransportInner {
    connector: Connector,
    pool: Pool,
    endpoint: Endpoint,
    /// The headers that all requests have.
    headers: HeaderMap,
    request_timeout: Duration,
    max_response_bytes: u64,
}

/// A complete response of any status.
#[derive(Debug)]
pub(super) struct RawResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Transport {
    /// Sets up connections; opens none.
    ///
    /// # Errors
    /// When TLS or the proxy cannot be set up.
    pub fn new(options: &ClientOptions) -> Result<Self, Error> {
        let setup_error = |message: &str| Error::local("setup", ErrorKind::Request, message);
        let environment = Environment::of_process();
        let tls = tls_config(options.endpoint.scheme(), &environment)
            .map_err(|error| setup_error("cannot set up TLS").with_source(error))?;
        let proxy = proxy_of(options, &environment)
            .map_err(|error| setup_error("cannot set up the proxy").with_source(error))?;
        Self::with_connections(options, tls, proxy.as_ref())
    }

    fn with_connections(
        options: &ClientOptions,
        tls: ClientConfig,
        proxy: Option<&ProxyUrl>,
    ) -> Result<Self, Error> {
        let setup_error = |message: &str| Error::local("setup", ErrorKind::Request, message);
        let endpoint = &options.endpoint;
        let connector = Connector::new(endpoint, proxy, tls, options.connect_timeout)
            .map_err(|error| setup_error("cannot set up connections").with_source(error))?;
        let value = |text: String| {
            HeaderValue::try_from(text)
                .map_err(|error| setup_error("cannot set up the headers").with_source(error))
        };
        let mut headers = HeaderMap::from_iter([
            (HOST, value(endpoint.authority())?),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
            (USER_AGENT, value(options.user_agent.clone())?),
        ]);
        if let Some(authorization) = connector.forward_authorization() {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        Ok(Self {
            inner: Arc::new(TransportInner {
                connector,
                pool: Pool::new(options.max_in_flight),
                endpoint: endpoint.clone(),
                headers,
                request_timeout: options.request_timeout,
                max_response_bytes: options.max_response_bytes,
            }),
        })
    }

    /// Makes one attempt within the request timeout.
    ///
    /// # Errors
    /// On timeouts, failed or broken connections, bodies that are too large, and credentials that
    /// are not valid in a header. A response with an error status is returned as a response.
    pub async fn send(&self, operation: &'static str, signed: SignedRequest) -> Result<RawResponse, Error> {
        let limit = self.inner.request_timeout;
        let exchange = self.inner.exchange(operation, signed);
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
            let message = format!("no complete response within {limit:?}");
            Err(Error::local(operation, ErrorKind::Timeout, message))
        })
    }
}

impl TransportInner {
    async fn exchange(&self, operation: &'static str, signed: SignedRequest) -> Result<RawResponse, Error> {
        let mut request = self.request(operation, signed)?;
        let response = loop {
            let (mut connection, is_new) = match self.pool.take() {
                Some(connection) => (connection, false),
                None => (self.connect(operation).await?, true),
            };
            match connection.exchange(request, self.max_response_bytes).await {
                Ok(response) => {
                    self.pool.put(connection);
                    break response;
                }
                // The peer has closed an idle connection. Nothing was sent.
                Err(ExchangeError::NotSent(unsent)) if !is_new => request = *unsent,
                Err(ExchangeError::TooLarge) => return Err(self.too_large(operation)),
                Err(error) => {
                    return Err(Error::local(operation, ErrorKind::Connect, "the connection broke")
                        .with_source(Cause(chain(&error))));
                }
            }
        };
        self.decompressed(operation, response)
    }

    /// The request of one attempt.
    fn request(&self, operation: &'static str, signed: SignedRequest) -> Result<Request<Full<Bytes>>, Error> {
        let local = |kind, message: String| Error::local(operation, kind, message);
        let mut target = Uri::builder();
        if self.connector.is_forwarded() {
            target = target.scheme(self.endpoint.scheme().as_str()).authority(self.endpoint.authority());
        }
        // The query is sent as it was signed.
        let query = if signed.query.is_empty() { "/".to_owned() } else { format!("/?{}", signed.query) };
        let target = target.path_and_query(query).build().map_err(|error| {
            local(ErrorKind::Request, "the parameters are not valid in a URL".to_owned()).with_source(error)
        })?;
        let mut headers = self.headers.clone();
        // hyper omits the length of an empty body, which some load balancers reject with 411.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(signed.body.len()));
        for (name, value) in signed.headers {
            let mut value = HeaderValue::try_from(value).map_err(|_| {
                // The value is not repeated: it may be the token.
                let message = format!("the value of header {name} contains invalid characters");
                local(ErrorKind::Credentials, message)
            })?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut request = Request::new(Full::from(signed.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target;
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn connect(&self, operation: &'static str) -> Result<Connection, Error> {
        let no_connection = |cause: String| {
            Error::local(operation, ErrorKind::Connect, "no connection").with_source(Cause(cause))
        };
        let stream = self.connector.connect().await.map_err(|error| no_connection(chain(&error)))?;
        Connection::new(stream).await.map_err(|error| no_connection(chain(&error)))
    }

    fn decompressed(&self, operation: &'static str, response: Response<Bytes>) -> Result<RawResponse, Error> {
        let (head, mut body) = response.into_parts();
        let (status, mut headers) = (head.status.as_u16(), head.headers);
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip") {
            let text = decompress::gunzip(&body, self.max_response_bytes).map_err(|error| {
                Error::local(operation, ErrorKind::Protocol, "cannot decode the body").with_source(error)
            })?;
            body = text.ok_or_else(|| self.too_large(operation).with_status(status))?;
            headers.remove(CONTENT_ENCODING);
        }
        Ok(RawResponse { status, headers, body })
    }

    fn too_large(&self, operation: &'static str) -> Error {
        let limit = self.max_response_bytes;
        let message = format!("the response is larger than max_response_bytes ({limit} bytes)");
        Error::protocol(operation, message)
    }
}

/// Checks the environment variables that a [`Transport`] with these options depends on. Reads the
/// certificates that the environment names; sends nothing.
///
/// # Errors
/// The first variable that cannot be used.
pub fn check_variables(options: &ClientOptions, environment: &Environment) -> Result<(), VariableError> {
    if options.explicit_proxy().is_none() {
        proxy::from_environment(&options.endpoint, environment)?;
    }
    tls::check_variables(options.endpoint.scheme(), environment)
}

/// Whether a [`Transport`] depends on the environment variable `name`.
#[cfg(feature = "simulator")]
pub fn is_connection_variable(name: &str) -> bool {
    proxy::VARIABLES.iter().flatten().chain(&tls::VARIABLES).any(|variable| *variable == name)
}

impl RawResponse {
    /// A header's value, if it is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A nonce for one attempt: 128 random bits.
pub(super) fn new_nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The cause of a failed exchange: the errors of the libraries in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);
