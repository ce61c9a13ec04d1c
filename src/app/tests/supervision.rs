//! Which targets a plan starts, keeps, restarts and ends.

use super::*;
use crate::app::supervisor::AppliedChange;

struct Fixture {
    telemetry: Arc<Telemetry>,
    supervisor: Supervisor,
}

impl Fixture {
    fn new() -> Self {
        let telemetry = Telemetry::new();
        Self { supervisor: Supervisor::new(Arc::clone(&telemetry)), telemetry }
    }

    async fn apply(&mut self, config: &Config) -> AppliedChange {
        let plan = plan(config, &self.telemetry, &self.supervisor);
        self.supervisor.apply(plan, config).await
    }

    /// The targets that a scrape sees, as account and name.
    fn targets(&self) -> Vec<(String, String)> {
        let snapshot = Arc::clone(&self.supervisor.store().subscribe().borrow());
        let names = snapshot.targets.iter();
        names.map(|target| (target.account.to_string(), target.target.to_string())).collect()
    }
}

#[tokio::test]
async fn a_target_with_the_same_settings_keeps_running() {
    let mut fixture = Fixture::new();
    let first = fixture.apply(&config(&[])).await;
    assert_eq!(first, AppliedChange { added: 2, ..AppliedChange::default() });
    let second = fixture.apply(&config(&[])).await;
    assert_eq!(second, AppliedChange { unchanged: 2, ..AppliedChange::default() });
}

#[tokio::test]
async fn settings_of_polls_and_of_clients_restart_the_targets_that_they_concern() {
    for settings in [
        &["poll.interval=7s"][..],
        &["poll.page_size=50"],
        &["api.requests_per_second=3"],
        &["sharding.index=0", "sharding.total=2"],
    ] {
        let mut fixture = Fixture::new();
        fixture.apply(&config(&[])).await;
        let change = fixture.apply(&config(settings)).await;
        assert_eq!(change, AppliedChange { changed: 2, ..AppliedChange::default() }, "{settings:?}");
    }
    let mut fixture = Fixture::new();
    fixture.apply(&config(&[])).await;
    let change = fixture.apply(&config(&["accounts.1.filter.group_name=office"])).await;
    assert_eq!(change, AppliedChange { changed: 1, unchanged: 1, ..AppliedChange::default() });
}

#[tokio::test]
async fn settings_of_rendering_restart_no_target() {
    let mut fixture = Fixture::new();
    fixture.apply(&config(&[])).await;
    let change = fixture.apply(&config(&["collectors.max_series=1000", "labels.system_tags=true"])).await;
    assert_eq!(change, AppliedChange { unchanged: 2, ..AppliedChange::default() });
}

#[tokio::test]
async fn a_removed_target_leaves_neither_data_nor_metrics() {
    let mut fixture = Fixture::new();
    fixture.apply(&config(&["accounts.1.product_types=[\"CloudApp\",\"CloudBrowser\"]"])).await;
    assert_eq!(fixture.targets().len(), 3);
    assert!(has_label_value(&fixture.telemetry, "CloudBrowser"));

    let change = fixture.apply(&config(&[])).await;
    assert_eq!(change, AppliedChange { removed: 1, unchanged: 2, ..AppliedChange::default() });
    assert_eq!(fixture.targets().len(), 2);
    assert!(!has_label_value(&fixture.telemetry, "CloudBrowser"));
}

#[tokio::test]
async fn a_removed_account_leaves_no_metrics() {
    let mut fixture = Fixture::new();
    fixture.apply(&config(&[])).await;
    let renamed = config(&["accounts.1.name=c"]);
    let change = fixture.apply(&renamed).await;
    assert_eq!(change, AppliedChange { added: 1, removed: 1, unchanged: 1, ..AppliedChange::default() });
    assert!(has_label_value(&fixture.telemetry, "c") && !has_label_value(&fixture.telemetry, "b"));
}

#[tokio::test]
async fn accounts_of_a_plan_that_is_not_applied_leave_no_metrics() {
    let mut fixture = Fixture::new();
    fixture.apply(&config(&[])).await;
    let renamed = config(&["accounts.1.name=c"]);
    drop(plan(&renamed, &fixture.telemetry, &fixture.supervisor));
    fixture.supervisor.forget_unknown_accounts(&renamed);
    assert!(has_label_value(&fixture.telemetry, "b") && !has_label_value(&fixture.telemetry, "c"));
}
