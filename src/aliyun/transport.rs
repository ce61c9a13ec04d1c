//! HTTP below the client: sends one signed request, returns one complete response.
//!
//! The transport neither retries nor follows redirects: a retry would send a nonce again, and a
//! redirect could send credentials to another host.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{NoProxy, Proxy, Url};
use rustls::{ClientConfig, RootCertStore};

use super::endpoint::Scheme;
use super::error::{Error, ErrorKind};
use super::options::ClientOptions;
use super::signature::SignedRequest;

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
        let tls = tls_config(endpoint.scheme())
            .map_err(|error| setup_error("cannot set up TLS").with_source(error))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(true)
            .tcp_nodelay(true)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.max_in_flight)
            .user_agent(options.user_agent.as_str())
            .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]));
        builder = match options.explicit_proxy() {
            Some(proxy) => {
                // The URL is not repeated: it may contain a password.
                let proxy = Proxy::all(proxy).map_err(|_| setup_error("the proxy is not a valid URL"))?;
                builder.no_proxy().proxy(proxy.no_proxy(NoProxy::from_env()))
            }
            // As in Go: a proxy of the environment is not used for this machine's loopback, which
            // it cannot reach.
            None if endpoint.is_loopback() => builder.no_proxy(),
            None => builder,
        };
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

/// The TLS configuration: rustls with ring, and the root certificates that this machine trusts, or
/// Mozilla's where there are none, as in minimal containers.
pub(super) fn tls_config(scheme: Scheme) -> Result<ClientConfig, io::Error> {
    let mut roots = RootCertStore::empty();
    // Plain HTTP does not need the certificates, which take time to read.
    if scheme == Scheme::Https {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // The signature covers `host`, which HTTP/2 replaces by `:authority`.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
