//! `ListPersistentAppInstances`: one element.

use super::object::object;
use super::{Scalar, Scalars};

object! {
    /// One element of `PersistentAppInstanceModels`.
    Persistent<'a> {
        /// The key.
        id: Scalar<'a> = "AppInstancePersistentId",
        /// Free text.
        name: Scalar<'a> = "AppInstancePersistentName",
        /// The persistent session's status.
        status: Scalar<'a> = "AppInstancePersistentStatus",
        /// The group, as requested.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// The instance that serves it now.
        instance_id: Scalar<'a> = "AppInstanceId",
        /// That instance's status.
        instance_status: Scalar<'a> = "AppInstanceStatus",
        /// Personal data.
        authorized_users: Scalars<'a> = "AuthorizedUsers",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
    }
}
