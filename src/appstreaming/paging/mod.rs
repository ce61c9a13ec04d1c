//! Fetches a listing page by page: requests pages concurrently, accumulates each as it arrives, and
//! starts again from the first page if the listing changed in the meantime.
//!
//! What is not here: limits of the request rate and of concurrent requests (`aliyun`), and the
//! meaning of elements (`listings`).

mod plan;

use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;

pub(super) use self::plan::PageStats;
use self::plan::Plan;
use super::Listing;
use super::operations::PageRequest;
use super::progress::ListingProgress;
use crate::aliyun::{Call, Error, Request, Turn};
use crate::fleet::DecodeIssues;

/// Pages of one listing that are requested at the same time. The client limits concurrent requests
/// of all listings; this limit keeps one large group from delaying all others by thousands of
/// requests.
const MAX_CONCURRENT_PAGES: usize = 8;

/// Maximum number of passes: the last one is returned even if its pages are inconsistent.
pub(super) const MAX_PASSES: u64 = 3;

/// A listing that can be fetched page by page.
pub(super) trait PagedListing: Sync {
    /// Collects the pages of one pass.
    type Accumulator: Send;
    /// The result of the listing.
    type Data;

    /// The request for one page.
    fn request(&self, page: PageRequest) -> Request;

    /// An empty accumulator for a new pass.
    fn accumulator(&self) -> Self::Accumulator;

    /// Parses a page and adds it to the pass.
    ///
    /// # Errors
    /// When the page is an error or malformed. The pass is unchanged then.
    fn add_page(
        &self,
        page: PageRequest,
        body: &[u8],
        pass: &Pass<Self::Accumulator>,
    ) -> Result<PageStats, Error>;

    /// The result after all pages were added; `reported` is the listing's `TotalCount`.
    fn finish(&self, accumulator: Self::Accumulator, reported: u64) -> Self::Data;
}

/// The elements and issues of the pages that one pass received so far.
pub(super) struct Pass<A> {
    inner: Mutex<(A, DecodeIssues)>,
}

impl<A> Pass<A> {
    /// Updates the accumulator under a lock, which is not held while a page is parsed.
    pub(super) fn update<T>(&self, update: impl FnOnce(&mut A, &mut DecodeIssues) -> T) -> T {
        let mut inner = self.inner.lock();
        let (accumulator, issues) = &mut *inner;
        update(accumulator, issues)
    }
}

/// Fetches a whole listing, in at most [`MAX_PASSES`] passes.
///
/// # Errors
/// When a page cannot be fetched, or is malformed.
pub(super) async fn list<C: Call, L: PagedListing>(
    call: &C,
    listing: &L,
    page_size: u32,
    progress: &ListingProgress,
) -> Result<Listing<L::Data>, Error> {
    let mut requests = 0;
    let mut inconsistencies = 0;
    loop {
        let pass = Pass { inner: Mutex::new((listing.accumulator(), DecodeIssues::default())) };
        let plan = run_pass(call, listing, page_size, &pass, progress, &mut requests).await?;
        if !plan.is_consistent() {
            inconsistencies += 1;
            if inconsistencies < MAX_PASSES {
                continue;
            }
        }
        let (accumulator, issues) = pass.inner.into_inner();
        let data = listing.finish(accumulator, plan.reported());
        return Ok(Listing { data, requests, inconsistencies, issues });
    }
}

/// Fetches every page of the listing once, and adds the number of requests to `requests`.
async fn run_pass<C: Call, L: PagedListing>(
    call: &C,
    listing: &L,
    page_size: u32,
    pass: &Pass<L::Accumulator>,
    progress: &ListingProgress,
    requests: &mut u64,
) -> Result<Plan, Error> {
    let mut plan = Plan::new(page_size);
    let mut in_flight = FuturesUnordered::new();
    loop {
        while in_flight.len() < MAX_CONCURRENT_PAGES
            && let Some(number) = plan.next()
        {
            *requests += 1;
            let page = PageRequest { number, size: page_size };
            in_flight.push(fetch(call, listing, page, pass, progress.turn()));
        }
        let Some(result) = in_flight.next().await else { return Ok(plan) };
        let (number, stats) = result?;
        plan.page_received(number, stats);
        progress.report(plan.reported());
    }
}

async fn fetch<C: Call, L: PagedListing>(
    call: &C,
    listing: &L,
    page: PageRequest,
    pass: &Pass<L::Accumulator>,
    turn: &Turn,
) -> Result<(u64, PageStats), Error> {
    let request = Request { turn: turn.clone(), ..listing.request(page) };
    let stats = call.call(&request, |body: &[u8]| listing.add_page(page, body, pass)).await?;
    Ok((page.number, stats))
}
