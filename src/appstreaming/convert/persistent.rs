//! `ListPersistentAppInstances`: an element as the fold takes it.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{super::wire, reading::Reading};
use crate::fleet::{Findings, FoldOptions, PersistentRecord};

/// A persistent session's fields, read. Owns what the [`PersistentRecord`] borrows.
#[derive(Debug)]
pub struct PersistentFields<'a> {
    id: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    instance_id: Option<Cow<'a, str>>,
    instance_status: Option<Cow<'a, str>>,
    authorized_users: Option<Vec<Cow<'a, str>>>,
    created: Option<Timestamp>,
}

impl<'a> PersistentFields<'a> {
    /// Reads one; `None`, and noted, when it has no id. What only details need is read for details only.
    pub fn read(
        persistent: &wire::Persistent<'a>,
        options: FoldOptions,
        findings: &mut Findings,
    ) -> Option<PersistentFields<'a>> {
        let mut read = Reading::new(findings);
        let id = read.required("AppInstancePersistentId", persistent.id, Reading::code)?;
        let details =
            |scalar: wire::Scalar<'a>| if options.detail { scalar } else { wire::Scalar::default() };
        Some(PersistentFields {
            id,
            name: read.text("AppInstancePersistentName", details(persistent.name)),
            status: read.code("AppInstancePersistentStatus", persistent.status),
            instance_id: read.code("AppInstanceId", persistent.instance_id),
            instance_status: read.code("AppInstanceStatus", persistent.instance_status),
            authorized_users: users(&persistent.authorized_users, &mut read),
            created: read.time("GmtCreate", details(persistent.created)),
        })
    }

    /// The record for the fold.
    pub fn record(&self) -> PersistentRecord<'_> {
        PersistentRecord {
            id: &self.id,
            name: self.name.as_deref(),
            status: self.status.as_deref(),
            instance_id: self.instance_id.as_deref(),
            instance_status: self.instance_status.as_deref(),
            authorized_users: self.authorized_users.as_deref(),
            created: self.created,
        }
    }
}

/// An empty list means that nobody is authorised; no list, that nobody knows.
fn users<'a>(list: &wire::Scalars<'a>, read: &mut Reading<'_>) -> Option<Vec<Cow<'a, str>>> {
    let users = read.scalars("AuthorizedUsers", list);
    (list.presence == wire::Presence::List)
        .then(|| users.iter().filter_map(|user| read.text("AuthorizedUsers", *user)).collect())
}
