//! Listings of records exactly as the API sends them, for tools that display responses.
//!
//! What is not here: the listings of the exporter itself (`listings`), which keep no records.

use serde_json::value::RawValue;

use super::operations::PageRequest;
use super::ordered::Ordered;
use super::page_response::parse;
use super::paging::{PageStats, PagedListing, Pass};
use super::query::Query;
use super::wire::{Model, Raw};
use crate::aliyun::{Error, Request};

/// One element of a listing as the API sent it: its JSON text, byte for byte.
pub type Record = Box<RawValue>;

/// `TotalCount` of a page, or the number of elements on the page if `TotalCount` is not readable.
pub(super) fn count<Q: Query>(page: PageRequest, body: &[u8]) -> Result<u64, Error> {
    let (_, stats, _) = parse::<Q::Model<'_>>(Q::OPERATION, page, body)?;
    Ok(stats.total.unwrap_or(stats.elements))
}

/// The listing of the records that a query matches, in the order of the API.
pub(super) struct Records<'q, Q>(pub(super) &'q Q);

impl<Q: Query> PagedListing for Records<'_, Q> {
    type Accumulator = Ordered<Record>;
    type Data = Vec<Record>;

    fn request(&self, page: PageRequest) -> Request {
        self.0.request(page)
    }

    fn accumulator(&self) -> Ordered<Record> {
        Ordered::default()
    }

    fn add_page(
        &self,
        page: PageRequest,
        body: &[u8],
        pass: &Pass<Ordered<Record>>,
    ) -> Result<PageStats, Error> {
        let (response, mut stats, issues) = parse::<Raw<'_, Q::Model<'_>>>(Q::OPERATION, page, body)?;
        pass.update(|ordered, all_issues| {
            all_issues.merge(&issues);
            for (position, raw) in response.models.items.iter().enumerate() {
                let position = (page.number, position);
                if let Ok(Some(id)) = raw.id().code() {
                    stats.fresh += u64::from(ordered.insert(position, id, || raw.json.to_owned()));
                } else {
                    stats.skipped += 1;
                    ordered.push_without_id(position, raw.json.to_owned());
                }
            }
        });
        Ok(stats)
    }

    fn finish(&self, ordered: Ordered<Record>, _reported: u64) -> Vec<Record> {
        ordered.into_sorted()
    }
}
