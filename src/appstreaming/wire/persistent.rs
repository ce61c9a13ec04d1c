//! `ListPersistentAppInstances`: one element.

use super::object::object;
use super::{Scalar, Scalars};

object! {
    /// One element of `PersistentAppInstanceModels`.
    Persistent<'a> {
        /// The persistent session's id, unique.
        id: Scalar<'a> = "AppInstancePersistentId",
        /// The persistent session's name, free text.
        name: Scalar<'a> = "AppInstancePersistentName",
        /// The persistent session's status.
        status: Scalar<'a> = "AppInstancePersistentStatus",
        /// The id of its group, as requested.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// Id of the instance that serves the persistent session now.
        instance_id: Scalar<'a> = "AppInstanceId",
        /// That instance's status.
        instance_status: Scalar<'a> = "AppInstanceStatus",
        /// Ids of the users who may use it: personal data.
        authorized_users: Scalars<'a> = "AuthorizedUsers",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
    }
}
