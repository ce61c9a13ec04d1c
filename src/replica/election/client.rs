//! The HTTP client of the Kubernetes API server.
//!
//! It connects directly: a proxy of the environment is for requests that leave the cluster. It
//! neither retries, which would delay the election, nor logs. What is not here: what is requested
//! (`api`).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::{Request, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};

use super::cluster::{Cluster, Token};
use super::error::{ClusterError, RequestError};
use crate::aliyun::{chain, client_builder, tls_config_of};

/// Maximum size of a response. A Lease has about 1 kB.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
const USER_AGENT: &str = concat!("appstreaming-exporter/", env!("CARGO_PKG_VERSION"));

/// Sends requests whose URI is a path, e.g. `/apis/coordination.k8s.io/v1/...`.
pub(super) trait Transport: Send + Sync {
    /// Sends a request, and waits for the whole response.
    ///
    /// # Errors
    /// No complete response arrived.
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, RequestError>>;
}

/// A client of the API server. Cheap to clone.
pub(super) type Client = Arc<dyn Transport>;

/// Sends requests over the network.
struct HttpClient {
    http: reqwest::Client,
    server: String,
    token: Option<Token>,
}

/// A client of a cluster's API server.
///
/// # Errors
/// The address, a certificate or the key cannot be used.
pub(super) fn client(cluster: Cluster) -> Result<Client, ClusterError> {
    let server = cluster.server.trim_end_matches('/').to_owned();
    if !reqwest::Url::parse(&server)
        .is_ok_and(|url| url.has_host() && ["http", "https"].contains(&url.scheme()))
    {
        return Err(ClusterError::Server(server));
    }
    let authorities = cluster.authorities.as_ref().map(|pem| pem.as_slice());
    let certificate = cluster.certificate.as_ref();
    let certificate =
        certificate.map(|certificate| (certificate.chain.as_slice(), certificate.key.as_slice()));
    let http = client_builder(tls_config_of(authorities, certificate)?)
        .user_agent(USER_AGENT)
        .build()
        .map_err(|error| ClusterError::Client(error.without_url()))?;
    Ok(Arc::new(HttpClient { http, server, token: cluster.token }))
}

impl HttpClient {
    async fn response(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, RequestError> {
        let failed = |error: reqwest::Error| RequestError::Unreachable(chain(&error.without_url()));
        let (head, body) = request.into_parts();
        let url = format!("{}{}", self.server, head.uri);
        let mut outgoing = self.http.request(head.method, url).headers(head.headers).body(body);
        outgoing = outgoing.header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            let token = token.current().map_err(RequestError::Token)?;
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| RequestError::Unauthorized)?;
            value.set_sensitive(true);
            outgoing = outgoing.header(AUTHORIZATION, value);
        }
        let mut incoming = outgoing.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = incoming.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                let reason = format!("the response is larger than {MAX_RESPONSE_BYTES} bytes");
                return Err(RequestError::Unreachable(reason));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = incoming.status();
        Ok(response)
    }
}

impl Transport for HttpClient {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, RequestError>> {
        Box::pin(self.response(request))
    }
}
