//! Paging: the requested part of a listing, and the JSON around its records.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::error::ApiError;
use super::json;
use super::parameters::RequestParameters;
use crate::simulator::faults::WrongTotal;

/// The page size of a request without `PageSize`, as in the API.
const DEFAULT_PAGE_SIZE: u64 = 20;
/// The largest `PageSize` that the API accepts.
const MAX_PAGE_SIZE: u64 = 100;

/// `PageNumber` and `PageSize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedPage {
    /// From 1.
    pub number: u64,
    /// 1 to 100.
    pub size: u64,
}

/// How a fault changes a response.
#[derive(Debug, Clone, Copy, Default)]
pub struct Distortion {
    /// The wrong `TotalCount`; `None`: the true count.
    pub total_count: Option<WrongTotal>,
    /// Whether the list is `null`.
    pub null_list: bool,
}

/// Counts the records of a listing and serializes those that are on the requested page.
#[derive(Debug)]
pub struct PageWriter {
    page: RequestedPage,
    total: u64,
    records: Vec<Box<RawValue>>,
}

/// The response of a listing operation.
struct PageBody<'a> {
    request_id: &'a str,
    total_count: u64,
    page: RequestedPage,
    list_field: &'static str,
    /// `None` for `null`.
    records: Option<&'a [Box<RawValue>]>,
}

impl RequestedPage {
    /// The page that a request names.
    ///
    /// # Errors
    /// `InvalidParameter` if the number or the size is not a number or is out of range.
    pub fn of(parameters: &RequestParameters) -> Result<Self, ApiError> {
        let size = parameters.number("PageSize")?.unwrap_or(DEFAULT_PAGE_SIZE);
        let number = parameters.number("PageNumber")?.unwrap_or(1);
        if !(1..=MAX_PAGE_SIZE).contains(&size) {
            return Err(ApiError::invalid("PageSize"));
        }
        // The upper limit keeps `skipped` from overflowing.
        if number == 0 || number > u64::from(u32::MAX) {
            return Err(ApiError::invalid("PageNumber"));
        }
        Ok(Self { number, size })
    }

    fn skipped(self) -> u64 {
        (self.number - 1) * self.size
    }
}

impl PageWriter {
    /// A listing without records, of which `page` is requested.
    pub fn new(page: RequestedPage) -> Self {
        Self { page, total: 0, records: Vec::new() }
    }

    /// Counts one record, and renders it if it is on the page.
    pub fn add<R: Serialize>(&mut self, record: impl FnOnce() -> R) {
        let position = self.total;
        self.total += 1;
        if position >= self.page.skipped() && position - self.page.skipped() < self.page.size {
            self.records.push(json::raw(&record()));
        }
    }

    /// Counts `count` records at once. `render` is called only for the positions that are on the
    /// page, so that a page of a long listing costs no more than one of a short listing.
    pub fn add_all(&mut self, count: usize, render: impl Fn(usize) -> Box<RawValue>) {
        let count = count as u64;
        let before = self.total;
        let first = self.page.skipped().saturating_sub(before).min(count);
        let last = (self.page.skipped() + self.page.size).saturating_sub(before).min(count);
        self.records.extend((first..last).map(|position| render(position as usize)));
        self.total = before + count;
    }

    /// The JSON of the response.
    pub fn into_body(self, list_field: &'static str, request_id: &str, distortion: Distortion) -> Vec<u8> {
        json::bytes(&PageBody {
            request_id,
            total_count: distortion.total_count.map_or(self.total, |wrong| wrong.apply(self.total)),
            page: self.page,
            list_field,
            records: (!distortion.null_list).then_some(&self.records),
        })
    }
}

impl Serialize for PageBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("RequestId", self.request_id)?;
        map.serialize_entry("TotalCount", &self.total_count)?;
        map.serialize_entry("PageSize", &self.page.size)?;
        map.serialize_entry("PageNumber", &self.page.number)?;
        map.serialize_entry(self.list_field, &self.records)?;
        map.end()
    }
}
