//! The three listings of the exporter: groups as a list, instances and persistent sessions folded.

use super::convert;
use super::operations::{GroupQuery, InstanceQuery, PageRequest, PersistentQuery};
use super::ordered::Ordered;
use super::page_response::parse;
use super::paging::{PageStats, PagedListing, Pass};
use super::query::Query;
use super::wire;
use crate::aliyun::{Error, Request};
use crate::fleet::{
    DecodeIssues, FoldOptions, Group, InstanceFold, InstanceListing, PersistentFold, PersistentSummary,
};

/// The listing of groups, in the order of the API.
pub(super) struct Groups<'q>(pub(super) &'q GroupQuery);

/// A listing whose elements are folded into a summary as their pages arrive.
pub(super) struct Folded<'q, Q> {
    /// The elements to list.
    pub(super) query: &'q Q,
    /// How much of each element is kept.
    pub(super) options: FoldOptions,
}

/// A query whose elements are folded.
pub(super) trait FoldedQuery: Query {
    /// Collects the elements of one pass.
    type Fold: Send;
    /// The result of the fold.
    type Summary;

    /// A fold without elements.
    fn new_fold(options: FoldOptions) -> Self::Fold;

    /// Folds an element, unless it has no usable id; returns whether it has one.
    fn add(
        fold: &mut Self::Fold,
        element: &Self::Model<'_>,
        options: FoldOptions,
        issues: &mut DecodeIssues,
    ) -> bool;

    /// The number of distinct elements folded so far.
    fn distinct(fold: &Self::Fold) -> u64;

    /// The summary; `reported` is the listing's `TotalCount`.
    fn finish(fold: Self::Fold, reported: u64) -> Self::Summary;
}

impl PagedListing for Groups<'_> {
    type Accumulator = Ordered<Group>;
    type Data = Vec<Group>;

    fn request(&self, page: PageRequest) -> Request {
        self.0.request(page)
    }

    fn accumulator(&self) -> Ordered<Group> {
        Ordered::default()
    }

    fn add_page(
        &self,
        page: PageRequest,
        body: &[u8],
        pass: &Pass<Ordered<Group>>,
    ) -> Result<PageStats, Error> {
        let (response, mut stats, mut issues) = parse::<wire::Group<'_>>(GroupQuery::OPERATION, page, body)?;
        let groups: Vec<Option<Group>> =
            response.models.items.iter().map(|group| convert::group(group, &mut issues)).collect();
        pass.update(|ordered, all_issues| {
            all_issues.merge(&issues);
            for (position, group) in groups.into_iter().enumerate() {
                match group {
                    Some(group) => {
                        let id = group.id.clone();
                        stats.fresh += u64::from(ordered.insert((page.number, position), id, || group));
                    }
                    None => stats.skipped += 1,
                }
            }
        });
        Ok(stats)
    }

    fn finish(&self, ordered: Ordered<Group>, _reported: u64) -> Vec<Group> {
        ordered.into_sorted()
    }
}

impl<Q: FoldedQuery> PagedListing for Folded<'_, Q> {
    type Accumulator = Q::Fold;
    type Data = Q::Summary;

    fn request(&self, page: PageRequest) -> Request {
        self.query.request(page)
    }

    fn accumulator(&self) -> Q::Fold {
        Q::new_fold(self.options)
    }

    fn add_page(&self, page: PageRequest, body: &[u8], pass: &Pass<Q::Fold>) -> Result<PageStats, Error> {
        let (response, mut stats, mut issues) = parse::<Q::Model<'_>>(Q::OPERATION, page, body)?;
        pass.update(|fold, all_issues| {
            let before = Q::distinct(fold);
            for element in &response.models.items {
                stats.skipped += u64::from(!Q::add(fold, element, self.options, &mut issues));
            }
            stats.fresh = Q::distinct(fold) - before;
            all_issues.merge(&issues);
        });
        Ok(stats)
    }

    fn finish(&self, fold: Q::Fold, reported: u64) -> Q::Summary {
        Q::finish(fold, reported)
    }
}

impl FoldedQuery for InstanceQuery {
    type Fold = InstanceFold;
    type Summary = InstanceListing;

    fn new_fold(options: FoldOptions) -> InstanceFold {
        InstanceFold::new(options)
    }

    fn add(
        fold: &mut InstanceFold,
        element: &wire::Instance<'_>,
        options: FoldOptions,
        issues: &mut DecodeIssues,
    ) -> bool {
        let record = convert::instance_record(element, options, issues);
        record.map(|record| fold.add(&record, issues)).is_some()
    }

    fn distinct(fold: &InstanceFold) -> u64 {
        fold.distinct()
    }

    fn finish(fold: InstanceFold, reported: u64) -> InstanceListing {
        fold.finish(reported)
    }
}

impl FoldedQuery for PersistentQuery {
    type Fold = PersistentFold;
    type Summary = PersistentSummary;

    fn new_fold(options: FoldOptions) -> PersistentFold {
        PersistentFold::new(options)
    }

    fn add(
        fold: &mut PersistentFold,
        element: &wire::Persistent<'_>,
        options: FoldOptions,
        issues: &mut DecodeIssues,
    ) -> bool {
        let record = convert::persistent_record(element, options, issues);
        record.map(|record| fold.add(&record, issues)).is_some()
    }

    fn distinct(fold: &PersistentFold) -> u64 {
        fold.distinct()
    }

    fn finish(fold: PersistentFold, reported: u64) -> PersistentSummary {
        fold.finish(reported)
    }
}
