//! Names of the API's operations: the values of `Action` and of the metric label `operation`.

/// Lists delivery groups.
pub const LIST_APP_INSTANCE_GROUP: &str = "ListAppInstanceGroup";
/// Lists the instances of one delivery group.
pub const LIST_APP_INSTANCES: &str = "ListAppInstances";
/// Lists the persistent sessions of one delivery group.
pub const LIST_PERSISTENT_APP_INSTANCES: &str = "ListPersistentAppInstances";

/// Every operation that the exporter calls.
pub const ALL: [&str; 3] = [LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES];
