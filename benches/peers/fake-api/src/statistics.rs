//! What the server counts, for the measuring script.

use std::fmt::Write as _;
use std::time::Instant;

/// The names of the operations.
pub const OPERATIONS: [&str; 3] = ["ListAppInstanceGroup", "ListAppInstances", "ListPersistentAppInstances"];

/// How many polls `/_stats` shows.
const SHOWN: usize = 32;

/// The requests of one poll, which begins with the first page of the delivery groups.
struct Poll {
    started_us: u64,
    ended_us: u64,
}

/// What the server has counted since its start.
pub struct Statistics {
    started: Instant,
    requests: [u64; OPERATIONS.len()],
    in_flight: u64,
    errors: u64,
    bytes: u64,
    polls: Vec<Poll>,
}

impl Statistics {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: [0; OPERATIONS.len()],
            in_flight: 0,
            errors: 0,
            bytes: 0,
            polls: Vec::new(),
        }
    }

    /// Microseconds since the start.
    pub fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    pub fn arrive(&mut self) {
        self.in_flight += 1;
    }

    pub fn begin_poll(&mut self, arrived_us: u64) {
        self.polls.push(Poll { started_us: arrived_us, ended_us: arrived_us });
    }

    /// Counts a response: `operation` is an index of [`OPERATIONS`], or none if it is an error.
    pub fn respond(&mut self, operation: Option<usize>, bytes: u64) {
        self.in_flight -= 1;
        self.bytes += bytes;
        match operation {
            Some(operation) => self.requests[operation] += 1,
            None => self.errors += 1,
        }
        let now = self.now_us();
        if let Some(poll) = self.polls.last_mut() {
            poll.ended_us = now;
        }
    }

    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"requests\":{");
        for (index, (name, count)) in OPERATIONS.iter().zip(self.requests).enumerate() {
            let _ = write!(out, "{}\"{name}\":{count}", if index > 0 { "," } else { "" });
        }
        let Self { in_flight, errors, bytes, .. } = self;
        let _ = write!(out, "}},\"in_flight\":{in_flight},\"errors\":{errors},\"bytes\":{bytes},\"polls\":[");
        for (index, poll) in self.polls.iter().rev().take(SHOWN).rev().enumerate() {
            let Poll { started_us, ended_us } = poll;
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{{\"started_us\":{started_us},\"ended_us\":{ended_us}}}");
        }
        out.push_str("]}\n");
        out
    }
}
