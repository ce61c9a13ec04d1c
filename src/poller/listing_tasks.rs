//! The listings of one target, each as a task, so that a listing can outlive the poll that started
//! it.
//!
//! What is not here: which listings are started (`poll`).

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::task::{AbortHandle, Id, JoinSet};

use super::hash_keys::HashKeys;
use super::listing_times::MemberListing;
use super::options::ListingDepth;
use super::target::Target;
use crate::aliyun::{Call, Error, Turn};
use crate::appstreaming::{Listing, ListingProgress};
use crate::fleet::{FoldOptions, Group, HashKey, InstanceListing, PersistentSummary};

/// Identifies a listing of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListingKey {
    /// The groups of the query with this index.
    Groups(usize),
    /// Members of the group with this id.
    Members(MemberListing, Box<str>),
}

/// What a listing returned.
#[derive(Debug)]
pub(super) enum ListingResult {
    /// Of `ListAppInstanceGroup`.
    Groups(Result<Listing<Vec<Group>>, Error>),
    /// Of `ListAppInstances`.
    Instances(Result<Listing<InstanceListing>, Error>),
    /// Of `ListPersistentAppInstances`.
    Persistent(Result<Listing<PersistentSummary>, Error>),
}

/// A listing that ended.
#[derive(Debug)]
pub(super) struct EndedListing {
    /// The listing.
    pub(super) key: ListingKey,
    /// What it returned.
    pub(super) result: ListingResult,
    /// When it ended.
    pub(super) at: Timestamp,
}

/// The running listings. Dropping it aborts them.
#[derive(Debug, Default)]
pub(super) struct ListingTasks {
    tasks: JoinSet<(ListingResult, Timestamp)>,
    running: HashMap<Id, RunningListing>,
    /// Requests sent by all listings, including retries.
    sent: Arc<AtomicU64>,
    hash_keys: HashKeys,
}

#[derive(Debug)]
struct RunningListing {
    key: ListingKey,
    progress: ListingProgress,
    abort: AbortHandle,
}

impl ListingTasks {
    /// Tasks whose listings hash ids with these keys.
    pub(super) fn new(hash_keys: HashKeys) -> Self {
        Self { hash_keys, ..Self::default() }
    }

    /// Starts a listing. The requests of groups come first; those of members that were listed
    /// longest ago, or never (`last` is `None`), come next.
    pub(super) fn start<C: Call + Clone + 'static>(
        &mut self,
        target: &Target<C>,
        key: ListingKey,
        last: Option<Timestamp>,
        clock: impl Fn() -> Timestamp + Send + 'static,
    ) {
        let turn = match &key {
            ListingKey::Groups(_) => Turn::first(&self.sent),
            ListingKey::Members(..) => Turn::by_age(last, &self.sent),
        };
        let progress = ListingProgress::new(turn);
        let hash_key = match &key {
            // Nothing is hashed.
            ListingKey::Groups(_) => HashKey::default(),
            ListingKey::Members(_, group_id) => self.hash_keys.of(group_id),
        };
        let (target, listed) = (target.with_progress(&progress), key.clone());
        let abort = self.tasks.spawn(async move {
            let result = target.list(&listed, hash_key).await;
            (result, clock())
        });
        self.running.insert(abort.id(), RunningListing { key, progress, abort });
    }

    /// Waits for a listing to end. Returns `None` if none is running. May be cancelled.
    ///
    /// # Panics
    /// When the listing panicked.
    pub(super) async fn next(&mut self) -> Option<EndedListing> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, (result, at))) => {
                    // A listing that was dropped may have ended before it was aborted.
                    if let Some(RunningListing { key, .. }) = self.running.remove(&id) {
                        return Some(EndedListing { key, result, at });
                    }
                }
                Err(error) => {
                    self.running.remove(&error.id());
                    if let Ok(panic) = error.try_into_panic() {
                        resume_unwind(panic);
                    }
                }
            }
        }
    }

    /// The keys of the running listings.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ListingKey> {
        self.running.values().map(|running| &running.key)
    }

    /// Whether the listing is running.
    pub(super) fn is_running(&self, key: &ListingKey) -> bool {
        self.keys().any(|running| running == key)
    }

    /// The number of elements of a running listing, as its pages report it so far.
    pub(super) fn reported(&self, key: &ListingKey) -> Option<u64> {
        self.running.values().find(|running| running.key == *key)?.progress.reported()
    }

    /// Drops the listings that have sent no request. Those that have sent some keep running.
    pub(super) fn drop_unbegun(&mut self) {
        self.running.retain(|_, running| {
            let has_begun = running.progress.turn().has_begun();
            if !has_begun {
                running.abort.abort();
            }
            has_begun
        });
    }

    /// The number of requests sent since the previous call of [`ListingTasks::take_sent`].
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of requests sent since the previous call.
    pub(super) fn take_sent(&self) -> u64 {
        self.sent.swap(0, Ordering::Relaxed)
    }
}

impl<C: Call + Clone> Target<C> {
    /// The target with a client whose listings report their progress here.
    fn with_progress(&self, progress: &ListingProgress) -> Self {
        Self { settings: Arc::clone(&self.settings), api: self.api.with_progress(progress) }
    }

    async fn list(&self, key: &ListingKey, hash_key: HashKey) -> ListingResult {
        let listings = self.settings.listings;
        match key {
            ListingKey::Groups(index) => {
                ListingResult::Groups(self.api.list_groups(&self.settings.queries[*index]).await)
            }
            ListingKey::Members(MemberListing::Instances, group_id) => {
                let detail = listings.instances == ListingDepth::Detailed;
                let options = FoldOptions { nodes: listings.nodes, detail, hash_key };
                ListingResult::Instances(self.api.list_instances(group_id, options).await)
            }
            ListingKey::Members(MemberListing::Persistent, group_id) => {
                let detail = listings.persistent == ListingDepth::Detailed;
                let options = FoldOptions { nodes: false, detail, hash_key };
                let product_type = &self.settings.product_type;
                ListingResult::Persistent(self.api.list_persistent(product_type, group_id, options).await)
            }
        }
    }
}
