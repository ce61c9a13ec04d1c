//! HTTP/2's many requests in one connection, and when it has been idle or slow for too long.
//!
//! Flow control lets a client open a stream and take nothing of it, without any byte waiting below: so it
//! is watched here how many answers are under way, and whether the connection takes anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::limits::ConnectionLimits;
use super::timeout_io::Phase;

/// The requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Requests so far.
    requests: AtomicU64,
    /// Being answered: nobody can say how long that takes.
    answering: AtomicUsize,
    /// Answered, and not yet wholly taken.
    sending: AtomicUsize,
    /// How often the last of those was taken.
    emptied: AtomicU64,
    begun: Notify,
    leaving: Notify,
}

/// A request that is being answered.
pub(crate) struct Answering(Arc<Streams>);

/// An answer that is under way.
pub(crate) struct Sending(Arc<Streams>);

/// What is compared from one look to the next.
#[derive(PartialEq, Eq)]
struct Seen {
    requests: u64,
    emptied: u64,
}

impl Streams {
    /// A request came.
    pub(crate) fn answering(self: &Arc<Streams>) -> Answering {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.answering.fetch_add(1, Ordering::Relaxed);
        self.begun.notify_one();
        Answering(Arc::clone(self))
    }

    /// Ends when the connection is to be closed as soon as its requests are answered.
    pub(crate) async fn left(&self) {
        self.leaving.notified().await;
    }

    /// Ends, with the reason, when the connection is to be cut. Never does for HTTP/1, which has no streams.
    pub(crate) async fn overdue(&self, phase: &Phase, limits: &ConnectionLimits) -> &'static str {
        self.begun.notified().await;
        let (mut seen, mut written, mut active) = (self.seen(), phase.written(), Instant::now());
        let mut left = false;
        loop {
            let idle_for = if left { limits.header_timeout } else { limits.idle_timeout };
            let idle_left = (active + idle_for).saturating_duration_since(Instant::now());
            let was_sending = self.is_sending();
            sleep(limits.write_timeout.min(idle_left)).await;

            let (now, total) = (self.seen(), phase.written());
            let took_all_the_time = was_sending && self.is_sending() && now.emptied == seen.emptied;
            let floor = limits.min_write_bytes as u64;
            if took_all_the_time && idle_left >= limits.write_timeout && total - written < floor {
                return "the client reads too slowly";
            }
            if now != seen || self.answering.load(Ordering::Relaxed) > 0 || self.is_sending() {
                active = Instant::now();
            } else if active.elapsed() >= idle_for {
                if left {
                    return "idle for too long";
                }
                // The client is told first: a request that is on its way is answered still.
                self.leaving.notify_one();
                (active, left) = (Instant::now(), true);
            }
            (seen, written) = (now, total);
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            requests: self.requests.load(Ordering::Relaxed),
            emptied: self.emptied.load(Ordering::Relaxed),
        }
    }

    fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed) > 0
    }
}

impl Answering {
    /// Asks for the connection to be closed, for others wait or the process ends.
    pub(crate) fn leave(&self) {
        self.0.leaving.notify_one();
    }

    /// The answer is there.
    pub(crate) fn sending(self) -> Sending {
        self.0.sending.fetch_add(1, Ordering::Relaxed);
        Sending(Arc::clone(&self.0))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.0.sending.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.emptied.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn limits() -> ConnectionLimits {
        let seconds = Duration::from_secs;
        ConnectionLimits {
            idle_timeout: seconds(150),
            write_timeout: seconds(10),
            header_timeout: seconds(10),
            ..ConnectionLimits::default()
        }
    }

    async fn cut_after(streams: &Streams, phase: &Phase) -> Option<(&'static str, u64)> {
        let started = Instant::now();
        let limits = limits();
        let reason = timeout(Duration::from_secs(600), streams.overdue(phase, &limits)).await.ok()?;
        Some((reason, started.elapsed().as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_http_1_is_never_cut_here() {
        assert_eq!(cut_after(&Streams::default(), &Phase::default()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_told_to_go_and_then_cut() {
        let streams = Arc::new(Streams::default());
        drop(streams.answering());
        let told = tokio::spawn({
            let streams = Arc::clone(&streams);
            async move { streams.left().await }
        });
        let (reason, seconds) = cut_after(&streams, &Phase::default()).await.unwrap();
        assert_eq!(reason, "idle for too long");
        assert!((160..185).contains(&seconds), "{seconds}");
        told.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_ends_the_connection() {
        let streams = Arc::new(Streams::default());
        let _sending = streams.answering().sending();
        let (reason, seconds) = cut_after(&streams, &Phase::default()).await.unwrap();
        assert_eq!((reason, seconds), ("the client reads too slowly", 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_long_to_answer_is_waited_for() {
        let streams = Arc::new(Streams::default());
        let _answering = streams.answering();
        assert_eq!(cut_after(&streams, &Phase::default()).await, None);
    }
}
