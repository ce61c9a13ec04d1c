//! Access control for each request, and reloading the web configuration when its files change.
//!
//! The files are checked for changes before each connection and each request, as in the exporter
//! toolkit: a new certificate or user needs no restart and no signal. If a changed file has
//! problems, they are logged once and the previous configuration stays active.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use super::basic_auth::BasicAuth;
use super::file_watch::FileSnapshot;
use super::rate_limit::HttpRateLimiter;
use super::settings::{self, LoadedSettings, ProtocolSettings, WebSettings};
use crate::document::{Problem, Problems};
use crate::server::handler::Handler;
use crate::server::response::{self, ResponseBody};

/// Decides which requests reach the application, as the web configuration file requires.
pub struct AccessControl {
    config: Arc<WebConfig>,
    basic_auth: BasicAuth,
}

/// The active web configuration, and the file that it comes from.
struct WebConfig {
    rules: ArcSwap<AccessRules>,
    file: Option<WebConfigFile>,
}

struct WebConfigFile {
    path: PathBuf,
    /// The files as they were last read. Locked while they are checked and read.
    snapshot: Mutex<FileSnapshot>,
}

struct AccessRules {
    settings: WebSettings,
    /// Kept by a reload that does not change `rate_limit`: a new user does not refill the bucket.
    limiter: Option<Arc<HttpRateLimiter>>,
}

impl AccessControl {
    /// Loads the web configuration file. Without a file every request is admitted, over plain HTTP.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn new(path: Option<PathBuf>) -> Result<Self, Problems> {
        let (settings, file) = match path {
            None => (WebSettings::default(), None),
            Some(path) => {
                let loaded = settings::load(&path);
                log_warnings(&loaded.warnings);
                (loaded.settings?, Some(WebConfigFile { path, snapshot: Mutex::new(loaded.files) }))
            }
        };
        let rules = ArcSwap::from_pointee(AccessRules::new(settings, None));
        Ok(Self { config: Arc::new(WebConfig { rules, file }), basic_auth: BasicAuth::new() })
    }

    /// The protocol of a new connection. Reloads the file first if it has changed.
    pub(crate) async fn protocol(&self) -> ProtocolSettings {
        self.current_rules().await.settings.protocol.clone()
    }

    /// Passes a request to `handler`, or rejects it with status 429 or 401 unless the handler has
    /// its own rule. The response has the configured headers in every case.
    pub(crate) async fn handle(&self, request: &Parts, handler: &dyn Handler) -> Response<ResponseBody> {
        let rules = self.current_rules().await;
        let rejection = match handler.has_own_access_rule(request) {
            true => None,
            false => self.reject(&rules, request).await,
        };
        let mut response = match rejection {
            Some(rejection) => rejection,
            None => handler.handle(request).await,
        };
        for (name, value) in &rules.settings.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }

    /// The rules after reloading the file if it has changed.
    async fn current_rules(&self) -> Arc<AccessRules> {
        if self.config.file.is_some() {
            let config = Arc::clone(&self.config);
            // On a blocking thread, because a file system that hangs must not block the workers. If
            // the task fails, because it panics or the process ends, the rules do not change.
            let _ = spawn_blocking(move || config.reload_if_changed()).await;
        }
        self.config.rules.load_full()
    }

    /// The response to a request that is not admitted; `None` if the request is admitted. The rate
    /// limit applies first, so that it also limits guesses of passwords.
    async fn reject(&self, rules: &AccessRules, request: &Parts) -> Option<Response<ResponseBody>> {
        if let Some(wait) = rules.limiter.as_ref().and_then(|limiter| limiter.admit(Instant::now()).err()) {
            let mut response = response::text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
            let seconds = wait.as_secs_f64().ceil() as u64;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Some(response);
        }
        let users = &rules.settings.users;
        if users.is_empty() || self.basic_auth.accepts(users, request.headers.get(AUTHORIZATION)).await {
            return None;
        }
        let message = "a user name and its password are required\n";
        let mut response = response::text(StatusCode::UNAUTHORIZED, message);
        let challenge = r#"Basic realm="appstreaming-exporter", charset="UTF-8""#;
        response::set_header(&mut response, WWW_AUTHENTICATE, challenge);
        Some(response)
    }
}

impl WebConfig {
    /// Loads the file again if it, or a file that it names, has changed. Blocks.
    fn reload_if_changed(&self) {
        let Some(file) = &self.file else { return };
        // While the file is reloaded for another request, this one uses the previous rules.
        let Some(mut snapshot) = file.snapshot.try_lock() else { return };
        if !snapshot.has_changed() {
            return;
        }
        let LoadedSettings { settings, warnings, files } = settings::load(&file.path);
        *snapshot = files;
        log_warnings(&warnings);
        let path = file.path.display();
        match settings {
            Ok(settings) => {
                let rules = AccessRules::new(settings, self.rules.load().limiter.as_ref());
                self.rules.store(Arc::new(rules));
                tracing::info!(file = %path, "web configuration reloaded");
            }
            Err(problems) => tracing::error!(
                file = %path, %problems,
                "invalid web configuration; keeping the previous one"
            ),
        }
    }
}

impl AccessRules {
    fn new(settings: WebSettings, previous: Option<&Arc<HttpRateLimiter>>) -> Self {
        let limiter = settings.rate_limit.map(|limit| match previous {
            Some(limiter) if limiter.limit() == limit => Arc::clone(limiter),
            _ => Arc::new(HttpRateLimiter::new(limit, Instant::now())),
        });
        Self { settings, limiter }
    }
}

fn log_warnings(warnings: &[Problem]) {
    for warning in warnings {
        tracing::warn!(%warning, "probable mistake in the web configuration");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures_util::future::BoxFuture;
    use hyper::Request;
    use hyper::header::X_FRAME_OPTIONS;
    use tempfile::TempDir;

    use super::*;

    struct Greeting;

    impl Handler for Greeting {
        fn handle<'a>(&'a self, _: &'a Parts) -> BoxFuture<'a, Response<ResponseBody>> {
            Box::pin(async { response::text(StatusCode::OK, "hello\n") })
        }

        fn has_own_access_rule(&self, request: &Parts) -> bool {
            request.uri.path() == "/own"
        }
    }

    /// Access control by a file in a temporary directory.
    struct TestAccess {
        directory: TempDir,
        access: AccessControl,
    }

    impl TestAccess {
        fn new(text: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("web.yml");
            fs::write(&path, text).unwrap();
            Self { directory, access: AccessControl::new(Some(path)).unwrap() }
        }

        fn rewrite(&self, text: &str) {
            fs::write(self.directory.path().join("web.yml"), text).unwrap();
        }

        /// The response to a request with the credentials `user:password`.
        async fn get(&self, credentials: &str) -> Response<ResponseBody> {
            use base64::Engine as _;
            let encoded = base64::prelude::BASE64_STANDARD.encode(credentials);
            let request = Request::get("/").header(AUTHORIZATION, format!("Basic {encoded}"));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            self.access.handle(&parts, &Greeting).await
        }

        async fn status(&self, credentials: &str) -> u16 {
            self.get(credentials).await.status().as_u16()
        }
    }

    /// A file with one user.
    fn with_user(user: &str, password: &str) -> String {
        let hash = bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap();
        format!("basic_auth_users:\n  {user}: {hash}\n")
    }

    #[tokio::test]
    async fn without_a_file_every_request_is_admitted_over_plain_http() {
        let access = AccessControl::new(None).unwrap();
        let (parts, ()) = Request::get("/").body(()).unwrap().into_parts();
        assert_eq!(access.handle(&parts, &Greeting).await.status(), StatusCode::OK);
        let protocol = access.protocol().await;
        assert!(protocol.tls.is_none() && !protocol.http1_only);
    }

    #[tokio::test]
    async fn a_request_without_valid_credentials_is_rejected_with_the_configured_headers() {
        let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
        let access = TestAccess::new(&format!("{headers}{}", with_user("alice", "secret")));
        let rejected = access.get("alice:wrong").await;
        assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
        assert!(rejected.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic realm="));
        let admitted = access.get("alice:secret").await;
        assert_eq!(admitted.status(), StatusCode::OK);
        for response in [rejected, admitted] {
            assert_eq!(response.headers()[X_FRAME_OPTIONS], "deny");
        }
    }

    #[tokio::test]
    async fn a_request_for_which_the_handler_has_its_own_rule_needs_no_user_and_is_not_limited() {
        let limit = "rate_limit:\n  interval: 1h\n  burst: 0\n";
        let access = TestAccess::new(&format!("{limit}{}", with_user("alice", "secret")));
        let (parts, ()) = Request::get("/own").body(()).unwrap().into_parts();
        assert_eq!(access.access.handle(&parts, &Greeting).await.status(), StatusCode::OK);
        assert_eq!(access.status("alice:secret").await, 429);
    }

    #[tokio::test]
    async fn the_rate_limit_applies_before_authentication() {
        let limit = "rate_limit:\n  interval: 1h\n  burst: 1\n";
        let access = TestAccess::new(&format!("{limit}{}", with_user("alice", "secret")));
        assert_eq!(access.status("alice:wrong").await, 401);
        let rejected = access.get("alice:secret").await;
        assert_eq!(rejected.status(), StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = rejected.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((3_590..=3_600).contains(&seconds), "{seconds}");

        access.rewrite(&format!("{limit}{}", with_user("another", "secret")));
        assert_eq!(access.status("another:secret").await, 429, "a new user does not refill the bucket");
        access.rewrite(&format!("rate_limit:\n  interval: 2h\n  burst: 1\n{}", with_user("a", "secret")));
        assert_eq!(access.status("a:secret").await, 200, "a changed limit begins with a full bucket");
    }

    #[tokio::test]
    async fn a_changed_file_takes_effect_with_the_next_request_and_an_invalid_one_is_ignored() {
        let access = TestAccess::new(&with_user("alice", "secret"));
        assert_eq!(access.status("alice:secret").await, 200);
        access.rewrite(&with_user("operator", "secret"));
        assert_eq!(access.status("alice:secret").await, 401);
        access.rewrite("basic_auth_users: [alice]\n");
        assert_eq!(access.status("operator:secret").await, 200);
        access.rewrite("http_server_config:\n  http2: false\n");
        assert_eq!(access.status("").await, 200);
        assert!(access.access.protocol().await.http1_only);
    }
}
