//! A server that is scraped: its routes, and what they serve.

use std::sync::Arc;
use std::time::Duration;

use appstreaming_exporter::internals::{
    Content, Exposition, GroupSnapshot, Handler, MinuteCounts, OwnMetrics, OwnPart, Publication, Readiness,
    ResponseBody, Routes, Status, Telemetry,
};
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use hyper::{Request, Response};

use crate::pages::ready;

const PATH: &str = "/metrics";
/// The formats in which scrapes are counted.
const FORMATS: [&str; 5] = ["text-0.0.4", "text-1.0.0", "openmetrics-0.0.1", "openmetrics-1.0.0", "protobuf"];

/// The routes, and a request for all metrics as text in gzip.
pub struct Scrape {
    routes: Routes,
    request: Parts,
    telemetry: Arc<Telemetry>,
}

impl Scrape {
    /// Serves `exposition`, and the exporter's own metrics of one account.
    pub fn new(exposition: Exposition) -> Self {
        let telemetry = Telemetry::new();
        telemetry.observer("default");
        telemetry.add_target("default", "CloudApp");
        for format in FORMATS {
            for encoding in ["identity", "gzip", "zstd"] {
                telemetry.add_representation(format, encoding);
            }
        }
        let content = Served { exposition: Arc::new(exposition), telemetry: Arc::clone(&telemetry) };
        let request = Request::get(PATH)
            .header("accept", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
            .header("accept-encoding", "gzip");
        let (request, ()) = request.body(()).expect("a valid request").into_parts();
        Self { routes: Routes::new(Arc::new(content), PATH.to_owned(), false), request, telemetry }
    }

    /// The response to a scrape.
    pub fn run(&self) -> Response<ResponseBody> {
        ready(self.routes.handle(&self.request))
    }

    /// Records a poll, which changes the exporter's own metrics.
    pub fn record_poll(&self) {
        self.telemetry.poll_finished("default", "CloudApp", true, Duration::from_millis(700));
    }
}

struct Served {
    exposition: Arc<Exposition>,
    telemetry: Arc<Telemetry>,
}

impl Content for Served {
    fn exposition(&self) -> Option<Arc<Exposition>> {
        Some(Arc::clone(&self.exposition))
    }

    fn body_rendered(&self) {}

    fn revision(&self) -> u64 {
        self.telemetry.revision()
    }

    fn telemetry(&self, part: OwnPart) -> OwnMetrics {
        self.telemetry.part(part)
    }

    fn scraped(&self, format: &'static str, encoding: &'static str) {
        self.telemetry.scraped(format, encoding);
    }

    fn readiness(&self) -> Readiness {
        Readiness::default()
    }

    fn configuration(&self) -> String {
        String::new()
    }

    fn reload(&self) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn status(&self) -> Status {
        Status::default()
    }

    fn history(&self, _group: &GroupSnapshot) -> Vec<MinuteCounts> {
        Vec::new()
    }

    fn publication(&self) -> Option<Arc<Publication>> {
        None
    }
}
