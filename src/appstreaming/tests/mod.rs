//! The public interface, tested with a scripted cloud.

mod groups;
mod instances;
mod listings;
mod records;
mod requests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use crate::aliyun::{Call, Error, Request};

/// Responds with the result of a closure, and records the requests.
pub(super) struct Cloud<F> {
    respond: F,
    requests: Mutex<Vec<Request>>,
    /// Seed of the delays of responses; with 0 there are none.
    disorder: u64,
    calls: AtomicU64,
}

impl<F: Fn(&Request) -> Vec<u8> + Send + Sync> Cloud<F> {
    pub(super) fn new(respond: F) -> Self {
        Cloud { respond, requests: Mutex::default(), disorder: 0, calls: AtomicU64::new(0) }
    }

    /// Responses arrive in an order derived from `seed`.
    pub(super) fn disordered(respond: F, seed: u64) -> Self {
        Cloud { disorder: seed, ..Cloud::new(respond) }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl<F: Fn(&Request) -> Vec<u8> + Send + Sync> Call for &Cloud<F> {
    async fn call<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        self.requests.lock().unwrap().push(request.clone());
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let waits = self.disorder.wrapping_mul(call.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1) >> 60;
        Yield(waits).await;
        read(&(self.respond)(request))
    }
}

/// Ready after this number of polls.
struct Yield(u64);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Runs a future that needs no I/O. The future must be `Send`, because the poller spawns such
/// futures.
pub(super) fn run<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn parameter<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

pub(super) fn page_number(request: &Request) -> usize {
    parameter(request, "PageNumber").unwrap().parse().unwrap()
}

pub(super) fn page_size(request: &Request) -> usize {
    parameter(request, "PageSize").unwrap().parse().unwrap()
}

pub(super) fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The counts by field, in a form that is easy to compare.
pub(super) fn counts(found: &std::collections::BTreeMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
    found.iter().map(|(field, count)| (*field, *count)).collect()
}
