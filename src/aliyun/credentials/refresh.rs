//! When credentials are fetched, and what is handed out meanwhile: decisions only.
//!
//! Now and chance are parameters. Fetching, waiting and sleeping are in `refreshing`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, TimestampArithmetic};

use super::{Credentials, Error};

/// The longest time before the end at which a refresh begins.
const EARLIEST: SignedDuration = SignedDuration::from_mins(15);
/// The shortest time between two refreshes that nobody asked for.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// How soon credentials that came with an end in the past are asked for again: some clock is wrong, or the
/// source hands out old ones. Until then the service decides whether they are good.
const OVERDUE_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// Credentials that were accepted for so long were good: their refusal is the first one again.
const PROVEN: SignedDuration = SignedDuration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// The state of one source of credentials.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    wanted: bool,
    held: Option<Held>,
    failure: Option<Failure>,
    /// Refusals in a row of credentials that were never accepted for long.
    refusals: u32,
}

#[derive(Debug)]
struct Held {
    credentials: Arc<Credentials>,
    since: Timestamp,
    /// When they are to be fetched again; `None`: never by themselves.
    due: Option<Timestamp>,
    /// When they end, if that was still to come when they were fetched.
    ends: Option<Timestamp>,
    refused: Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    No,
    /// Others are needed before anything else is signed.
    Now,
    /// Others are going to be fetched in a while: the last ones didn't help either.
    Later,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    in_a_row: u32,
    retry_at: Timestamp,
}

/// What someone who needs credentials gets.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// These.
    Ready(Arc<Credentials>),
    /// None, and why; it will be tried again, but not yet.
    Failed(Error),
    /// Nothing before the next fetch has ended.
    Wait,
}

/// What the one who fetches does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Fetch now.
    Fetch,
    /// Look again after so long, or when something changes.
    Sleep(Duration),
    /// Look again when something changes.
    Idle,
}

impl Refresh {
    /// Somebody needs credentials.
    pub(super) fn ask(&mut self, now: Timestamp) -> Answer {
        self.wanted = true;
        if let Some(held) = self.held.as_ref().filter(|held| held.is_usable(now)) {
            return Answer::Ready(Arc::clone(&held.credentials));
        }
        match &self.failure {
            Some(failure) if failure.retry_at > now => Answer::Failed(failure.error.clone()),
            _ => Answer::Wait,
        }
    }

    /// What to do at `now`.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let Some(begin) = self.begin(now) else { return Next::Idle };
        let wait = begin.duration_since(now);
        if wait.is_positive() { Next::Sleep(wait.unsigned_abs()) } else { Next::Fetch }
    }

    /// The service refused these. Told by everybody who meets it: only the first word about the credentials that
    /// are held counts. `random` is in `0.0..1.0`.
    pub(super) fn refused(&mut self, credentials: &Credentials, now: Timestamp, random: f64) {
        let Some(held) = &mut self.held else { return };
        if held.refused != Refused::No || *held.credentials != *credentials {
            return;
        }
        let life = held.ends.map_or(SignedDuration::MAX, |ends| ends.duration_since(held.since));
        if now.duration_since(held.since) >= PROVEN.min(life / 4) {
            self.refusals = 0;
        }
        // Fresh ones that are refused as well (a wrong site, a locked account) must not become a storm on STS.
        if self.refusals == 0 {
            held.refused = Refused::Now;
        } else {
            held.refused = Refused::Later;
            let again = later(now, backoff(self.refusals - 1, random));
            held.due = Some(held.due.map_or(again, |due| due.min(again)));
        }
        self.refusals = self.refusals.saturating_add(1);
    }

    /// A fetch brought these. Whether they are others than those before.
    pub(super) fn succeeded(&mut self, credentials: Credentials, now: Timestamp) -> bool {
        let changed = self.held.as_ref().is_none_or(|held| *held.credentials != credentials);
        let (due, ends) = match credentials.expires {
            None => (None, None),
            Some(end) if end <= now => (Some(later(now, OVERDUE_PAUSE)), None),
            Some(end) => {
                // A source may hand out the same ones again: then a quarter of what is left counts, so that it is
                // asked ever more often, but never in a loop.
                let margin = (end.duration_since(now) / 4).min(EARLIEST);
                let due = end.saturating_sub(margin).unwrap_or(end);
                (Some(due.max(later(now, SHORTEST_PAUSE))), Some(end))
            }
        };
        self.held =
            Some(Held { credentials: Arc::new(credentials), since: now, due, ends, refused: Refused::No });
        self.failure = None;
        changed
    }

    /// A fetch failed. How long the next one waits; `random` is in `0.0..1.0`.
    pub(super) fn failed(&mut self, error: Error, now: Timestamp, random: f64) -> Duration {
        let before = self.failure.as_ref().map_or(0, |failure| failure.in_a_row);
        let wait = backoff(before, random);
        self.failure =
            Some(Failure { error, in_a_row: before.saturating_add(1), retry_at: later(now, wait) });
        wait
    }

    /// The credentials that are held, good or not.
    pub(super) fn held(&self) -> Option<&Arc<Credentials>> {
        self.held.as_ref().map(|held| &held.credentials)
    }

    /// Why the last fetch failed, if it did.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref().map(|failure| &failure.error)
    }

    /// Whether what is held can be used.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_usable(now))
    }

    /// When the next fetch is to begin; `None` while none is needed.
    fn begin(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.wanted {
            return None;
        }
        let due = match &self.held {
            None => now,
            Some(held) if !held.is_usable(now) => now,
            Some(held) => held.due?,
        };
        Some(self.failure.as_ref().map_or(due, |failure| due.max(failure.retry_at)))
    }
}

impl Held {
    fn is_usable(&self, now: Timestamp) -> bool {
        self.refused != Refused::Now && self.ends.is_none_or(|ends| now < ends)
    }
}

/// Doubles up to its end; a random half is taken away so that many exporters don't come back as one.
fn backoff(before: u32, random: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(before)).min(LONGEST_BACKOFF);
    doubled.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

fn later(now: Timestamp, wait: impl Into<TimestampArithmetic>) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::super::Secret;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn keys(id: &str, ends: Option<i64>) -> Credentials {
        Credentials { expires: ends.map(at), ..Credentials::new(id, Secret::new("secret"), None) }
    }

    fn error() -> Error {
        Error::new("test", "out of order")
    }

    /// Asked for and fetched at second 0.
    fn holding(credentials: Credentials) -> Refresh {
        let mut refresh = Refresh::default();
        assert!(matches!(refresh.ask(at(0)), Answer::Wait));
        assert_eq!(refresh.next(at(0)), Next::Fetch);
        assert!(refresh.succeeded(credentials, at(0)));
        refresh
    }

    fn ready(refresh: &mut Refresh, second: i64) -> String {
        match refresh.ask(at(second)) {
            Answer::Ready(credentials) => credentials.access_key_id.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn seconds(next: Next) -> u64 {
        match next {
            Next::Sleep(wait) => wait.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_fetched_before_somebody_asks() {
        assert_eq!(Refresh::default().next(at(0)), Next::Idle);
    }

    #[test]
    fn credentials_without_an_end_are_fetched_once() {
        let mut refresh = holding(keys("a", None));
        assert_eq!(refresh.next(at(1_000_000)), Next::Idle);
        assert_eq!(ready(&mut refresh, 1_000_000), "a");
    }

    #[test]
    fn a_refresh_begins_a_quarter_of_the_life_before_the_end_and_at_most_a_quarter_of_an_hour() {
        assert_eq!(seconds(holding(keys("a", Some(900))).next(at(0))), 675);
        assert_eq!(seconds(holding(keys("a", Some(6 * 3600))).next(at(0))), 6 * 3600 - 900);
        assert_eq!(holding(keys("a", Some(900))).next(at(675)), Next::Fetch);
    }

    #[test]
    fn a_failed_refresh_keeps_what_is_still_good_and_is_tried_again() {
        let mut refresh = holding(keys("a", Some(900)));
        assert_eq!(refresh.failed(error(), at(675), 1.0), Duration::from_secs(1));
        assert_eq!(ready(&mut refresh, 675), "a");
        assert_eq!(seconds(refresh.next(at(675))), 1);
        assert_eq!(refresh.next(at(676)), Next::Fetch);
        assert!(refresh.is_usable(at(676)) && !refresh.is_usable(at(900)));
        assert!(refresh.succeeded(keys("b", Some(1800)), at(677)));
        assert_eq!(ready(&mut refresh, 677), "b");
        assert!(refresh.failure().is_none());
    }

    #[test]
    fn at_the_end_the_failure_is_told_and_the_next_attempt_is_waited_for() {
        let mut refresh = holding(keys("a", Some(900)));
        refresh.failed(error(), at(899), 1.0);
        refresh.failed(error(), at(900), 1.0);
        assert!(matches!(refresh.ask(at(901)), Answer::Failed(_)));
        assert!(matches!(refresh.ask(at(902)), Answer::Wait));
        assert_eq!(refresh.next(at(902)), Next::Fetch);
    }

    #[test]
    fn failures_back_off_to_a_minute_with_half_of_it_left_to_chance() {
        let mut refresh = Refresh::default();
        let longest: Vec<u64> = (0..8).map(|_| refresh.failed(error(), at(0), 1.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(refresh.failed(error(), at(0), 0.0).as_secs(), 30);
    }

    #[test]
    fn many_refusals_of_one_credential_cause_one_refresh() {
        let mut refresh = holding(keys("a", Some(3600)));
        let refused = keys("a", Some(3600));
        refresh.refused(&refused, at(100), 0.5);
        assert!(matches!(refresh.ask(at(100)), Answer::Wait));
        assert_eq!(refresh.next(at(100)), Next::Fetch);
        refresh.refused(&refused, at(100), 0.5);
        assert!(refresh.succeeded(keys("b", Some(3700)), at(101)));
        // Requests that were signed before come back late.
        refresh.refused(&refused, at(101), 0.5);
        assert_eq!(ready(&mut refresh, 101), "b");
        assert!(matches!(refresh.next(at(101)), Next::Sleep(_)));
    }

    #[test]
    fn fresh_credentials_that_are_refused_too_are_replaced_ever_more_slowly() {
        let mut refresh = holding(keys("a", Some(3600)));
        refresh.refused(&keys("a", Some(3600)), at(1), 1.0);
        refresh.succeeded(keys("b", Some(3600)), at(1));
        refresh.refused(&keys("b", Some(3600)), at(1), 1.0);
        assert_eq!(ready(&mut refresh, 1), "b", "the service's own answer says more than we could");
        assert_eq!(seconds(refresh.next(at(1))), 1);
        refresh.succeeded(keys("c", Some(3600)), at(2));
        refresh.refused(&keys("c", Some(3600)), at(2), 1.0);
        assert_eq!(seconds(refresh.next(at(2))), 2);
        refresh.succeeded(keys("d", Some(3600)), at(4));
        refresh.refused(&keys("d", Some(3600)), at(40), 1.0);
        assert_eq!(refresh.next(at(40)), Next::Fetch, "what was good for long is replaced at once");
    }

    #[test]
    fn a_refused_key_that_cannot_be_replaced_is_used_on() {
        let mut refresh = holding(keys("a", None));
        refresh.refused(&keys("a", None), at(100), 0.5);
        assert_eq!(refresh.next(at(100)), Next::Fetch);
        assert!(!refresh.succeeded(keys("a", None), at(100)), "it is no other");
        assert_eq!(ready(&mut refresh, 100), "a");
        assert_eq!(refresh.next(at(100)), Next::Idle);
    }

    #[test]
    fn a_source_that_repeats_itself_is_asked_more_often_but_not_in_a_loop() {
        let mut refresh = holding(keys("a", Some(3600)));
        let mut asked = Vec::new();
        let mut now = 0;
        while now < 3600 {
            now += seconds(refresh.next(at(now))).max(1) as i64;
            asked.push(now);
            refresh.succeeded(keys("a", Some(3600)), at(now));
        }
        assert!(asked.len() < 16, "{asked:?}");
        assert_eq!(asked[0], 2700);
    }

    #[test]
    fn an_end_in_the_past_is_some_clocks_fault_and_the_credentials_are_tried() {
        let mut refresh = holding(keys("a", Some(-10)));
        assert_eq!(ready(&mut refresh, 0), "a");
        assert_eq!(seconds(refresh.next(at(0))), 60);
    }
}
