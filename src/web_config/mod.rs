//! The web configuration file: TLS, users, headers and a rate limit, as the Prometheus exporter
//! toolkit specifies it.
//!
//! Source: <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>.
//! Differences are documented in the code. The main ones: all problems are reported at once, and a
//! setting that would protect less than it seems to is rejected.
//!
//! | module | contents |
//! |---|---|
//! | `access` | access control for each request, and reloading the file when it changes |
//! | `settings` | the settings of the file, checked |
//! | `file_watch` | whether the file, or a file that it names, has changed |
//! | `tls`, `basic_auth`, `rate_limit` | the parts of the settings |
//!
//! What is not here: reading documents and reporting their problems (`document`), connections and
//! the TLS handshake (`server`).

mod access;
mod basic_auth;
mod file_watch;
mod rate_limit;
mod settings;
#[cfg(test)]
mod tests;
mod tls;

use std::path::Path;

pub use access::AccessControl;

use crate::document::{Problem, Problems};

/// Checks a web configuration file and every file that it names, and returns the warnings.
///
/// # Errors
/// Every problem of the files.
pub fn check(path: &Path) -> Result<Vec<Problem>, Problems> {
    let loaded = settings::load(path);
    loaded.settings.map(|_| loaded.warnings)
}
