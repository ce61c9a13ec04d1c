//! Everything that the exporter serves by HTTP: metrics, pages, the JSON API, health and the
//! configuration.
//!
//! | module | contents |
//! |---|---|
//! | `routes` | from a request to a response |
//! | `view` | the data of the pages and of the JSON API |
//! | `page`, `api` | that data as HTML and as JSON |
//! | `etag` | entity tags |
//! | `replica_state` | the state, for other replicas |
//!
//! What is not here: where the content comes from ([`Content`], which the application implements),
//! connections (`server`), and access control (`web_config`).

mod api;
mod etag;
mod page;
mod replica_state;
mod routes;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::fleet::GroupSnapshot;
use crate::fleet::history::MinuteCounts;
use crate::lifecycle::Readiness;
use crate::metrics::Exposition;
use crate::replica::publication::Publication;
use crate::telemetry::status::Status;
use crate::telemetry::{OwnMetrics, OwnPart};

pub use routes::{Routes, is_page};

/// The source of everything that is served. Called for each request, from many threads; no method
/// may block.
pub trait Content: Send + Sync + 'static {
    /// The fleet's metrics as of the last poll; `None` before the first poll has ended.
    fn exposition(&self) -> Option<Arc<Exposition>>;
    /// A body of the fleet's metrics was rendered for a request.
    fn body_rendered(&self);
    /// A number that changes after every change of a value of [`OwnPart::Recorded`].
    fn revision(&self) -> u64;
    /// A part of the exporter's own metrics, now.
    fn telemetry(&self, part: OwnPart) -> OwnMetrics;
    /// Counts a scrape. Called before [`telemetry`](Content::telemetry), so that a scrape is
    /// included in its own response.
    fn scraped(&self, format: &'static str, encoding: &'static str);
    /// Whether the exporter is ready, and if not, why.
    fn readiness(&self) -> Readiness;
    /// The active configuration for people, without its secrets.
    fn configuration(&self) -> String;
    /// Reloads the configuration. The error lists every problem; the previous configuration then
    /// stays active. A reload that has started completes even if the future is dropped.
    fn reload(&self) -> BoxFuture<'static, Result<(), String>>;
    /// The exporter's own state, now.
    fn status(&self) -> Status;
    /// A group's instances by status over the last hour, oldest first; empty if none are recorded.
    fn history(&self, group: &GroupSnapshot) -> Vec<MinuteCounts>;
    /// The state for other replicas; `None` if there are none.
    fn publication(&self) -> Option<Arc<Publication>>;
}
