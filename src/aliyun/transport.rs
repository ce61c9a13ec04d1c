//! HTTP beneath the client: one signed request out, one whole answer back.
//!
//! Neither retries nor follows redirects: either would resend a nonce, or hand credentials to a stranger.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{NoProxy, Proxy, Url};
use rustls::{ClientConfig, RootCertStore};

use super::client::Options;
use super::endpoint::Scheme;
use super::error::{Error, Kind};
use super::signature::Signed;

/// What a body's buffer starts with when its length isn't known: most pages of a listing fit.
const FIRST_BUFFER: usize = 64 * 1024;
/// And at most when a peer announces more: announcing costs it nothing.
const LARGEST_FIRST_BUFFER: u64 = 1024 * 1024;

/// Sends to one endpoint over connections that are kept.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    url: Url,
    request_timeout: Duration,
    max_response_bytes: u64,
}

/// A whole answer of any status.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Decoded.
    pub body: Vec<u8>,
}

impl Transport {
    /// Sets everything up; nothing is connected yet.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let setup = |message: &str| Error::own("setup", Kind::Request, message);
        let Options { endpoint, .. } = options;
        let url = Url::parse(&endpoint.url())
            .map_err(|error| setup("the endpoint makes no URL").with_source(error))?;
        let tls = tls(endpoint.scheme()).map_err(|error| setup("TLS can't be set up").with_source(error))?;
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
        builder = match options.proxy.as_deref().map(str::trim).filter(|proxy| !proxy.is_empty()) {
            Some(proxy) => {
                // The error of a bad URL could repeat it, and there may be a password in it.
                let proxy = Proxy::all(proxy).map_err(|_| setup("the proxy is no usable URL"))?;
                builder.no_proxy().proxy(proxy.no_proxy(NoProxy::from_env()))
            }
            // As Go and its exporters do: the environment's proxy can't reach this machine's loopback.
            None if endpoint.is_loopback() => builder.no_proxy(),
            None => builder,
        };
        let http = builder
            .build()
            .map_err(|error| setup("the HTTP client can't be set up").with_source(error.without_url()))?;
        Ok(Self {
            http,
            url,
            request_timeout: options.request_timeout,
            max_response_bytes: options.max_response_bytes,
        })
    }

    /// One attempt, from connecting to the last byte, within the request timeout.
    pub async fn send(&self, operation: &'static str, signed: Signed) -> Result<Answer, Error> {
        match tokio::time::timeout(self.request_timeout, self.exchange(operation, signed)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let message = format!("no whole answer within {:?}", self.request_timeout);
                Err(Error::own(operation, Kind::Timeout, message))
            }
        }
    }

    async fn exchange(&self, operation: &'static str, signed: Signed) -> Result<Answer, Error> {
        let failed = |error| failure(operation, error);
        let mut url = self.url.clone();
        // All is escaped already that a URL's query would escape: it goes out as it was signed.
        url.set_query(Some(signed.query.as_str()).filter(|query| !query.is_empty()));
        let mut request = self.http.post(url);
        if signed.body.is_empty() {
            // The HTTP library says nothing of an empty body, and some load balancers answer 411 to that.
            request = request.header(CONTENT_LENGTH, 0);
        }
        request = request.body(signed.body);
        for (name, value) in signed.headers {
            let mut value = HeaderValue::try_from(value).map_err(|_| {
                // The value isn't repeated: it may be the token.
                Error::own(operation, Kind::Credentials, format!("{name} can't be sent in a header"))
            })?;
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(name), value);
        }
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = Vec::with_capacity(match response.content_length() {
            Some(length) => length.min(LARGEST_FIRST_BUFFER) as usize,
            None => FIRST_BUFFER,
        });
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            // Decoded bytes are counted: a small compressed body may become a large one.
            if (body.len() + chunk.len()) as u64 > self.max_response_bytes {
                let message =
                    format!("the answer is larger than max_response_bytes, {}", self.max_response_bytes);
                return Err(Error::protocol(operation, message).with_status(status));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// A header's value, where it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why an exchange failed, from its libraries' errors in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// What went wrong on the way.
pub(super) fn failure(operation: &'static str, error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_connect() {
        (Kind::Connect, "no connection")
    } else if error.is_timeout() {
        (Kind::Timeout, "no answer in time")
    } else if error.is_decode() && causes(&error).all(|cause| !cause.is::<hyper::Error>()) {
        (Kind::Protocol, "the body can't be decoded")
    } else {
        // A decoder, too, passes on that the connection broke.
        (Kind::Connect, "the connection broke")
    };
    // Without the URL: under V2 it holds token and signature.
    let error = error.without_url();
    let mut told: Vec<String> = causes(&error).map(ToString::to_string).collect();
    // What reqwest and its client say above the cause is what our own message says.
    told.retain(|text| !text.starts_with("client error"));
    // Some repeat what is beneath them.
    let own: Vec<_> = (0..told.len())
        .filter(|index| told.get(index + 1).is_none_or(|beneath| !told[*index].contains(beneath.as_str())))
        .map(|index| told[index].as_str())
        .collect();
    let cause = if own.is_empty() { error.to_string() } else { own.join(": ") };
    Error::own(operation, kind, message).with_source(Cause(cause))
}

/// Everything beneath an error.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors((error as &'a dyn StdError).source(), |&cause| cause.source())
}

/// TLS by rustls with ring, trusting what this machine trusts; Mozilla's roots where it trusts nobody (bare
/// containers).
pub(super) fn tls(scheme: Scheme) -> Result<ClientConfig, io::Error> {
    let mut roots = RootCertStore::empty();
    // Reading a few hundred certificates is spared where nothing is going to be encrypted.
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
    // `host` is signed; under HTTP/2 it would travel by another name.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
