//! What `GET /-/state` serves: the newest state, for replicas that show the token.
//!
//! A replica asks with the entity tag of the state that it serves, and waits until there is another
//! one. So it gets each state at once, and the asked replica knows which state it serves.
//!
//! What is not here: HTTP (`web::replica_state`), asking (`mirror`), and the bytes of a state
//! (`envelope`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::protocol::StateTag;
use super::token::SharedToken;
use crate::telemetry::status::ReplicaRole;

/// The longest time that a request waits for another state.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Standbys that are remembered. More are served, but not waited for.
const MAX_STANDBYS: usize = 16;
/// A standby that has not asked for this long is gone. On a busy machine, rendering the state of a
/// large fleet takes seconds.
const STANDBY_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the bytes of the newest state. Called on a thread that may block.
pub type EncodeState = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// The state of this replica, and the standbys that have asked for it.
pub struct Publication {
    token: SharedToken,
    /// Differs for each process, so that the tag of another process never matches.
    process: u64,
    current: watch::Sender<Current>,
    encode: EncodeState,
    /// The bytes of the last state that was asked for. Locked while a state is encoded, so that it
    /// is encoded once.
    encoded: AsyncMutex<Option<(u64, Bytes)>>,
    standbys: watch::Sender<()>,
    seen: Mutex<BTreeMap<u64, SeenStandby>>,
}

/// What is published now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    /// The number of the state.
    number: u64,
    role: ReplicaRole,
    is_closed: bool,
}

/// What is known of a standby.
#[derive(Debug, Clone, Copy)]
struct SeenStandby {
    /// The number of the state that it serves.
    serves: u64,
    /// Whether it was answered that this replica leaves.
    knows_leaving: bool,
    /// Requests that wait for another state.
    waiting: usize,
    last_seen: Instant,
}

/// A request for the state.
#[derive(Debug, Clone, Copy, Default)]
pub struct StateRequest {
    /// The tag of the state that the asking replica serves.
    pub known: Option<StateTag>,
    /// How long to wait for another state.
    pub wait: Duration,
    /// The number by which the asking replica is recognised.
    pub standby: Option<u64>,
}

/// The answer to a [`StateRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateAnswer {
    /// The tag of the state.
    pub tag: StateTag,
    /// The state; `None` if the asking replica serves it.
    pub body: Option<Bytes>,
}

impl Publication {
    /// A publication for replicas that show `token`. `process` differs for each process; `encode`
    /// makes the bytes of the newest state.
    pub fn new(token: SharedToken, process: u64, encode: EncodeState) -> Self {
        let current = Current { number: 0, role: ReplicaRole::Standby, is_closed: false };
        Self {
            token,
            process,
            current: watch::Sender::new(current),
            encode,
            encoded: AsyncMutex::default(),
            standbys: watch::Sender::new(()),
            seen: Mutex::default(),
        }
    }

    /// Whether a replica that shows `token` may fetch the state.
    pub async fn accepts(&self, token: &str) -> bool {
        self.token.accepts(token).await
    }

    /// Publishes the newest state.
    pub fn advance(&self) {
        self.current.send_modify(|current| current.number += 1);
    }

    /// Publishes another role.
    pub fn set_role(&self, role: ReplicaRole) {
        self.current.send_modify(|current| current.role = role);
    }

    /// Answers every request at once from now on, because the server shuts down.
    pub fn close(&self) {
        self.current.send_modify(|current| current.is_closed = true);
    }

    /// Waits until every standby serves the newest state, but not longer than `limit`. Standbys
    /// that no longer ask are not waited for.
    pub async fn served_by_standbys(&self, limit: Duration) {
        let number = self.current.borrow().number;
        // A standby that is slow serves the previous state a little longer.
        self.await_standbys(|standby| standby.serves >= number, limit).await;
    }

    /// Publishes that this replica leaves, and waits until every standby was answered so, but not
    /// longer than `limit`. A standby that was not would notice much later that this replica ended.
    pub async fn leave(&self, limit: Duration) {
        self.set_role(ReplicaRole::Leaving);
        self.await_standbys(|standby| standby.knows_leaving, limit).await;
    }

    /// Waits until `condition` is true for every standby that still asks, but not longer than
    /// `limit`.
    async fn await_standbys(&self, condition: impl Fn(&SeenStandby) -> bool, limit: Duration) {
        let mut asked = self.standbys.subscribe();
        let is_true_for_all = || {
            let now = Instant::now();
            let mut seen = self.seen.lock();
            seen.retain(|_, standby| standby.is_present(now));
            seen.values().all(&condition)
        };
        let all = async {
            while !is_true_for_all() {
                // The sender lives as long as `self`.
                let _ = asked.changed().await;
            }
        };
        let _ = timeout(limit, all).await;
    }

    /// Answers a request, after waiting for another state than the one that is known.
    ///
    /// # Errors
    /// Encoding the state panicked.
    pub async fn answer(&self, request: StateRequest) -> Result<StateAnswer, tokio::task::JoinError> {
        let known = request.known.filter(|tag| tag.process == self.process);
        let presence = request.standby.and_then(|id| Presence::new(self, id, known));
        let mut current = self.current.subscribe();
        if let Some(known) = known {
            let is_other = |current: &Current| current.is_closed || self.tag_of(*current) != known;
            // Without another state in time, the answer is that the known one is the newest.
            let _ = timeout(request.wait.min(MAX_WAIT), current.wait_for(is_other)).await;
        }
        let current = *self.current.borrow();
        let tag = self.tag_of(current);
        let body = match known {
            Some(known) if known.number == current.number => None,
            _ => Some(self.body(current.number).await?),
        };
        if let Some(presence) = presence {
            presence.answered(current.role);
        }
        Ok(StateAnswer { tag, body })
    }

    fn tag_of(&self, current: Current) -> StateTag {
        StateTag { process: self.process, number: current.number, role: current.role }
    }

    /// The bytes of the state with this number, or of a newer one.
    async fn body(&self, number: u64) -> Result<Bytes, tokio::task::JoinError> {
        let mut encoded = self.encoded.lock().await;
        if let Some((known, bytes)) = &*encoded
            && *known >= number
        {
            return Ok(bytes.clone());
        }
        // Read before the state is encoded: the state may be newer than its number, not older.
        let number = self.current.borrow().number;
        let encode = Arc::clone(&self.encode);
        let bytes = Bytes::from(spawn_blocking(move || encode()).await?);
        *encoded = Some((number, bytes.clone()));
        Ok(bytes)
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication").field("current", &*self.current.borrow()).finish_non_exhaustive()
    }
}

impl SeenStandby {
    fn is_present(&self, now: Instant) -> bool {
        self.waiting > 0 || now.duration_since(self.last_seen) < STANDBY_TIMEOUT
    }
}

/// Marks a standby as waiting. Dropped when the request is answered, or when its connection ends.
struct Presence<'a> {
    publication: &'a Publication,
    id: u64,
    is_answered: bool,
}

impl<'a> Presence<'a> {
    /// `None` if there are too many standbys.
    fn new(publication: &'a Publication, id: u64, known: Option<StateTag>) -> Option<Self> {
        let mut seen = publication.seen.lock();
        if seen.len() >= MAX_STANDBYS && !seen.contains_key(&id) {
            return None;
        }
        let new = SeenStandby { serves: 0, knows_leaving: false, waiting: 0, last_seen: Instant::now() };
        let standby = seen.entry(id).or_insert(new);
        standby.serves = known.map_or(standby.serves, |tag| tag.number);
        standby.waiting += 1;
        drop(seen);
        publication.standbys.send_replace(());
        Some(Self { publication, id, is_answered: false })
    }

    /// The answer is ready to be sent; the server completes it also while it shuts down.
    fn answered(mut self, role: ReplicaRole) {
        self.is_answered = true;
        if let Some(standby) = self.publication.seen.lock().get_mut(&self.id) {
            standby.knows_leaving |= role == ReplicaRole::Leaving;
        }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        let mut seen = self.publication.seen.lock();
        if let Some(standby) = seen.get_mut(&self.id) {
            standby.waiting -= 1;
            standby.last_seen = Instant::now();
            // A standby that ends its connection without an answer has ended.
            if standby.waiting == 0 && !self.is_answered {
                seen.remove(&self.id);
            }
        }
        drop(seen);
        self.publication.standbys.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::aliyun::Secret;

    const SECOND: Duration = Duration::from_secs(1);

    /// A publication whose bodies are numbered in the order in which they are encoded.
    fn publication() -> Arc<Publication> {
        let encoded = AtomicU64::new(0);
        let encode = move || encoded.fetch_add(1, Ordering::SeqCst).to_string().into_bytes();
        let token = SharedToken::new(Secret::new("0123456789abcdef"), None);
        Arc::new(Publication::new(token, 7, Arc::new(encode)))
    }

    /// The tag of the newest state.
    fn newest(publication: &Publication) -> StateTag {
        publication.tag_of(*publication.current.borrow())
    }

    fn known(tag: StateTag, wait: Duration) -> StateRequest {
        StateRequest { known: Some(tag), wait, standby: Some(1) }
    }

    async fn answer(publication: &Publication, request: StateRequest) -> StateAnswer {
        publication.answer(request).await.expect("encoded")
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_state_is_not_sent_again() {
        let publication = publication();
        let first = answer(&publication, StateRequest::default()).await;
        assert_eq!(first.body.as_deref(), Some(&b"0"[..]));
        let started = Instant::now();
        let second = answer(&publication, known(first.tag, SECOND * 5)).await;
        assert_eq!((second.body, second.tag, started.elapsed().as_secs()), (None, first.tag, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_request_gets_the_next_state_at_once_and_a_state_is_encoded_once() {
        let publication = publication();
        let tag = newest(&publication);
        let ask = || {
            let publication = Arc::clone(&publication);
            tokio::spawn(async move { answer(&publication, known(tag, SECOND * 20)).await })
        };
        let (one, two) = (ask(), ask());
        tokio::time::sleep(SECOND).await;
        let started = Instant::now();
        publication.advance();
        for answer in [one.await.unwrap(), two.await.unwrap()] {
            assert_eq!(answer.body.as_deref(), Some(&b"0"[..]));
            assert_ne!(answer.tag, tag);
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn another_role_is_published_at_once_without_the_state() {
        let publication = publication();
        let tag = newest(&publication);
        publication.set_role(ReplicaRole::Leaving);
        let answer = answer(&publication, known(tag, SECOND * 20)).await;
        assert_eq!((answer.body, answer.tag.role), (None, ReplicaRole::Leaving));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_ends_waiting_requests() {
        let publication = publication();
        publication.close();
        let started = Instant::now();
        answer(&publication, known(newest(&publication), SECOND * 20)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_state_waits_for_standbys_that_ask_and_not_for_those_that_are_gone() {
        let publication = publication();
        let waited = async || {
            let started = Instant::now();
            publication.served_by_standbys(SECOND / 5).await;
            started.elapsed()
        };
        assert_eq!(waited().await, Duration::ZERO, "there is no standby");
        answer(&publication, StateRequest::default()).await;
        publication.advance();
        assert_eq!(waited().await, Duration::ZERO, "the state was fetched once, by another shard");

        answer(&publication, StateRequest { standby: Some(1), ..StateRequest::default() }).await;
        publication.advance();
        assert_eq!(waited().await, SECOND / 5, "the standby does not serve the state yet");

        let asking = {
            let publication = Arc::clone(&publication);
            tokio::spawn(async move { answer(&publication, known(newest(&publication), SECOND * 20)).await })
        };
        assert_eq!(waited().await, Duration::ZERO, "the standby asks with the newest tag");

        asking.abort();
        let _ = asking.await;
        publication.advance();
        assert_eq!(waited().await, Duration::ZERO, "the connection of the standby ended");

        answer(&publication, StateRequest { standby: Some(1), ..StateRequest::default() }).await;
        publication.advance();
        tokio::time::sleep(STANDBY_TIMEOUT).await;
        assert_eq!(waited().await, Duration::ZERO, "the standby has not asked for long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_leaves_once_a_standby_that_was_busy_knows() {
        let publication = publication();
        let request = StateRequest { standby: Some(1), ..StateRequest::default() };
        let first = answer(&publication, request).await;
        let started = Instant::now();
        let leaving = {
            let publication = Arc::clone(&publication);
            tokio::spawn(async move { publication.leave(SECOND * 2).await })
        };
        tokio::time::sleep(SECOND).await;
        assert!(!leaving.is_finished(), "the standby has not asked since");
        let answer = answer(&publication, known(first.tag, SECOND * 20)).await;
        assert_eq!(answer.tag.role, ReplicaRole::Leaving);
        leaving.await.unwrap();
        assert_eq!(started.elapsed(), SECOND);

        publication.leave(SECOND * 2).await;
        assert_eq!(started.elapsed(), SECOND, "no standby is waited for twice");
    }
}
