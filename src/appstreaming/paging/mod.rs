//! Following a listing through its pages: concurrently, each folded as it arrives, and once more from
//! the beginning where the listing moved meanwhile.
//!
//! What is not here: limits of rate and of requests in flight (the client's), and what an item means.

mod plan;

use std::sync::{Mutex, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt};

pub(super) use self::plan::Facts;
use self::plan::Plan;
use super::{Listing, operations::Page};
use crate::{
    aliyun::{Call, Error, Request},
    fleet::DecodeIssues,
};

/// Pages of one listing that are asked for at once. The client limits what is in flight altogether;
/// this keeps one large group from queueing thousands of requests before everybody else's.
const CONCURRENCY: usize = 8;

/// How often a listing is gone through before it is published although its pages disagree.
pub(super) const MAX_PASSES: u64 = 3;

/// What can be listed: how to ask for a page, and what to do with it.
pub(super) trait Source: Sync {
    /// Where the pages of one pass go.
    type Sink: Send;
    /// What comes of them.
    type Data;

    /// The request for one page.
    fn request(&self, page: Page) -> Request;

    /// A place for the pages of a new pass.
    fn sink(&self) -> Self::Sink;

    /// Reads a page into the sink. The sink is left alone when this fails.
    fn read(&self, page: Page, body: &[u8], pass: &Pass<Self::Sink>) -> Result<Facts, Error>;

    /// What was listed, once all pages are in.
    fn finish(&self, sink: Self::Sink, reported: u64) -> Self::Data;
}

/// What one pass has gathered so far.
pub(super) struct Pass<S> {
    gathered: Mutex<(S, DecodeIssues)>,
}

impl<S> Pass<S> {
    /// Changes it. Not held while a page is parsed, only while it is folded.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut S, &mut DecodeIssues) -> T) -> T {
        // A fold that panicked takes its whole listing down with it, so nobody sees what it left.
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let (sink, issues) = &mut *gathered;
        change(sink, issues)
    }
}

/// Lists everything that `source` is about.
pub(super) async fn list<C: Call, S: Source>(
    call: &C,
    source: &S,
    page_size: u32,
) -> Result<Listing<S::Data>, Error> {
    let mut requests = 0;
    let mut inconsistencies = 0;
    loop {
        let pass = Pass { gathered: Mutex::new((source.sink(), DecodeIssues::default())) };
        let plan = go_through(call, source, page_size, &pass, &mut requests).await?;
        if !plan.is_consistent() {
            inconsistencies += 1;
            if inconsistencies < MAX_PASSES {
                continue;
            }
        }
        let (sink, issues) = pass.gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
        let data = source.finish(sink, plan.reported());
        return Ok(Listing { data, requests, inconsistencies, issues });
    }
}

/// One pass: asks for every page that the plan wants.
async fn go_through<C: Call, S: Source>(
    call: &C,
    source: &S,
    page_size: u32,
    pass: &Pass<S::Sink>,
    requests: &mut u64,
) -> Result<Plan, Error> {
    let mut plan = Plan::new(page_size);
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < CONCURRENCY
            && let Some(number) = plan.next()
        {
            *requests += 1;
            under_way.push(fetch(call, source, Page { number, size: page_size }, pass));
        }
        let Some(answer) = under_way.next().await else { return Ok(plan) };
        let (number, facts) = answer?;
        plan.answered(number, facts);
    }
}

async fn fetch<C: Call, S: Source>(
    call: &C,
    source: &S,
    page: Page,
    pass: &Pass<S::Sink>,
) -> Result<(u64, Facts), Error> {
    let request = source.request(page);
    let facts = call.call(&request, |body: &[u8]| source.read(page, body, pass)).await?;
    Ok((page.number, facts))
}
