//! Asks another replica for its state.
//!
//! What is not here: which replica is asked, and what happens to the state (`mirror`).

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, DATE, ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{RequestBuilder, StatusCode, Url};

use super::protocol::{PREFER_HEADER, ROLE_HEADER, STANDBY_HEADER, STATE_PATH, StateTag};
use super::token::SharedToken;
use crate::aliyun::credentials::Environment;
use crate::aliyun::{Endpoint, TlsError, client_builder, tls_config_trusting};
use crate::telemetry::status::ReplicaRole;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of a compressed state: 512 MiB, many times that of 1,000,000 instances.
const MAX_BODY_BYTES: u64 = 512 * 1024 * 1024;

/// Sends requests to other replicas.
#[derive(Debug, Clone)]
pub struct PeerClient {
    http: reqwest::Client,
    token: SharedToken,
    /// The number by which the asked replica recognises this one.
    id: u64,
}

/// The answer of another replica.
#[derive(Debug, Clone)]
pub struct PeerAnswer {
    /// What the other replica does.
    pub role: ReplicaRole,
    /// The tag of its state.
    pub tag: Option<StateTag>,
    /// Its state; `None` if it is the known one.
    pub body: Option<Vec<u8>>,
    /// The time by its clock, in whole seconds; `None` if the answer does not contain it.
    pub date: Option<Timestamp>,
}

/// Why another replica's state could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The client cannot be made.
    #[error("replicas cannot be asked")]
    Tls(#[from] TlsError),
    /// The token is not valid in a header.
    #[error("replicas.token cannot be sent in a header")]
    Token,
    /// The HTTP library refuses its configuration.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No complete answer arrived.
    #[error("{url} does not answer")]
    Unreachable {
        /// The replica's base URL.
        url: String,
        /// The reason.
        #[source]
        source: reqwest::Error,
    },
    /// The token was refused.
    #[error(
        "{url} refuses replicas.token: both replicas must have the same one; this replica neither \
         polls nor takes over until it is accepted"
    )]
    Refused {
        /// The replica's base URL.
        url: String,
    },
    /// The other one is not a replica.
    #[error("{url} does not share its state (HTTP {status}): check `replicas` of its configuration")]
    NotShared {
        /// The replica's base URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is too large.
    #[error("the state of {url} is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge {
        /// The replica's base URL.
        url: String,
    },
}

impl PeerError {
    /// Whether the other replica is running: it answered, but did not share its state.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotShared { .. } | Self::TooLarge { .. })
    }
}

impl PeerClient {
    /// A client that shows `token`, and trusts the authorities of the system and of `ca_file`. `id`
    /// differs for each replica.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn new(token: SharedToken, ca_file: Option<&Path>, id: u64) -> Result<Self, PeerError> {
        let http = client_builder(tls_config_trusting(ca_file, &Environment::of_process())?)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| PeerError::Setup(error.without_url()))?;
        Ok(Self { http, token, id })
    }

    /// Asks for another state than the one that is `known`, for which the other replica may wait,
    /// and for its role. The whole answer must arrive within `limit`, which is longer than `wait`.
    ///
    /// # Errors
    /// The other replica does not answer, or does not share its state.
    pub async fn ask(
        &self,
        peer: &Endpoint,
        known: Option<StateTag>,
        wait: Duration,
        limit: Duration,
    ) -> Result<PeerAnswer, PeerError> {
        let mut request = self.request(peer, limit)?.header(STANDBY_HEADER, format!("{:016x}", self.id));
        if let Some(tag) = known {
            request = request
                .header(IF_NONE_MATCH, tag.to_string())
                .header(PREFER_HEADER, format!("wait={}", wait.as_secs()));
        }
        self.send(peer, request).await
    }

    /// Asks a replica that this one does not follow for its state and its role: the other one does
    /// not wait for this one when it publishes a state. The whole answer must arrive within `limit`.
    ///
    /// # Errors
    /// The other replica does not answer, or does not share its state.
    pub async fn ask_once(&self, peer: &Endpoint, limit: Duration) -> Result<PeerAnswer, PeerError> {
        self.send(peer, self.request(peer, limit)?).await
    }

    fn request(&self, peer: &Endpoint, limit: Duration) -> Result<RequestBuilder, PeerError> {
        let mut url = Url::parse(&peer.url()).expect("the URL of an endpoint is valid");
        url.set_path(STATE_PATH);
        Ok(self.http.get(url).timeout(limit).header(AUTHORIZATION, self.authorization()?))
    }

    async fn send(&self, peer: &Endpoint, request: RequestBuilder) -> Result<PeerAnswer, PeerError> {
        let base = peer.to_string();
        let failed = |source: reqwest::Error| PeerError::Unreachable {
            url: base.clone(),
            source: source.without_url(),
        };
        let mut response = request.send().await.map_err(failed)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let role = header(ROLE_HEADER).and_then(ReplicaRole::parse);
        let tag = header(ETAG.as_str()).and_then(|tag| tag.parse().ok());
        let date = header(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        let date = date.and_then(|date| Timestamp::try_from(date).ok());
        let role = match (response.status(), role) {
            (StatusCode::OK | StatusCode::NOT_MODIFIED, Some(role)) => role,
            (StatusCode::UNAUTHORIZED, _) => {
                // The next question shows the new token if it was rotated.
                self.token.read_again().await;
                return Err(PeerError::Refused { url: base });
            }
            (status, _) => return Err(PeerError::NotShared { url: base, status: status.as_u16() }),
        };
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(PeerAnswer { role, tag, body: None, date });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if (body.len() + chunk.len()) as u64 > MAX_BODY_BYTES {
                return Err(PeerError::TooLarge { url: base });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(PeerAnswer { role, tag, body: Some(body), date })
    }

    fn authorization(&self) -> Result<HeaderValue, PeerError> {
        let token = self.token.current();
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| PeerError::Token)?;
        value.set_sensitive(true);
        Ok(value)
    }
}
