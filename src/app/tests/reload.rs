//! A reload activates a valid configuration, and an invalid one changes nothing.

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::app::reload::Reloader;
use crate::app::state::{ActiveConfig, AppState, ReloadRequest};
use crate::lifecycle::Readiness;
use crate::web::Content;

/// A running reloader. Tests change the settings that it loads.
struct Fixture {
    settings: Arc<Mutex<Vec<&'static str>>>,
    state: Arc<AppState>,
    telemetry: Arc<Telemetry>,
    signals: mpsc::Sender<()>,
    requests: mpsc::Sender<ReloadRequest>,
    task: JoinHandle<()>,
}

impl Fixture {
    async fn start() -> Self {
        let telemetry = Telemetry::new();
        let (requests, reload_requests) = mpsc::channel(4);
        let (signals, reload_signals) = mpsc::channel(1);
        let active = ActiveConfig::new(config(&[]));
        let mut supervisor = Supervisor::new(Arc::clone(&telemetry));
        let store = Arc::clone(supervisor.store());
        let state =
            AppState::new(store, Arc::clone(&telemetry), Readiness::default(), active, requests.clone());
        let state = Arc::new(state);
        let initial = config(&[]);
        supervisor.apply(plan(&initial, &telemetry, &supervisor), &initial).await;
        let settings = Arc::new(Mutex::new(Vec::new()));
        let loaded = Arc::clone(&settings);
        let reloader = Reloader {
            load_config: Arc::new(move || load(&loaded.lock())),
            telemetry: Arc::clone(&telemetry),
            state: Arc::clone(&state),
            supervisor: Arc::new(tokio::sync::Mutex::new(supervisor)),
        };
        let task = tokio::spawn(reloader.run(reload_signals, reload_requests));
        Self { settings, state, telemetry, signals, requests, task }
    }

    async fn reload(&self, settings: &[&'static str]) -> Result<(), String> {
        *self.settings.lock() = settings.to_vec();
        self.state.reload().await
    }

    /// The text of `/config`.
    fn configuration(&self) -> String {
        self.state.configuration()
    }

    fn last_reload_succeeded(&self) -> bool {
        let name = "appstreaming_exporter_config_last_reload_successful";
        let families = self.telemetry.gather().families;
        let family = families.iter().find(|family| family.name == name).expect("the gauge");
        matches!(family.samples[0].value, crate::metrics::Value::Number(value) if value == 1.0)
    }
}

#[tokio::test]
async fn a_valid_configuration_is_activated() {
    let fixture = Fixture::start().await;
    assert!(!fixture.configuration().contains("7s"));
    assert_eq!(fixture.reload(&["poll.interval=7s"]).await, Ok(()));
    assert!(fixture.configuration().contains("7s"));
    assert!(fixture.last_reload_succeeded());
}

#[tokio::test]
async fn an_invalid_configuration_is_reported_with_every_reason_and_changes_nothing() {
    let fixture = Fixture::start().await;
    let before = fixture.configuration();
    let problems = fixture.reload(&["poll.interval=soon", "poll.intervall=7s"]).await.unwrap_err();
    assert!(problems.contains("poll.interval") && problems.contains("poll.intervall"), "{problems}");
    assert_eq!(fixture.configuration(), before);
    assert!(!fixture.last_reload_succeeded());

    assert_eq!(fixture.reload(&[]).await, Ok(()));
    assert!(fixture.last_reload_succeeded(), "the next valid configuration is activated");
}

#[tokio::test]
async fn an_account_whose_credentials_cannot_be_used_changes_nothing() {
    let fixture = Fixture::start().await;
    let before = fixture.configuration();
    let broken = "accounts.1.credentials.access_key_id=file:/nonexistent/key";
    fixture.reload(&["accounts.1.name=c", broken]).await.unwrap_err();
    assert_eq!(fixture.configuration(), before);
    assert!(!has_label_value(&fixture.telemetry, "c"));
}

#[tokio::test]
async fn a_signal_reloads_as_a_request_does() {
    let fixture = Fixture::start().await;
    *fixture.settings.lock() = vec!["poll.interval=9s"];
    fixture.signals.send(()).await.unwrap();
    // Reloads are carried out one at a time, so the signal's is complete when the request's is.
    let (request, result) = oneshot::channel();
    tokio::task::yield_now().await;
    fixture.requests.send(request).await.unwrap();
    assert_eq!(result.await, Ok(Ok(())));
    assert!(fixture.configuration().contains("9s"));
}

#[tokio::test]
async fn a_request_during_the_shutdown_gets_an_error() {
    let fixture = Fixture::start().await;
    fixture.task.abort();
    assert!(fixture.task.await.is_err());
    let error = fixture.state.reload().await.unwrap_err();
    assert!(error.contains("shutting down"), "{error}");
}
