//! What a scrape sees as snapshots and configurations are activated, and when the exporter is
//! ready.

use tokio::sync::{mpsc, watch};

use super::*;
use crate::app::state::{ActiveConfig, AppState};
use crate::fleet::{Snapshot, TargetHealth};
use crate::lifecycle::Readiness;
use crate::poller::TargetIdentity;
use crate::web::Content;

/// A state that renders the snapshots which a test publishes.
struct Fixture {
    state: Arc<AppState>,
    readiness: Readiness,
}

impl Fixture {
    fn new(awaited: &[&str]) -> Self {
        let (requests, _) = mpsc::channel(1);
        let readiness = Readiness::default();
        let active = ActiveConfig::new(config(&[]));
        let telemetry = Telemetry::new();
        let store = Arc::clone(Supervisor::new(Arc::clone(&telemetry)).store());
        let state = AppState::new(store, telemetry, readiness.clone(), active, requests);
        let targets: Vec<_> = awaited.iter().map(|name| TargetIdentity::named(name)).collect();
        state.await_first_polls(targets.iter());
        Self { state: Arc::new(state), readiness }
    }

    /// Publishes a snapshot of these targets and waits until it is rendered.
    async fn publish(&self, targets: &[(&str, Option<bool>)]) {
        let health = targets.iter().map(|(target, up)| TargetHealth {
            account: "a".into(),
            target: (*target).into(),
            up: *up,
            last_success: None,
        });
        let snapshot = Snapshot { targets: health.collect(), ..Snapshot::default() };
        // Each snapshot has its own channel, because rendering ends when the channel closes.
        let (sender, receiver) = watch::channel(Arc::default());
        let rendering = tokio::spawn(Arc::clone(&self.state).render_snapshots(receiver));
        sender.send_replace(Arc::new(snapshot));
        drop(sender);
        rendering.await.unwrap();
    }

    fn waits_for(&self) -> Vec<String> {
        self.readiness.check().err().map_or(Vec::new(), |error| error.reasons().to_vec())
    }
}

#[tokio::test]
async fn it_is_ready_once_the_first_poll_of_every_target_can_be_scraped() {
    let fixture = Fixture::new(&["CloudApp", "CloudBrowser"]);
    assert_eq!(fixture.waits_for().len(), 2);
    fixture.publish(&[("CloudApp", Some(true)), ("CloudBrowser", None)]).await;
    assert!(fixture.state.exposition().is_some());
    assert_eq!(fixture.waits_for(), ["waiting for the first poll of a/CloudBrowser"]);
    // A poll that failed has ended, too.
    fixture.publish(&[("CloudApp", Some(true)), ("CloudBrowser", Some(false))]).await;
    assert_eq!(fixture.waits_for(), [""; 0]);
}

#[tokio::test]
async fn a_target_that_a_reload_removed_is_not_waited_for() {
    let fixture = Fixture::new(&["CloudApp", "CloudBrowser"]);
    fixture.publish(&[("CloudApp", Some(true))]).await;
    assert_eq!(fixture.waits_for(), [""; 0]);
}

#[tokio::test]
async fn before_the_first_poll_ends_there_is_nothing_of_the_fleet() {
    let fixture = Fixture::new(&["CloudApp"]);
    fixture.publish(&[("CloudApp", None)]).await;
    assert!(fixture.state.exposition().is_none());
    assert_eq!(fixture.waits_for().len(), 1);
}

#[tokio::test]
async fn an_activated_configuration_applies_to_the_next_snapshot() {
    let fixture = Fixture::new(&[]);
    let shown = |fixture: &Fixture| fixture.state.configuration();
    fixture.state.activate(ActiveConfig::new(config(&["labels.system_tags=true"])));
    assert!(shown(&fixture).contains("system_tags = true"), "{}", shown(&fixture));
    fixture.publish(&[("CloudApp", Some(true))]).await;
    assert!(fixture.state.exposition().is_some());
}
