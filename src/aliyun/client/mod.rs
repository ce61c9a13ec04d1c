//! The client: limits, signs and sends requests, parses responses, retries, and reports attempts.

mod classify;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use self::classify::{classify, request_id};
use super::access_key::Credentials;
use super::credentials::CredentialsSource;
use super::error::{Error, ErrorKind};
use super::limiter::{self, RateLimiter};
use super::observer::{AttemptOutcome, RequestObserver};
use super::options::ClientOptions;
use super::request::Request;
use super::retry::{RetryDecision, RetryHistory, RetryPolicy};
use super::signature::{SignatureVersion, SignedRequest, SigningContext, v2, v3};
use super::transport::{Transport, new_nonce};

/// Calls operations. It is a trait so that tests of a product's operations need no network.
pub trait Call: Send + Sync {
    /// Calls one operation and parses its response.
    ///
    /// Waiting calls are admitted in the order of the requests' turns. Every attempt is recorded in
    /// the request's turn.
    ///
    /// `parse` gets the body of a response with a status of 2xx. When `parse` fails, the attempt
    /// fails and may be retried, so a failed `parse` must have had no side effects.
    ///
    /// # Errors
    /// The error of the last attempt, or that there are no credentials.
    fn call<T: Send>(
        &self,
        request: &Request,
        parse: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> impl Future<Output = Result<T, Error>> + Send;
}

/// A client of one endpoint with one source of credentials.
///
/// Clones share connections and limits. Everything that calls the same account at the same endpoint
/// should use clones of one client.
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
    observer: Arc<dyn RequestObserver>,
}

struct ClientInner {
    host: String,
    signature: SignatureVersion,
    retry_policy: RetryPolicy,
    transport: Transport,
    limiter: RateLimiter,
    credentials: Arc<dyn CredentialsSource>,
}

impl Client {
    /// Sets up a client; sends nothing.
    ///
    /// # Errors
    /// When TLS or the proxy cannot be set up.
    pub fn new(
        options: ClientOptions,
        credentials: Arc<dyn CredentialsSource>,
        observer: Arc<dyn RequestObserver>,
    ) -> Result<Self, Error> {
        let retry_policy = RetryPolicy::new(options.max_retries);
        Self::with_retry_policy(options, retry_policy, credentials, observer)
    }

    fn with_retry_policy(
        options: ClientOptions,
        retry_policy: RetryPolicy,
        credentials: Arc<dyn CredentialsSource>,
        observer: Arc<dyn RequestObserver>,
    ) -> Result<Self, Error> {
        let transport = Transport::new(&options)?;
        let limiter = RateLimiter::new(options.requests_per_second, options.max_in_flight);
        observer.rate_limit(limiter.rate());
        let inner = Arc::new(ClientInner {
            host: options.endpoint.authority(),
            signature: options.signature,
            retry_policy,
            transport,
            limiter,
            credentials,
        });
        Ok(Self { inner, observer })
    }

    /// A clone that reports its requests to another observer.
    pub fn observed_by(&self, observer: Arc<dyn RequestObserver>) -> Self {
        Self { inner: Arc::clone(&self.inner), observer }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.inner.host)
            .field("credentials", &self.inner.credentials.name())
            .finish_non_exhaustive()
    }
}

impl Call for Client {
    async fn call<T: Send>(
        &self,
        request: &Request,
        parse: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let client = &*self.inner;
        let mut history = RetryHistory::default();
        loop {
            let (slot, waited) = client.limiter.admit(request.turn.order()).await;
            self.observer.waited(waited);
            let credentials = client.current_credentials(request.operation).await?;
            request.turn.record_attempt();
            let outcome = client.attempt(request, &credentials, &*self.observer, &parse).await;
            // A request that waits for its retry does not occupy a slot.
            drop(slot);
            let error = match outcome {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let new_credentials = client.replace_rejected(&error, &credentials).await;
            match client.retry_policy.decide(&mut history, &error, new_credentials, rand::random()) {
                RetryDecision::GiveUp => return Err(error),
                RetryDecision::Again { wait } => {
                    self.observer.retried(request.operation);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

impl ClientInner {
    async fn current_credentials(&self, operation: &'static str) -> Result<Arc<Credentials>, Error> {
        self.credentials.current().await.map_err(|error| Error::credentials(operation, error))
    }

    /// Signs with a new nonce, sends, parses, and reports the outcome.
    async fn attempt<T>(
        &self,
        request: &Request,
        credentials: &Credentials,
        observer: &dyn RequestObserver,
        parse: &(impl Fn(&[u8]) -> Result<T, Error> + Send + Sync),
    ) -> Result<T, Error> {
        let signed = self.sign(request, credentials);
        let _in_flight = InFlight::new(observer);
        let start = limiter::now();
        let sent = self.transport.send(request.operation, signed).await;
        let took = limiter::now().saturating_duration_since(start);
        let (request_id, outcome) = match sent {
            Ok(response) => {
                let outcome = classify(request.operation, &response, credentials, parse);
                (request_id(&response).map(str::to_owned), outcome)
            }
            Err(error) => (None, Err(error)),
        };

        let new_rate = match &outcome {
            Ok(_) => self.limiter.on_success(),
            Err(error) if error.kind() == ErrorKind::Throttled => {
                self.limiter.on_throttled(start, error.retry_after())
            }
            Err(_) => None,
        };
        if let Some(rate) = new_rate {
            observer.rate_limit(rate);
        }
        let outcome = outcome.map_err(|error| error.or_request_id(request_id.as_deref()));
        observer.finished(&AttemptOutcome {
            operation: request.operation,
            code: outcome.as_ref().map_or_else(Error::code, |_| "OK"),
            took,
            request_id: request_id.as_deref().or(outcome.as_ref().err().and_then(Error::request_id)),
        });
        outcome
    }

    fn sign(&self, request: &Request, credentials: &Credentials) -> SignedRequest {
        let nonce = new_nonce();
        let context = SigningContext { host: &self.host, credentials, now: Timestamp::now(), nonce: &nonce };
        match self.signature {
            SignatureVersion::V2 => v2::sign(request, &context),
            SignatureVersion::V3 => v3::sign(request, &context),
        }
    }

    /// Invalidates the credentials if the service rejected them. Returns whether the source has
    /// other credentials now.
    async fn replace_rejected(&self, error: &Error, credentials: &Credentials) -> bool {
        if !matches!(error.kind(), ErrorKind::TokenExpired | ErrorKind::Authentication) {
            return false;
        }
        self.credentials.invalidate(credentials);
        self.credentials.current().await.is_ok_and(|current| *current != *credentials)
    }
}

/// Reports a request as in flight until dropped, so also when the caller is cancelled.
struct InFlight<'a>(&'a dyn RequestObserver);

impl<'a> InFlight<'a> {
    fn new(observer: &'a dyn RequestObserver) -> Self {
        observer.in_flight(1);
        Self(observer)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight(-1);
    }
}

#[cfg(test)]
mod tests;
