//! The server in front of the rendered bodies.
//!
//! A scrape hands out bytes that are there already, plus the exporter's own few metrics; nothing here
//! calls the cloud or waits for a poll. Clients are not trusted: every connection has its limits
//! ([`Limits`]), and a handler that panics costs its client a 500 and nobody else anything.
//!
//! | module | what is in it |
//! |---|---|
//! | `address`, `listener` | where to listen; sockets for both families; accepting from all of them |
//! | `server` | accepting under a limit, and ending in order |
//! | `connection` | one connection: its limits in time, and what happens to it at the end |
//! | `routes` | from a request to an answer |
//! | `respond` | what answers are made of |
//! | [`negotiation`] | which format and encoding a client gets |
//! | `narrowing` | which part of the metrics a query asks for |
//! | `bodies` | the fleet's part of a scrape, made once for all that want the same |
//! | `view`, [`insight`] | what people are shown, as data |
//! | `page`, `api` | the same as pages and as JSON |
//! | `conditional` | entity tags |
//!
//! What is not here: what is served ([`Content`], which the application implements).

mod address;
mod api;
mod bodies;
mod conditional;
mod connection;
pub mod insight;
mod listener;
mod narrowing;
pub mod negotiation;
mod page;
mod respond;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use jiff::Timestamp;

use crate::fleet::GroupSnapshot;
use crate::fleet::history::Sample;
use crate::lifecycle::Readiness;
use crate::metrics::{Exposition, MetricFamily};

pub use address::{AddressError, ListenAddress};
pub use listener::Error;
pub use server::{Limits, Options, Server};

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
    /// What people are shown of the configuration beside its text.
    fn setup(&self) -> insight::Setup {
        insight::Setup::default()
    }
    /// What happened lately.
    fn insight(&self) -> insight::Insight {
        insight::Insight::default()
    }
    /// A group's instances by status over the last hour, the oldest first; empty where none is kept.
    fn history(&self, _group: &GroupSnapshot) -> Vec<Sample> {
        Vec::new()
    }
}
