//! The lower bound of the cost of an exporter.
//!
//! It polls the same API and serves the same series as the peers, without anything that a real
//! exporter needs: no signature, TLS, retry, error handling or asynchronous runtime. It uses one
//! blocking connection, the fastest JSON parser into borrowed fields, text that is written without
//! formatting, and gzip once per poll at the fastest level. It panics on any error.
//!
//!     floor --endpoint HOST:PORT --port PORT --interval SECONDS [--detailed]

mod connection;
mod pages;
mod poll;
mod scrape;
mod text;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::poll::Fleet;
use crate::scrape::Shared;
use crate::text::Snapshot;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let position = arguments.iter().position(|argument| argument == name)?;
        arguments.get(position + 1).cloned()
    };
    let endpoint = value("--endpoint").expect("--endpoint HOST:PORT is required");
    let port = value("--port").and_then(|port| port.parse().ok()).expect("--port PORT is required");
    let interval = value("--interval").and_then(|seconds| seconds.parse().ok()).unwrap_or(60.0);
    let is_detailed = arguments.iter().any(|argument| argument == "--detailed");
    let shared: Shared = Arc::new(Mutex::new(Arc::new(Snapshot::empty())));
    let newest = shared.clone();
    std::thread::spawn(move || poll_forever(&endpoint, interval, is_detailed, &newest));
    scrape::serve(port, &shared);
}

fn poll_forever(endpoint: &str, interval: f64, is_detailed: bool, newest: &Shared) {
    let mut connection = Connection::new(endpoint);
    let mut size = 0;
    for polls in 1.. {
        let started = Instant::now();
        let fleet = Fleet::poll(&mut connection, is_detailed);
        let snapshot = Snapshot::render(fleet, polls, started.elapsed(), size);
        size = snapshot.body.len();
        *newest.lock().expect("no thread panics while it holds the lock") = Arc::new(snapshot);
        std::thread::sleep(Duration::from_secs_f64(interval).saturating_sub(started.elapsed()));
    }
}
