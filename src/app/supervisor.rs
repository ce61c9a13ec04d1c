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
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::assemble::{self, Clients, Plan, PlannedTarget};
use super::poll_observer::PollObserver;
use crate::config::Config;
use crate::fleet::Freshness;
use crate::poller::options::PollOptions;
use crate::poller::{self, Runner, SnapshotStore, TargetSettings};
use crate::telemetry::Telemetry;

/// Runs one task a target while polls are on. Dropping the supervisor aborts all polls.
pub(crate) struct Supervisor {
    store: Arc<SnapshotStore>,
    poll_observer: Arc<PollObserver>,
    telemetry: Arc<Telemetry>,
    clients: Clients,
    targets: Vec<SupervisedTarget>,
    is_polling: bool,
}

/// A target, and the task that polls it.
struct SupervisedTarget {
    runner: Arc<Runner>,
    interval: Duration,
    /// `None` while polls are off.
    task: Option<PollTask>,
}

/// A task that polls.
struct PollTask {
    task: AbortOnDropHandle<()>,
    /// Ends the task once its running poll has ended.
    stop: CancellationToken,
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
    /// A supervisor without targets, whose polls are off.
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
            targets: Vec::new(),
            is_polling: false,
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

    /// Switches polls on. Each target is polled when its next poll is due: at once, unless the store
    /// knows of an earlier one.
    pub(crate) fn resume(&mut self) {
        self.is_polling = true;
        for (number, target) in self.targets.iter_mut().enumerate() {
            target.start(number);
        }
    }

    /// Switches polls off. Polls that run may end within `limit`; then they are aborted.
    pub(crate) async fn pause(&mut self, limit: Duration) {
        self.is_polling = false;
        let deadline = Instant::now() + limit;
        let tasks: Vec<PollTask> = self.targets.iter_mut().filter_map(|target| target.task.take()).collect();
        tasks.iter().for_each(|task| task.stop.cancel());
        for mut task in tasks {
            if timeout_at(deadline, &mut task.task).await.is_err() {
                task.abort().await;
            }
        }
    }

    /// Supervises the targets of the plan, and no others.
    pub(crate) async fn apply(&mut self, plan: Plan, config: &Config) -> AppliedChange {
        let interval = config.poll.interval;
        let mut change = AppliedChange::default();
        let mut before = std::mem::take(&mut self.targets);
        let mut added = Vec::new();
        for planned in plan.targets {
            let wanted = &planned.target.settings;
            let position = before.iter().position(|target| target.settings().is_same_target(wanted));
            match position.map(|index| before.swap_remove(index)) {
                Some(target) if planned.keeps_client && target.has_settings(wanted, interval) => {
                    change.unchanged += 1;
                    self.targets.push(target);
                    continue;
                }
                Some(target) => {
                    change.changed += 1;
                    target.end().await;
                    if self.is_polling {
                        self.store.forget_polls(&wanted.account, &wanted.name);
                    }
                }
                None => change.added += 1,
            }
            added.push(planned);
        }
        change.removed = before.len();
        for target in before {
            let settings = target.end().await;
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
        for (number, planned) in added.into_iter().enumerate() {
            let mut target = self.supervise(planned, interval);
            if self.is_polling {
                target.start(number);
            }
            self.targets.push(target);
        }
        change
    }

    /// Removes the metrics of accounts that a failed plan introduced.
    pub(crate) fn forget_unknown_accounts(&self, config: &Config) {
        for account in config.accounts.iter().filter(|account| !self.clients.has(&account.name)) {
            self.telemetry.forget_account(&account.name);
        }
    }

    fn supervise(&self, planned: PlannedTarget, interval: Duration) -> SupervisedTarget {
        let observer = Arc::clone(&self.poll_observer) as Arc<dyn poller::Observer>;
        let runner = assemble::runner(planned, Arc::clone(&self.store), observer, &self.telemetry);
        SupervisedTarget { runner: Arc::new(runner), interval, task: None }
    }
}

impl SupervisedTarget {
    fn settings(&self) -> &Arc<TargetSettings> {
        &self.runner.target.settings
    }

    /// Whether the target already has these settings. Those of its account's client are compared by
    /// [`assemble::plan`].
    fn has_settings(&self, wanted: &TargetSettings, interval: Duration) -> bool {
        self.interval == interval && **self.settings() == *wanted
    }

    /// Starts to poll, unless the target is polled already. `number` is that of the target among
    /// those that start together.
    fn start(&mut self, number: usize) {
        let (runner, interval) = (Arc::clone(&self.runner), self.interval);
        self.task.get_or_insert_with(|| {
            let schedule = assemble::poll_schedule(interval, number);
            let stop = CancellationToken::new();
            let stopped = stop.clone();
            let task = tokio::spawn(async move { runner.run(schedule, Timestamp::now, stopped).await });
            PollTask { task: AbortOnDropHandle::new(task), stop }
        });
    }

    /// Ends a running poll at once. Returns the settings.
    async fn end(self) -> Arc<TargetSettings> {
        if let Some(task) = self.task {
            task.abort().await;
        }
        Arc::clone(&self.runner.target.settings)
    }
}

impl PollTask {
    /// Aborts the task and waits for its end, so that it reports nothing afterwards.
    async fn abort(self) {
        self.task.abort();
        // The error only reports the abort.
        let _ = self.task.await;
    }
}
