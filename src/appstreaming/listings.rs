//! The three listings: what becomes of a page's bytes, operation by operation.

use std::collections::HashMap;

use super::{
    convert,
    operations::{GroupQuery, InstanceQuery, Page, PersistentQuery, operation},
    paging::{Facts, Pass, Source},
    wire::{self, Model, Presence},
};
use crate::{
    aliyun::{Error, Request},
    fleet::{
        DecodeIssues, FoldOptions, Group, InstanceFold, InstanceSummary, PersistentFold, PersistentSummary,
    },
};

/// `ListAppInstanceGroup`.
pub(super) struct Groups<'q>(pub(super) &'q GroupQuery);

/// `ListAppInstances`.
pub(super) struct Instances<'q>(pub(super) &'q InstanceQuery, pub(super) FoldOptions);

/// `ListPersistentAppInstances`.
pub(super) struct PersistentSessions<'q>(pub(super) &'q PersistentQuery, pub(super) FoldOptions);

/// Groups by id, each with the place it was listed at: page and position. Which page brought a
/// duplicate first must not decide which one stays.
type Placed = HashMap<Box<str>, ((u64, usize), Group)>;

impl Source for Groups<'_> {
    type Sink = Placed;
    type Data = Vec<Group>;

    fn request(&self, page: Page) -> Request {
        self.0.request(page)
    }

    fn sink(&self) -> Placed {
        HashMap::new()
    }

    fn read(&self, page: Page, body: &[u8], pass: &Pass<Placed>) -> Result<Facts, Error> {
        let (answer, mut facts, mut noted) = parse::<wire::Group<'_>>(operation::LIST_GROUPS, page, body)?;
        let groups: Vec<Option<Group>> =
            answer.models.items.iter().map(|group| convert::group(group, &mut noted)).collect();
        pass.with(|placed, issues| {
            issues.merge(&noted);
            for (position, group) in groups.into_iter().enumerate() {
                let Some(group) = group else {
                    facts.skipped += 1;
                    continue;
                };
                let place = (page.number, position);
                match placed.get_mut(&group.id) {
                    None => {
                        facts.fresh += 1;
                        placed.insert(group.id.clone(), (place, group));
                    }
                    Some(earlier) if place < earlier.0 => *earlier = (place, group),
                    Some(_) => {}
                }
            }
        });
        Ok(facts)
    }

    fn finish(&self, placed: Placed, _reported: u64) -> Vec<Group> {
        let mut groups: Vec<_> = placed.into_values().collect();
        groups.sort_unstable_by_key(|(place, _)| *place);
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

impl Source for Instances<'_> {
    type Sink = InstanceFold;
    type Data = InstanceSummary;

    fn request(&self, page: Page) -> Request {
        self.0.request(page)
    }

    fn sink(&self) -> InstanceFold {
        InstanceFold::new(self.1)
    }

    fn read(&self, page: Page, body: &[u8], pass: &Pass<InstanceFold>) -> Result<Facts, Error> {
        let (answer, mut facts, mut noted) =
            parse::<wire::Instance<'_>>(operation::LIST_INSTANCES, page, body)?;
        pass.with(|fold, issues| {
            let before = fold.distinct();
            for instance in &answer.models.items {
                match convert::instance_record(instance, self.1, &mut noted) {
                    Some(record) => fold.add(&record, &mut noted),
                    None => facts.skipped += 1,
                }
            }
            facts.fresh = fold.distinct() - before;
            issues.merge(&noted);
        });
        Ok(facts)
    }

    fn finish(&self, fold: InstanceFold, reported: u64) -> InstanceSummary {
        fold.finish(reported)
    }
}

impl Source for PersistentSessions<'_> {
    type Sink = PersistentFold;
    type Data = PersistentSummary;

    fn request(&self, page: Page) -> Request {
        self.0.request(page)
    }

    fn sink(&self) -> PersistentFold {
        PersistentFold::new(self.1)
    }

    fn read(&self, page: Page, body: &[u8], pass: &Pass<PersistentFold>) -> Result<Facts, Error> {
        let (answer, mut facts, mut noted) =
            parse::<wire::Persistent<'_>>(operation::LIST_PERSISTENT, page, body)?;
        pass.with(|fold, issues| {
            let before = fold.distinct();
            for persistent in &answer.models.items {
                match convert::persistent_record(persistent, self.1, &mut noted) {
                    Some(record) => fold.add(&record, &mut noted),
                    None => facts.skipped += 1,
                }
            }
            facts.fresh = fold.distinct() - before;
            issues.merge(&noted);
        });
        Ok(facts)
    }

    fn finish(&self, fold: PersistentFold, reported: u64) -> PersistentSummary {
        fold.finish(reported)
    }
}

/// Parses a page and reads what it says about its listing. `fresh` is left for the caller.
pub(super) fn parse<'a, T: Model<'a>>(
    operation: &'static str,
    page: Page,
    body: &'a [u8],
) -> Result<(wire::Page<'a, T>, Facts, DecodeIssues), Error> {
    let answer = wire::Page::<T>::parse(body)
        .map_err(|malformed| Error::protocol(operation, malformed.to_string()))?;
    let mut issues = DecodeIssues::default();
    let mut count = |field, scalar: wire::Scalar<'_>| {
        scalar.count().unwrap_or_else(|_| {
            issues.count_unparsable(field);
            None
        })
    };
    let facts = Facts {
        total: count("TotalCount", answer.total_count),
        size: count("PageSize", answer.page_size),
        elements: answer.models.len(),
        skipped: answer.models.skipped,
        fresh: 0,
    };
    convert::count_skipped(facts.skipped, T::LIST, &mut issues);

    let presence = answer.models.presence;
    if presence != Presence::List {
        let has_code = !matches!(answer.code.code(), Ok(None));
        if has_code && (presence == Presence::Absent || facts.total != Some(0)) {
            return Err(Error::from_body(operation, 200, body));
        }
        if !may_be_empty(page, presence, facts) {
            let reported =
                facts.total.map_or("no TotalCount".to_owned(), |total| format!("TotalCount {total}"));
            return Err(Error::protocol(
                operation,
                format!("the answer has {reported}, but no list {}", T::LIST),
            ));
        }
        if presence == Presence::Invalid {
            issues.count_unparsable(T::LIST);
        }
    }
    Ok((answer, facts, issues))
}

/// Whether a page without its list can be taken for an empty one: when nothing is reported, or when
/// it is behind the last one. Anything else would make a whole group vanish quietly.
fn may_be_empty(page: Page, presence: Presence, facts: Facts) -> bool {
    let asked = u64::from(page.size);
    let size = facts.size.map_or(asked, |echo| echo.clamp(1, asked.max(1)));
    match facts.total {
        Some(total) => (page.number - 1).saturating_mul(size) >= total,
        None => presence == Presence::Null,
    }
}
