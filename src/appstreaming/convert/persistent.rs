//! `ListPersistentAppInstances`: one element.

use std::borrow::Cow;

use super::field_reader::FieldReader;
use crate::appstreaming::wire;
use crate::fleet::{DecodeIssues, FoldOptions, PersistentRecord};

/// Reads a persistent session; `None` when it has no readable id, which is counted in `issues`.
/// Fields that are exported only in detailed mode are read only in detailed mode.
pub fn persistent_record<'a>(
    persistent: &wire::Persistent<'a>,
    options: FoldOptions,
    issues: &mut DecodeIssues,
) -> Option<PersistentRecord<'a>> {
    let mut read = FieldReader::new(issues);
    let id = read.required("AppInstancePersistentId", persistent.id, FieldReader::code)?;
    let detail = |scalar: wire::Scalar<'a>| if options.detail { scalar } else { wire::Scalar::default() };
    Some(PersistentRecord {
        id,
        name: read.text("AppInstancePersistentName", detail(persistent.name)),
        status: read.code("AppInstancePersistentStatus", persistent.status),
        instance_id: read.code("AppInstanceId", persistent.instance_id),
        instance_status: read.code("AppInstanceStatus", persistent.instance_status),
        authorized_users: authorized_users(&persistent.authorized_users, &mut read),
        created: read.time("GmtCreate", detail(persistent.created)),
    })
}

/// An empty list means that no user is authorised. `None` without a list, because the users are
/// unknown.
fn authorized_users<'a>(list: &wire::Scalars<'a>, read: &mut FieldReader<'_>) -> Option<Vec<Cow<'a, str>>> {
    let users = read.scalars("AuthorizedUsers", list);
    (list.presence == wire::Presence::List)
        .then(|| users.iter().filter_map(|user| read.text("AuthorizedUsers", *user)).collect())
}
