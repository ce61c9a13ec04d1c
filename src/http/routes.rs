//! From a request to an answer. Bodies of requests are never read: nothing that is served needs one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::respond::{Chunks, respond, set, text};
use super::{Content, negotiation, page};
use crate::metrics::encode;

/// Parameters that narrow what `/metrics` answers. Refused until they do: whoever asks for one group and
/// silently gets the fleet counts everything double.
const NARROWING: [&str; 4] = ["account", "region_id", "group_id", "collect[]"];

/// What there is, and who provides it.
pub(super) struct Routes {
    content: Arc<dyn Content>,
    telemetry_path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Metrics,
    Page,
    Icon,
    Healthy,
    Ready,
    Configuration,
}

impl Routes {
    pub(super) fn new(content: Arc<dyn Content>, telemetry_path: String) -> Routes {
        Routes { content, telemetry_path }
    }

    /// Answers a request. A panic underneath is that request's alone.
    pub(super) fn answer(&self, request: &Parts) -> Response<Chunks> {
        // No state of ours is written while answering, so that none can be left half written.
        catch_unwind(AssertUnwindSafe(|| self.dispatch(request))).unwrap_or_else(|_| {
            tracing::error!(path = request.uri.path(), "answering a request panicked");
            text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: see the exporter's log\n")
        })
    }

    fn dispatch(&self, request: &Parts) -> Response<Chunks> {
        let Some(resource) = self.find(request.uri.path()) else { return self.not_found() };
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD work here\n");
            set(&mut response, ALLOW, "GET, HEAD");
            return response;
        }
        match resource {
            Resource::Metrics => self.metrics(request),
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
            "/config" => Some(Resource::Configuration),
            _ => None,
        }
    }

    /// The fleet's bytes as they are, and the exporter's own metrics as of this moment behind them.
    fn metrics(&self, request: &Parts) -> Response<Chunks> {
        if let Some(name) = narrowing(request.uri.query().unwrap_or_default()) {
            return text(StatusCode::BAD_REQUEST, format!("the parameter {name} is not supported yet\n"));
        }
        let representation = negotiation::negotiate(&request.headers);
        let (format, encoding) = (representation.format, representation.encoding);
        if request.method == Method::GET {
            self.content.scraped(format.name(), encoding.name());
        }
        let fleet = self.content.exposition().map(|exposition| exposition.text()).unwrap_or_default();
        let own = Bytes::from(encode::text::encode(&self.content.telemetry()));

        let mut response = respond(StatusCode::OK, format.content_type(), [fleet, own]);
        set(&mut response, VARY, "Accept, Accept-Encoding");
        if let Some(encoding) = encoding.content_encoding() {
            set(&mut response, CONTENT_ENCODING, encoding);
        }
        response
    }

    fn ready(&self) -> Response<Chunks> {
        match self.content.readiness().check() {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(not_ready) => text(StatusCode::SERVICE_UNAVAILABLE, not_ready.reasons().join("\n") + "\n"),
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

/// The first parameter of the query that would narrow the answer.
fn narrowing(query: &str) -> Option<&'static str> {
    query.split('&').find_map(|pair| {
        let name = percent_decode_str(pair.split('=').next()?).decode_utf8().ok()?;
        NARROWING.into_iter().find(|known| *known == name)
    })
}

#[cfg(test)]
mod tests {
    use super::narrowing;

    #[test]
    fn parameters_that_would_narrow_are_seen_however_they_are_written() {
        for (query, expected) in [
            ("", None),
            ("debug=1&x", None),
            ("accounts=a", None),
            ("x=account", None),
            ("account=a", Some("account")),
            ("x=1&group_id", Some("group_id")),
            ("collect[]=groups", Some("collect[]")),
            ("collect%5B%5d=groups", Some("collect[]")),
            ("%ff=1&region_id=cn", Some("region_id")),
        ] {
            assert_eq!(narrowing(query), expected, "{query}");
        }
    }
}
