//! What the web configuration file says, checked.
//!
//! What is not here: what TLS is made of (`tls`), and re-reading (`access`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::basic_auth::Users;
use super::file_watch::Watched;
use super::rate_limit::RateLimit;
use super::tls;
use crate::document::{Diagnostics, Document, Language, Origin, Problem, Problems, Table};

/// What a good file says; without a file everything is as in [`Settings::default`].
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) protocol: ProtocolSettings,
    /// Set in every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty: everybody may ask.
    pub(crate) users: Users,
    pub(crate) rate_limit: Option<RateLimit>,
}

/// The protocol that clients must speak.
#[derive(Clone, Default)]
pub(crate) struct ProtocolSettings {
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Whether HTTP/2 is off.
    pub(crate) http1_only: bool,
}

/// What came of reading a file.
pub(crate) struct Reading {
    pub(crate) settings: Result<Settings, Problems>,
    /// Things an operator should know, but that stop nothing.
    pub(crate) warnings: Vec<Problem>,
    /// The file and those that it names, as far as they were read.
    pub(crate) watched: Watched,
}

/// Reads the file and every file that it names.
pub(crate) fn read(path: &Path) -> Reading {
    let mut watched = Watched::new(path.parent().unwrap_or(Path::new("")));
    let document = match parse(path, &mut watched) {
        Ok(document) => document,
        Err(problem) => {
            return Reading { settings: Err(Problems::new(vec![problem])), warnings: Vec::new(), watched };
        }
    };
    let diagnostics = Diagnostics::new(&document);
    let settings = settings(&Table::root(&diagnostics, &document.values), &mut watched);
    let (problems, warnings) = diagnostics.finish();
    let settings = if problems.is_empty() { Ok(settings) } else { Err(Problems::new(problems)) };
    Reading { settings, warnings, watched }
}

fn parse(path: &Path, watched: &mut Watched) -> Result<Document, Problem> {
    let source = path.display().to_string();
    let problem = |message: String| Problem::new(Origin::new(&source), "", message);
    // `watched` adds the directory.
    let file = path.file_name().map_or(path, Path::new);
    let bytes = watched.read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| problem("is not UTF-8 text".to_owned()))?;
    Document::parse(&source, Language::Yaml, text)
}

/// The settings are valid only if no problem was reported.
fn settings(root: &Table<'_>, watched: &mut Watched) -> Settings {
    root.allow(&["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"]);
    let http = root.table("http_server_config");
    http.allow(&["http2", "headers"]);
    let http2 = http.boolean("http2").unwrap_or(true);
    Settings {
        protocol: ProtocolSettings {
            tls: tls::server(&root.table("tls_server_config"), http2, watched),
            http1_only: !http2,
        },
        headers: headers(&http.table("headers")),
        users: users(&root.table("basic_auth_users")),
        rate_limit: rate_limit(&root.table("rate_limit")),
    }
}

/// The headers that the toolkit lets operators set, and the values of those that know only some.
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
        // One that is blank is as good as absent.
        let Some(text) = table.scalar(name) else { continue };
        if !values.is_empty() && !values.contains(&text.as_str()) {
            table.problem(name, format!("{text:?} must be one of {}", values.join(", ")));
            continue;
        }
        match (name.parse(), text.parse()) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => table.problem(name, "must be printable ASCII in one line"),
        }
    }
    headers
}

/// A check with a cost of 15 takes some seconds.
const COSTLY: u32 = 15;

fn users(table: &Table<'_>) -> Users {
    let mut users = Users::default();
    for name in table.names() {
        // A browser could not send it: the first colon ends the name.
        if name.contains(':') {
            table.problem(name, "a user's name can't have a colon");
            continue;
        }
        match users.add(name.to_owned(), table.scalar(name).unwrap_or_default()) {
            Ok(cost) if cost >= COSTLY => {
                let message = format!("the hash has a cost of {cost}: the first login takes seconds");
                table.warning(name, message);
            }
            Ok(_) => {}
            Err(no_hash) => table.problem(name, no_hash.to_string()),
        }
    }
    users
}

/// A year: far beyond every use, and far from where adding it to a clock would overflow.
const MAX_INTERVAL: Duration = Duration::from_hours(8784);

fn rate_limit(table: &Table<'_>) -> Option<RateLimit> {
    const INTERVAL: &str = "interval";
    table.allow(&[INTERVAL, "burst"]);
    let burst = table.integer("burst", 0..=u32::MAX).unwrap_or_default();
    // The toolkit disables the limit with an interval of 0, which needs no unit.
    if table.as_written(INTERVAL).as_deref() == Some("0") {
        return None;
    }
    let interval = table.duration(INTERVAL, Duration::ZERO..=MAX_INTERVAL)?;
    if interval.is_zero() {
        return None;
    }
    if burst == 0 {
        table.warning("burst", "is 0: every request is refused with 429");
    }
    Some(RateLimit { interval, burst })
}
