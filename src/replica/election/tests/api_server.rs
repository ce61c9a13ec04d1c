//! A strict double of the API server's Leases, without sockets, so that tests run in paused time.
//!
//! It refuses what a real API server refuses: an update without a version (422) or with an old one
//! (409), a second creation (409), times without exactly six decimals (400), a lease duration that
//! is not positive (422).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::replica::election::RequestError;
use crate::replica::election::api::LeaseApi;
use crate::replica::election::client::{Client, Transport};

pub(super) const NAMESPACE: &str = "monitoring";
pub(super) const LEASE: &str = "appstreaming-exporter";
const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/monitoring/leases";

/// How the API server treats the requests of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Treatment {
    #[default]
    Respond,
    /// Returns this status without executing the request.
    Refuse(u16),
    /// Does not permit requests with this method.
    Forbid(&'static str),
    /// Neither executes the request nor responds.
    Hang,
    /// Executes the request and does not respond.
    LoseResponse,
}

/// A change of the Lease.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) at: Instant,
    /// The specification; null where the Lease was deleted.
    pub(super) spec: Value,
}

/// What the tests and the clients share.
#[derive(Clone, Default)]
pub(super) struct ApiServer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    changes: Vec<Change>,
    requests: Vec<(Instant, Method)>,
}

/// A client of the API server, which can be treated differently from others.
#[derive(Clone, Default)]
pub(super) struct Link {
    treatment: Arc<Mutex<Treatment>>,
    /// Time until a request arrives, and until the response arrives, of the requests in turn.
    latencies: Arc<Vec<[Duration; 2]>>,
    sent: Arc<Mutex<usize>>,
}

impl Link {
    pub(super) fn with_latencies(latencies: Vec<[Duration; 2]>) -> Self {
        Self { latencies: Arc::new(latencies), ..Self::default() }
    }

    pub(super) fn treat(&self, treatment: Treatment) {
        *self.treatment.lock() = treatment;
    }

    fn latency(&self) -> [Duration; 2] {
        let mut sent = self.sent.lock();
        *sent += 1;
        let number = *sent % self.latencies.len().max(1);
        self.latencies.get(number).copied().unwrap_or([Duration::from_millis(1); 2])
    }
}

struct LinkedClient {
    server: ApiServer,
    link: Link,
}

impl Transport for LinkedClient {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, RequestError>> {
        Box::pin(async { Ok(self.server.serve(request, &self.link).await) })
    }
}

impl ApiServer {
    pub(super) fn lease_api(&self, link: &Link) -> LeaseApi {
        LeaseApi::new(self.client(link), NAMESPACE.to_owned(), LEASE.to_owned())
    }

    pub(super) fn client(&self, link: &Link) -> Client {
        Arc::new(LinkedClient { server: self.clone(), link: link.clone() })
    }

    /// Deletes the Lease, as an operator does.
    pub(super) fn delete(&self) {
        let mut state = self.0.lock();
        state.lease = None;
        state.changes.push(Change { at: Instant::now(), spec: Value::Null });
    }

    /// Writes a specification, as another client does.
    pub(super) fn write(&self, spec: Value) {
        let mut state = self.0.lock();
        let mut lease = state.lease.clone().unwrap_or_else(
            || json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEASE}}),
        );
        lease["spec"] = spec;
        state.store(lease);
    }

    /// Changes an annotation, as another client does.
    pub(super) fn annotate(&self, number: u32) {
        let mut state = self.0.lock();
        let mut lease = state.lease.clone().unwrap();
        lease["metadata"]["annotations"] = json!({"number": number.to_string()});
        state.store(lease);
    }

    pub(super) fn lease(&self) -> Option<Value> {
        self.0.lock().lease.clone()
    }

    pub(super) fn spec(&self) -> Value {
        self.lease().map_or(Value::Null, |lease| lease["spec"].clone())
    }

    pub(super) fn holder(&self) -> Option<String> {
        let holder = self.spec()["holderIdentity"].as_str().map(str::to_owned);
        holder.filter(|holder| !holder.is_empty())
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.0.lock().changes.clone()
    }

    /// The number of requests with this method since `since`.
    pub(super) fn requests(&self, method: &Method, since: Instant) -> usize {
        let state = self.0.lock();
        state.requests.iter().filter(|(at, requested)| *at >= since && requested == method).count()
    }

    async fn serve(&self, request: Request<Vec<u8>>, link: &Link) -> Response<Vec<u8>> {
        let [there, back] = link.latency();
        sleep(there).await;
        let treatment = *link.treatment.lock();
        let (head, body) = request.into_parts();
        self.0.lock().requests.push((Instant::now(), head.method.clone()));
        let (status, body) = match treatment {
            Treatment::Hang => std::future::pending().await,
            Treatment::Refuse(code) => failure(StatusCode::from_u16(code).unwrap(), "Refused"),
            Treatment::Forbid(method) if method == head.method.as_str() => {
                failure(StatusCode::FORBIDDEN, "Forbidden")
            }
            _ => self.0.lock().execute(&head, &body),
        };
        if treatment == Treatment::LoseResponse {
            std::future::pending::<()>().await;
        }
        sleep(back).await;
        Response::builder().status(status).body(body.to_string().into_bytes()).unwrap()
    }
}

impl State {
    fn execute(&mut self, head: &hyper::http::request::Parts, body: &[u8]) -> (StatusCode, Value) {
        let path = head.uri.path();
        let dry_run = head.uri.query().unwrap_or_default().contains("dryRun=All");
        if path != PATH && path != format!("{PATH}/{LEASE}") {
            return failure(StatusCode::NOT_FOUND, "NotFound");
        }
        if head.method == Method::GET {
            let lease = self.lease.clone();
            return lease
                .map_or_else(|| failure(StatusCode::NOT_FOUND, "NotFound"), |lease| (StatusCode::OK, lease));
        }
        assert_eq!(head.headers["content-type"], "application/json");
        let lease: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(
            (&lease["apiVersion"], &lease["kind"]),
            (&json!("coordination.k8s.io/v1"), &json!("Lease"))
        );
        assert_eq!(lease["metadata"]["name"], LEASE);
        let checked = match head.method {
            Method::POST if path == PATH => self.check_create(&lease),
            Method::PUT if path != PATH => self.check_update(&lease),
            _ => return failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        };
        match checked.and_then(|()| check(&lease["spec"])) {
            Err((status, reason)) => failure(status, reason),
            Ok(()) if dry_run => (StatusCode::OK, lease),
            Ok(()) => (StatusCode::OK, self.store(lease)),
        }
    }

    fn check_create(&self, lease: &Value) -> Result<(), (StatusCode, &'static str)> {
        if !lease["metadata"]["resourceVersion"].is_null() {
            return Err((StatusCode::BAD_REQUEST, "BadRequest"));
        }
        self.lease.as_ref().map_or(Ok(()), |_| Err((StatusCode::CONFLICT, "AlreadyExists")))
    }

    fn check_update(&self, lease: &Value) -> Result<(), (StatusCode, &'static str)> {
        let metadata = &lease["metadata"];
        let Some(existing) = &self.lease else {
            // An update creates the Lease, unless it names the identifier of a deleted one.
            return if metadata["uid"].is_null() { Ok(()) } else { Err((StatusCode::CONFLICT, "Conflict")) };
        };
        if metadata["resourceVersion"].is_null() {
            return Err((StatusCode::UNPROCESSABLE_ENTITY, "Invalid"));
        }
        let is_current =
            ["resourceVersion", "uid"].iter().all(|&key| metadata[key] == existing["metadata"][key]);
        if is_current { Ok(()) } else { Err((StatusCode::CONFLICT, "Conflict")) }
    }

    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        let uid = self.lease.as_ref().map(|lease| lease["metadata"]["uid"].clone());
        lease["metadata"]["uid"] = uid.unwrap_or_else(|| json!(format!("uid-{}", self.version)));
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        lease["metadata"]["namespace"] = json!(NAMESPACE);
        self.changes.push(Change { at: Instant::now(), spec: lease["spec"].clone() });
        self.lease = Some(lease.clone());
        lease
    }
}

fn check(spec: &Value) -> Result<(), (StatusCode, &'static str)> {
    let is_positive = spec["leaseDurationSeconds"].as_i64().is_some_and(|seconds| seconds > 0);
    let is_counted = spec["leaseTransitions"].as_i64().is_some_and(|count| count >= 0);
    if !is_positive || !is_counted {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "Invalid"));
    }
    let are_times =
        ["acquireTime", "renewTime"].iter().all(|&key| spec[key].as_str().is_some_and(is_micro_time));
    if are_times { Ok(()) } else { Err((StatusCode::BAD_REQUEST, "BadRequest")) }
}

/// Whether a text has the form `2026-01-02T03:04:05.000006Z`.
fn is_micro_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000000Z";
    let fits = |(expected, found): (char, char)| {
        if expected == '0' { found.is_ascii_digit() } else { expected == found }
    };
    text.len() == form.len() && form.chars().zip(text.chars()).all(fits)
}

fn failure(status: StatusCode, reason: &str) -> (StatusCode, Value) {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status.as_u16(),
        "reason": reason, "message": format!("the double returns {reason}"),
    });
    (status, body)
}
