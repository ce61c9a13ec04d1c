//! The order in which waiting requests are admitted, and what was sent for a listing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;

/// The order in which a client admits waiting requests: lower first, and requests of equal order as
/// they arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Before all others.
    #[default]
    First,
    /// By age: what was never done before what was done longest ago, and what began earlier before
    /// what began later.
    ByAge(Option<Timestamp>, u64),
}

/// The common order of several requests, such as those of one listing, and whether any of them was
/// sent. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    order: Order,
    has_begun: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Turn {
    /// A turn before all others. Every request is added to `sent`.
    pub fn first(sent: &Arc<AtomicU64>) -> Self {
        Self { sent: Arc::clone(sent), ..Self::default() }
    }

    /// The turn of work that was last done at `last`. Every request is added to `sent`.
    pub fn by_age(last: Option<Timestamp>, sent: &Arc<AtomicU64>) -> Self {
        // Numbers are unique in the whole process, because targets share the client of an account.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let order = Order::ByAge(last, NEXT.fetch_add(1, Ordering::Relaxed));
        Self { order, ..Self::first(sent) }
    }

    /// The place of its requests among those that wait.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether any of its requests was sent.
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Records that a request is sent. Called for every attempt.
    pub fn record_attempt(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Turns are equal if their order is: what was sent is not part of a request's value.
impl PartialEq for Turn {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Turn {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_longest_ago_comes_first_and_what_began_keeps_its_place() {
        let sent = Arc::default();
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let turns = [
            Turn::first(&sent),
            Turn::by_age(None, &sent),
            Turn::by_age(None, &sent),
            Turn::by_age(at(10), &sent),
            Turn::by_age(at(20), &sent),
            Turn::by_age(at(20), &sent),
        ];
        assert!(turns.is_sorted_by_key(|turn| turn.order()), "{turns:?}");
        turns[1].record_attempt();
        turns[1].clone().record_attempt();
        let begun: Vec<bool> = turns.iter().map(Turn::has_begun).collect();
        assert_eq!((begun, sent.load(Ordering::Relaxed)), (vec![false, true, false, false, false, false], 2));
    }
}
