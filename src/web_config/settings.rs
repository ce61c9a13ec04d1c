//! The settings of the web configuration file, checked.
//!
//! What is not here: the section `tls_server_config` (`tls`), and reloading (`access`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::basic_auth::PasswordHashes;
use super::file_watch::FileSnapshot;
use super::rate_limit::RateLimit;
use super::tls;
use crate::document::{Diagnostics, Document, Language, Origin, Problem, Problems, Table};

/// The settings of a valid file; without a file, the default values apply.
#[derive(Clone, Default)]
pub(super) struct WebSettings {
    /// TLS and the version of HTTP.
    pub(super) protocol: ProtocolSettings,
    /// Set in every response.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty: requests need no authentication.
    pub(super) users: PasswordHashes,
    /// `None`: no limit.
    pub(super) rate_limit: Option<RateLimit>,
}

/// The protocol of a connection.
#[derive(Clone, Default)]
pub(crate) struct ProtocolSettings {
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Whether HTTP/2 is off.
    pub(crate) http1_only: bool,
}

/// The result of reading a file.
pub(super) struct LoadedSettings {
    /// The settings, or every problem of the files.
    pub(super) settings: Result<WebSettings, Problems>,
    /// Settings that are valid, but probably not intended.
    pub(super) warnings: Vec<Problem>,
    /// The file and the files that it names, as far as they were read.
    pub(super) files: FileSnapshot,
}

/// Reads the file and every file that it names.
pub(super) fn load(path: &Path) -> LoadedSettings {
    let mut files = FileSnapshot::new(path.parent().unwrap_or(Path::new("")));
    let document = match parse(path, &mut files) {
        Ok(document) => document,
        Err(problem) => {
            return LoadedSettings {
                settings: Err(Problems::new(vec![problem])),
                warnings: Vec::new(),
                files,
            };
        }
    };
    let diagnostics = Diagnostics::new(&document);
    let settings = settings(&Table::root(&diagnostics, &document.values), &mut files);
    let (problems, warnings) = diagnostics.finish();
    let settings = if problems.is_empty() { Ok(settings) } else { Err(Problems::new(problems)) };
    LoadedSettings { settings, warnings, files }
}

fn parse(path: &Path, files: &mut FileSnapshot) -> Result<Document, Problem> {
    let source = path.display().to_string();
    let problem = |message: String| Problem::new(Origin::new(&source), "", message);
    // `files` adds the directory.
    let file = path.file_name().map_or(path, Path::new);
    let bytes = files.read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| problem("is not UTF-8 text".to_owned()))?;
    Document::parse(&source, Language::Yaml, text)
}

/// The settings are valid only if no problem was reported.
fn settings(root: &Table<'_>, files: &mut FileSnapshot) -> WebSettings {
    root.allow(&["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"]);
    let http = root.table("http_server_config");
    http.allow(&["http2", "headers"]);
    let http2 = http.boolean("http2").unwrap_or(true);
    WebSettings {
        protocol: ProtocolSettings {
            tls: tls::server_config(&root.table("tls_server_config"), http2, files),
            http1_only: !http2,
        },
        headers: headers(&http.table("headers")),
        users: users(&root.table("basic_auth_users")),
        rate_limit: rate_limit(&root.table("rate_limit")),
    }
}

/// The headers that the toolkit allows operators to set, and their allowed values if there are few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

fn headers(table: &Table<'_>) -> Vec<(HeaderName, HeaderValue)> {
    table.allow(&HEADERS.map(|(name, _)| name));
    let mut headers = Vec::new();
    for (name, values) in HEADERS {
        // A blank value counts as absent.
        let Some(text) = table.scalar(name) else { continue };
        if !values.is_empty() && !values.contains(&text.as_str()) {
            table.problem(name, format!("{text:?} must be one of {}", values.join(", ")));
            continue;
        }
        match (name.parse(), text.parse()) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => table.problem(name, "must be one line of printable ASCII"),
        }
    }
    headers
}

/// The cost from which a check takes more than two seconds; with a cost of 10 it takes 70 ms.
const HIGH_COST: u32 = 15;

fn users(table: &Table<'_>) -> PasswordHashes {
    let mut users = PasswordHashes::default();
    for name in table.names() {
        // A client cannot send such a name, because the first colon ends the name.
        if name.contains(':') {
            table.problem(name, "the name of a user cannot contain a colon");
            continue;
        }
        match users.add(name.to_owned(), table.scalar(name).unwrap_or_default()) {
            Ok(cost) if cost >= HIGH_COST => {
                let message = format!(
                    "the hash has a cost of {cost}: the first request with the password takes seconds"
                );
                table.warning(name, message);
            }
            Ok(_) => {}
            Err(error) => table.problem(name, error.to_string()),
        }
    }
    users
}

/// One year: longer than any useful interval, and short enough to be added to a clock.
const MAX_INTERVAL: Duration = Duration::from_hours(8784);

fn rate_limit(table: &Table<'_>) -> Option<RateLimit> {
    const INTERVAL: &str = "interval";
    table.allow(&[INTERVAL, "burst"]);
    let burst = table.integer("burst", 0..=u32::MAX).unwrap_or_default();
    // As in the toolkit, an interval of 0, with or without a unit, disables the limit.
    if table.as_written(INTERVAL).as_deref() == Some("0") {
        return None;
    }
    let interval = table.duration(INTERVAL, Duration::ZERO..=MAX_INTERVAL)?;
    if interval.is_zero() {
        return None;
    }
    if burst == 0 {
        table.warning("burst", "is 0: every request is rejected with status 429");
    }
    Some(RateLimit { interval, burst })
}
