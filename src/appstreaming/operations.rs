//! What can be asked: the parameters of the three operations, and the requests they make.
//!
//! Which parameter goes into the query and which into the form is the API's to say, per operation.
//! `RegionId` is deprecated in all of them and never sent; page size and number always are, because
//! not all operations document a default.

use super::options::GroupFilter;
use crate::aliyun::Request;
use crate::aliyun::request::{Parameter, list, objects, value};

/// Version of the product's API.
pub const VERSION: &str = "2021-09-01";

/// Names of the operations, also the values of the metric label `operation`.
pub mod operation {
    /// Lists delivery groups.
    pub const LIST_GROUPS: &str = "ListAppInstanceGroup";
    /// Lists the instances of one delivery group.
    pub const LIST_INSTANCES: &str = "ListAppInstances";
    /// Lists the persistent sessions of one delivery group.
    pub const LIST_PERSISTENT: &str = "ListPersistentAppInstances";
}

/// Which page to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u64,
    /// Elements a page, 1 to 100.
    pub size: u32,
}

/// What to ask of `ListAppInstanceGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupQuery {
    /// `ProductType`, e.g. `CloudApp`; case-sensitive.
    pub product_type: String,
    /// `BizRegionId`: only groups that live there; `None` for all that the endpoint serves.
    pub region: Option<String>,
    /// `AppInstanceGroupId`: only this group; `None` for all groups.
    pub group_id: Option<String>,
    /// Which of them.
    pub filter: GroupFilter,
}

/// What to ask of `ListAppInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceQuery {
    /// `AppInstanceGroupId`: required.
    pub group_id: String,
    /// `AppInstanceId`: this one only.
    pub instance_id: Option<String>,
    /// `UserIdList`: bound to these users, at most 100.
    pub user_ids: Vec<String>,
    /// `AppInstanceIdList`: these only, at most 100.
    pub instance_ids: Vec<String>,
    /// `IncludeDeleted`: deleted ones too; the API refuses it without `instance_ids`.
    pub include_deleted: bool,
    /// `Status`: one of these.
    pub status: Vec<String>,
}

/// What to ask of `ListPersistentAppInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersistentQuery {
    /// `ProductType`: required.
    pub product_type: String,
    /// `AppInstanceGroupId`: required.
    pub group_id: String,
    /// `AppInstancePersistentIds`: these only.
    pub persistent_ids: Vec<String>,
}

impl GroupQuery {
    /// The request for one page.
    pub fn request(&self, page: Page) -> Request {
        let filter = &self.filter;
        let mut query = vec![value("ProductType", &self.product_type)];
        query.extend(paging(page));
        query.extend(optional("AppInstanceGroupId", &self.group_id));
        query.extend(optional("AppInstanceGroupName", &filter.group_name));
        query.extend(optional("AppCenterImageId", &filter.image_id));
        query.extend(optional("BizRegionId", &self.region));
        query.extend(optional("NodeInstanceType", &filter.node_instance_type));
        query.extend(optional("OfficeSiteId", &filter.office_site_id));
        query.extend(objects("Tag", filter.tags.iter().map(|(key, value)| [("Key", key), ("Value", value)])));
        let form = list("Status", &filter.status)
            .chain(list("UserGroupIds", &filter.user_group_ids))
            .chain(list("ExcludedUserGroupIds", &filter.excluded_user_group_ids))
            .collect();
        Request { operation: operation::LIST_GROUPS, version: VERSION, query, form: Some(form) }
    }
}

impl InstanceQuery {
    /// All instances of one group.
    pub fn of(group_id: &str) -> Self {
        InstanceQuery { group_id: group_id.to_owned(), ..Self::default() }
    }

    /// The request for one page.
    pub fn request(&self, page: Page) -> Request {
        let mut query = vec![value("AppInstanceGroupId", &self.group_id)];
        query.extend(paging(page));
        query.extend(optional("AppInstanceId", &self.instance_id));
        query.extend(list("UserIdList", &self.user_ids));
        if self.include_deleted {
            query.push(value("IncludeDeleted", "true"));
        }
        let form =
            list("AppInstanceIdList", &self.instance_ids).chain(list("Status", &self.status)).collect();
        Request { operation: operation::LIST_INSTANCES, version: VERSION, query, form: Some(form) }
    }
}

impl PersistentQuery {
    /// All persistent sessions of one group.
    pub fn of(product_type: &str, group_id: &str) -> Self {
        PersistentQuery {
            product_type: product_type.to_owned(),
            group_id: group_id.to_owned(),
            persistent_ids: Vec::new(),
        }
    }

    /// The request for one page.
    pub fn request(&self, page: Page) -> Request {
        let mut query =
            vec![value("ProductType", &self.product_type), value("AppInstanceGroupId", &self.group_id)];
        query.extend(paging(page));
        query.extend(list("AppInstancePersistentIds", &self.persistent_ids));
        Request { operation: operation::LIST_PERSISTENT, version: VERSION, query, form: None }
    }
}

fn paging(page: Page) -> [Parameter; 2] {
    [value("PageSize", page.size.to_string()), value("PageNumber", page.number.to_string())]
}

/// A filter; an empty one would be sent and signed as such, and mean who knows what.
fn optional(name: &'static str, text: &Option<String>) -> Option<Parameter> {
    text.as_ref().filter(|text| !text.is_empty()).map(|text| value(name, text))
}
