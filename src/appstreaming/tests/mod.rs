//! The room through its front: bytes in, facts out, with a cloud that is a closure.

mod groups;
mod instances;
mod listings;
mod records;
mod requests;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use crate::aliyun::{Call, Error, Request};

/// Answers with what the closure says, and remembers what it was asked.
pub(super) struct Cloud<F> {
    answer: F,
    asked: Mutex<Vec<Request>>,
    /// Seed of how long each answer takes; 0 is at once.
    disorder: u64,
    calls: AtomicU64,
}

impl<F: Fn(&Request) -> Vec<u8> + Send + Sync> Cloud<F> {
    pub(super) fn new(answer: F) -> Self {
        Cloud { answer, asked: Mutex::default(), disorder: 0, calls: AtomicU64::new(0) }
    }

    /// Answers come in an order that `seed` decides.
    pub(super) fn disordered(answer: F, seed: u64) -> Self {
        Cloud { disorder: seed, ..Cloud::new(answer) }
    }

    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl<F: Fn(&Request) -> Vec<u8> + Send + Sync> Call for &Cloud<F> {
    async fn call<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        self.asked.lock().unwrap().push(request.clone());
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let waits = self.disorder.wrapping_mul(call.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1) >> 60;
        Yield(waits).await;
        read(&(self.answer)(request))
    }
}

/// Ready after being polled so many times.
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

/// Runs a future that waits for nothing outside. It has to be `Send`: the poller spawns such futures.
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

/// A count by field, for comparing issues.
pub(super) fn counts(found: &std::collections::BTreeMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
    found.iter().map(|(field, count)| (*field, *count)).collect()
}
