//! A source that keeps what a provider fetches, and fetches again in time.
//!
//! All fetching is done by one task of the source's own: callers that go away take nothing with them, and there
//! is never more than one fetch under way. What to do when is decided in `refresh`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::observer::{Event, Observer};
use super::provider::Provider;
use super::refresh::{Answer, Next, Refresh};
use super::{Credentials, Description, Error, Pending, Source};

/// Clocks may be set and machines may sleep: how long the keeper goes without looking at the time.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Keeps one provider's credentials fresh. Its task starts with the first question and ends with the value.
pub(super) struct Refreshing {
    shared: Arc<Shared>,
    keeper: Mutex<Option<AbortOnDropHandle<()>>>,
}

struct Shared {
    provider: Arc<dyn Provider>,
    observer: Arc<dyn Observer>,
    refresh: Mutex<Refresh>,
    /// Something for the keeper to look at.
    wake: Notify,
    /// How many fetches have ended.
    fetched: watch::Sender<u64>,
}

impl Refreshing {
    pub(super) fn new(provider: Arc<dyn Provider>, observer: Arc<dyn Observer>) -> Self {
        let shared = Shared {
            provider,
            observer,
            refresh: Mutex::default(),
            wake: Notify::new(),
            fetched: watch::Sender::new(0),
        };
        Self { shared: Arc::new(shared), keeper: Mutex::default() }
    }

    async fn wait_for_current(&self) -> Result<Arc<Credentials>, Error> {
        let mut fetched = self.shared.fetched.subscribe();
        loop {
            fetched.borrow_and_update();
            match self.shared.refresh().ask(Timestamp::now()) {
                Answer::Ready(credentials) => {
                    // Also where nothing is to be fetched now: later it is.
                    self.keep();
                    return Ok(credentials);
                }
                Answer::Failed(error) => return Err(error),
                Answer::Wait => {}
            }
            self.keep();
            self.shared.wake.notify_one();
            // The sender is part of `self`: it can't be gone.
            let _ = fetched.changed().await;
        }
    }

    /// Starts the keeper, if there is none.
    fn keep(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            *keeper = Some(AbortOnDropHandle::new(tokio::spawn(async move { shared.keep_fresh().await })));
        }
    }
}

impl Shared {
    async fn keep_fresh(&self) {
        loop {
            let next = self.refresh().next(Timestamp::now());
            match next {
                Next::Fetch => self.fetch().await,
                Next::Sleep(wait) => {
                    // Whether time passed or something changed: both mean to look again.
                    let _ = tokio::time::timeout(wait.min(LONGEST_SLEEP), self.wake.notified()).await;
                }
                Next::Idle => self.wake.notified().await,
            }
        }
    }

    async fn fetch(&self) {
        let outcome = self.provider.fetch().await;
        let now = Timestamp::now();
        match outcome {
            Ok(credentials) => {
                let expires = credentials.expires;
                let (first, changed) = {
                    let mut refresh = self.refresh();
                    (refresh.held().is_none(), refresh.succeeded(credentials, now))
                };
                if first {
                    self.observer.event(Event::Found { source: self.provider.name() });
                }
                // A file that was read again and says the same is no refresh.
                if changed {
                    self.observer.event(Event::Refreshed { expires });
                }
            }
            Err(error) => {
                let (retry_in, usable) = {
                    let mut refresh = self.refresh();
                    (refresh.failed(error.clone(), now, rand::random()), refresh.is_usable(now))
                };
                self.observer.event(Event::Failed { error: &error, retry_in, usable });
            }
        }
        self.fetched.send_modify(|fetched| *fetched = fetched.wrapping_add(1));
    }

    fn refresh(&self) -> MutexGuard<'_, Refresh> {
        // Every change is made at once: what a panic left behind is whole.
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Refreshing {
    fn name(&self) -> &'static str {
        self.shared.provider.name()
    }

    fn current(&self) -> Pending<'_> {
        Box::pin(self.wait_for_current())
    }

    fn refused(&self, credentials: &Credentials) {
        self.shared.refresh().refused(credentials, Timestamp::now(), rand::random());
        self.shared.wake.notify_one();
    }

    fn describe(&self) -> Description {
        let refresh = self.shared.refresh();
        Description {
            source: self.name(),
            access_key_id: refresh.held().map(|held| super::super::access_key::mask_id(&held.access_key_id)),
            expires: refresh.held().and_then(|held| held.expires),
            failure: refresh.failure().cloned(),
        }
    }
}

impl fmt::Debug for Refreshing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refreshing").field("source", &self.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::super::super::Secret;
    use super::super::provider::Fetching;
    use super::*;

    /// Hands out `key-1`, `key-2` ... that live for so long, after so long; fails when it is told to.
    struct Machine {
        life: Duration,
        latency: Duration,
        fetches: AtomicUsize,
        broken: Mutex<bool>,
    }

    impl Machine {
        fn new(life: Duration, latency: Duration) -> Arc<Self> {
            Arc::new(Self { life, latency, fetches: AtomicUsize::new(0), broken: Mutex::new(false) })
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    impl Provider for Machine {
        fn name(&self) -> &'static str {
            "machine"
        }

        fn fetch(&self) -> Fetching<'_> {
            Box::pin(async {
                let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(self.latency).await;
                if *self.broken.lock().unwrap() {
                    return Err(Error::new("machine", "out of order"));
                }
                let mut credentials = Credentials::new(format!("key-{number}"), Secret::new("secret"), None);
                credentials.expires = Some(Timestamp::now() + self.life);
                Ok(credentials)
            })
        }
    }

    /// Events in words.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl Observer for Recorder {
        fn event(&self, event: Event<'_>) {
            self.0.lock().unwrap().push(match event {
                Event::Skipped { reason } => format!("skipped {reason}"),
                Event::Found { source } => format!("found {source}"),
                Event::Refreshed { expires } => format!("refreshed {}", expires.is_some()),
                Event::Failed { usable, .. } => format!("failed {usable}"),
            });
        }
    }

    fn source(machine: &Arc<Machine>) -> (Refreshing, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        (Refreshing::new(Arc::clone(machine) as _, Arc::clone(&recorder) as _), recorder)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn many_callers_share_one_fetch() {
        let machine = Machine::new(HOUR, Duration::from_secs(1));
        let (source, recorder) = source(&machine);
        let all = join_all((0..50).map(|_| source.current())).await;
        assert!(all.iter().all(|one| one.as_ref().unwrap().access_key_id == "key-1"));
        assert_eq!(machine.fetches(), 1);
        assert_eq!(*recorder.0.lock().unwrap(), ["found machine", "refreshed true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_does_not_end_the_fetch() {
        let machine = Machine::new(HOUR, Duration::from_secs(2));
        let (source, _) = source(&machine);
        tokio::time::timeout(Duration::from_secs(1), source.current()).await.unwrap_err();
        source.current().await.unwrap();
        assert_eq!(machine.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_refusals_cause_one_refresh() {
        let machine = Machine::new(HOUR, Duration::from_millis(10));
        let (source, _) = source(&machine);
        let old = source.current().await.unwrap();
        let all = join_all((0..20).map(|_| async {
            source.refused(&old);
            source.current().await.unwrap()
        }))
        .await;
        assert!(all.iter().all(|one| one.access_key_id == "key-2"));
        assert_eq!(machine.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_everybody_who_waits_and_to_the_observer() {
        let machine = Machine::new(HOUR, Duration::from_millis(10));
        *machine.broken.lock().unwrap() = true;
        let (source, recorder) = source(&machine);
        for outcome in join_all((0..5).map(|_| source.current())).await {
            assert_eq!(outcome.unwrap_err().to_string(), "credentials from machine: out of order");
        }
        assert_eq!(machine.fetches(), 1);
        assert_eq!(recorder.0.lock().unwrap()[0], "failed false");
        assert!(source.describe().failure.is_some());
    }

    #[tokio::test]
    async fn a_refresh_happens_in_the_background_without_anybody_asking() {
        // Two seconds of life: due after one and a half, but not sooner than a second.
        let machine = Machine::new(Duration::from_secs(2), Duration::ZERO);
        let (source, _) = source(&machine);
        assert_eq!(source.current().await.unwrap().access_key_id, "key-1");
        let mut fetched = source.shared.fetched.subscribe();
        fetched.borrow_and_update();
        tokio::time::timeout(Duration::from_secs(5), fetched.changed()).await.unwrap().unwrap();
        assert_eq!(machine.fetches(), 2);
        assert_ne!(source.current().await.unwrap().access_key_id, "key-1");
        assert_eq!(source.describe().source, "machine");
    }

    #[tokio::test(start_paused = true)]
    async fn the_keeper_ends_with_its_source() {
        let machine = Machine::new(HOUR, Duration::ZERO);
        let (source, _) = source(&machine);
        source.current().await.unwrap();
        let shared = Arc::downgrade(&source.shared);
        drop(source);
        tokio::task::yield_now().await;
        assert!(shared.upgrade().is_none());
    }
}
