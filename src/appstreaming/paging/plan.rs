//! Which page to ask for next, and whether the pages agree with one another: a pure state machine.

/// A listing of more pages than this is not followed to its end.
const MAX_PAGES: u64 = 100_000;

/// How many pages beyond those that the first answer calls for are followed when later answers call
/// for more.
const ALLOWANCE: u64 = 8;

/// After how many pages in a row that bring nothing new a listing is over: a server that ignores the
/// page number would go on for ever.
const MAX_BARREN: u32 = 8;

/// What one answer says about its listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// `TotalCount`, where there is a readable one.
    pub(crate) total: Option<u64>,
    /// `PageSize`, where there is a readable one.
    pub(crate) size: Option<u64>,
    /// Elements in the list, readable or not.
    pub(crate) elements: u64,
    /// Elements without a usable id, or that are no objects.
    pub(crate) skipped: u64,
    /// Items that no page before brought.
    pub(crate) fresh: u64,
}

/// One pass through a listing.
///
/// The first page is asked for alone. With a `TotalCount` the others may then be asked for at once;
/// without one, or with one that is smaller than what has been seen, they come one by one until one
/// is short.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Elements asked for a page, then what the server really sends.
    size: u64,
    /// The page to ask for next.
    next: u64,
    in_flight: u64,
    first_total: Option<u64>,
    total: Option<u64>,
    moved: bool,
    ended: bool,
    last_was_full: bool,
    barren: u32,
    elements: u64,
    skipped: u64,
    fresh: u64,
}

impl Plan {
    /// A pass with pages of `size` elements.
    pub(crate) fn new(size: u32) -> Self {
        Plan {
            size: u64::from(size.max(1)),
            next: 1,
            in_flight: 0,
            first_total: None,
            total: None,
            moved: false,
            ended: false,
            last_was_full: false,
            barren: 0,
            elements: 0,
            skipped: 0,
            fresh: 0,
        }
    }

    /// The page to ask for now, if any. When there is none while pages are under way, ask again after
    /// the next answer.
    pub(crate) fn next(&mut self) -> Option<u64> {
        if self.ended || self.next > MAX_PAGES || !self.calls_for(self.next) {
            return None;
        }
        let page = self.next;
        self.next += 1;
        self.in_flight += 1;
        Some(page)
    }

    /// Takes note of what came back for `page`.
    pub(crate) fn answered(&mut self, page: u64, facts: Facts) {
        self.in_flight -= 1;
        self.elements += facts.elements;
        self.skipped += facts.skipped;
        self.fresh += facts.fresh;
        self.note_total(facts.total);
        if page == 1 {
            self.note_first(facts);
        }
        self.last_was_full = facts.elements >= self.size;
        self.barren = if facts.fresh > 0 { 0 } else { self.barren + 1 };
        if facts.elements == 0 || self.barren >= MAX_BARREN {
            self.ended = true;
        }
    }

    /// `TotalCount` of the newest answer that had one; else what was seen.
    pub(crate) fn reported(&self) -> u64 {
        self.total.unwrap_or(self.fresh)
    }

    /// Whether every answer said the same `TotalCount`, and as many items came. An element that can't
    /// be read is an item too: it is counted as unparsable, and reading it again wouldn't help.
    pub(crate) fn is_consistent(&self) -> bool {
        let complete = match self.total {
            Some(total) => self.fresh + self.skipped == total,
            None => self.next <= MAX_PAGES,
        };
        complete && !self.moved
    }

    fn calls_for(&self, page: u64) -> bool {
        match self.total {
            _ if page == 1 => true,
            Some(total) if self.elements <= total => {
                page <= self.bound() && (page - 1).saturating_mul(self.size) < total
            }
            // Nothing to go by but the pages themselves.
            _ => self.in_flight == 0 && self.last_was_full,
        }
    }

    fn note_total(&mut self, total: Option<u64>) {
        let Some(total) = total else { return };
        self.moved |= self.first_total.is_some_and(|first| first != total);
        self.first_total.get_or_insert(total);
        self.total = Some(total);
    }

    /// The server may send fewer elements a page than it was asked for, and say so or not; pages that
    /// are counted by what really came are never too few.
    fn note_first(&mut self, facts: Facts) {
        if let Some(echo) = facts.size.filter(|echo| *echo > 0) {
            self.size = self.size.min(echo);
        }
        if facts.elements > self.size || self.total.is_some_and(|total| facts.elements < total) {
            self.size = facts.elements.max(1);
        }
    }

    /// The last page that may be asked for while `TotalCount` is believed.
    fn bound(&self) -> u64 {
        self.first_total.unwrap_or(0).div_ceil(self.size).saturating_add(ALLOWANCE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(total: u64) -> Facts {
        Facts { total: Some(total), size: Some(10), elements: 10, skipped: 0, fresh: 10 }
    }

    #[test]
    fn nothing_is_asked_for_beside_the_first_page() {
        let mut plan = Plan::new(10);
        assert_eq!((plan.next(), plan.next()), (Some(1), None));
        plan.answered(1, full(30));
        assert_eq!((plan.next(), plan.next(), plan.next()), (Some(2), Some(3), None));
    }

    #[test]
    fn a_total_that_grows_is_followed_within_an_allowance() {
        let mut plan = Plan::new(10);
        let mut asked = 0;
        while let Some(page) = plan.next() {
            asked += 1;
            plan.answered(page, full(if page == 1 { 20 } else { 1_000_000 }));
        }
        assert_eq!(asked, 2 + ALLOWANCE);
        assert!(!plan.is_consistent());
    }

    #[test]
    fn a_total_that_only_a_later_page_tells_is_believed() {
        let mut plan = Plan::new(10);
        let mut asked = 0;
        while let Some(page) = plan.next() {
            asked += 1;
            plan.answered(page, Facts { total: (page == 2).then_some(200), ..full(0) });
        }
        assert_eq!((asked, plan.reported(), plan.is_consistent()), (20, 200, true));
    }

    #[test]
    fn a_listing_without_end_is_left_at_the_bound() {
        let mut plan = Plan::new(10);
        let mut asked = 0;
        while let Some(page) = plan.next() {
            asked += 1;
            plan.answered(page, Facts { total: None, ..full(0) });
        }
        assert_eq!((asked, plan.is_consistent()), (MAX_PAGES, false));
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let total = prop::option::of(prop_oneof![0..500_u64, any::<u64>()]);
        (total, prop::option::of(0..200_u64), 0..200_u64, any::<prop::sample::Index>()).prop_map(
            |(total, size, elements, fresh)| {
                let fresh = fresh.index(elements as usize + 1) as u64;
                Facts { total, size, elements, skipped: elements - fresh, fresh }
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_every_page_is_asked_for_once_and_it_ends(
            size in 0_u32..=100,
            answers in prop::collection::vec((facts(), any::<prop::sample::Index>()), 1..80),
        ) {
            let mut plan = Plan::new(size);
            let mut under_way = Vec::new();
            let mut answers = answers.into_iter();
            let mut expected = 1;
            loop {
                while under_way.len() < 8 && let Some(page) = plan.next() {
                    prop_assert_eq!(page, expected);
                    expected += 1;
                    under_way.push(page);
                }
                if under_way.is_empty() {
                    break;
                }
                // Once the script is through, the server has nothing more.
                let (facts, place) = match answers.next() {
                    Some((facts, pick)) => (facts, pick.index(under_way.len())),
                    None => (Facts::default(), 0),
                };
                plan.answered(under_way.swap_remove(place), facts);
            }
            prop_assert!(expected <= 80 + 8 + 1);
        }
    }
}
