//! Decides what a replica of a pair does: one is the primary, and polls whenever it runs; the other
//! is the standby, and polls while the primary gives no answer.
//!
//! No fencing is needed: two active replicas cost requests, never truth. What is not here: asking
//! the other replica (`mirror`), and starting and ending polls (`app`).

use std::time::Duration;

use tokio::time::Instant;

use super::options::PairRole;

use crate::telemetry::status::ReplicaRole;

/// How long a primary that starts waits for the first answer of the standby.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long a primary that starts waits until a standby that polls hands over.
const HAND_OVER_LIMIT: Duration = Duration::from_secs(5);
/// Pause after an attempt without an answer.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Pause between two questions of a standby that polls whether the primary is back.
const ACTIVE_PAUSE: Duration = Duration::from_secs(1);
/// The longest time that one question waits for another state.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What a replica of a pair does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It polls.
    Active,
    /// It serves the primary's state.
    Standby,
    /// It is the primary, and fetches the state of the standby before its first poll.
    Returning,
}

/// What the other replica answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEvent {
    /// It answered, with its role.
    Answered(ReplicaRole),
    /// It is running, but does not share its state.
    Present,
    /// It gave no answer.
    Silent,
}

/// How the other replica is asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextAsk {
    /// When to ask.
    pub at: Instant,
    /// How long the other replica may wait for another state.
    pub wait: Duration,
    /// How long to wait for its answer.
    pub limit: Duration,
}

/// The decisions of one replica of a pair.
#[derive(Debug, Clone)]
pub struct Pair {
    role: PairRole,
    duty: Duty,
    takeover_after: Duration,
    /// When the replica started.
    started: Instant,
    /// When the other one last answered; the start before its first answer.
    last_answer: Instant,
    next: Instant,
}

impl Pair {
    /// A replica that starts at `now`.
    pub fn new(role: PairRole, takeover_after: Duration, now: Instant) -> Self {
        let duty = match role {
            PairRole::Primary => Duty::Returning,
            PairRole::Standby => Duty::Standby,
        };
        Self { role, duty, takeover_after, started: now, last_answer: now, next: now }
    }

    /// What the replica does now.
    pub fn duty(&self) -> Duty {
        self.duty
    }

    /// How the other replica is asked next; `None` if it is never asked again.
    pub fn next_ask(&self, now: Instant) -> Option<NextAsk> {
        let (wait, limit) = match (self.role, self.duty) {
            (PairRole::Primary, Duty::Returning) => {
                let wait = remaining(self.started + HAND_OVER_LIMIT, now);
                (wait, remaining(self.started + ANSWER_LIMIT, now).max(wait))
            }
            (PairRole::Primary, _) => return None,
            (PairRole::Standby, Duty::Active) => (Duration::ZERO, ACTIVE_PAUSE * 2),
            (PairRole::Standby, _) => {
                let limit = remaining(self.last_answer + self.takeover_after, now);
                ((self.takeover_after / 3).min(MAX_WAIT), limit)
            }
        };
        Some(NextAsk { at: self.next.max(now), wait, limit })
    }

    /// Decides after the other replica was asked.
    pub fn observe(&mut self, event: PeerEvent, now: Instant) -> Duty {
        if event != PeerEvent::Silent {
            self.last_answer = now;
        }
        self.duty = match self.role {
            PairRole::Primary => self.primary(event, now),
            PairRole::Standby => self.standby(event, now),
        };
        self.next = match event {
            _ if self.duty == Duty::Active => now + ACTIVE_PAUSE,
            PeerEvent::Answered(ReplicaRole::Active) => now,
            // The state of a primary that does not poll yet is not used, and an answer to the
            // next question would arrive at once.
            PeerEvent::Answered(_) | PeerEvent::Present | PeerEvent::Silent => now + RETRY_PAUSE,
        };
        self.duty
    }

    fn primary(&self, event: PeerEvent, now: Instant) -> Duty {
        let is_over = |limit| now.duration_since(self.started) >= limit;
        match event {
            _ if self.duty == Duty::Active => Duty::Active,
            // The standby polls until it has seen that the primary is back.
            PeerEvent::Answered(ReplicaRole::Active) if !is_over(HAND_OVER_LIMIT) => Duty::Returning,
            PeerEvent::Silent if !is_over(ANSWER_LIMIT) => Duty::Returning,
            _ => Duty::Active,
        }
    }

    fn standby(&self, event: PeerEvent, now: Instant) -> Duty {
        match event {
            PeerEvent::Answered(ReplicaRole::Leaving) => Duty::Active,
            PeerEvent::Answered(_) | PeerEvent::Present => Duty::Standby,
            PeerEvent::Silent if now.duration_since(self.last_answer) >= self.takeover_after => Duty::Active,
            PeerEvent::Silent => self.duty,
        }
    }
}

fn remaining(until: Instant, now: Instant) -> Duration {
    until.saturating_duration_since(now).max(Duration::from_millis(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TAKEOVER_AFTER: Duration = Duration::from_secs(15);

    fn pair(role: PairRole) -> (Pair, Instant) {
        let start = Instant::now();
        (Pair::new(role, TAKEOVER_AFTER, start), start)
    }

    #[test]
    fn a_standby_takes_over_when_the_primary_has_not_answered_for_the_configured_time() {
        let (mut pair, start) = pair(PairRole::Standby);
        let answered = start + SECOND * 60;
        assert_eq!(pair.observe(PeerEvent::Answered(ReplicaRole::Active), answered), Duty::Standby);
        assert_eq!(pair.observe(PeerEvent::Silent, answered + SECOND * 14), Duty::Standby);
        assert_eq!(pair.observe(PeerEvent::Silent, answered + TAKEOVER_AFTER), Duty::Active);
    }

    #[test]
    fn a_standby_without_a_primary_takes_over_after_its_start() {
        let (mut pair, start) = pair(PairRole::Standby);
        assert_eq!(pair.observe(PeerEvent::Silent, start + SECOND), Duty::Standby);
        assert_eq!(pair.observe(PeerEvent::Silent, start + TAKEOVER_AFTER), Duty::Active);
    }

    #[test]
    fn a_standby_takes_over_at_once_from_a_primary_that_leaves() {
        let (mut pair, start) = pair(PairRole::Standby);
        pair.observe(PeerEvent::Answered(ReplicaRole::Active), start);
        assert_eq!(pair.observe(PeerEvent::Answered(ReplicaRole::Leaving), start), Duty::Active);
        assert_eq!(pair.observe(PeerEvent::Silent, start + SECOND), Duty::Active);
    }

    #[test]
    fn a_standby_hands_back_to_a_primary_that_returns() {
        for event in [
            PeerEvent::Answered(ReplicaRole::Standby),
            PeerEvent::Answered(ReplicaRole::Active),
            PeerEvent::Present,
        ] {
            let (mut pair, start) = pair(PairRole::Standby);
            pair.observe(PeerEvent::Silent, start + TAKEOVER_AFTER);
            assert_eq!(pair.observe(event, start + SECOND * 20), Duty::Standby, "{event:?}");
        }
    }

    #[test]
    fn a_standby_whose_token_is_refused_never_takes_over() {
        let (mut pair, start) = pair(PairRole::Standby);
        for second in 0..100 {
            assert_eq!(pair.observe(PeerEvent::Present, start + SECOND * second), Duty::Standby);
        }
    }

    #[test]
    fn a_primary_waits_at_most_2_seconds_for_an_answer() {
        let (mut pair, start) = pair(PairRole::Primary);
        assert_eq!(pair.observe(PeerEvent::Silent, start + SECOND), Duty::Returning);
        assert_eq!(pair.observe(PeerEvent::Silent, start + SECOND * 2), Duty::Active);
        assert_eq!(pair.next_ask(start + SECOND * 3), None);
    }

    #[test]
    fn a_primary_returns_once_the_standby_has_ended_its_polls() {
        let (mut pair, start) = pair(PairRole::Primary);
        assert_eq!(pair.observe(PeerEvent::Answered(ReplicaRole::Active), start + SECOND), Duty::Returning);
        assert_eq!(pair.observe(PeerEvent::Answered(ReplicaRole::Standby), start + SECOND * 2), Duty::Active);
    }

    #[test]
    fn a_primary_returns_after_5_seconds_even_if_the_standby_cannot_see_it() {
        let (mut pair, start) = pair(PairRole::Primary);
        let still_active = PeerEvent::Answered(ReplicaRole::Active);
        assert_eq!(pair.observe(still_active, start + SECOND * 4), Duty::Returning);
        assert_eq!(pair.observe(still_active, start + SECOND * 5), Duty::Active);
    }

    #[test]
    fn a_question_never_outlasts_the_time_after_which_the_standby_takes_over() {
        let (mut pair, start) = pair(PairRole::Standby);
        pair.observe(PeerEvent::Answered(ReplicaRole::Active), start);
        for second in 0..15 {
            let now = start + SECOND * second;
            let ask = pair.next_ask(now).expect("a standby always asks");
            assert!(ask.wait <= TAKEOVER_AFTER / 3);
            assert!(now + ask.limit <= start + TAKEOVER_AFTER, "{ask:?}");
        }
    }
}
