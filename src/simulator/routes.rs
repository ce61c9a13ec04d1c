//! The routes of the simulated cloud: which part handles a request, and the HTTP response to it.
//!
//! What is not here: sockets and connections (`server`).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use serde::Serialize;
use tokio::task;
use tokio::time::sleep;

use super::authentication::IncomingRequest;
use super::body::{ConnectionBreak, ReplyBody};
use super::control::ControlRequest;
use super::credentials::metadata::service_at;
use super::dispatch;
use super::reply::{CloudReply, HandledRequest};
use super::state::CloudState;
use super::truth::FleetTruth;

const JSON: &str = "application/json;charset=utf-8";
const XML: &str = "text/xml;charset=utf-8";
const HTML: &str = "text/html;charset=utf-8";
const TEXT: &str = "text/plain;charset=utf-8";
/// The most bytes of a request body. A control request with thousands of AccessKeys fits.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// The page of a load balancer whose backends do not respond.
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n";

/// Handles one request of any route.
///
/// # Errors
/// The order to close the connection, because a fault demands it or because the request body did
/// not arrive completely.
pub(super) async fn handle(
    state: Arc<CloudState>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, ConnectionBreak> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/_truth") => {
            let with_details = request.uri().query() == Some("details=true");
            Ok(truth(state, with_details).await)
        }
        (&Method::GET, "/_stats") => Ok(json(200, &*state.statistics.lock())),
        (&Method::POST, "/_control") if peer.ip().to_canonical().is_loopback() => {
            Ok(control(state, request).await)
        }
        (_, "/_control") if !peer.ip().to_canonical().is_loopback() => {
            Ok(problem(403, "only loopback addresses may change the simulated cloud"))
        }
        (_, "/_truth" | "/_stats" | "/_control") => {
            Ok(problem(405, "use GET /_truth, GET /_stats or POST /_control"))
        }
        (_, path) => match service_at(path) {
            Some(service) => call_service(&state, service, &request).await,
            None => call(state, request).await,
        },
    }
}

/// Handles a request of a service next to the API. The body of the request is not read.
async fn call_service(
    state: &CloudState,
    service: &'static str,
    request: &Request<Incoming>,
) -> Result<Response<ReplyBody>, ConnectionBreak> {
    let incoming = IncomingRequest {
        method: request.method(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body: &[],
    };
    let handled = dispatch::call_service(state, service, &incoming, Timestamp::now());
    send(state, handled).await
}

/// Handles a request of the API or of STS.
async fn call(
    state: Arc<CloudState>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, ConnectionBreak> {
    let _in_flight = RequestInFlight::new(&state);
    let (head, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(rejection) => return rejection,
    };
    let incoming = IncomingRequest {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    let handled = dispatch::call(&state, &incoming, Timestamp::now());
    send(&state, handled).await
}

/// Waits for the latency, counts the reply and turns it into a response.
async fn send(state: &CloudState, handled: HandledRequest) -> Result<Response<ReplyBody>, ConnectionBreak> {
    let HandledRequest { operation, latency, reply } = handled;
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let name = reply.name();
    let response = response(reply);
    let bytes = response.as_ref().map_or(0, |response| response.body().len());
    state.statistics.lock().record_reply(operation, &name, bytes);
    response.ok_or(ConnectionBreak)
}

/// The response to send; `None` to close the connection instead.
fn response(reply: CloudReply) -> Option<Response<ReplyBody>> {
    Some(match reply {
        CloudReply::Success(body) => ReplyBody::whole(body).response(200, JSON),
        CloudReply::Error { error, xml, body } => {
            let mut response = ReplyBody::whole(body).response(error.status, if xml { XML } else { JSON });
            if let Some(wait) = error.retry_after {
                let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                response.headers_mut().insert("x-acs-retry-after", HeaderValue::from(milliseconds));
            }
            response
        }
        CloudReply::Plain { status, body } => {
            let content_type = if body.starts_with('{') { JSON } else { TEXT };
            ReplyBody::whole(body).response(status, content_type)
        }
        CloudReply::Truncated(body) => ReplyBody::half(body).response(200, JSON),
        CloudReply::Html => ReplyBody::whole(BAD_GATEWAY).response(502, HTML),
        CloudReply::Huge(bytes) => ReplyBody::huge(bytes).response(200, JSON),
        CloudReply::Dropped => return None,
    })
}

async fn truth(state: Arc<CloudState>, with_details: bool) -> Response<ReplyBody> {
    let counted = task::spawn_blocking(move || {
        let real = Timestamp::now();
        let clock = *state.clock.lock();
        let fleet = state.fleet.read();
        json(200, &FleetTruth::of(&fleet.at(clock.at(real)), &clock, with_details))
    });
    counted.await.unwrap_or_else(|_| problem(500, "cannot count the fleet: a bug in the simulator"))
}

async fn control(state: Arc<CloudState>, request: Request<Incoming>) -> Response<ReplyBody> {
    let body = match read_body(request.into_body()).await {
        Ok(body) => body,
        Err(rejection) => return rejection.unwrap_or_else(|_| problem(400, "the body did not arrive")),
    };
    let control: ControlRequest = match serde_json::from_slice(&body) {
        Ok(control) => control,
        Err(error) => return problem(400, &error.to_string()),
    };
    let applied = task::spawn_blocking(move || control.apply(&state, Timestamp::now())).await;
    match applied {
        Ok(Ok(done)) => json(200, &done),
        Ok(Err(reason)) => problem(400, &reason),
        Err(_) => problem(500, "the change failed before it was complete: a bug in the simulator"),
    }
}

/// The whole body. The error is the response to send instead, or the order to close the connection.
async fn read_body(body: Incoming) -> Result<Bytes, Result<Response<ReplyBody>, ConnectionBreak>> {
    match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Ok(problem(413, "the body is over 1 MiB"))),
        Err(_) => Err(Err(ConnectionBreak)),
    }
}

fn json(status: u16, value: &impl Serialize) -> Response<ReplyBody> {
    match serde_json::to_vec(value) {
        Ok(body) => ReplyBody::whole(body).response(status, JSON),
        Err(error) => problem(500, &error.to_string()),
    }
}

fn problem(status: u16, reason: &str) -> Response<ReplyBody> {
    let body = serde_json::json!({ "error": reason }).to_string();
    ReplyBody::whole(body).response(status, JSON)
}

/// Counts a request as in flight until it is dropped.
struct RequestInFlight(Arc<CloudState>);

impl RequestInFlight {
    fn new(state: &Arc<CloudState>) -> Self {
        state.statistics.lock().begin_request();
        Self(Arc::clone(state))
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.statistics.lock().end_request();
    }
}
