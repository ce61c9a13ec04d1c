//! The targets that are being polled, and changing them while they run.
//!
//! A target whose settings stay the same is left alone: its poll goes on, and its client, its counters and
//! its last good data stay. One that changed is polled anew, and keeps its data until then.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio_util::task::AbortOnDropHandle;

use super::{
    assemble::{self, Clients, Plan, Planned},
    poll_observer::Reporter,
};
use crate::{
    config::Config,
    poller::{self, SnapshotStore, Target, TargetSettings},
    telemetry::Telemetry,
};

/// Everything that polls. Dropping it ends all polls.
pub(crate) struct Polls {
    store: Arc<SnapshotStore>,
    reporter: Arc<Reporter>,
    telemetry: Arc<Telemetry>,
    clients: Clients,
    running: Vec<Running>,
}

/// One target's loop.
struct Running {
    target: Target,
    interval: Duration,
    task: AbortOnDropHandle<()>,
}

/// What a change did to the targets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    pub unchanged: usize,
}

impl Polls {
    /// Nothing is polled yet.
    pub(crate) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            store: Arc::new(SnapshotStore::new([], Duration::MAX, TimeZone::UTC)),
            reporter: Arc::new(Reporter::new(Arc::clone(&telemetry))),
            telemetry,
            clients: Clients::default(),
            running: Vec::new(),
        }
    }

    /// Where the results are.
    pub(crate) fn store(&self) -> &Arc<SnapshotStore> {
        &self.store
    }

    /// The clients in use, so that a plan can go on with them.
    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Polls what the plan says, and nothing else.
    pub(crate) async fn change_to(&mut self, plan: Plan, config: &Config) -> Change {
        let interval = config.poll.interval.get();
        let mut change = Change::default();
        let mut before = std::mem::take(&mut self.running);
        let mut started = Vec::new();
        for planned in plan.targets {
            let wanted = &planned.target.settings;
            let position = before.iter().position(|running| running.target.settings.is_same_target(wanted));
            match position.map(|index| before.swap_remove(index)) {
                Some(running) if planned.keeps_client && running.does(wanted, interval) => {
                    change.unchanged += 1;
                    self.running.push(running);
                    continue;
                }
                Some(running) => {
                    change.changed += 1;
                    running.end().await;
                }
                None => change.added += 1,
            }
            started.push(planned);
        }
        change.removed = before.len();
        for running in before {
            let TargetSettings { account, name, .. } = running.end().await.settings;
            self.reporter.forget(&account, &name);
            self.telemetry.forget_target(&account, &name);
        }
        for account in self.clients.names().filter(|name| !plan.clients.has(name)) {
            self.telemetry.forget_account(account);
        }
        self.clients = plan.clients;

        // The store first: it drops results of unknown targets.
        let targets = plan.order.iter().map(|(account, name)| (Arc::clone(account), Arc::clone(name)));
        let (stale_after, time_zone) = (config.poll.stale_after.get(), config.schedule.time_zone.clone());
        self.store.set_targets(targets, stale_after, time_zone, Timestamp::now());
        for planned in started {
            let running = self.start(planned, interval);
            self.running.push(running);
        }
        change
    }

    /// Takes away what making a plan that came to nothing left behind.
    pub(crate) fn forget_unknown_accounts(&self, config: &Config) {
        for account in config.accounts.iter().filter(|account| !self.clients.has(&account.name)) {
            self.telemetry.forget_account(&account.name);
        }
    }

    fn start(&self, planned: Planned, interval: Duration) -> Running {
        let observer = Arc::clone(&self.reporter) as Arc<dyn poller::Observer>;
        let runner = assemble::runner(planned, Arc::clone(&self.store), observer, &self.telemetry);
        let target = runner.target.clone();
        let schedule = assemble::jitter(interval);
        let task = tokio::spawn(async move { runner.run(schedule, Timestamp::now).await });
        Running { target, interval, task: AbortOnDropHandle::new(task) }
    }
}

impl Running {
    /// Whether it already does what is wanted, as far as one can see from outside the client.
    fn does(&self, wanted: &TargetSettings, interval: Duration) -> bool {
        self.interval == interval && self.target.settings == *wanted
    }

    /// Ends the loop, and returns when it can't report anything any more.
    async fn end(self) -> Target {
        self.task.abort();
        // An error only says that it was ended.
        let _ = self.task.await;
        self.target
    }
}
