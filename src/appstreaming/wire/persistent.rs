//! `ListPersistentAppInstances`, one element.

use super::{Scalar, Scalars, object::object};

object! {
    /// One element of `PersistentAppInstanceModels`.
    Persistent<'a> {
        /// The key.
        id: Scalar<'a> = "AppInstancePersistentId",
        /// Free text.
        name: Scalar<'a> = "AppInstancePersistentName",
        /// What the persistent session is doing.
        status: Scalar<'a> = "AppInstancePersistentStatus",
        /// The group asked for.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// The instance behind it now.
        instance_id: Scalar<'a> = "AppInstanceId",
        /// What that instance is doing.
        instance_status: Scalar<'a> = "AppInstanceStatus",
        /// Personal data.
        authorized_users: Scalars<'a> = "AuthorizedUsers",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
    }
}
