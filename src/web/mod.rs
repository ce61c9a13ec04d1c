//! What is served: metrics, pages, the JSON API, health and the configuration.
//!
//! | module | contents |
//! |---|---|
//! | `routes` | from a request to a response |
//! | `view` | what people are shown, as data |
//! | `page`, `api` | the same as pages and as JSON |
//! | `etag` | entity tags |
//!
//! What is not here: where the content comes from ([`Content`], which the application implements),
//! connections (`server`), and access control (`web_config`).

mod api;
mod etag;
mod page;
mod routes;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::fleet::GroupSnapshot;
use crate::fleet::history::MinuteCounts;
use crate::lifecycle::Readiness;
use crate::metrics::{Exposition, MetricFamily};
use crate::telemetry::status;

pub use routes::Routes;

/// What the server serves. Called for each request, from many threads; nothing here may block.
pub trait Content: Send + Sync + 'static {
    /// The fleet's metrics as of the last poll; `None` before the first one has ended.
    fn exposition(&self) -> Option<Arc<Exposition>>;
    /// The exporter's own metrics, now.
    fn telemetry(&self) -> Vec<MetricFamily>;
    /// When everything that [`telemetry`](Content::telemetry) counts was 0, if that is known.
    fn started(&self) -> Option<Timestamp> {
        None
    }
    /// A scrape is about to be answered; called before [`telemetry`](Content::telemetry), so that a
    /// scrape counts itself.
    fn scraped(&self, format: &'static str, encoding: &'static str);
    /// Whether the exporter is ready, and why not.
    fn readiness(&self) -> Readiness;
    /// The configuration in force, for people, without its secrets.
    fn configuration(&self) -> String;
    /// Reads the configuration again; the error is every reason why the old one stays in force. What
    /// was begun goes on when the future is dropped.
    fn reload(&self) -> BoxFuture<'static, Result<(), String>>;
    /// What people are shown of the configuration beside its text.
    fn setup(&self) -> status::Setup {
        status::Setup::default()
    }
    /// What happened lately.
    fn insight(&self) -> status::Insight {
        status::Insight::default()
    }
    /// A group's instances by status over the last hour, the oldest first; empty where none is kept.
    fn history(&self, _group: &GroupSnapshot) -> Vec<MinuteCounts> {
        Vec::new()
    }
}
