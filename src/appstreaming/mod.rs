//! App Streaming: the product's three listings, as facts of the fleet.
//!
//! A listing is asked for page by page ([`Client`]), each page is read without interpretation
//! ([`wire`]), turned into the fleet's units and folded as it arrives, and published whole or not at
//! all. What is not here: signing, retries and limits (`aliyun`), what the numbers mean together
//! (`fleet`), and when to ask (`poller`).

mod advice;
mod convert;
mod listings;
mod operations;
pub mod options;
mod paging;
mod records;
#[cfg(test)]
mod tests;
pub mod wire;

pub use advice::{READ_ONLY_POLICY, action, advice, has_no_persistent_sessions, policy};
pub use operations::{GroupQuery, InstanceQuery, Page, PersistentQuery, VERSION, operation};
pub use options::{GroupFilter, MAX_PAGE_SIZE};
pub use records::{Query, Record};

use self::listings::{Groups, Instances, PersistentSessions};
use crate::{
    aliyun::{self, Call, Error},
    fleet::{DecodeIssues, FoldOptions, Group, InstanceSummary, PersistentSummary},
};

/// Asks for whole listings.
///
/// Every method may be dropped at any time: requests under way end with it, and nothing is published.
#[derive(Debug, Clone)]
pub struct Client<C: Call = aliyun::Client> {
    call: C,
    page_size: u32,
}

/// A listing that was gone through to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// What was listed, without duplicates.
    pub data: T,
    /// Requests it took, all passes together; attempts that the client repeated count once.
    pub requests: u64,
    /// Passes in which the pages disagreed: `TotalCount` moved, or wasn't the number of items.
    pub inconsistencies: u64,
    /// What was odd about the answers of the pass that is published.
    pub issues: DecodeIssues,
}

impl<T> Listing<T> {
    /// Whether the pages of the pass that is published agreed with one another.
    pub fn is_consistent(&self) -> bool {
        self.inconsistencies < paging::MAX_PASSES
    }
}

impl<C: Call> Client<C> {
    /// Lists through `call`, `page_size` elements at a time (1 to [`MAX_PAGE_SIZE`]; beyond: the nearest).
    pub fn new(call: C, page_size: u32) -> Self {
        Client { call, page_size: page_size.clamp(1, MAX_PAGE_SIZE) }
    }

    /// Delivery groups, in the order in which the API lists them.
    ///
    /// # Errors
    ///
    /// When a page can't be had, or isn't one.
    pub async fn list_groups(&self, query: &GroupQuery) -> Result<Listing<Vec<Group>>, Error> {
        paging::list(&self.call, &Groups(query), self.page_size).await
    }

    /// How many elements `query` finds, by one request for a page of one.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_groups`].
    pub async fn count<Q: Query>(&self, query: &Q) -> Result<u64, Error> {
        let page = Page { number: 1, size: 1 };
        self.call.call(&query.request(page), |body: &[u8]| records::count::<Q>(page, body)).await
    }

    /// Everything that `query` finds, each record as the API sent it, in the API's order.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_groups`].
    pub async fn records<Q: Query>(&self, query: &Q) -> Result<Listing<Vec<Record>>, Error> {
        paging::list(&self.call, &records::Records(query), self.page_size).await
    }

    /// All instances of one group.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_groups`]; `NotFound` when the group vanished meanwhile.
    pub async fn list_instances(
        &self,
        group_id: &str,
        options: FoldOptions,
    ) -> Result<Listing<InstanceSummary>, Error> {
        self.find_instances(&InstanceQuery::of(group_id), options).await
    }

    /// Those instances of one group that `query` asks for.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_instances`].
    pub async fn find_instances(
        &self,
        query: &InstanceQuery,
        options: FoldOptions,
    ) -> Result<Listing<InstanceSummary>, Error> {
        paging::list(&self.call, &Instances(query, options), self.page_size).await
    }

    /// All persistent sessions of one group.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_instances`].
    pub async fn list_persistent(
        &self,
        product_type: &str,
        group_id: &str,
        options: FoldOptions,
    ) -> Result<Listing<PersistentSummary>, Error> {
        self.find_persistent(&PersistentQuery::of(product_type, group_id), options).await
    }

    /// Those persistent sessions of one group that `query` asks for.
    ///
    /// # Errors
    ///
    /// As for [`Client::list_instances`].
    pub async fn find_persistent(
        &self,
        query: &PersistentQuery,
        options: FoldOptions,
    ) -> Result<Listing<PersistentSummary>, Error> {
        paging::list(&self.call, &PersistentSessions(query, options), self.page_size).await
    }
}
