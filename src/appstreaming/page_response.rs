//! Parses one page of a listing, and rejects errors and pages without their list.

use super::convert;
use super::operations::PageRequest;
use super::paging::PageStats;
use super::wire::{self, Model, Presence};
use crate::aliyun::Error;
use crate::fleet::DecodeIssues;

/// Parses a page and computes its statistics, except [`PageStats::fresh`], which depends on other
/// pages and is 0.
///
/// # Errors
/// When the body is not a page, contains an error code instead of a list, or lacks its list
/// although elements are reported.
pub(super) fn parse<'a, T: Model<'a>>(
    operation: &'static str,
    page: PageRequest,
    body: &'a [u8],
) -> Result<(wire::PageResponse<'a, T>, PageStats, DecodeIssues), Error> {
    let response = wire::PageResponse::<T>::parse(body)
        .map_err(|malformed| Error::protocol(operation, malformed.to_string()))?;
    let mut issues = DecodeIssues::default();
    let mut count = |field, scalar: wire::Scalar<'_>| {
        scalar.count().unwrap_or_else(|_| {
            issues.count_unparsable(field);
            None
        })
    };
    let stats = PageStats {
        total: count("TotalCount", response.total_count),
        size: count("PageSize", response.page_size),
        elements: response.models.len(),
        skipped: response.models.skipped,
        fresh: 0,
    };
    convert::count_skipped(stats.skipped, T::LIST, &mut issues);

    let presence = response.models.presence;
    if presence != Presence::List {
        let has_code = !matches!(response.code.code(), Ok(None));
        if has_code && (presence == Presence::Absent || stats.total != Some(0)) {
            return Err(Error::from_body(operation, 200, body));
        }
        if !may_be_empty(page, presence, stats) {
            let reported =
                stats.total.map_or("no TotalCount".to_owned(), |total| format!("TotalCount {total}"));
            let message = format!("the response has {reported}, but no list {}", T::LIST);
            return Err(Error::protocol(operation, message));
        }
        if presence == Presence::Invalid {
            issues.count_unparsable(T::LIST);
        }
    }
    Ok((response, stats, issues))
}

/// Whether a page without its list counts as empty: when `TotalCount` is 0, when the page is after
/// the last one, or when the list is null and there is no `TotalCount`. In all other cases, all
/// elements of the page would vanish without an error.
fn may_be_empty(page: PageRequest, presence: Presence, stats: PageStats) -> bool {
    let requested = u64::from(page.size);
    let size = stats.size.map_or(requested, |size| size.clamp(1, requested.max(1)));
    match stats.total {
        Some(total) => (page.number - 1).saturating_mul(size) >= total,
        None => presence == Presence::Null,
    }
}
