//! What the web configuration file says, checked.
//!
//! What is not here: what TLS is made of (`tls`), and re-reading (`access`).

use std::path::Path;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::basic_auth::Users;
use super::file_watch::Watched;
use super::rate_limit::RateLimit;
use super::table::{Document, Table};
use super::tls;
use crate::document::{Origin, Problem, Problems};

/// What a good file says; without a file everything is as in [`Settings::default`].
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Whether clients may speak HTTP/1.1 only.
    pub(crate) http1_only: bool,
    /// Set in every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty: everybody may ask.
    pub(crate) users: Users,
    pub(crate) rate_limit: Option<RateLimit>,
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
    let mut watched = Watched::default();
    let parsed = watched
        .read(path)
        .map_err(|error| {
            let place = Origin::new(path.display().to_string());
            Problem::new(place, "", format!("cannot be read: {error}"))
        })
        .and_then(|text| Document::parse(path, &text));
    let (document, values) = match parsed {
        Ok(parsed) => parsed,
        Err(problem) => {
            return Reading { settings: Err(Problems::new(vec![problem])), warnings: Vec::new(), watched };
        }
    };
    let settings = settings(&Table::root(&document, &values), &mut watched);
    let (problems, warnings) = document.finish();
    let settings = if problems.is_empty() { Ok(settings) } else { Err(Problems::new(problems)) };
    Reading { settings, warnings, watched }
}

/// Good only if no problem was reported.
fn settings(root: &Table<'_>, watched: &mut Watched) -> Settings {
    root.allow(&["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"]);
    let http = root.section("http_server_config");
    http.allow(&["http2", "headers"]);
    let http2 = http.boolean("http2", true);
    Settings {
        tls: tls::server(&root.section("tls_server_config"), http2, watched),
        http1_only: !http2,
        headers: headers(&http.section("http_server_config.headers")),
        users: users(&root.section("basic_auth_users")),
        rate_limit: rate_limit(&root.section("rate_limit")),
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
        let Some(text) = table.text(name) else { continue };
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
        match users.add(name.to_owned(), table.text(name).unwrap_or_default()) {
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

fn rate_limit(table: &Table<'_>) -> Option<RateLimit> {
    table.allow(&["interval", "burst"]);
    let burst = table.count("burst").unwrap_or_default();
    let interval = table.duration("interval").filter(|interval| !interval.is_zero())?;
    if burst == 0 {
        table.warning("burst", "is 0: every request is refused with 429");
    }
    Some(RateLimit { interval, burst })
}
