//! HTTP below the client: sends one signed request, returns one complete response.
//!
//! The transport neither retries nor follows redirects: a retry would send a nonce again, and a
//! redirect could send credentials to another host.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Proxy, Url};
use rustls::ClientConfig;

use super::credentials::environment::Environment;
use super::error::{Error, ErrorKind};
use super::options::ClientOptions;
use super::proxy::{self, proxy_of};
use super::signature::SignedRequest;
use super::tls::{self, tls_config};
use super::variable_error::VariableError;

/// Initial capacity of a body of unknown length: 64 KiB, which most pages of a listing fit.
const DEFAULT_BODY_CAPACITY: usize = 64 * 1024;
/// Maximum initial capacity of a body: 1 MiB, because a peer can announce any length.
const MAX_BODY_CAPACITY: u64 = 1024 * 1024;

/// Sends requests to one endpoint over persistent connections.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    url: Url,
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
    pub body: Vec<u8>,
}

impl Transport {
    /// Sets up the HTTP client; opens no connection.
    ///
    /// # Errors
    /// When TLS or the proxy cannot be set up.
    pub fn new(options: &ClientOptions) -> Result<Self, Error> {
        let setup_error = |message: &str| Error::local("setup", ErrorKind::Request, message);
        let ClientOptions { endpoint, .. } = options;
        let url = Url::parse(&endpoint.url())
            .map_err(|error| setup_error("the endpoint is not a URL").with_source(error))?;
        let environment = Environment::of_process();
        let tls = tls_config(endpoint.scheme(), &environment)
            .map_err(|error| setup_error("cannot set up TLS").with_source(error))?;
        let proxy = proxy_of(options, &environment)
            .map_err(|error| setup_error("cannot set up the proxy").with_source(error))?;
        let mut builder = client_builder(tls)
            .gzip(true)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.max_in_flight)
            .user_agent(options.user_agent.as_str())
            .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]));
        if let Some(proxy) = proxy {
            // The URL is not repeated: it may contain a password.
            let proxy = Proxy::all(proxy.expose().clone())
                .map_err(|_| setup_error("the proxy's URL is not accepted by the HTTP library"))?;
            builder = builder.proxy(proxy);
        }
        let http = builder
            .build()
            .map_err(|error| setup_error("cannot set up the HTTP client").with_source(error.without_url()))?;
        Ok(Self {
            http,
            url,
            request_timeout: options.request_timeout,
            max_response_bytes: options.max_response_bytes,
        })
    }

    /// Makes one attempt within the request timeout.
    ///
    /// # Errors
    /// On timeouts, failed or broken connections, bodies that are too large, and credentials that
    /// are not valid in a header. A response with an error status is returned as a response.
    pub async fn send(&self, operation: &'static str, signed: SignedRequest) -> Result<RawResponse, Error> {
        match tokio::time::timeout(self.request_timeout, self.exchange(operation, signed)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let message = format!("no complete response within {:?}", self.request_timeout);
                Err(Error::local(operation, ErrorKind::Timeout, message))
            }
        }
    }

    async fn exchange(&self, operation: &'static str, signed: SignedRequest) -> Result<RawResponse, Error> {
        let failed = |error| exchange_error(operation, error);
        let mut url = self.url.clone();
        // `Url` does not escape an encoded query again, so the query is sent as it was signed.
        url.set_query(Some(signed.query.as_str()).filter(|query| !query.is_empty()));
        let mut request = self.http.post(url);
        if signed.body.is_empty() {
            // The HTTP library omits the length of an empty body, which some load balancers reject
            // with 411.
            request = request.header(CONTENT_LENGTH, 0);
        }
        request = request.body(signed.body);
        for (name, value) in signed.headers {
            let mut value = HeaderValue::try_from(value).map_err(|_| {
                // The value is not repeated: it may be the token.
                Error::local(
                    operation,
                    ErrorKind::Credentials,
                    format!("the value of header {name} contains invalid characters"),
                )
            })?;
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(name), value);
        }
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = Vec::with_capacity(match response.content_length() {
            Some(length) => length.min(MAX_BODY_CAPACITY) as usize,
            None => DEFAULT_BODY_CAPACITY,
        });
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            // Decompressed bytes are counted: a small compressed body may be large when
            // decompressed.
            if (body.len() + chunk.len()) as u64 > self.max_response_bytes {
                let message = format!(
                    "the response is larger than max_response_bytes ({} bytes)",
                    self.max_response_bytes
                );
                return Err(Error::protocol(operation, message).with_status(status));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(RawResponse { status, headers, body })
    }
}

/// A builder of clients with the settings that all clients of this program have in common:
/// HTTP/1.1, no redirects, which could send credentials to another host, no retries, and no proxy
/// of the environment, because the rules of `proxy` differ from those of the HTTP library.
pub fn client_builder(tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
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

/// Converts an error of the HTTP library; the result does not contain the URL.
pub(super) fn exchange_error(operation: &'static str, error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_connect() {
        (ErrorKind::Connect, "no connection")
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no response in time")
    } else if error.is_decode() && causes(&error).all(|cause| !cause.is::<hyper::Error>()) {
        (ErrorKind::Protocol, "cannot decode the body")
    } else {
        // Includes a connection that breaks during decompression, which is a decode error as well.
        (ErrorKind::Connect, "the connection broke")
    };
    // Without the URL: with V2 it contains token and signature.
    let error = error.without_url();
    let mut texts: Vec<String> = causes(&error).map(ToString::to_string).collect();
    // `client error (...)` of the HTTP library is replaced by our message.
    texts.retain(|text| !text.starts_with("client error"));
    // A text that contains the text of its cause is dropped.
    let distinct: Vec<_> = (0..texts.len())
        .filter(|index| texts.get(index + 1).is_none_or(|cause| !texts[*index].contains(cause.as_str())))
        .map(|index| texts[index].as_str())
        .collect();
    let cause = if distinct.is_empty() { error.to_string() } else { distinct.join(": ") };
    Error::local(operation, kind, message).with_source(Cause(cause))
}

/// The causes of an error, without the error itself.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors((error as &'a dyn StdError).source(), |&cause| cause.source())
}
