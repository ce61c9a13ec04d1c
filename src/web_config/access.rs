//! What stands before every answer: the web configuration in force, read again when its files change.
//!
//! The files are looked at before each handshake and each request, as the exporter toolkit does; a new
//! certificate or user needs no restart and no signal. What is bad is said once, and the old stays.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Instant;

use arc_swap::ArcSwap;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tokio::task::spawn_blocking;

use super::basic_auth::Logins;
use super::file_watch::Watched;
use super::rate_limit::Limiter;
use super::settings::{self, ProtocolSettings, Reading, Settings};
use crate::document::{Problem, Problems};
use crate::server::handler::Handler;
use crate::server::response::{self, ResponseBody};

/// Who may request what, as the web configuration file says.
pub struct AccessControl {
    rulebook: Arc<Rulebook>,
    logins: Logins,
}

/// The rules and where they come from.
struct Rulebook {
    rules: ArcSwap<Rules>,
    file: Option<File>,
}

struct File {
    path: PathBuf,
    /// Held while looking.
    watched: Mutex<Watched>,
}

/// The rules in force.
struct Rules {
    settings: Settings,
    /// Of the last change of its own setting, not of the file: a new user doesn't fill the bucket.
    limiter: Option<Arc<Limiter>>,
}

impl AccessControl {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn new(path: Option<PathBuf>) -> Result<AccessControl, Problems> {
        let (settings, file) = match path {
            None => (Settings::default(), None),
            Some(path) => {
                let reading = settings::read(&path);
                warn(&reading.warnings);
                (reading.settings?, Some(File { path, watched: Mutex::new(reading.watched) }))
            }
        };
        let rules = ArcSwap::from_pointee(Rules::new(settings, None));
        Ok(AccessControl { rulebook: Arc::new(Rulebook { rules, file }), logins: Logins::new() })
    }

    /// The protocol of a connection that begins now.
    pub(crate) async fn protocol(&self) -> ProtocolSettings {
        self.rules().await.settings.protocol.clone()
    }

    /// The rules for what comes now.
    async fn rules(&self) -> Arc<Rules> {
        if self.rulebook.file.is_some() {
            let rulebook = Arc::clone(&self.rulebook);
            // Beside the workers: a file system that hangs must not take them along. Where that isn't
            // done (it panicked, or the process ends) the rules stay.
            let _ = spawn_blocking(move || rulebook.look()).await;
        }
        self.rulebook.rules.load_full()
    }

    /// Passes a request on to `handler`, or refuses it.
    pub(crate) async fn handle(&self, request: &Parts, handler: &dyn Handler) -> Response<ResponseBody> {
        let rules = self.rules().await;
        let mut response = match self.refuse(&rules, request).await {
            Some(refusal) => refusal,
            None => handler.handle(request).await,
        };
        for (name, value) in &rules.settings.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }

    async fn refuse(&self, rules: &Rules, request: &Parts) -> Option<Response<ResponseBody>> {
        if let Some(wait) = rules.limiter.as_ref().and_then(|limiter| limiter.admit(Instant::now()).err()) {
            let mut response = response::text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
            let seconds = wait.as_secs_f64().ceil() as u64;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Some(response);
        }
        let users = &rules.settings.users;
        if users.is_empty() || self.logins.accept(users, request.headers.get(AUTHORIZATION)).await {
            return None;
        }
        let mut response =
            response::text(StatusCode::UNAUTHORIZED, "a user name and its password are needed\n");
        response::set_header(
            &mut response,
            WWW_AUTHENTICATE,
            r#"Basic realm="appstreaming-exporter", charset="UTF-8""#,
        );
        Some(response)
    }
}

impl Rulebook {
    /// Reads the file again if it, or another that it names, has changed. Blocks.
    fn look(&self) {
        let Some(file) = &self.file else { return };
        let mut watched = match file.watched.try_lock() {
            Ok(watched) => watched,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Whoever finds somebody else looking goes by the rules of a moment ago.
            Err(TryLockError::WouldBlock) => return,
        };
        if !watched.changed() {
            return;
        }
        let Reading { settings, warnings, watched: now } = settings::read(&file.path);
        *watched = now;
        warn(&warnings);
        match settings {
            Ok(settings) => {
                let rules = Rules::new(settings, self.rules.load().limiter.as_ref());
                self.rules.store(Arc::new(rules));
                tracing::info!(file = %file.path.display(), "the web configuration changed and is in force");
            }
            Err(problems) => tracing::error!(
                file = %file.path.display(), %problems,
                "the web configuration changed and has problems: the one before stays in force"
            ),
        }
    }
}

impl Rules {
    fn new(settings: Settings, before: Option<&Arc<Limiter>>) -> Rules {
        let limiter = settings.rate_limit.map(|limit| match before {
            Some(limiter) if limiter.limit() == limit => Arc::clone(limiter),
            _ => Arc::new(Limiter::new(limit, Instant::now())),
        });
        Rules { settings, limiter }
    }
}

fn warn(warnings: &[Problem]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}
