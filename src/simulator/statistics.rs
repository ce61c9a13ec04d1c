//! Counts of requests and responses, for `GET /_stats`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts since the start or since `reset_stats`. The field names are the keys of the JSON.
#[derive(Debug, Default, Serialize)]
pub(super) struct CallStatistics {
    /// Requests by operation or service; `unknown` for those rejected before the operation was
    /// known.
    requests: BTreeMap<&'static str, u64>,
    /// Replies by `OK`, error code, HTTP status or fault.
    answers: BTreeMap<String, u64>,
    /// Requests of the API or of STS that are running now.
    in_flight: u64,
    /// The most requests of the API or of STS that ran at once.
    in_flight_max: u64,
    /// Open connections.
    connections: u64,
    /// Accepted connections.
    connections_total: u64,
    /// Bytes of response bodies, as announced: a truncated body counts as a whole one.
    bytes_sent: u64,
}

impl CallStatistics {
    /// Counts a request as running.
    pub(super) fn begin_request(&mut self) {
        self.in_flight += 1;
        self.in_flight_max = self.in_flight_max.max(self.in_flight);
    }

    /// Counts a request as finished or aborted.
    pub(super) fn end_request(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Counts a reply of an operation or service. `reply` is its name in the statistics, `bytes`
    /// the length of its body.
    pub(super) fn record_reply(&mut self, operation: &'static str, reply: &str, bytes: u64) {
        *self.requests.entry(operation).or_default() += 1;
        match self.answers.get_mut(reply) {
            Some(count) => *count += 1,
            None => {
                self.answers.insert(reply.to_owned(), 1);
            }
        }
        self.bytes_sent += bytes;
    }

    /// Counts an accepted connection.
    pub(super) fn open_connection(&mut self) {
        self.connections += 1;
        self.connections_total += 1;
    }

    /// Counts a connection as closed.
    pub(super) fn close_connection(&mut self) {
        self.connections = self.connections.saturating_sub(1);
    }

    /// Resets all counts. Running requests and open connections stay counted.
    pub(super) fn reset(&mut self) {
        *self = Self {
            in_flight: self.in_flight,
            in_flight_max: self.in_flight,
            connections: self.connections,
            ..Self::default()
        };
    }
}
