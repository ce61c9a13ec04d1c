//! The server in front of the rendered bodies.
//!
//! A scrape hands out bytes that are there already, plus the exporter's own few metrics; nothing here
//! calls the cloud or waits for a poll. Clients are not trusted: every connection has its limits
//! ([`Limits`]), and a handler that panics costs its client a 500 and nobody else anything.
//!
//! | module | what is in it |
//! |---|---|
//! | `address`, `listener`, `unix_socket` | where to listen; sockets of every kind; accepting from all of them |
//! | `server` | accepting under a limit, and ending in order |
//! | `handshake`, `connection`, `guarded`, `streams` | one connection: TLS, its limits in time, what happens to it at the end |
//! | `gate` | what stands before every answer, and reading its file again |
//! | `web_config`, `watched` | that file: what it says, and whether it changed |
//! | `tls`, `auth`, `rate_limit` | what it asks for |
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
mod auth;
mod bodies;
mod conditional;
mod connection;
mod error;
mod gate;
mod guarded;
mod handshake;
pub mod insight;
mod listener;
mod narrowing;
pub mod negotiation;
mod page;
mod rate_limit;
mod respond;
mod routes;
mod server;
mod streams;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(unix)]
mod unix_socket;
mod view;
mod watched;
mod web_config;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::config::{Problem, Problems};
use crate::fleet::GroupSnapshot;
use crate::fleet::history::Sample;
use crate::lifecycle::Readiness;
use crate::metrics::{Exposition, MetricFamily};

pub use address::{AddressError, BoundAddress, ListenAddress};
pub use error::Error;
pub use server::{Limits, Options, Server};

/// Checks a web configuration file and every file that it names; gives what is odd about it.
///
/// # Errors
/// Every problem there is.
pub fn check_web_config(path: &Path) -> Result<Vec<Problem>, Problems> {
    let reading = web_config::read(path);
    reading.settings.map(|_| reading.warnings)
}

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
