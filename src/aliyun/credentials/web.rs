//! Small answers by plain GET and PUT, from the metadata service and from credentials URIs.
//!
//! Never through a proxy and never to where a redirect points: what comes back are credentials.

use std::time::Duration;

use reqwest::{Method, Url};

use super::super::Scheme;
use super::super::error::{Error, Kind};
use super::super::transport::{failure, tls};
use super::Surroundings;

/// Credentials take two kilobytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A client for one kind of place.
pub(super) struct Web {
    http: reqwest::Client,
    time_out: Duration,
}

/// What came back.
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Web {
    /// `connect` is for connecting, `read` for the answer's beginning and for each further part of it; together they
    /// bound the whole.
    pub(super) fn new(
        scheme: Scheme,
        connect: Duration,
        read: Duration,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let setup = |message: &str| Error::own("setup", Kind::Request, message);
        let tls = tls(scheme).map_err(|error| setup("TLS can't be set up").with_source(error))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect)
            .read_timeout(read)
            // Asked once an hour: nothing is gained by connections that wait.
            .pool_max_idle_per_host(0)
            .user_agent(surroundings.user_agent.as_str())
            .build()
            .map_err(|error| setup("the HTTP client can't be set up").with_source(error.without_url()))?;
        Ok(Self { http, time_out: connect + read })
    }

    /// One request. `what` stands for it in errors, since its URL may be secret.
    pub(super) async fn ask(
        &self,
        what: &'static str,
        method: Method,
        url: Url,
        header: Option<(&'static str, &str)>,
    ) -> Result<Answer, Error> {
        let mut request = self.http.request(method, url);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let exchange = async {
            let failed = |error| failure(what, error);
            let mut response = request.send().await.map_err(failed)?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > LONGEST_ANSWER {
                    let message = format!("the answer has more than {LONGEST_ANSWER} bytes");
                    return Err(Error::protocol(what, message));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body })
        };
        tokio::time::timeout(self.time_out, exchange).await.unwrap_or_else(|_| {
            Err(Error::own(what, Kind::Timeout, format!("no answer within {:?}", self.time_out)))
        })
    }
}
