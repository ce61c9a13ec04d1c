//! Requests of one Lease to the Kubernetes API server, each with a limit of time.

use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::client::Client;
use super::elector::{Reply, Request};
use super::error::{RequestError, Verb};
use super::lease::Lease;

/// How a write names who changes a field. The API server records it.
const FIELD_MANAGER: &str = "fieldManager=appstreaming-exporter";
/// Characters of a name that a path cannot contain.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// One Lease in the cluster.
pub(super) struct LeaseApi {
    client: Client,
    namespace: String,
    name: String,
}

/// The body of an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
}

impl LeaseApi {
    pub(super) fn new(client: Client, namespace: String, name: String) -> Self {
        Self { client, namespace, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sends a request, and waits for the response until the deadline.
    ///
    /// # Errors
    /// There was no response in time, or the API server returned another error than a conflict.
    pub(super) async fn send(&self, request: &Request, deadline: Instant) -> Result<Reply, RequestError> {
        self.send_with(request, deadline, false).await
    }

    /// Sends a request that the API server checks and does not execute.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub(super) async fn try_out(&self, request: &Request, deadline: Instant) -> Result<Reply, RequestError> {
        self.send_with(request, deadline, true).await
    }

    async fn send_with(
        &self,
        request: &Request,
        deadline: Instant,
        dry_run: bool,
    ) -> Result<Reply, RequestError> {
        let sent = Instant::now();
        let response = timeout_at(deadline, self.client.send(self.request(request, dry_run)));
        let response = response.await.map_err(|_| RequestError::TimedOut(deadline - sent))??;
        if !response.status().is_success() {
            let status: Status = serde_json::from_slice(response.body()).unwrap_or_default();
            return self.classify(request, response.status(), status.message);
        }
        let lease: Lease = serde_json::from_slice(response.body()).map_err(RequestError::NotALease)?;
        Ok(match request {
            Request::Get => Reply::Found(Box::new(lease)),
            Request::Create(_) | Request::Update(_) => Reply::Written(Box::new(lease)),
        })
    }

    fn request(&self, request: &Request, dry_run: bool) -> hyper::Request<Vec<u8>> {
        let [namespace, name] = [&self.namespace, &self.name].map(|name| utf8_percent_encode(name, ESCAPED));
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let parameters =
            if dry_run { format!("{FIELD_MANAGER}&dryRun=All") } else { FIELD_MANAGER.to_owned() };
        let (method, uri, lease) = match request {
            Request::Get => (Method::GET, format!("{leases}/{name}"), None),
            Request::Create(lease) => (Method::POST, format!("{leases}?{parameters}"), Some(lease)),
            Request::Update(lease) => (Method::PUT, format!("{leases}/{name}?{parameters}"), Some(lease)),
        };
        let body = lease.map(|lease| serde_json::to_vec(lease).expect("a Lease consists of JSON values"));
        let mut built = hyper::Request::builder().method(method).uri(uri);
        if body.is_some() {
            built = built.header(CONTENT_TYPE, "application/json");
        }
        built.body(body.unwrap_or_default()).expect("escaped names are valid in a URI")
    }

    fn classify(
        &self,
        request: &Request,
        status: StatusCode,
        message: String,
    ) -> Result<Reply, RequestError> {
        match (status.as_u16(), request) {
            (401, _) => Err(RequestError::Unauthorized),
            (403, _) => Err(RequestError::Forbidden {
                verb: request.verb(),
                lease: self.name.clone(),
                namespace: self.namespace.clone(),
            }),
            (404, Request::Get) => Ok(Reply::Missing),
            // The Lease was deleted before the update. (A create returns 404 if the namespace does not
            // exist.)
            (404, Request::Update(_)) | (409, _) => Ok(Reply::Conflict),
            (code, _) => Err(RequestError::Refused { code, message }),
        }
    }
}

impl Request {
    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Get => Verb::Get,
            Self::Create(_) => Verb::Create,
            Self::Update(_) => Verb::Update,
        }
    }
}
