//! App Streaming: the product's three listings, converted to the types of `fleet`.
//!
//! A listing is fetched page by page ([`Client`]). Each page is parsed without interpretation
//! ([`wire`]), converted to the fleet's units and folded as soon as it arrives. A listing is
//! returned as a whole or not at all. What is not here: signing, retries and limits (`aliyun`),
//! rules about the fleet (`fleet`), and when listings are fetched (`poller`).

mod advice;
mod convert;
mod listings;
mod operations;
pub mod options;
mod ordered;
mod page_response;
mod paging;
mod progress;
mod query;
mod records;
#[cfg(test)]
mod tests;
pub mod wire;

pub use advice::{READ_ONLY_POLICY, advice, has_no_persistent_sessions, policy};
pub use operations::{GroupQuery, InstanceQuery, PageRequest, PersistentQuery};
pub use options::{GroupFilter, MAX_PAGE_SIZE};
pub use progress::ListingProgress;
pub use query::Query;
pub use records::Record;

use self::listings::{Folded, Groups};
use crate::aliyun::{self, Call, Error};
use crate::fleet::{DecodeIssues, FoldOptions, Group, InstanceListing, PersistentSummary};

/// Fetches whole listings.
///
/// The future of every method may be dropped at any time, which cancels its requests.
#[derive(Debug, Clone)]
pub struct Client<C: Call = aliyun::Client> {
    call: C,
    page_size: u32,
    progress: ListingProgress,
}

/// A listing that was fetched to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The listed data, without duplicates.
    pub data: T,
    /// Requests in all passes; a request that was retried counts once.
    pub requests: u64,
    /// Passes with inconsistent pages: `TotalCount` changed, or differed from the number of
    /// elements.
    pub inconsistencies: u64,
    /// Unknown and unreadable values in the last pass.
    pub issues: DecodeIssues,
}

impl<T> Listing<T> {
    /// Whether the pages of the last pass were consistent.
    pub fn is_consistent(&self) -> bool {
        self.inconsistencies < paging::MAX_PASSES
    }

    /// The listing with other data made from its data.
    #[cfg(test)]
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Listing<U> {
        let Self { data, requests, inconsistencies, issues } = self;
        Listing { data: change(data), requests, inconsistencies, issues }
    }
}

impl<C: Call> Client<C> {
    /// A client that requests pages of `page_size` elements, clamped to 1 to [`MAX_PAGE_SIZE`].
    pub fn new(call: C, page_size: u32) -> Self {
        let page_size = page_size.clamp(1, MAX_PAGE_SIZE);
        Self { call, page_size, progress: ListingProgress::default() }
    }

    /// A clone for a single listing, which reports its progress to `progress` and sends its
    /// requests in the turn of `progress`.
    pub fn with_progress(&self, progress: &ListingProgress) -> Self
    where
        C: Clone,
    {
        Self { call: self.call.clone(), page_size: self.page_size, progress: progress.clone() }
    }

    /// Lists delivery groups, in the order of the API.
    ///
    /// # Errors
    /// When a page cannot be fetched, or is malformed.
    pub async fn list_groups(&self, query: &GroupQuery) -> Result<Listing<Vec<Group>>, Error> {
        paging::list(&self.call, &Groups(query), self.page_size, &self.progress).await
    }

    /// The number of elements that `query` matches, from one request for a page of one element.
    ///
    /// # Errors
    /// As for [`Client::list_groups`].
    pub async fn count<Q: Query>(&self, query: &Q) -> Result<u64, Error> {
        let page = PageRequest { number: 1, size: 1 };
        self.call.call(&query.request(page), |body: &[u8]| records::count::<Q>(page, body)).await
    }

    /// Lists the elements that `query` matches, each as the JSON text that the API sends, in the
    /// order of the API.
    ///
    /// # Errors
    /// As for [`Client::list_groups`].
    pub async fn records<Q: Query>(&self, query: &Q) -> Result<Listing<Vec<Record>>, Error> {
        paging::list(&self.call, &records::Records(query), self.page_size, &self.progress).await
    }

    /// Lists all instances of one group.
    ///
    /// # Errors
    /// As for [`Client::list_groups`]; `NotFound` when the group no longer exists.
    pub async fn list_instances(
        &self,
        group_id: &str,
        options: FoldOptions,
    ) -> Result<Listing<InstanceListing>, Error> {
        let query = InstanceQuery::of(group_id);
        paging::list(&self.call, &Folded { query: &query, options }, self.page_size, &self.progress).await
    }

    /// Lists all persistent sessions of one group.
    ///
    /// # Errors
    /// As for [`Client::list_instances`].
    pub async fn list_persistent(
        &self,
        product_type: &str,
        group_id: &str,
        options: FoldOptions,
    ) -> Result<Listing<PersistentSummary>, Error> {
        let query = PersistentQuery::of(product_type, group_id);
        paging::list(&self.call, &Folded { query: &query, options }, self.page_size, &self.progress).await
    }
}
