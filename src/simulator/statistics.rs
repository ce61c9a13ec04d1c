//! What was asked and answered, for `GET /_stats`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts since the start or since `reset_stats`.
#[derive(Debug, Default, Serialize)]
pub(super) struct CallStatistics {
    /// Requests by operation; `unknown` for those that named none of ours or were refused before.
    pub(super) requests: BTreeMap<&'static str, u64>,
    /// Answers by `OK`, error code, or fault without an answer.
    pub(super) answers: BTreeMap<String, u64>,
    /// Requests being answered now.
    pub(super) in_flight: u64,
    /// The most requests that were being answered at once.
    pub(super) in_flight_max: u64,
    /// Connections open now.
    pub(super) connections: u64,
    /// Connections accepted.
    pub(super) connections_total: u64,
    /// Bytes of the answers' bodies.
    pub(super) bytes_sent: u64,
}

impl CallStatistics {
    /// A request came in.
    pub(super) fn began(&mut self) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    /// Its answer is ready, or it was given up.
    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What a request was for, and what it got.
    pub(super) fn answered(&mut self, operation: &'static str, outcome: &str, bytes: u64) {
        *self.requests.entry(operation).or_default() += 1;
        match self.answers.get_mut(outcome) {
            Some(count) => *count += 1,
            None => {
                self.answers.insert(outcome.to_owned(), 1);
            }
        }
        self.bytes_sent += bytes;
    }

    /// A connection was accepted.
    pub(super) fn connected(&mut self) {
        self.connections += 1;
        self.connections_total += 1;
    }

    /// A connection was closed.
    pub(super) fn disconnected(&mut self) {
        self.connections = self.connections.saturating_sub(1);
    }

    /// Forgets what was counted; what is open now stays.
    pub(super) fn reset(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            in_flight_max: self.in_flight,
            connections: self.connections,
            ..Self::default()
        };
    }
}
