//! Time limits of an HTTP/2 connection, which has many requests at the same time.
//!
//! `timeout_io` limits the pending writes of a connection. With HTTP/2's flow control, a client can
//! open a stream and read nothing from it while no write is pending. [`H2Streams`] therefore counts
//! the requests and the responses of the connection, and watches the bytes that the connection has
//! written while a response is being sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::options::ConnectionLimits;
use super::progress::ConnectionProgress;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct H2Streams {
    /// Requests since the start of the connection.
    requests: AtomicU64,
    /// Requests that the handler is working on, which may take any time.
    handling: AtomicUsize,
    /// Responses that hyper has not taken completely.
    sending: AtomicUsize,
    /// How many times `sending` has become 0.
    all_sent: AtomicU64,
    first_request: Notify,
    close_requested: Notify,
}

/// Counts a request as being handled until it is dropped.
pub(super) struct HandlingGuard(Arc<H2Streams>);

/// Counts a response as being sent until it is dropped.
pub(super) struct SendingGuard(Arc<H2Streams>);

/// Counters that change while a connection makes progress.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counters {
    requests: u64,
    all_sent: u64,
}

impl H2Streams {
    /// Counts a new request.
    pub(super) fn begin(self: &Arc<Self>) -> HandlingGuard {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.handling.fetch_add(1, Ordering::Relaxed);
        self.first_request.notify_one();
        HandlingGuard(Arc::clone(self))
    }

    /// Returns once the connection must be closed gracefully: no request is accepted any more, and
    /// running ones finish.
    pub(super) async fn close_requested(&self) {
        self.close_requested.notified().await;
    }

    /// Returns the reason once the connection exceeds a limit and must be dropped. Requests a
    /// graceful close of an idle connection before that. Never returns before the first HTTP/2
    /// request; until then, and for HTTP/1, `timeout_io` enforces the limits.
    pub(super) async fn limit_exceeded(
        &self,
        progress: &ConnectionProgress,
        limits: &ConnectionLimits,
    ) -> &'static str {
        self.first_request.notified().await;
        let (mut counters_before, mut bytes_before) = (self.counters(), progress.bytes_written());
        let (mut last_active, mut is_closing) = (Instant::now(), false);
        loop {
            let idle_limit = if is_closing { limits.header_timeout } else { limits.idle_timeout };
            let idle_remaining = (last_active + idle_limit).saturating_duration_since(Instant::now());
            let was_sending = self.is_sending();
            sleep(limits.write_timeout.min(idle_remaining)).await;

            let (counters, bytes) = (self.counters(), progress.bytes_written());
            let never_finished =
                was_sending && self.is_sending() && counters.all_sent == counters_before.all_sent;
            let is_whole_period = idle_remaining >= limits.write_timeout;
            if never_finished && is_whole_period && bytes - bytes_before < limits.min_write_bytes as u64 {
                return "the client reads too slowly";
            }
            if counters != counters_before || self.is_active() {
                last_active = Instant::now();
            } else if last_active.elapsed() >= idle_limit {
                if is_closing {
                    return "the client is idle for too long";
                }
                // The graceful close comes first: a request that is already on its way gets a
                // response.
                self.close_requested.notify_one();
                (last_active, is_closing) = (Instant::now(), true);
            }
            (counters_before, bytes_before) = (counters, bytes);
        }
    }

    fn counters(&self) -> Counters {
        Counters {
            requests: self.requests.load(Ordering::Relaxed),
            all_sent: self.all_sent.load(Ordering::Relaxed),
        }
    }

    fn is_active(&self) -> bool {
        self.handling.load(Ordering::Relaxed) > 0 || self.is_sending()
    }

    fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed) > 0
    }
}

impl HandlingGuard {
    /// Requests a graceful close of the connection.
    pub(super) fn request_close(&self) {
        self.0.close_requested.notify_one();
    }

    /// Counts the request's response as being sent, and the request as no longer being handled.
    pub(super) fn into_sending(self) -> SendingGuard {
        self.0.sending.fetch_add(1, Ordering::Relaxed);
        SendingGuard(Arc::clone(&self.0))
    }
}

impl Drop for HandlingGuard {
    fn drop(&mut self) {
        self.0.handling.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for SendingGuard {
    fn drop(&mut self) {
        if self.0.sending.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.all_sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            idle_timeout: Duration::from_secs(150),
            write_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            ..ConnectionLimits::default()
        }
    }

    /// The reason for which a connection is dropped, and after how many seconds.
    async fn dropped_after(streams: &H2Streams) -> Option<(&'static str, u64)> {
        let started = Instant::now();
        let (progress, limits) = (ConnectionProgress::default(), limits());
        let exceeded = streams.limit_exceeded(&progress, &limits);
        let reason = timeout(Duration::from_secs(600), exceeded).await.ok()?;
        Some((reason, started.elapsed().as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_streams_has_no_limit_here() {
        assert_eq!(dropped_after(&H2Streams::default()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_gracefully_and_later_dropped() {
        let streams = Arc::new(H2Streams::default());
        drop(streams.begin());
        let close_requested = tokio::spawn({
            let streams = Arc::clone(&streams);
            async move { streams.close_requested().await }
        });
        let (reason, seconds) = dropped_after(&streams).await.unwrap();
        assert_eq!(reason, "the client is idle for too long");
        assert!((160..185).contains(&seconds), "{seconds}");
        close_requested.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_is_never_read_ends_the_connection() {
        let streams = Arc::new(H2Streams::default());
        let _sending = streams.begin().into_sending();
        assert_eq!(dropped_after(&streams).await, Some(("the client reads too slowly", 10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_be_handled_for_any_time() {
        let streams = Arc::new(H2Streams::default());
        let _handling = streams.begin();
        assert_eq!(dropped_after(&streams).await, None);
    }
}
