//! Decides which page to request next, and whether the pages are consistent: a state machine
//! without I/O.

/// Maximum number of pages in one pass: 10 million elements in pages of 100. A listing with more
/// pages is not fetched to its end.
const MAX_PAGES: u64 = 100_000;

/// Maximum number of pages that are requested beyond the first `TotalCount`, if later pages report
/// a higher one.
const MAX_EXTRA_PAGES: u64 = 8;

/// Successive pages without new elements after which a pass ends: a server that ignores the page
/// number would send full pages without end.
const MAX_EMPTY_PAGES: u32 = 8;

/// The statistics of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PageStats {
    /// `TotalCount`, if it is readable.
    pub(crate) total: Option<u64>,
    /// `PageSize`, if it is readable.
    pub(crate) size: Option<u64>,
    /// Elements in the list, readable or not.
    pub(crate) elements: u64,
    /// Elements that are not objects or have no usable id.
    pub(crate) skipped: u64,
    /// Distinct elements that the pass did not receive before.
    pub(crate) fresh: u64,
}

/// One pass through a listing.
///
/// The first page is requested alone. If it has a `TotalCount`, the other pages can then be
/// requested concurrently. Without a `TotalCount`, or with one that is smaller than the number of
/// elements received, the pages are requested one after the other until one is not full.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Elements per page: as requested, and after the first page as the server sends them.
    size: u64,
    /// The page to request next.
    next: u64,
    in_flight: u64,
    first_total: Option<u64>,
    total: Option<u64>,
    total_changed: bool,
    ended: bool,
    last_was_full: bool,
    empty_pages: u32,
    elements: u64,
    skipped: u64,
    fresh: u64,
}

impl Plan {
    /// A pass with pages of `size` elements.
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size.max(1)),
            next: 1,
            in_flight: 0,
            first_total: None,
            total: None,
            total_changed: false,
            ended: false,
            last_was_full: false,
            empty_pages: 0,
            elements: 0,
            skipped: 0,
            fresh: 0,
        }
    }

    /// The page to request now, if any. If there is none while pages are in flight, there may be
    /// one after the next page was received.
    pub(crate) fn next(&mut self) -> Option<u64> {
        if self.ended || self.next > MAX_PAGES || !self.is_needed(self.next) {
            return None;
        }
        let page = self.next;
        self.next += 1;
        self.in_flight += 1;
        Some(page)
    }

    /// Records the statistics of `page`, which [`next`](Self::next) returned before.
    pub(crate) fn page_received(&mut self, page: u64, stats: PageStats) {
        self.in_flight -= 1;
        self.elements += stats.elements;
        self.skipped += stats.skipped;
        self.fresh += stats.fresh;
        self.record_total(stats.total);
        if page == 1 {
            self.record_page_size(stats);
        }
        self.last_was_full = stats.elements >= self.size;
        self.empty_pages = if stats.fresh > 0 { 0 } else { self.empty_pages + 1 };
        if stats.elements == 0 || self.empty_pages >= MAX_EMPTY_PAGES {
            self.ended = true;
        }
    }

    /// `TotalCount` of the newest page that has one; without one, the number of distinct elements
    /// received.
    pub(crate) fn reported(&self) -> u64 {
        self.total.unwrap_or(self.fresh)
    }

    /// Whether `TotalCount` never changed and equals the number of elements received; without a
    /// `TotalCount`, whether the pass ended before [`MAX_PAGES`]. Unreadable elements are included,
    /// because another pass would not make them readable.
    pub(crate) fn is_consistent(&self) -> bool {
        let complete = match self.total {
            Some(total) => self.fresh + self.skipped == total,
            None => self.next <= MAX_PAGES,
        };
        complete && !self.total_changed
    }

    fn is_needed(&self, page: u64) -> bool {
        match self.total {
            _ if page == 1 => true,
            Some(total) if self.elements <= total => {
                page <= self.last_page() && (page - 1).saturating_mul(self.size) < total
            }
            // Without a usable `TotalCount`, only a full page shows that there may be more.
            _ => self.in_flight == 0 && self.last_was_full,
        }
    }

    fn record_total(&mut self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.total_changed |= self.first_total.is_some_and(|first| first != total);
        self.first_total.get_or_insert(total);
        self.total = Some(total);
    }

    /// Derives the page size from the first page: the server may send smaller pages than requested,
    /// even without reporting a smaller `PageSize`. The number of elements on the first page is
    /// never too large, so no page is left out.
    fn record_page_size(&mut self, stats: PageStats) {
        if let Some(size) = stats.size.filter(|size| *size > 0) {
            self.size = self.size.min(size);
        }
        if stats.elements > self.size || self.total.is_some_and(|total| stats.elements < total) {
            self.size = stats.elements.max(1);
        }
    }

    /// The last page that may be requested because of a `TotalCount`.
    fn last_page(&self) -> u64 {
        self.first_total.unwrap_or(0).div_ceil(self.size).saturating_add(MAX_EXTRA_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(total: u64) -> PageStats {
        PageStats { total: Some(total), size: Some(10), elements: 10, skipped: 0, fresh: 10 }
    }

    #[test]
    fn the_first_page_is_requested_alone() {
        let mut plan = Plan::new(10);
        assert_eq!((plan.next(), plan.next()), (Some(1), None));
        plan.page_received(1, full(30));
        assert_eq!((plan.next(), plan.next(), plan.next()), (Some(2), Some(3), None));
    }

    #[test]
    fn a_growing_total_is_followed_for_a_limited_number_of_pages() {
        let mut plan = Plan::new(10);
        let mut requested = 0;
        while let Some(page) = plan.next() {
            requested += 1;
            plan.page_received(page, full(if page == 1 { 20 } else { 1_000_000 }));
        }
        assert_eq!(requested, 2 + MAX_EXTRA_PAGES);
        assert!(!plan.is_consistent());
    }

    #[test]
    fn a_total_reported_only_by_a_later_page_is_used() {
        let mut plan = Plan::new(10);
        let mut requested = 0;
        while let Some(page) = plan.next() {
            requested += 1;
            plan.page_received(page, PageStats { total: (page == 2).then_some(200), ..full(0) });
        }
        assert_eq!((requested, plan.reported(), plan.is_consistent()), (20, 200, true));
    }

    #[test]
    fn a_listing_without_end_stops_at_the_limit() {
        let mut plan = Plan::new(10);
        let mut requested = 0;
        while let Some(page) = plan.next() {
            requested += 1;
            plan.page_received(page, PageStats { total: None, ..full(0) });
        }
        assert_eq!((requested, plan.is_consistent()), (MAX_PAGES, false));
    }

    fn stats() -> impl Strategy<Value = PageStats> {
        let total = prop::option::of(prop_oneof![0..500_u64, any::<u64>()]);
        (total, prop::option::of(0..200_u64), 0..200_u64, any::<prop::sample::Index>()).prop_map(
            |(total, size, elements, fresh)| {
                let fresh = fresh.index(elements as usize + 1) as u64;
                PageStats { total, size, elements, skipped: elements - fresh, fresh }
            },
        )
    }

    proptest! {
        #[test]
        fn for_any_responses_every_page_is_requested_once_and_the_listing_ends(
            size in 0_u32..=100,
            pages in prop::collection::vec((stats(), any::<prop::sample::Index>()), 1..80),
        ) {
            let mut plan = Plan::new(size);
            let mut in_flight = Vec::new();
            let mut pages = pages.into_iter();
            let mut expected = 1;
            loop {
                while in_flight.len() < 8 && let Some(page) = plan.next() {
                    prop_assert_eq!(page, expected);
                    expected += 1;
                    in_flight.push(page);
                }
                if in_flight.is_empty() {
                    break;
                }
                // After the generated pages, the server sends empty ones.
                let (stats, position) = match pages.next() {
                    Some((stats, pick)) => (stats, pick.index(in_flight.len())),
                    None => (PageStats::default(), 0),
                };
                plan.page_received(in_flight.swap_remove(position), stats);
            }
            prop_assert!(expected <= 80 + 8 + 1);
        }
    }
}
