//! The parameters of the three operations, and the requests built from them.
//!
//! The API defines for each operation which parameters belong in the query and which in the form.
//! `RegionId` is deprecated in all of them and never sent. Page size and number are always sent,
//! because not all operations document a default.

use super::options::GroupFilter;
use crate::aliyun::request::{Parameter, list, objects, value};
use crate::aliyun::{Request, Turn};
use crate::fleet::operation::{LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES, LIST_PERSISTENT_APP_INSTANCES};

/// Version of the product's API.
pub const VERSION: &str = "2021-09-01";

/// A page to request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Page number, from 1.
    pub number: u64,
    /// Elements per page, 1 to [`MAX_PAGE_SIZE`](super::MAX_PAGE_SIZE).
    pub size: u32,
}

/// Parameters of `ListAppInstanceGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupQuery {
    /// `ProductType`, e.g. `CloudApp`; case-sensitive.
    pub product_type: String,
    /// `BizRegionId`: only groups in this region; `None` for all regions that the endpoint serves.
    pub region: Option<String>,
    /// `AppInstanceGroupId`: only this group; `None` for all groups.
    pub group_id: Option<String>,
    /// Further filters.
    pub filter: GroupFilter,
}

/// Parameters of `ListAppInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceQuery {
    /// `AppInstanceGroupId`: required.
    pub group_id: String,
    /// `AppInstanceId`: only this instance.
    pub instance_id: Option<String>,
    /// `UserIdList`: only instances bound to these users, at most 100.
    pub user_ids: Vec<String>,
    /// `AppInstanceIdList`: only these instances, at most 100.
    pub instance_ids: Vec<String>,
    /// `IncludeDeleted`: also deleted instances; the API rejects `true` without `instance_ids`.
    pub include_deleted: bool,
    /// `Status`: only instances with one of these statuses.
    pub status: Vec<String>,
}

/// Parameters of `ListPersistentAppInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersistentQuery {
    /// `ProductType`: required.
    pub product_type: String,
    /// `AppInstanceGroupId`: required.
    pub group_id: String,
    /// `AppInstancePersistentIds`: only these persistent sessions.
    pub persistent_ids: Vec<String>,
}

impl GroupQuery {
    /// The request for one page.
    pub fn request(&self, page: PageRequest) -> Request {
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
        Request {
            operation: LIST_APP_INSTANCE_GROUP,
            version: VERSION,
            turn: Turn::default(),
            query,
            form: Some(form),
        }
    }
}

impl InstanceQuery {
    /// All instances of one group.
    pub fn of(group_id: &str) -> Self {
        Self { group_id: group_id.to_owned(), ..Self::default() }
    }

    /// The request for one page.
    pub fn request(&self, page: PageRequest) -> Request {
        let mut query = vec![value("AppInstanceGroupId", &self.group_id)];
        query.extend(paging(page));
        query.extend(optional("AppInstanceId", &self.instance_id));
        query.extend(list("UserIdList", &self.user_ids));
        if self.include_deleted {
            query.push(value("IncludeDeleted", "true"));
        }
        let form =
            list("AppInstanceIdList", &self.instance_ids).chain(list("Status", &self.status)).collect();
        Request {
            operation: LIST_APP_INSTANCES,
            version: VERSION,
            turn: Turn::default(),
            query,
            form: Some(form),
        }
    }
}

impl PersistentQuery {
    /// All persistent sessions of one group.
    pub fn of(product_type: &str, group_id: &str) -> Self {
        Self {
            product_type: product_type.to_owned(),
            group_id: group_id.to_owned(),
            persistent_ids: Vec::new(),
        }
    }

    /// The request for one page.
    pub fn request(&self, page: PageRequest) -> Request {
        let mut query =
            vec![value("ProductType", &self.product_type), value("AppInstanceGroupId", &self.group_id)];
        query.extend(paging(page));
        query.extend(list("AppInstancePersistentIds", &self.persistent_ids));
        Request {
            operation: LIST_PERSISTENT_APP_INSTANCES,
            version: VERSION,
            turn: Turn::default(),
            query,
            form: None,
        }
    }
}

fn paging(page: PageRequest) -> [Parameter; 2] {
    [value("PageSize", page.size.to_string()), value("PageNumber", page.number.to_string())]
}

/// The parameter of a filter; `None` for an empty filter, whose meaning the API does not define.
fn optional(name: &'static str, text: &Option<String>) -> Option<Parameter> {
    text.as_ref().filter(|text| !text.is_empty()).map(|text| value(name, text))
}
