//! Listings of records as the API sends them: nothing converted, nothing folded, nothing left out.
//!
//! For tools that show what the API says. The exporter's own numbers come from `listings`, which keeps
//! no record at all.

use std::collections::{HashMap, hash_map::Entry};

use serde_json::value::RawValue;

use super::{
    listings::parse,
    operations::{GroupQuery, InstanceQuery, Page, PersistentQuery, operation},
    paging::{Facts, Pass, Source},
    wire::{self, Model, Raw},
};
use crate::{
    aliyun::{Error, Request},
    fleet::DecodeIssues,
};

/// One element of a listing as the API sent it: its JSON text, byte for byte.
pub type Record = Box<RawValue>;

/// A question that one of the three listings answers.
pub trait Query: Sync {
    /// The operation asked.
    const OPERATION: &'static str;
    /// An element of the answer.
    type Model<'a>: Model<'a> + wire::Object<'a>;

    /// The request for one page.
    fn request(&self, page: Page) -> Request;
}

impl Query for GroupQuery {
    const OPERATION: &'static str = operation::LIST_GROUPS;
    type Model<'a> = wire::Group<'a>;

    fn request(&self, page: Page) -> Request {
        self.request(page)
    }
}

impl Query for InstanceQuery {
    const OPERATION: &'static str = operation::LIST_INSTANCES;
    type Model<'a> = wire::Instance<'a>;

    fn request(&self, page: Page) -> Request {
        self.request(page)
    }
}

impl Query for PersistentQuery {
    const OPERATION: &'static str = operation::LIST_PERSISTENT;
    type Model<'a> = wire::Persistent<'a>;

    fn request(&self, page: Page) -> Request {
        self.request(page)
    }
}

/// How many elements a page says that there are; those on it where it doesn't say.
pub(super) fn count<Q: Query>(page: Page, body: &[u8]) -> Result<u64, Error> {
    let (_, facts, _) = parse::<Q::Model<'_>>(Q::OPERATION, page, body)?;
    Ok(facts.total.unwrap_or(facts.elements))
}

/// The listing that answers a query.
pub(super) struct Records<'q, Q>(pub(super) &'q Q);

/// Where a record was listed: page and position. Which page arrived first must not decide the order,
/// nor which of two duplicates stays.
type Place = (u64, usize);

/// Records by their id, and those without one.
#[derive(Default)]
pub(super) struct Placed {
    by_id: HashMap<Box<str>, (Place, Record)>,
    nameless: Vec<(Place, Record)>,
}

impl<Q: Query> Source for Records<'_, Q> {
    type Sink = Placed;
    type Data = Vec<Record>;

    fn request(&self, page: Page) -> Request {
        Query::request(self.0, page)
    }

    fn sink(&self) -> Placed {
        Placed::default()
    }

    fn read(&self, page: Page, body: &[u8], pass: &Pass<Placed>) -> Result<Facts, Error> {
        let (answer, mut facts, noted) = parse::<Raw<'_, Q::Model<'_>>>(Q::OPERATION, page, body)?;
        pass.with(|placed, issues: &mut DecodeIssues| {
            issues.merge(&noted);
            for (position, raw) in answer.models.items.iter().enumerate() {
                let place = (page.number, position);
                let Ok(Some(id)) = raw.id().code() else {
                    facts.skipped += 1;
                    placed.nameless.push((place, raw.json.to_owned()));
                    continue;
                };
                match placed.by_id.entry(id.into()) {
                    Entry::Vacant(vacant) => {
                        facts.fresh += 1;
                        vacant.insert((place, raw.json.to_owned()));
                    }
                    Entry::Occupied(mut earlier) if place < earlier.get().0 => {
                        earlier.insert((place, raw.json.to_owned()));
                    }
                    Entry::Occupied(_) => {}
                }
            }
        });
        Ok(facts)
    }

    fn finish(&self, placed: Placed, _reported: u64) -> Vec<Record> {
        let mut records = placed.nameless;
        records.extend(placed.by_id.into_values());
        records.sort_unstable_by_key(|(place, _)| *place);
        records.into_iter().map(|(_, record)| record).collect()
    }
}
