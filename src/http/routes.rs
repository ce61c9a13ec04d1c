//! From a request to an answer. Bodies of requests are never read: nothing that is served needs one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use jiff::Timestamp;

use super::bodies::Bodies;
use super::narrowing::Narrowing;
use super::negotiation::{Format, negotiate};
use super::respond::{Chunks, PLAIN, respond, set, text};
use super::{Content, page};
use crate::metrics::encode;

/// What there is, and who provides it.
pub(super) struct Routes {
    content: Arc<dyn Content>,
    telemetry_path: String,
    bodies: Bodies,
    /// Whether `/-/reload` does anything.
    lifecycle: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Metrics,
    Page,
    Icon,
    Healthy,
    Ready,
    Reload,
    Configuration,
}

impl Routes {
    pub(super) fn new(content: Arc<dyn Content>, telemetry_path: String, lifecycle: bool) -> Routes {
        Routes { content, telemetry_path, bodies: Bodies::default(), lifecycle }
    }

    /// Answers a request. A panic underneath is that request's alone.
    pub(super) async fn answer(&self, request: &Parts) -> Response<Chunks> {
        // No state of ours is written while answering, so that none can be left half written.
        AssertUnwindSafe(self.dispatch(request)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(path = request.uri.path(), "answering a request panicked");
            broken()
        })
    }

    async fn dispatch(&self, request: &Parts) -> Response<Chunks> {
        let Some(resource) = self.find(request.uri.path()) else { return self.not_found() };
        if resource == Resource::Reload {
            return self.reload(&request.method).await;
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return not_allowed("GET, HEAD", "only GET and HEAD work here\n");
        }
        match resource {
            // Answered above.
            Resource::Reload => self.not_found(),
            Resource::Metrics => self.metrics(request).await,
            Resource::Page => self.page(),
            Resource::Icon => respond(StatusCode::OK, "image/svg+xml", [Bytes::from_static(page::ICON)]),
            Resource::Healthy => text(StatusCode::OK, "healthy\n"),
            Resource::Ready => self.ready(),
            Resource::Configuration => text(StatusCode::OK, self.content.configuration()),
        }
    }

    /// The telemetry path comes first: an operator may have put it anywhere.
    fn find(&self, path: &str) -> Option<Resource> {
        if path == self.telemetry_path {
            return Some(Resource::Metrics);
        }
        match path {
            "/" => Some(Resource::Page),
            "/favicon.svg" | "/favicon.ico" => Some(Resource::Icon),
            "/-/healthy" => Some(Resource::Healthy),
            "/-/ready" => Some(Resource::Ready),
            "/-/reload" => Some(Resource::Reload),
            "/config" => Some(Resource::Configuration),
            _ => None,
        }
    }

    /// The fleet's bytes as they are, and the exporter's own metrics as of this moment behind them.
    async fn metrics(&self, request: &Parts) -> Response<Chunks> {
        let exposition = self.content.exposition();
        let narrowing = match Narrowing::read(request.uri.query(), exposition.as_deref()) {
            Ok(narrowing) => narrowing,
            Err(unknown) => return text(StatusCode::BAD_REQUEST, unknown.to_string()),
        };
        let representation = negotiate(&request.headers);
        let selection = narrowing.selection.clone();
        let fleet = match self.bodies.fleet(exposition, selection, representation).await {
            Ok(fleet) => fleet,
            Err(error) => {
                tracing::error!(%error, "rendering the fleet failed");
                return broken();
            }
        };
        if request.method == Method::GET {
            self.content.scraped(representation.format.name(), representation.encoding.name());
        }
        let own = self.own(&narrowing, representation.format);

        let mut response = respond(StatusCode::OK, PLAIN, fleet.complete(own));
        response.headers_mut().insert(CONTENT_TYPE, representation.content_type());
        set(&mut response, VARY, "Accept, Accept-Encoding");
        if let Some(encoding) = representation.content_encoding() {
            set(&mut response, CONTENT_ENCODING, encoding);
        }
        response
    }

    /// The exporter's own metrics, and whatever ends a body.
    fn own(&self, narrowing: &Narrowing, format: Format) -> Vec<u8> {
        let mut families = Vec::new();
        if narrowing.has_any_own() {
            families = self.content.telemetry();
            families.retain(|family| narrowing.has_own(family));
        }
        let mut encoder = format.syntax().encoder(0);
        encode::families(&families, self.content.started(), &mut *encoder);
        let mut own = encoder.finish();
        own.extend_from_slice(format.syntax().end());
        own
    }

    fn ready(&self) -> Response<Chunks> {
        match self.content.readiness().check() {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(not_ready) => text(StatusCode::SERVICE_UNAVAILABLE, not_ready.reasons().join("\n") + "\n"),
        }
    }

    /// Prometheus takes POST and PUT, and forbids both unless the lifecycle API is enabled.
    async fn reload(&self, method: &Method) -> Response<Chunks> {
        if method != Method::POST && method != Method::PUT {
            return not_allowed("POST, PUT", "only POST and PUT work here\n");
        }
        if !self.lifecycle {
            return text(
                StatusCode::FORBIDDEN,
                "reloading by HTTP is off: start with --web.enable-lifecycle\n",
            );
        }
        match self.content.reload().await {
            Ok(()) => text(StatusCode::OK, "reloaded\n"),
            Err(problems) => text(StatusCode::BAD_REQUEST, format!("{problems}\n")),
        }
    }

    fn page(&self) -> Response<Chunks> {
        let exposition = self.content.exposition();
        let readiness = self.content.readiness().check();
        let view = page::View {
            snapshot: exposition.as_ref().map(|exposition| &**exposition.snapshot()),
            waiting_for: readiness.as_ref().err().map_or(&[], |not_ready| not_ready.reasons()),
            telemetry_path: &self.telemetry_path,
            now: Timestamp::now(),
        };
        let body = [Bytes::from(page::render(&view))];
        let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", body);
        set(&mut response, CONTENT_SECURITY_POLICY, page::security_policy());
        set(&mut response, REFERRER_POLICY, "no-referrer");
        response
    }

    fn not_found(&self) -> Response<Chunks> {
        let metrics = &self.telemetry_path;
        let there = format!("not found; there are / {metrics} /-/healthy /-/ready /config\n");
        text(StatusCode::NOT_FOUND, there)
    }
}

fn broken() -> Response<Chunks> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: see the exporter's log\n")
}

fn not_allowed(allowed: &'static str, message: &'static str) -> Response<Chunks> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, message);
    set(&mut response, ALLOW, allowed);
    response
}
