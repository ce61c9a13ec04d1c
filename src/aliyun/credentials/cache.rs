//! A source that caches the credentials of a provider, and refreshes them before they expire.
//!
//! One background task does all fetching: a caller that is cancelled does not cancel a fetch, and
//! there is never more than one fetch at a time. The decisions are in `cache_state`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::cache_state::{CacheLookup, CacheState, RefreshStep};
use super::error::Error;
use super::observer::{ProviderEvent, ProviderObserver};
use super::provider::Provider;
use super::source::{CredentialsFuture, CredentialsSource};
use crate::aliyun::access_key::Credentials;

/// Longest sleep before the clock is read again: clocks may be set, and machines may be suspended.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// Caches the credentials of one provider. Its background task starts with the first call of
/// [`current`](CredentialsSource::current) and ends when the value is dropped.
pub(super) struct CachedSource {
    inner: Arc<CachedProvider>,
    refresh_task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// The part of a source that its background task needs.
struct CachedProvider {
    provider: Arc<dyn Provider>,
    observer: Arc<dyn ProviderObserver>,
    state: Mutex<CacheState>,
    /// Wakes the refresh task when `state` changes.
    wake: Notify,
    /// Number of fetches that have ended.
    fetched: watch::Sender<u64>,
}

impl CachedSource {
    /// A source without cached credentials, which has not fetched any yet.
    pub(super) fn new(provider: Arc<dyn Provider>, observer: Arc<dyn ProviderObserver>) -> Self {
        let inner = CachedProvider {
            provider,
            observer,
            state: Mutex::default(),
            wake: Notify::new(),
            fetched: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner), refresh_task: Mutex::default() }
    }

    async fn wait_for_current(&self) -> Result<Arc<Credentials>, Error> {
        let mut fetched = self.inner.fetched.subscribe();
        loop {
            fetched.borrow_and_update();
            let lookup = self.inner.state.lock().lookup(Timestamp::now());
            match lookup {
                CacheLookup::Valid(credentials) => {
                    // The task is needed also when no fetch is due now: for the next refresh.
                    self.ensure_refresh_task();
                    return Ok(credentials);
                }
                CacheLookup::Failed(error) => return Err(error),
                CacheLookup::Wait => {}
            }
            self.ensure_refresh_task();
            self.inner.wake.notify_one();
            // The sender belongs to `self`, so the channel is never closed.
            let _ = fetched.changed().await;
        }
    }

    /// Starts the refresh task unless it runs.
    fn ensure_refresh_task(&self) {
        let mut task = self.refresh_task.lock();
        if task.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let inner = Arc::clone(&self.inner);
            *task = Some(AbortOnDropHandle::new(tokio::spawn(async move { inner.run_refresh().await })));
        }
    }
}

impl CachedProvider {
    async fn run_refresh(&self) {
        loop {
            let step = self.state.lock().next_step(Timestamp::now());
            match step {
                RefreshStep::Fetch => self.fetch().await,
                RefreshStep::Sleep(wait) => {
                    // The state is checked again after a timeout as well as after a notification.
                    let _ = tokio::time::timeout(wait.min(MAX_SLEEP), self.wake.notified()).await;
                }
                RefreshStep::Idle => self.wake.notified().await,
            }
        }
    }

    async fn fetch(&self) {
        let outcome = self.provider.fetch().await;
        match outcome {
            Ok(credentials) => self.store(credentials, Timestamp::now()),
            Err(error) => self.store_failure(&error, Timestamp::now()),
        }
        self.fetched.send_modify(|fetched| *fetched = fetched.wrapping_add(1));
    }

    fn store(&self, credentials: Credentials, now: Timestamp) {
        let expires = credentials.expires;
        let (is_first, changed) = {
            let mut state = self.state.lock();
            (state.is_empty(), state.store(credentials, now))
        };
        if is_first {
            self.observer.event(ProviderEvent::Found { source: self.provider.name() });
        }
        // A file that was read again and has the same content is not a refresh.
        if changed {
            self.observer.event(ProviderEvent::Refreshed { expires });
        }
    }

    fn store_failure(&self, error: &Error, now: Timestamp) {
        let (retry_in, usable) = {
            let mut state = self.state.lock();
            (state.store_failure(error.clone(), now, rand::random()), state.is_usable(now))
        };
        self.observer.event(ProviderEvent::Failed { error, retry_in, usable });
    }
}

impl CredentialsSource for CachedSource {
    fn name(&self) -> &'static str {
        self.inner.provider.name()
    }

    fn current(&self) -> CredentialsFuture<'_> {
        Box::pin(self.wait_for_current())
    }

    fn invalidate(&self, credentials: &Credentials) {
        self.inner.state.lock().invalidate(credentials, Timestamp::now(), rand::random());
        self.inner.wake.notify_one();
    }
}

impl fmt::Debug for CachedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSource").field("source", &self.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::aliyun::credentials::provider::FetchFuture;
    use crate::aliyun::secret::Secret;

    /// Provides `key-1`, `key-2` and so on after a latency; fails while `broken`.
    struct NumberedKeys {
        lifetime: Duration,
        latency: Duration,
        fetches: AtomicUsize,
        broken: Mutex<bool>,
    }

    impl NumberedKeys {
        fn new(lifetime: Duration, latency: Duration) -> Arc<Self> {
            Arc::new(Self { lifetime, latency, fetches: AtomicUsize::new(0), broken: Mutex::new(false) })
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    impl Provider for NumberedKeys {
        fn name(&self) -> &'static str {
            "numbered"
        }

        fn fetch(&self) -> FetchFuture<'_> {
            Box::pin(async {
                let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(self.latency).await;
                if *self.broken.lock() {
                    return Err(Error::new("numbered", "out of order"));
                }
                let mut credentials = Credentials::new(format!("key-{number}"), Secret::new("secret"), None);
                credentials.expires = Some(Timestamp::now() + self.lifetime);
                Ok(credentials)
            })
        }
    }

    /// Records events as text.
    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl ProviderObserver for Recorder {
        fn event(&self, event: ProviderEvent<'_>) {
            self.0.lock().push(match event {
                ProviderEvent::Skipped { reason } => format!("skipped {reason}"),
                ProviderEvent::Found { source } => format!("found {source}"),
                ProviderEvent::Refreshed { expires } => format!("refreshed {}", expires.is_some()),
                ProviderEvent::Failed { usable, .. } => format!("failed {usable}"),
            });
        }
    }

    fn source(provider: &Arc<NumberedKeys>) -> (CachedSource, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        (CachedSource::new(Arc::clone(provider) as _, Arc::clone(&recorder) as _), recorder)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn many_callers_share_one_fetch() {
        let provider = NumberedKeys::new(HOUR, Duration::from_secs(1));
        let (source, recorder) = source(&provider);
        let all = join_all((0..50).map(|_| source.current())).await;
        assert!(all.iter().all(|one| one.as_ref().unwrap().access_key_id == "key-1"));
        assert_eq!(provider.fetches(), 1);
        assert_eq!(*recorder.0.lock(), ["found numbered", "refreshed true"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_does_not_cancel_the_fetch() {
        let provider = NumberedKeys::new(HOUR, Duration::from_secs(2));
        let (source, _) = source(&provider);
        tokio::time::timeout(Duration::from_secs(1), source.current()).await.unwrap_err();
        source.current().await.unwrap();
        assert_eq!(provider.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_rejections_cause_one_refresh() {
        let provider = NumberedKeys::new(HOUR, Duration::from_millis(10));
        let (source, _) = source(&provider);
        let old = source.current().await.unwrap();
        let all = join_all((0..20).map(|_| async {
            source.invalidate(&old);
            source.current().await.unwrap()
        }))
        .await;
        assert!(all.iter().all(|one| one.access_key_id == "key-2"));
        assert_eq!(provider.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_returned_to_all_waiting_callers_and_reported() {
        let provider = NumberedKeys::new(HOUR, Duration::from_millis(10));
        *provider.broken.lock() = true;
        let (source, recorder) = source(&provider);
        for outcome in join_all((0..5).map(|_| source.current())).await {
            assert_eq!(outcome.unwrap_err().to_string(), "credentials from numbered: out of order");
        }
        assert_eq!(provider.fetches(), 1);
        assert_eq!(recorder.0.lock()[0], "failed false");
    }

    #[tokio::test]
    async fn credentials_are_refreshed_in_the_background() {
        // With a lifetime of two seconds, the refresh is due after one and a half.
        let provider = NumberedKeys::new(Duration::from_secs(2), Duration::ZERO);
        let (source, _) = source(&provider);
        assert_eq!(source.current().await.unwrap().access_key_id, "key-1");
        let mut fetched = source.inner.fetched.subscribe();
        fetched.borrow_and_update();
        tokio::time::timeout(Duration::from_secs(5), fetched.changed()).await.unwrap().unwrap();
        assert_eq!(provider.fetches(), 2);
        assert_ne!(source.current().await.unwrap().access_key_id, "key-1");
        assert_eq!(source.name(), "numbered");
    }

    #[tokio::test(start_paused = true)]
    async fn the_refresh_task_ends_with_its_source() {
        let provider = NumberedKeys::new(HOUR, Duration::ZERO);
        let (source, _) = source(&provider);
        source.current().await.unwrap();
        let inner = Arc::downgrade(&source.inner);
        drop(source);
        tokio::task::yield_now().await;
        assert!(inner.upgrade().is_none());
    }
}
