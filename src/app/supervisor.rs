//! Which targets are polled, and how that changes at a reload.
//!
//! A target whose settings did not change keeps running, with its client, its counters and its last
//! good data. A target whose settings changed is restarted, and keeps its data until its next poll
//! ends.
//!
//! What is not here: what a poll does (`poller`), and making clients and targets (`assemble`).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio_util::task::AbortOnDropHandle;

use super::assemble::{self, Clients, Plan, PlannedTarget};
use super::poll_observer::PollObserver;
use crate::config::Config;
use crate::fleet::Freshness;
use crate::poller::options::PollOptions;
use crate::poller::{self, PollSchedule, SnapshotStore, Target, TargetSettings};
use crate::telemetry::Telemetry;

/// Runs one task a target. Dropping the supervisor aborts all polls.
pub(crate) struct Supervisor {
    store: Arc<SnapshotStore>,
    poll_observer: Arc<PollObserver>,
    telemetry: Arc<Telemetry>,
    clients: Clients,
    running: Vec<RunningTarget>,
}

/// A target and the task that polls it.
struct RunningTarget {
    target: Target,
    interval: Duration,
    task: AbortOnDropHandle<()>,
}

/// How many targets a plan added, removed, restarted and kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AppliedChange {
    /// Targets that were not polled before.
    pub added: usize,
    /// Targets that are no longer polled.
    pub removed: usize,
    /// Targets that restarted with other settings.
    pub changed: usize,
    /// Targets that kept running.
    pub unchanged: usize,
}

impl Supervisor {
    /// A supervisor without targets.
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            store: Arc::new(SnapshotStore::new(
                [],
                Freshness::from(&PollOptions::default()),
                TimeZone::UTC,
                assemble::hash_key(),
            )),
            poll_observer: Arc::new(PollObserver::new(Arc::clone(&telemetry))),
            telemetry,
            clients: Clients::default(),
            running: Vec::new(),
        }
    }

    /// The store of the polls' results.
    pub(crate) fn store(&self) -> &Arc<SnapshotStore> {
        &self.store
    }

    /// The clients in use, so that a new plan can keep them.
    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Polls the targets of the plan, and no others.
    pub(crate) async fn apply(&mut self, plan: Plan, config: &Config) -> AppliedChange {
        let interval = config.poll.interval;
        let mut change = AppliedChange::default();
        let mut before = std::mem::take(&mut self.running);
        let mut started = Vec::new();
        for planned in plan.targets {
            let wanted = &planned.target.settings;
            let position = before.iter().position(|running| running.target.settings.is_same_target(wanted));
            match position.map(|index| before.swap_remove(index)) {
                Some(running) if planned.keeps_client && running.has_settings(wanted, interval) => {
                    change.unchanged += 1;
                    self.running.push(running);
                    continue;
                }
                Some(running) => {
                    change.changed += 1;
                    running.end().await;
                    self.store.forget_polls(&wanted.account, &wanted.name);
                }
                None => change.added += 1,
            }
            started.push(planned);
        }
        change.removed = before.len();
        for running in before {
            let settings = running.end().await.settings;
            self.poll_observer.forget(&settings.account, &settings.name);
            self.telemetry.forget_target(&settings.account, &settings.name);
        }
        for account in self.clients.names().filter(|name| !plan.clients.has(name)) {
            self.telemetry.forget_account(account);
        }
        self.clients = plan.clients;

        // Before the tasks start: a poll that ends must find its target in the store.
        let (freshness, time_zone) = (Freshness::from(&config.poll), config.render.time_zone.clone());
        self.store.set_targets(plan.order, freshness, time_zone, Timestamp::now());
        for (number, planned) in started.into_iter().enumerate() {
            let schedule = assemble::poll_schedule(interval, number);
            let running = self.start(planned, schedule);
            self.running.push(running);
        }
        change
    }

    /// Removes the metrics of accounts that a failed plan introduced.
    pub(crate) fn forget_unknown_accounts(&self, config: &Config) {
        for account in config.accounts.iter().filter(|account| !self.clients.has(&account.name)) {
            self.telemetry.forget_account(&account.name);
        }
    }

    fn start(&self, planned: PlannedTarget, schedule: PollSchedule) -> RunningTarget {
        let observer = Arc::clone(&self.poll_observer) as Arc<dyn poller::Observer>;
        let runner = assemble::runner(planned, Arc::clone(&self.store), observer, &self.telemetry);
        let target = runner.target.clone();
        let interval = schedule.interval;
        let task = tokio::spawn(async move { runner.run(schedule, Timestamp::now).await });
        RunningTarget { target, interval, task: AbortOnDropHandle::new(task) }
    }
}

impl RunningTarget {
    /// Whether the target is already polled with these settings. Those of its account's client are
    /// compared by [`assemble::plan`].
    fn has_settings(&self, wanted: &TargetSettings, interval: Duration) -> bool {
        self.interval == interval && *self.target.settings == *wanted
    }

    /// Aborts the task and waits for its end, so that it reports nothing afterwards.
    async fn end(self) -> Target {
        self.task.abort();
        // The error only reports the abort.
        let _ = self.task.await;
        self.target
    }
}
