//! `ListAppInstanceGroup`.

use serde::Serialize;

use super::error::ApiError;
use super::json::{self, ApiTime, as_text, time_or_empty};
use super::node_pools::ListedPool;
use super::page::{PageWriter, RequestedPage};
use super::parameters::RequestParameters;
use crate::simulator::fleet::{FleetView, SimulatedApp, SimulatedGroup};

/// The filters of a request.
struct GroupSelection<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    image_id: Option<&'a str>,
    region_id: Option<&'a str>,
    node_instance_type: Option<&'a str>,
    office_site_id: Option<&'a str>,
    tags: Vec<(&'a str, Option<&'a str>)>,
    statuses: Vec<&'a str>,
    user_groups: Vec<&'a str>,
    excluded_user_groups: Vec<&'a str>,
}

/// The requested page of groups, the newest first.
///
/// # Errors
/// The API's error for a missing or invalid parameter.
pub fn list(
    fleet: &FleetView<'_>,
    parameters: &RequestParameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let mut listing = PageWriter::new(page);
    match parameters.required("ProductType")? {
        "CloudApp" => {}
        // Other operations list the groups of other products.
        "CloudBrowser" | "AndroidCloud" | "WuyingServer" => return Ok(listing),
        _ => return Err(ApiError::of("ProductTypeInvalid")),
    }
    let selection = GroupSelection::of(parameters);
    if selection.is_empty() {
        listing.add_all(fleet.len(), |position| {
            fleet.with_group_at(position, |group| json::raw(&ListedGroup::of(group)))
        });
        return Ok(listing);
    }
    for position in 0..fleet.len() {
        fleet.with_group_at(position, |group| {
            if selection.matches(group) {
                listing.add(|| ListedGroup::of(group));
            }
        });
    }
    Ok(listing)
}

impl<'a> GroupSelection<'a> {
    fn of(parameters: &'a RequestParameters) -> Self {
        Self {
            id: parameters.get("AppInstanceGroupId"),
            name: parameters.get("AppInstanceGroupName"),
            image_id: parameters.get("AppCenterImageId"),
            region_id: parameters.get("BizRegionId"),
            node_instance_type: parameters.get("NodeInstanceType"),
            office_site_id: parameters.get("OfficeSiteId"),
            tags: parameters.tags(),
            statuses: parameters.list("Status"),
            user_groups: parameters.list("UserGroupIds"),
            excluded_user_groups: parameters.list("ExcludedUserGroupIds"),
        }
    }

    fn is_empty(&self) -> bool {
        let texts =
            [self.id, self.name, self.image_id, self.region_id, self.node_instance_type, self.office_site_id];
        let lists = [&self.statuses, &self.user_groups, &self.excluded_user_groups];
        texts.iter().all(Option::is_none) && lists.iter().all(|list| list.is_empty()) && self.tags.is_empty()
    }

    fn matches(&self, group: &SimulatedGroup) -> bool {
        let settings = &group.settings;
        let belongs = |user_group: &&str| settings.user_groups.contains(user_group);
        let tagged = |(key, value): &(&str, Option<&str>)| {
            settings
                .tags
                .iter()
                .any(|(other, its, _)| other == key && value.is_none_or(|value| value == *its))
        };
        let sized = |size: &str| {
            settings.sold_by_node && group.pools.iter().any(|pool| pool.size.instance_type == size)
        };
        self.id.is_none_or(|id| id == settings.id)
            && self.name.is_none_or(|name| settings.name.contains(name))
            && self.image_id.is_none_or(|image| image == settings.image_id)
            && self.region_id.is_none_or(|region| region == settings.region_id)
            && self.node_instance_type.is_none_or(sized)
            && self.office_site_id.is_none_or(|site| site.trim() == settings.office_site_id.trim())
            && self.tags.iter().all(tagged)
            && (self.statuses.is_empty() || self.statuses.contains(&group.status()))
            && (self.user_groups.is_empty() || self.user_groups.iter().any(belongs))
            && !self.excluded_user_groups.iter().any(belongs)
    }
}

/// One element of `AppInstanceGroupModels`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedGroup<'a> {
    apps: Vec<ListedApp>,
    app_center_image_id: &'static str,
    region_id: &'static str,
    product_type: &'static str,
    app_instance_type: &'static str,
    app_instance_group_id: &'a str,
    amount: u32,
    min_amount: u32,
    max_amount: u32,
    reserve_amount_ratio: &'static str,
    reserve_min_amount: u32,
    reserve_max_amount: u32,
    scaling_step: u32,
    #[serde(serialize_with = "as_text")]
    scaling_usage_threshold: u32,
    scaling_down_after_idle_minutes: u32,
    charge_type: &'static str,
    gmt_create: ApiTime,
    status: &'a str,
    node_pool: Vec<ListedPool<'a>>,
    spec_id: &'a str,
    #[serde(serialize_with = "as_text")]
    session_timeout: i32,
    app_instance_group_name: &'a str,
    #[serde(serialize_with = "time_or_empty")]
    expired_time: Option<ApiTime>,
    ota_info: ListedOta<'a>,
    os_type: &'static str,
    resource_status: &'a str,
    app_policy_id: &'static str,
    charge_resource_mode: &'static str,
    skip_user_auth_check: bool,
    office_site_id: &'a str,
    app_policy_version: &'static str,
    app_policy_image_check: bool,
    resource_tags: Vec<ListedTag>,
    tags: Vec<ListedTag>,
    auth_mode: &'static str,
    access_type: &'static str,
    support_user_group_mixed_auth: bool,
    user_group_auth_mode: &'static str,
}

/// One element of `Apps`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedApp {
    app_id: &'static str,
    app_name: &'static str,
    app_version: &'static str,
    app_version_name: &'static str,
    app_icon: &'static str,
}

/// `OtaInfo`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedOta<'a> {
    ota_version: &'a str,
    new_ota_version: Option<&'a str>,
    task_id: &'a str,
}

/// One element of `Tags` and `ResourceTags`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedTag {
    key: &'static str,
    value: &'static str,
    scope: &'static str,
}

impl<'a> ListedGroup<'a> {
    fn of(group: &'a SimulatedGroup) -> Self {
        let settings = &group.settings;
        // A group that is sold by session has one hidden pool, which has the group's scaling
        // settings.
        let hidden_pool = group.pools.first().filter(|_| !settings.sold_by_node);
        Self {
            apps: settings.apps.iter().map(ListedApp::of).collect(),
            app_center_image_id: settings.image_id,
            region_id: settings.region_id,
            product_type: "CloudApp",
            app_instance_type: pick(settings.sold_by_node, "__dynamic__", "appstreaming.session.small"),
            app_instance_group_id: &settings.id,
            amount: settings.amount,
            min_amount: settings.min_amount,
            max_amount: settings.max_amount,
            reserve_amount_ratio: "20",
            reserve_min_amount: 1,
            reserve_max_amount: settings.min_amount * 2,
            scaling_step: hidden_pool.map_or(10, |pool| pool.step),
            scaling_usage_threshold: hidden_pool.map_or(85, |pool| pool.threshold),
            scaling_down_after_idle_minutes: hidden_pool.map_or(5, |pool| pool.idle_minutes),
            charge_type: pick(settings.prepaid, "PrePaid", "PostPaid"),
            gmt_create: ApiTime::utc(settings.created),
            status: group.status(),
            node_pool: ListedPool::all(group),
            spec_id: &settings.spec_id,
            session_timeout: settings.session_timeout,
            app_instance_group_name: &settings.name,
            expired_time: group.expires.map(ApiTime::utc),
            ota_info: ListedOta {
                ota_version: &group.ota.version,
                new_ota_version: group.ota.new_version.as_deref(),
                task_id: &group.ota.task_id,
            },
            os_type: "Windows",
            resource_status: group.resource_status(),
            app_policy_id: "pg-g3k5wa2ms20001",
            charge_resource_mode: pick(settings.sold_by_node, "Node", "AppInstance"),
            skip_user_auth_check: settings.skip_user_auth_check,
            office_site_id: &settings.office_site_id,
            app_policy_version: pick(settings.mixed_network, "CENTER", "DEFAULT"),
            app_policy_image_check: settings.mixed_network,
            resource_tags: ListedTag::all(group),
            tags: ListedTag::all(group),
            auth_mode: settings.auth_mode,
            access_type: settings.access_type,
            support_user_group_mixed_auth: settings.user_groups.len() > 1,
            user_group_auth_mode: "Mixed",
        }
    }
}

impl ListedApp {
    fn of(app: &SimulatedApp) -> Self {
        Self {
            app_id: app.id,
            app_name: app.name,
            app_version: app.version,
            app_version_name: app.version_name,
            app_icon: app.icon,
        }
    }
}

impl ListedTag {
    fn all(group: &SimulatedGroup) -> Vec<Self> {
        let tags = group.settings.tags.iter();
        tags.map(|&(key, value, scope)| Self { key, value, scope }).collect()
    }
}

fn pick(condition: bool, yes: &'static str, no: &'static str) -> &'static str {
    if condition { yes } else { no }
}
