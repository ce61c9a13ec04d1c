//! The common interface of the three queries: operation, request and elements of the response.

use super::operations::{GroupQuery, InstanceQuery, PageRequest, PersistentQuery};
use super::wire;
use crate::aliyun::Request;
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};

/// The parameters of one of the three listings.
pub trait Query: Sync {
    /// The name of the API's operation.
    const OPERATION: &'static str;
    /// An element of the response.
    type Model<'a>: wire::Model<'a> + wire::Object<'a>;

    /// The request for one page.
    fn request(&self, page: PageRequest) -> Request;
}

impl Query for GroupQuery {
    const OPERATION: &'static str = LIST_APP_INSTANCE_GROUP;
    type Model<'a> = wire::Group<'a>;

    fn request(&self, page: PageRequest) -> Request {
        self.request(page)
    }
}

impl Query for InstanceQuery {
    const OPERATION: &'static str = LIST_APP_INSTANCES;
    type Model<'a> = wire::Instance<'a>;

    fn request(&self, page: PageRequest) -> Request {
        self.request(page)
    }
}

impl Query for PersistentQuery {
    const OPERATION: &'static str = LIST_PERSISTENT_APP_INSTANCES;
    type Model<'a> = wire::Persistent<'a>;

    fn request(&self, page: PageRequest) -> Request {
        self.request(page)
    }
}
