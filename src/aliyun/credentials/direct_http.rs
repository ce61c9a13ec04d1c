//! Small GET and PUT requests to the metadata service and to credentials URIs.
//!
//! The responses contain credentials, so requests never use a proxy and never follow a redirect.

use std::time::Duration;

use reqwest::{Method, Url};

use super::provider::ProviderContext;
use crate::aliyun::endpoint::Scheme;
use crate::aliyun::error::{Error, ErrorKind};
use crate::aliyun::tls::tls_config;
use crate::aliyun::transport::{client_builder, exchange_error};

/// Maximum size of a response. Credentials take about 2 KiB.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// An HTTP client without proxy, redirects and retries.
pub(super) struct DirectHttp {
    http: reqwest::Client,
    timeout: Duration,
}

/// A complete response of any status.
pub(super) struct DirectResponse {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body, decompressed.
    pub(super) body: Vec<u8>,
}

impl DirectHttp {
    /// `connect_timeout` limits connecting, `read_timeout` the wait for each part of the response;
    /// their sum limits the whole request.
    ///
    /// # Errors
    /// TLS or the HTTP client cannot be set up.
    pub(super) fn new(
        scheme: Scheme,
        connect_timeout: Duration,
        read_timeout: Duration,
        context: &ProviderContext,
    ) -> Result<Self, Error> {
        let setup_error = |message: &str| Error::local("setup", ErrorKind::Request, message);
        let tls = tls_config(scheme, &context.environment)
            .map_err(|error| setup_error("cannot set up TLS").with_source(error))?;
        let http = client_builder(tls)
            .connect_timeout(connect_timeout)
            .read_timeout(read_timeout)
            // Fetches are minutes to hours apart: an idle connection would be closed before the
            // next one.
            .pool_max_idle_per_host(0)
            .user_agent(context.user_agent.as_str())
            .build()
            .map_err(|error| setup_error("cannot set up the HTTP client").with_source(error.without_url()))?;
        Ok(Self { http, timeout: connect_timeout + read_timeout })
    }

    /// Sends one request. Errors name the `purpose` of the request, because the URL may be secret.
    ///
    /// # Errors
    /// On timeouts, failed or broken connections, and bodies that are too large. A response with an
    /// error status is returned as a response.
    pub(super) async fn send(
        &self,
        purpose: &'static str,
        method: Method,
        url: Url,
        header: Option<(&'static str, &str)>,
    ) -> Result<DirectResponse, Error> {
        let mut request = self.http.request(method, url);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        tokio::time::timeout(self.timeout, exchange(purpose, request)).await.unwrap_or_else(|_| {
            let message = format!("no response within {:?}", self.timeout);
            Err(Error::local(purpose, ErrorKind::Timeout, message))
        })
    }
}

async fn exchange(purpose: &'static str, request: reqwest::RequestBuilder) -> Result<DirectResponse, Error> {
    let failed = |error| exchange_error(purpose, error);
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            let message = format!("the response is larger than {MAX_RESPONSE_BYTES} bytes");
            return Err(Error::protocol(purpose, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(DirectResponse { status, body })
}
