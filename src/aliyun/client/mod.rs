//! The client: limits, signs, sends, reads, tells the observer, and tries again where that can help.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::credentials::{Credentials, Source};
use super::endpoint::Endpoint;
use super::error::{Error, Kind, Redaction};
use super::limiter::{self, Limiter};
use super::observer::{Observer, Outcome};
use super::request::Request;
use super::retry::{self, Decision, History, Policy};
use super::signature::{Context, SignatureVersion, v2, v3};
use super::transport::{Answer, Transport};

/// Calls operations. What stands between the product's operations and the network, so that tests can stand there.
pub trait Call: Send + Sync {
    /// Calls one operation and reads its answer.
    ///
    /// `read` gets the body of an answer with a status of success. It runs inside the attempt: its failure is the
    /// attempt's, and may be retried, so it must leave nothing behind when it fails.
    fn call<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> impl Future<Output = Result<T, Error>> + Send;
}

/// How a [`Client`] behaves.
#[derive(Clone)]
pub struct Options {
    /// Where the API is.
    pub endpoint: Endpoint,
    /// How requests are signed.
    pub signature: SignatureVersion,
    /// For one attempt: from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// For connecting, TLS included.
    pub connect_timeout: Duration,
    /// Requests at once, at least 1.
    pub max_in_flight: usize,
    /// The ceiling of the rate, more than 0.
    pub requests_per_second: f64,
    /// Attempts after the first one, for whatever reason; 0 for none.
    pub max_retries: u32,
    /// The largest body taken, decoded.
    pub max_response_bytes: u64,
    /// A proxy's URL; `None` or empty: what the environment says (`HTTPS_PROXY`, `NO_PROXY` ...).
    pub proxy: Option<String>,
    /// Who calls, e.g. `name/version`.
    pub user_agent: String,
}

impl Options {
    /// The defaults for an endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            signature: SignatureVersion::V3,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_in_flight: 8,
            requests_per_second: 20.0,
            max_retries: 3,
            max_response_bytes: 16 * 1024 * 1024,
            proxy: None,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("endpoint", &format_args!("{}", self.endpoint))
            .field("signature", &self.signature)
            .field("request_timeout", &self.request_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("requests_per_second", &self.requests_per_second)
            .field("max_retries", &self.max_retries)
            .field("max_response_bytes", &self.max_response_bytes)
            // A proxy's URL may hold a password.
            .field("proxy", &self.proxy.as_ref().map(|_| format_args!("<secret>")))
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// A client of one endpoint with one source of credentials.
///
/// Clones share connections and limits: all that calls the same account at the same endpoint should be clones
/// of one client.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    observer: Arc<dyn Observer>,
}

struct Shared {
    host: String,
    signature: SignatureVersion,
    policy: Policy,
    transport: Transport,
    limiter: Limiter,
    credentials: Arc<dyn Source>,
}

impl Client {
    /// Sets a client up; nothing is sent yet. Fails when TLS or the proxy can't be set up.
    pub fn new(
        options: Options,
        credentials: Arc<dyn Source>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let policy = Policy::new(options.max_retries);
        Self::with_policy(options, policy, credentials, observer)
    }

    fn with_policy(
        options: Options,
        policy: Policy,
        credentials: Arc<dyn Source>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let transport = Transport::new(&options)?;
        let limiter = Limiter::new(options.requests_per_second, options.max_in_flight);
        observer.rate_limit(limiter.rate());
        let shared = Arc::new(Shared {
            host: options.endpoint.authority(),
            signature: options.signature,
            policy,
            transport,
            limiter,
            credentials,
        });
        Ok(Self { shared, observer })
    }

    /// A clone that tells another observer of what goes through it.
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { shared: Arc::clone(&self.shared), observer }
    }

    /// How many requests a second are allowed now: the configured ceiling, or less after throttling.
    pub fn requests_per_second(&self) -> f64 {
        self.shared.limiter.rate()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("host", &self.shared.host)
            .field("credentials", &self.shared.credentials.name())
            .finish_non_exhaustive()
    }
}

impl Call for Client {
    async fn call<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let client = &*self.shared;
        let mut history = History::default();
        loop {
            let (place, waited) = client.limiter.admit().await;
            self.observer.waited(waited);
            let credentials = client.credentials(request.operation).await?;
            let outcome = client.attempt(request, &credentials, &*self.observer, &read).await;
            // Waiting for the next attempt takes up no place.
            drop(place);
            let error = match outcome {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let fresh = client.refused(&error, &credentials).await;
            match client.policy.decide(&mut history, &error, fresh, rand::random()) {
                Decision::GiveUp => return Err(error),
                Decision::Again { wait } => {
                    self.observer.retried(request.operation);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

impl Shared {
    async fn credentials(&self, operation: &'static str) -> Result<Arc<Credentials>, Error> {
        self.credentials.current().await.map_err(|error| Error::credentials(operation, error))
    }

    /// Signs with a nonce and a time of its own, sends, reads, and tells what came of it.
    async fn attempt<T>(
        &self,
        request: &Request,
        credentials: &Credentials,
        observer: &dyn Observer,
        read: &(impl Fn(&[u8]) -> Result<T, Error> + Send + Sync),
    ) -> Result<T, Error> {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let context = Context { host: &self.host, credentials, now: Timestamp::now(), nonce: &nonce };
        let signed = match self.signature {
            SignatureVersion::V2 => v2::sign(request, &context),
            SignatureVersion::V3 => v3::sign(request, &context),
        };

        let _in_flight = InFlight::new(observer);
        let start = limiter::now();
        let (request_id, outcome) = match self.transport.send(request.operation, signed).await {
            Ok(answer) => {
                let outcome = judge(request.operation, &answer, credentials, read);
                (request_id(&answer).map(str::to_owned), outcome)
            }
            Err(error) => (None, Err(error)),
        };
        let took = limiter::now().saturating_duration_since(start);

        let rate = match &outcome {
            Ok(_) => self.limiter.succeeded(),
            Err(error) if error.kind() == Kind::Throttled => {
                self.limiter.throttled(start, error.retry_after())
            }
            Err(_) => None,
        };
        if let Some(rate) = rate {
            observer.rate_limit(rate);
        }
        let outcome = outcome.map_err(|error| error.or_request_id(request_id.as_deref()));
        observer.finished(&Outcome {
            operation: request.operation,
            code: outcome.as_ref().map_or_else(Error::code, |_| "OK"),
            took,
            request_id: request_id.as_deref().or(outcome.as_ref().err().and_then(Error::request_id)),
        });
        outcome
    }

    /// Tells the source of credentials where they are the reason. Whether it has others now.
    async fn refused(&self, error: &Error, credentials: &Credentials) -> bool {
        if !matches!(error.kind(), Kind::TokenExpired | Kind::Authentication) {
            return false;
        }
        self.credentials.refused(credentials);
        self.credentials.current().await.is_ok_and(|current| *current != *credentials)
    }
}

/// Counts a request as long as it is under way, also when its caller gives up waiting.
struct InFlight<'a>(&'a dyn Observer);

impl<'a> InFlight<'a> {
    fn new(observer: &'a dyn Observer) -> Self {
        observer.in_flight(1);
        Self(observer)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight(-1);
    }
}

/// An answer's value, or the error that it is.
fn judge<T>(
    operation: &'static str,
    answer: &Answer,
    credentials: &Credentials,
    read: &impl Fn(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    let redaction = Redaction::new(credentials);
    let Answer { status, body, .. } = answer;
    let (error, may_wait) = match status {
        200..=299 => {
            let error = match read(body) {
                Ok(value) => return Ok(value),
                Err(error) => error.redacted(&redaction),
            };
            let throttled = error.kind() == Kind::Throttled;
            (error, throttled)
        }
        300..=399 => {
            // Where to isn't said: a redirect may repeat the signed query.
            let message = format!("status {status}: redirects are not followed");
            (Error::protocol(operation, message).with_status(*status), false)
        }
        _ => (Error::from_answer(operation, *status, body, &redaction), true),
    };
    let error = match (error.kind(), answer.header("date")) {
        (Kind::Clock, Some(date)) => error.with_note(clock_difference(date, SystemTime::now())),
        _ => error,
    };
    Err(match retry::wait_header(|name| answer.header(name)) {
        Some(wait) if may_wait => error.with_retry_after(wait),
        _ => error,
    })
}

/// How far this machine's clock is off, by the `date` of an answer.
fn clock_difference(date: &str, now: SystemTime) -> Option<String> {
    let theirs = httpdate::parse_http_date(date).ok()?;
    Some(match now.duration_since(theirs) {
        Ok(ahead) => format!("this machine's clock is {} s ahead of the service's", ahead.as_secs()),
        Err(behind) => {
            format!("this machine's clock is {} s behind the service's", behind.duration().as_secs())
        }
    })
}

/// The request's id: from the header, else from the beginning or the end of the body, where it stands in practice.
/// A whole page isn't searched for it.
fn request_id(answer: &Answer) -> Option<&str> {
    const NEAR: usize = 256;
    const KEY: &[u8] = b"\"RequestId\"";
    answer.header("x-acs-request-id").or_else(|| {
        let body = &answer.body[..];
        [&body[..body.len().min(NEAR)], &body[body.len().saturating_sub(NEAR)..]].into_iter().find_map(
            |part| {
                let start = part.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
                let mut quoted = part[start..].split(|byte| *byte == b'"');
                let between = quoted.next()?;
                let id = quoted.next()?;
                // Something must follow the id, or it was cut.
                quoted.next()?;
                let is_id = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
                (between.trim_ascii() == b":" && is_id).then(|| std::str::from_utf8(id).ok()).flatten()
            },
        )
    })
}

#[cfg(test)]
mod tests;
