//! Options of listings that the configuration and the command line can set.

use std::collections::BTreeMap;

/// Maximum number of elements that the API returns per page.
pub const MAX_PAGE_SIZE: u32 = 100;

/// Filters that the API applies to delivery groups. Empty filters are not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFilter {
    /// `AppInstanceGroupName`: the name contains this text.
    pub group_name: Option<String>,
    /// `AppCenterImageId`.
    pub image_id: Option<String>,
    /// `NodeInstanceType`.
    pub node_instance_type: Option<String>,
    /// `OfficeSiteId`.
    pub office_site_id: Option<String>,
    /// `Tag`: the group has all of these tags.
    pub tags: BTreeMap<String, String>,
    /// `Status`: the group has one of these statuses.
    pub status: Vec<String>,
    /// `UserGroupIds`: the group is authorised for one of these user groups.
    pub user_group_ids: Vec<String>,
    /// `ExcludedUserGroupIds`: the group is authorised for none of these user groups.
    pub excluded_user_group_ids: Vec<String>,
}
