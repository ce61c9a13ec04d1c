//! Decisions of the credentials cache: what to return, and when to fetch.
//!
//! Pure: the time and random numbers are parameters. Fetching and sleeping are in `cache`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, TimestampArithmetic};

use super::error::Error;
use crate::aliyun::access_key::Credentials;

/// A refresh begins at most this long before the expiry.
const MAX_REFRESH_MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// Shortest time between two scheduled refreshes.
const MIN_REFRESH_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
/// Time after which credentials that had already expired when they were fetched are fetched again:
/// either a clock is wrong or the source returns old credentials. Until then they are used, and the
/// service decides whether they are valid.
const EXPIRED_RETRY_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// Credentials that were fetched this long before their rejection, or a quarter of their lifetime
/// if that is shorter, have been valid: the rejection counts as the first one.
const PROVEN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Upper bound of the wait after the first failed fetch, or after the first refresh whose
/// credentials are rejected too. Doubles each further time.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Upper bound of every such wait.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// The state of one source's cache.
#[derive(Debug, Default)]
pub(super) struct CacheState {
    /// Whether credentials were ever requested. Before that nothing is fetched.
    requested: bool,
    cached: Option<CachedCredentials>,
    failure: Option<FetchFailure>,
    /// Consecutive rejections of credentials, not counting those that had been valid before.
    rejections: u32,
}

#[derive(Debug)]
struct CachedCredentials {
    credentials: Arc<Credentials>,
    fetched_at: Timestamp,
    /// When the next refresh is due; `None`: no refresh is scheduled.
    due: Option<Timestamp>,
    /// The expiry, if it was in the future when the credentials were fetched.
    expires: Option<Timestamp>,
    rejection: Rejection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rejection {
    /// The service has not rejected the credentials.
    None,
    /// Other credentials must be fetched before the next request is signed.
    RefreshNow,
    /// Other credentials are fetched after a backoff, because a refresh after the previous
    /// rejection did not help. Until then these are used.
    RefreshLater,
}

#[derive(Debug)]
struct FetchFailure {
    error: Error,
    consecutive: u32,
    retry_at: Timestamp,
}

/// The result of [`CacheState::lookup`].
#[derive(Debug, Clone)]
pub(super) enum CacheLookup {
    /// Valid credentials.
    Valid(Arc<Credentials>),
    /// There are no valid credentials, for this reason; the next fetch is not due yet.
    Failed(Error),
    /// The caller must wait for the end of the next fetch.
    Wait,
}

/// What the refresh task does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefreshStep {
    /// Fetch now.
    Fetch,
    /// Check the state again after this time, or when the state changes.
    Sleep(Duration),
    /// Check the state again when it changes.
    Idle,
}

impl CacheState {
    /// Looks up valid credentials. The first call allows the refresh task to fetch.
    pub(super) fn lookup(&mut self, now: Timestamp) -> CacheLookup {
        self.requested = true;
        if let Some(cached) = self.cached.as_ref().filter(|cached| cached.is_usable(now)) {
            return CacheLookup::Valid(Arc::clone(&cached.credentials));
        }
        match &self.failure {
            Some(failure) if failure.retry_at > now => CacheLookup::Failed(failure.error.clone()),
            _ => CacheLookup::Wait,
        }
    }

    /// What the refresh task must do at `now`.
    pub(super) fn next_step(&self, now: Timestamp) -> RefreshStep {
        let Some(due) = self.next_fetch(now) else { return RefreshStep::Idle };
        let wait = due.duration_since(now);
        if wait.is_positive() { RefreshStep::Sleep(wait.unsigned_abs()) } else { RefreshStep::Fetch }
    }

    /// Records that the service rejected `credentials`. Only the first call for the cached
    /// credentials has an effect: concurrent requests are rejected together. `random` is in
    /// `0.0..1.0`.
    pub(super) fn invalidate(&mut self, credentials: &Credentials, now: Timestamp, random: f64) {
        let Some(cached) = &mut self.cached else { return };
        if cached.rejection != Rejection::None || *cached.credentials != *credentials {
            return;
        }
        let lifetime =
            cached.expires.map_or(SignedDuration::MAX, |expires| expires.duration_since(cached.fetched_at));
        if now.duration_since(cached.fetched_at) >= PROVEN_AFTER.min(lifetime / 4) {
            self.rejections = 0;
        }
        // New credentials may be rejected too (wrong site, locked account): the backoff limits the
        // requests to STS.
        if self.rejections == 0 {
            cached.rejection = Rejection::RefreshNow;
        } else {
            cached.rejection = Rejection::RefreshLater;
            let retry_at = add(now, backoff(self.rejections - 1, random));
            cached.due = Some(cached.due.map_or(retry_at, |due| due.min(retry_at)));
        }
        self.rejections = self.rejections.saturating_add(1);
    }

    /// Stores fetched credentials. Returns whether they differ from the previous ones.
    pub(super) fn store(&mut self, credentials: Credentials, now: Timestamp) -> bool {
        let changed = self.cached.as_ref().is_none_or(|cached| *cached.credentials != credentials);
        let (due, expires) = match credentials.expires {
            None => (None, None),
            Some(end) if end <= now => (Some(add(now, EXPIRED_RETRY_INTERVAL)), None),
            Some(end) => {
                // A quarter of the remaining lifetime: a source that returns the same credentials
                // again is called more and more often, but not without a pause.
                let margin = (end.duration_since(now) / 4).min(MAX_REFRESH_MARGIN);
                let due = end.saturating_sub(margin).unwrap_or(end);
                (Some(due.max(add(now, MIN_REFRESH_INTERVAL))), Some(end))
            }
        };
        let credentials = Arc::new(credentials);
        self.cached = Some(CachedCredentials {
            credentials,
            fetched_at: now,
            due,
            expires,
            rejection: Rejection::None,
        });
        self.failure = None;
        changed
    }

    /// Stores a failed fetch. Returns the time until the next fetch. `random` is in `0.0..1.0`.
    pub(super) fn store_failure(&mut self, error: Error, now: Timestamp, random: f64) -> Duration {
        let previous = self.failure.as_ref().map_or(0, |failure| failure.consecutive);
        let wait = backoff(previous, random);
        let consecutive = previous.saturating_add(1);
        self.failure = Some(FetchFailure { error, consecutive, retry_at: add(now, wait) });
        wait
    }

    /// Whether no credentials have been fetched yet.
    pub(super) fn is_empty(&self) -> bool {
        self.cached.is_none()
    }

    /// Whether the cached credentials can be used.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.cached.as_ref().is_some_and(|cached| cached.is_usable(now))
    }

    /// When the next fetch is due; `None` while none is scheduled.
    fn next_fetch(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.requested {
            return None;
        }
        let due = match &self.cached {
            None => now,
            Some(cached) if !cached.is_usable(now) => now,
            Some(cached) => cached.due?,
        };
        Some(self.failure.as_ref().map_or(due, |failure| due.max(failure.retry_at)))
    }
}

impl CachedCredentials {
    fn is_usable(&self, now: Timestamp) -> bool {
        self.rejection != Rejection::RefreshNow && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A wait that doubles up to its maximum. A random part of up to a half is subtracted, so that many
/// exporters do not retry at once.
fn backoff(previous: u32, random: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(previous)).min(MAX_BACKOFF);
    doubled.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

fn add(time: Timestamp, wait: impl Into<TimestampArithmetic>) -> Timestamp {
    time.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::secret::Secret;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn credentials(id: &str, expires: Option<i64>) -> Credentials {
        Credentials { expires: expires.map(at), ..Credentials::new(id, Secret::new("secret"), None) }
    }

    fn error() -> Error {
        Error::new("test", "out of order")
    }

    /// A cache whose credentials were requested and fetched at second 0.
    fn cached(credentials: Credentials) -> CacheState {
        let mut state = CacheState::default();
        assert!(matches!(state.lookup(at(0)), CacheLookup::Wait));
        assert_eq!(state.next_step(at(0)), RefreshStep::Fetch);
        assert!(state.store(credentials, at(0)));
        state
    }

    fn valid_id(state: &mut CacheState, second: i64) -> String {
        match state.lookup(at(second)) {
            CacheLookup::Valid(credentials) => credentials.access_key_id.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn seconds(step: RefreshStep) -> u64 {
        match step {
            RefreshStep::Sleep(wait) => wait.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_fetched_before_the_first_request() {
        assert_eq!(CacheState::default().next_step(at(0)), RefreshStep::Idle);
    }

    #[test]
    fn credentials_without_an_expiry_are_fetched_once() {
        let mut state = cached(credentials("a", None));
        assert_eq!(state.next_step(at(1_000_000)), RefreshStep::Idle);
        assert_eq!(valid_id(&mut state, 1_000_000), "a");
    }

    #[test]
    fn a_refresh_is_due_a_quarter_of_the_lifetime_before_the_expiry_and_at_most_15_minutes() {
        assert_eq!(seconds(cached(credentials("a", Some(900))).next_step(at(0))), 675);
        assert_eq!(seconds(cached(credentials("a", Some(6 * 3600))).next_step(at(0))), 6 * 3600 - 900);
        assert_eq!(cached(credentials("a", Some(900))).next_step(at(675)), RefreshStep::Fetch);
    }

    #[test]
    fn a_failed_refresh_keeps_valid_credentials_and_is_retried() {
        let mut state = cached(credentials("a", Some(900)));
        assert_eq!(state.store_failure(error(), at(675), 1.0), Duration::from_secs(1));
        assert_eq!(valid_id(&mut state, 675), "a");
        assert_eq!(seconds(state.next_step(at(675))), 1);
        assert_eq!(state.next_step(at(676)), RefreshStep::Fetch);
        assert!(state.is_usable(at(676)) && !state.is_usable(at(900)));
        assert!(state.store(credentials("b", Some(1800)), at(677)));
        assert_eq!(valid_id(&mut state, 677), "b");
        assert!(state.failure.is_none());
    }

    #[test]
    fn after_the_expiry_the_failure_is_returned_until_the_next_attempt_is_due() {
        let mut state = cached(credentials("a", Some(900)));
        state.store_failure(error(), at(899), 1.0);
        state.store_failure(error(), at(900), 1.0);
        assert!(matches!(state.lookup(at(901)), CacheLookup::Failed(_)));
        assert!(matches!(state.lookup(at(902)), CacheLookup::Wait));
        assert_eq!(state.next_step(at(902)), RefreshStep::Fetch);
    }

    #[test]
    fn failures_back_off_to_a_minute_of_which_half_is_random() {
        let mut state = CacheState::default();
        let longest: Vec<u64> = (0..8).map(|_| state.store_failure(error(), at(0), 1.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(state.store_failure(error(), at(0), 0.0).as_secs(), 30);
    }

    #[test]
    fn many_rejections_of_the_same_credentials_cause_one_refresh() {
        let mut state = cached(credentials("a", Some(3600)));
        let rejected = credentials("a", Some(3600));
        state.invalidate(&rejected, at(100), 0.5);
        assert!(matches!(state.lookup(at(100)), CacheLookup::Wait));
        assert_eq!(state.next_step(at(100)), RefreshStep::Fetch);
        state.invalidate(&rejected, at(100), 0.5);
        assert!(state.store(credentials("b", Some(3700)), at(101)));
        // A late rejection of a request that was signed with the previous credentials.
        state.invalidate(&rejected, at(101), 0.5);
        assert_eq!(valid_id(&mut state, 101), "b");
        assert!(matches!(state.next_step(at(101)), RefreshStep::Sleep(_)));
    }

    #[test]
    fn new_credentials_that_are_rejected_too_are_replaced_more_and_more_slowly() {
        let mut state = cached(credentials("a", Some(3600)));
        state.invalidate(&credentials("a", Some(3600)), at(1), 1.0);
        state.store(credentials("b", Some(3600)), at(1));
        state.invalidate(&credentials("b", Some(3600)), at(1), 1.0);
        assert_eq!(valid_id(&mut state, 1), "b", "the service's own error is the most precise one");
        assert_eq!(seconds(state.next_step(at(1))), 1);
        state.store(credentials("c", Some(3600)), at(2));
        state.invalidate(&credentials("c", Some(3600)), at(2), 1.0);
        assert_eq!(seconds(state.next_step(at(2))), 2);
        state.store(credentials("d", Some(3600)), at(4));
        state.invalidate(&credentials("d", Some(3600)), at(40), 1.0);
        assert_eq!(
            state.next_step(at(40)),
            RefreshStep::Fetch,
            "credentials that were valid for long are replaced at once"
        );
    }

    #[test]
    fn a_rejected_key_that_cannot_be_replaced_stays_in_use() {
        let mut state = cached(credentials("a", None));
        state.invalidate(&credentials("a", None), at(100), 0.5);
        assert_eq!(state.next_step(at(100)), RefreshStep::Fetch);
        assert!(!state.store(credentials("a", None), at(100)), "the key is the same");
        assert_eq!(valid_id(&mut state, 100), "a");
        assert_eq!(state.next_step(at(100)), RefreshStep::Idle);
    }

    #[test]
    fn a_source_that_returns_the_same_credentials_is_called_more_often_but_not_in_a_loop() {
        let mut state = cached(credentials("a", Some(3600)));
        let mut fetches = Vec::new();
        let mut now = 0;
        while now < 3600 {
            now += seconds(state.next_step(at(now))).max(1) as i64;
            fetches.push(now);
            state.store(credentials("a", Some(3600)), at(now));
        }
        assert!(fetches.len() < 16, "{fetches:?}");
        assert_eq!(fetches[0], 2700);
    }

    #[test]
    fn credentials_that_seem_expired_when_fetched_are_tried() {
        let mut state = cached(credentials("a", Some(-10)));
        assert_eq!(valid_id(&mut state, 0), "a");
        assert_eq!(seconds(state.next_step(at(0))), 60);
    }
}
