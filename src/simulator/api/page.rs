//! Paging: which part of a listing is asked for, and the envelope around it.

use super::{
    ApiError, Distortion, Parameters,
    json::{number, raw, text},
};

const DEFAULT_SIZE: u64 = 20;
const MAX_SIZE: u64 = 100;

/// `PageNumber` and `PageSize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct RequestedPage {
    /// From 1.
    pub(in super::super) number: u64,
    /// 1 to 100.
    pub(in super::super) size: u64,
}

/// The part of a listing that a page shows, as it is being written.
#[derive(Debug)]
pub(super) struct PageWriter {
    skip: u64,
    room: u64,
    total: u64,
    records: Vec<u8>,
}

impl RequestedPage {
    /// What a request asks for.
    pub(in super::super) fn of(parameters: &Parameters) -> Result<Self, ApiError> {
        let size = parameters.number("PageSize")?.unwrap_or(DEFAULT_SIZE);
        let number = parameters.number("PageNumber")?.unwrap_or(1);
        if !(1..=MAX_SIZE).contains(&size) {
            return Err(ApiError::invalid("PageSize"));
        }
        if number == 0 || number > u64::from(u32::MAX) {
            return Err(ApiError::invalid("PageNumber"));
        }
        Ok(Self { number, size })
    }
}

impl PageWriter {
    /// An empty one for this page.
    pub(super) fn new(page: RequestedPage) -> Self {
        Self { skip: (page.number - 1) * page.size, room: page.size, total: 0, records: Vec::new() }
    }

    /// Counts one record, and writes it if the page shows it.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let position = self.total;
        self.total += 1;
        if position < self.skip || position - self.skip >= self.room {
            return;
        }
        if self.records.is_empty() {
            self.records.reserve(48 * 1024);
        } else {
            self.records.push(b',');
        }
        write(&mut self.records);
    }

    /// Counts many records at once, and writes those that the page shows, by position.
    pub(super) fn add_all(&mut self, count: usize, mut write: impl FnMut(&mut Vec<u8>, usize)) {
        let before = self.total;
        let first = self.skip.saturating_sub(before).min(count as u64);
        let last = (self.skip + self.room).saturating_sub(before).min(count as u64);
        for position in first..last {
            self.total = before + position;
            self.add(|out| write(out, position as usize));
        }
        self.total = before + count as u64;
    }

    /// The whole answer.
    pub(super) fn into_body(
        self,
        list_field: &str,
        request_id: &str,
        page: RequestedPage,
        distortion: Distortion,
    ) -> Vec<u8> {
        let total = distortion.total_count.map_or(self.total, |lie| lie.apply(self.total));
        let mut body = Vec::with_capacity(self.records.len() + 160);
        text(&mut body, "{\"RequestId\":", request_id);
        number(&mut body, ",\"TotalCount\":", total);
        number(&mut body, ",\"PageSize\":", page.size);
        number(&mut body, ",\"PageNumber\":", page.number);
        text(&mut body, ",", list_field);
        if distortion.null_list {
            raw(&mut body, ":null}");
        } else {
            raw(&mut body, ":[");
            body.extend_from_slice(&self.records);
            raw(&mut body, "]}");
        }
        body
    }
}
