//! From a request to a response. Request bodies are never read.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
    REFERRER_POLICY, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::etag::respond_if_changed;
use super::page::assets::{self, Asset};
use super::view::{self, FleetQuery, ViewContext};
use super::{Content, api, page, replica_state};
use crate::metrics::catalogue::Collector;
use crate::metrics::compress::Following;
use crate::metrics::encode::{self, Encoder};
use crate::replica::protocol::STATE_PATH;
use crate::scrape::filter::ScrapeFilter;
use crate::scrape::fleet_renderer::FleetRenderer;
use crate::scrape::negotiation::{Format, Representation, negotiate};
use crate::scrape::own_renderer::OwnRenderer;
use crate::server::handler::Handler;
use crate::server::response::{self, ResponseBody};
use crate::telemetry::{OwnMetrics, OwnPart, VERSION};

/// Capacity of the buffer for the metrics that change with each scrape, in bytes: enough for every
/// format.
const LAST_PART_BYTES: usize = 8 * 1024;

/// Responds to requests for every path.
pub struct Routes {
    content: Arc<dyn Content>,
    telemetry_path: String,
    fleet: FleetRenderer,
    own: OwnRenderer,
    /// Whether `/-/reload` is enabled.
    lifecycle: bool,
}

impl Handler for Routes {
    fn handle<'a>(&'a self, request: &'a Parts) -> BoxFuture<'a, Response<ResponseBody>> {
        Box::pin(self.respond(request))
    }

    fn has_own_access_rule(&self, request: &Parts) -> bool {
        request.uri.path() == STATE_PATH
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Metrics,
    FleetPage,
    GroupPage(GroupKey),
    ExporterPage,
    Fleet,
    Group(GroupKey),
    Asset(&'static Asset),
    Icon,
    Healthy,
    Ready,
    Reload,
    Configuration,
    State,
}

/// The account and the id of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GroupKey {
    account: String,
    id: String,
}

impl Routes {
    /// Serves `content`, its metrics at `telemetry_path`, which is not a page; `lifecycle` enables
    /// `/-/reload`.
    pub fn new(content: Arc<dyn Content>, telemetry_path: String, lifecycle: bool) -> Routes {
        Routes {
            content,
            telemetry_path,
            fleet: FleetRenderer::default(),
            own: OwnRenderer::default(),
            lifecycle,
        }
    }

    /// Responds to a request. A panic while handling a request fails only that request.
    async fn respond(&self, request: &Parts) -> Response<ResponseBody> {
        // A request changes shared state only by counting itself and by caching whole bodies, so a
        // panic cannot leave that state inconsistent.
        AssertUnwindSafe(self.dispatch(request)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(path = request.uri.path(), "handling a request panicked");
            internal_error()
        })
    }

    async fn dispatch(&self, request: &Parts) -> Response<ResponseBody> {
        let Some(route) = self.find(request.uri.path()) else {
            return self.redirect(&request.uri).unwrap_or_else(|| self.not_found());
        };
        if route == Route::Reload {
            return self.reload(&request.method).await;
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return not_allowed("GET, HEAD", "only GET and HEAD are allowed here\n");
        }
        match route {
            // Handled above.
            Route::Reload => self.not_found(),
            Route::Metrics => self.metrics(request).await,
            Route::FleetPage => self.fleet_page(request),
            Route::GroupPage(key) => self.group_page(request, &key),
            Route::ExporterPage => self.exporter_page(request),
            Route::Fleet => self.fleet(request),
            Route::Group(key) => self.group(request, &key),
            Route::Asset(asset) => {
                let mut response = response::new(
                    StatusCode::OK,
                    asset.content_type,
                    [Bytes::from_static(asset.body.as_bytes())],
                );
                response::set_header(&mut response, CACHE_CONTROL, "public, max-age=31536000, immutable");
                response
            }
            Route::Icon => response::new(StatusCode::OK, "image/svg+xml", [Bytes::from_static(page::ICON)]),
            Route::Healthy => response::text(StatusCode::OK, "healthy\n"),
            Route::Ready => self.ready(),
            Route::Configuration => response::text(StatusCode::OK, self.content.configuration()),
            Route::State => match self.content.publication() {
                Some(publication) => replica_state::respond(&publication, request).await,
                None => response::text(StatusCode::NOT_FOUND, "replicas are not configured\n"),
            },
        }
    }

    fn find(&self, path: &str) -> Option<Route> {
        if path == self.telemetry_path { Some(Route::Metrics) } else { find_page(path) }
    }

    /// Redirects a path with superfluous slashes to the path that it stands for; `None` if no route
    /// has that path.
    ///
    /// The location is a path of this server, never of another host: it is the path of a route, so
    /// its second character is not a slash.
    fn redirect(&self, uri: &Uri) -> Option<Response<ResponseBody>> {
        let path = without_superfluous_slashes(uri.path());
        let mut location = if path == without_superfluous_slashes(&self.telemetry_path) {
            self.telemetry_path.clone()
        } else {
            find_page(&path).map(|_| path)?
        };
        if let Some(query) = uri.query() {
            location.push('?');
            location.push_str(query);
        }
        let value = HeaderValue::from_bytes(location.as_bytes()).ok()?;
        let mut response = response::text(StatusCode::PERMANENT_REDIRECT, format!("moved to {location}\n"));
        response.headers_mut().insert(LOCATION, value);
        Some(response)
    }

    /// The rendered metrics of the fleet, followed by the exporter's own metrics now.
    async fn metrics(&self, request: &Parts) -> Response<ResponseBody> {
        let exposition = self.content.exposition();
        let filter = match ScrapeFilter::parse(request.uri.query(), exposition.as_deref()) {
            Ok(filter) => filter,
            Err(unknown) => return response::text(StatusCode::BAD_REQUEST, unknown.to_string()),
        };
        let representation = negotiate(&request.headers);
        let selection = filter.selection.clone();
        let fleet = match self.fleet.part(exposition, selection, representation).await {
            Ok(fleet) => fleet,
            Err(error) => {
                tracing::error!(%error, "rendering the fleet failed");
                return internal_error();
            }
        };
        if fleet.is_new {
            self.content.body_rendered();
        }
        if request.method == Method::GET {
            self.content.scraped(representation.format.name(), representation.encoding.name());
        }
        let recorded = self.recorded(&filter, representation);
        let chunks = fleet.body.complete(&recorded, self.last_part(&filter, representation.format));

        let mut body = ResponseBody::from(chunks);
        if let Some(first) = fleet.chunks {
            body = body.after(first);
        }
        let mut response = response::new(StatusCode::OK, response::PLAIN_TEXT, body);
        response.headers_mut().insert(CONTENT_TYPE, representation.content_type());
        response::set_header(&mut response, VARY, "Accept, Accept-Encoding");
        if let Some(encoding) = representation.content_encoding() {
            response::set_header(&mut response, CONTENT_ENCODING, encoding);
        }
        response
    }

    /// The exporter's own metrics that change only when something is recorded.
    fn recorded(&self, filter: &ScrapeFilter, representation: Representation) -> Following {
        if !filter.has_own(Collector::Exporter) {
            return Following::default();
        }
        // Taken before the values, which are then at least as new.
        let revision = self.content.revision();
        self.own.part(representation, revision, || {
            let mut encoder = representation.format.syntax().encoder(0);
            self.write_own(OwnPart::Recorded, &mut *encoder);
            encoder.finish()
        })
    }

    /// The exporter's own metrics that change with each scrape, and the end of the body.
    fn last_part(&self, filter: &ScrapeFilter, format: Format) -> Vec<u8> {
        let mut encoder = format.syntax().encoder(LAST_PART_BYTES);
        if filter.has_own(Collector::Exporter) {
            self.write_own(OwnPart::Scrapes, &mut *encoder);
        }
        if filter.has_own(Collector::Process) {
            self.write_own(OwnPart::Process, &mut *encoder);
        }
        let mut last = encoder.finish();
        last.extend_from_slice(format.syntax().end());
        last
    }

    fn write_own(&self, part: OwnPart, encoder: &mut dyn Encoder) {
        let OwnMetrics { counted_since, families } = self.content.telemetry(part);
        encode::write_families(&families, Some(counted_since), encoder);
    }

    fn ready(&self) -> Response<ResponseBody> {
        match self.content.readiness().check() {
            Ok(()) => response::text(StatusCode::OK, "ready\n"),
            Err(not_ready) => {
                response::text(StatusCode::SERVICE_UNAVAILABLE, not_ready.reasons().join("\n") + "\n")
            }
        }
    }

    /// As in Prometheus, POST and PUT reload, and both are forbidden unless the lifecycle API is
    /// enabled.
    async fn reload(&self, method: &Method) -> Response<ResponseBody> {
        if method != Method::POST && method != Method::PUT {
            return not_allowed("POST, PUT", "only POST and PUT are allowed here\n");
        }
        if !self.lifecycle {
            return response::text(
                StatusCode::FORBIDDEN,
                "reloading by HTTP is disabled; start the exporter with --web.enable-lifecycle\n",
            );
        }
        match self.content.reload().await {
            Ok(()) => response::text(StatusCode::OK, "reloaded\n"),
            Err(problems) => response::text(StatusCode::BAD_REQUEST, format!("{problems}\n")),
        }
    }

    fn fleet_page(&self, request: &Parts) -> Response<ResponseBody> {
        let (query, location) =
            (FleetQuery::parse(request.uri.query().unwrap_or_default()), self.location("./"));
        self.with_context(|context| page(request, StatusCode::OK, page::fleet(location, context, &query)))
    }

    fn group_page(&self, request: &Parts, key: &GroupKey) -> Response<ResponseBody> {
        let location = self.location("../../");
        self.with_context(|context| match self.details(context, key) {
            Some(details) => page(request, StatusCode::OK, page::group(location, context, &details)),
            None => page(request, StatusCode::NOT_FOUND, page::missing(location, &key.account, &key.id)),
        })
    }

    fn exporter_page(&self, request: &Parts) -> Response<ResponseBody> {
        let (location, configuration) = (self.location("./"), self.content.configuration());
        self.with_context(|context| {
            page(request, StatusCode::OK, page::exporter(location, context, &configuration))
        })
    }

    fn fleet(&self, request: &Parts) -> Response<ResponseBody> {
        let query = FleetQuery::parse(request.uri.query().unwrap_or_default());
        self.with_context(|context| data(request, api::encode(&context.fleet(&query))))
    }

    fn group(&self, request: &Parts, key: &GroupKey) -> Response<ResponseBody> {
        self.with_context(|context| match self.details(context, key) {
            Some(details) => data(request, api::encode(&details)),
            None => response::text(StatusCode::NOT_FOUND, "this group does not exist now\n"),
        })
    }

    /// Calls `respond` with the current state.
    fn with_context(
        &self,
        respond: impl FnOnce(&ViewContext<'_>) -> Response<ResponseBody>,
    ) -> Response<ResponseBody> {
        let exposition = self.content.exposition();
        let readiness = self.content.readiness().check();
        let status = self.content.status();
        respond(&ViewContext {
            snapshot: exposition.as_ref().map(|exposition| &**exposition.snapshot()),
            status: &status,
            waiting_for: readiness.as_ref().err().map_or(&[], |not_ready| not_ready.reasons()),
            now: Timestamp::now(),
        })
    }

    fn details<'a>(&self, context: &ViewContext<'a>, key: &GroupKey) -> Option<view::GroupDetails<'a>> {
        let groups = &context.snapshot?.groups;
        let group =
            groups.iter().find(|group| *group.account == *key.account && *group.group.data.id == *key.id)?;
        let history = self.content.history(group);
        Some(view::details(group, history, &context.evaluation_context(), context.time_zone()))
    }

    fn location(&self, root: &'static str) -> page::PageLocation<'_> {
        page::PageLocation { root, telemetry_path: &self.telemetry_path, version: VERSION }
    }

    fn not_found(&self) -> Response<ResponseBody> {
        let metrics = &self.telemetry_path;
        let message = format!(
            "not found; available: / /exporter /api/v1/fleet {metrics} /-/healthy /-/ready /config\n"
        );
        response::text(StatusCode::NOT_FOUND, message)
    }
}

/// Whether the exporter serves something other than metrics at `path`, or redirects `path` there.
/// Such a path cannot be the telemetry path.
pub fn is_page(path: &str) -> bool {
    find_page(&without_superfluous_slashes(path)).is_some()
}

/// The route at `path`, besides the metrics.
fn find_page(path: &str) -> Option<Route> {
    match path {
        "/" => Some(Route::FleetPage),
        "/exporter" => Some(Route::ExporterPage),
        "/api/v1/fleet" => Some(Route::Fleet),
        "/favicon.svg" | "/favicon.ico" => Some(Route::Icon),
        "/-/healthy" => Some(Route::Healthy),
        "/-/ready" => Some(Route::Ready),
        "/-/reload" => Some(Route::Reload),
        "/config" => Some(Route::Configuration),
        STATE_PATH => Some(Route::State),
        _ => {
            let page = GroupKey::under("/groups/", path).map(Route::GroupPage);
            let data = || GroupKey::under("/api/v1/groups/", path).map(Route::Group);
            let asset = || assets::find(path).map(Route::Asset);
            page.or_else(data).or_else(asset)
        }
    }
}

/// `path` with one slash for several, and without a slash at its end.
fn without_superfluous_slashes(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    let path: String = names.flat_map(|name| ["/", name]).collect();
    if path.is_empty() { "/".to_owned() } else { path }
}

impl GroupKey {
    /// Parses `account/group` after `prefix`.
    fn under(prefix: &str, path: &str) -> Option<Self> {
        let (account, id) = path.strip_prefix(prefix)?.split_once('/')?;
        let decode = |text| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let key = Self { account: decode(account)?, id: decode(id)? };
        (!key.account.is_empty() && !key.id.is_empty() && !id.contains('/')).then_some(key)
    }
}

fn page(request: &Parts, status: StatusCode, page: String) -> Response<ResponseBody> {
    let html = "text/html; charset=utf-8";
    let mut response = respond_if_changed(status, html, page.into_bytes(), &request.headers);
    response::set_header(&mut response, CONTENT_SECURITY_POLICY, page::SECURITY_POLICY);
    response::set_header(&mut response, REFERRER_POLICY, "no-referrer");
    response
}

fn data(request: &Parts, body: Vec<u8>) -> Response<ResponseBody> {
    respond_if_changed(StatusCode::OK, api::JSON, body, &request.headers)
}

fn internal_error() -> Response<ResponseBody> {
    response::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: see the exporter's log\n")
}

fn not_allowed(allowed: &'static str, message: &'static str) -> Response<ResponseBody> {
    let mut response = response::text(StatusCode::METHOD_NOT_ALLOWED, message);
    response::set_header(&mut response, ALLOW, allowed);
    response
}
