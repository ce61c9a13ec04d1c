//! `ListAppInstances`.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ApiError;
use super::json::{self, ApiTime};
use super::page::{PageWriter, RequestedPage};
use super::parameters::RequestParameters;
use crate::simulator::fleet::{
    FleetView, SessionStatus, SimulatedGroup, SimulatedInstance, instance_id, network_interface_id, node_id,
    user_name,
};

/// The filters of a request.
struct InstanceSelection<'a> {
    id: Option<&'a str>,
    ids: Vec<&'a str>,
    users: Vec<&'a str>,
    statuses: Vec<&'a str>,
}

/// The requested page of a group's instances, the newest first.
///
/// # Errors
/// The API's error for a missing or invalid parameter, or an unknown group.
pub fn list(
    fleet: &FleetView<'_>,
    parameters: &RequestParameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let group_id = parameters.required("AppInstanceGroupId")?;
    let include_deleted = parameters.flag("IncludeDeleted")?;
    let selection = InstanceSelection {
        id: parameters.get("AppInstanceId"),
        ids: parameters.limited_list("AppInstanceIdList")?,
        users: parameters.limited_list("UserIdList")?,
        statuses: parameters.list("Status"),
    };
    if include_deleted && selection.ids.is_empty() {
        return Err(ApiError::invalid("AppInstanceIdList")
            .with_message("AppInstanceIdList must not be empty when IncludeDeleted is true."));
    }
    let mut listing = PageWriter::new(page);
    fleet
        .with_group(group_id, |group| {
            let instances = &group.instances;
            if selection.is_empty() {
                // Wraps for an empty group, of which no position is rendered.
                let newest = instances.len().wrapping_sub(1);
                listing.add_all(instances.len(), |position| {
                    json::raw(&ListedInstance::of(group, &instances[newest - position]))
                });
                return;
            }
            let deleted = group.deleted.iter().filter(|_| include_deleted);
            for instance in instances.iter().rev().chain(deleted.rev()) {
                if selection.matches(group, instance) {
                    listing.add(|| ListedInstance::of(group, instance));
                }
            }
        })
        .ok_or_else(|| ApiError::group_not_found(group_id))?;
    Ok(listing)
}

impl InstanceSelection<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.ids.is_empty() && self.users.is_empty() && self.statuses.is_empty()
    }

    fn matches(&self, group: &SimulatedGroup, instance: &SimulatedInstance) -> bool {
        if !self.statuses.is_empty() {
            let status = group.instance_status(instance);
            if !self.statuses.iter().any(|wanted| wanted.eq_ignore_ascii_case(status)) {
                return false;
            }
        }
        if !self.users.is_empty() {
            let Some(user) = instance.user.map(user_name) else { return false };
            if !self.users.iter().any(|wanted| *wanted == user) {
                return false;
            }
        }
        if self.id.is_none() && self.ids.is_empty() {
            return true;
        }
        let id = instance_id(group.settings.key, instance.serial);
        self.id.is_none_or(|wanted| wanted == id) && (self.ids.is_empty() || self.ids.contains(&id.as_str()))
    }
}

/// One element of `AppInstanceModels`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedInstance<'a> {
    app_instance_id: String,
    app_instance_group_id: &'a str,
    status: &'a str,
    main_eth_public_ip: String,
    network_interface_ip: String,
    gmt_create: ApiTime,
    gmt_modified: ApiTime,
    session_status: &'static str,
    node_id: String,
    charge_type: &'static str,
    network_interface_id: String,
    #[serde(skip_serializing_if = "ListedBindInfo::is_absent")]
    bind_info: ListedBindInfo,
}

/// `BindInfo`. The API has three forms for an instance without a user, and all of them occur here.
#[derive(Serialize)]
#[serde(untagged)]
enum ListedBindInfo {
    #[serde(rename_all = "PascalCase")]
    Bound {
        end_user_id: Cow<'static, str>,
        usage_duration: u64,
    },
    Empty {},
    Null,
    Absent,
}

impl<'a> ListedInstance<'a> {
    fn of(group: &'a SimulatedGroup, instance: &SimulatedInstance) -> Self {
        let settings = &group.settings;
        let has_address = settings.mixed_network && instance.session == SessionStatus::Connect;
        let serial = instance.serial;
        // 198.51.100.0/24 is reserved for documentation, so no real address appears.
        let public_ip = || format!("198.51.100.{}", serial % 254 + 1);
        let private_ip = || format!("172.16.{}.{}", serial / 254 % 256, serial % 254 + 1);
        let interface = || network_interface_id(settings.key, serial);
        Self {
            app_instance_id: instance_id(settings.key, serial),
            app_instance_group_id: &settings.id,
            status: group.instance_status(instance),
            main_eth_public_ip: has_address.then(public_ip).unwrap_or_default(),
            network_interface_ip: has_address.then(private_ip).unwrap_or_default(),
            gmt_create: ApiTime::beijing(instance.created),
            gmt_modified: ApiTime::beijing(instance.modified),
            session_status: instance.session.as_str(),
            node_id: match settings.sold_by_node {
                true => node_id(settings.key, instance.node),
                false => String::new(),
            },
            charge_type: match settings.sold_by_node {
                false => "",
                true if settings.prepaid && !instance.elastic => "PrePaid",
                true => "PostPaid",
            },
            network_interface_id: has_address.then(interface).unwrap_or_default(),
            bind_info: ListedBindInfo::of(group, instance),
        }
    }
}

impl ListedBindInfo {
    fn of(group: &SimulatedGroup, instance: &SimulatedInstance) -> Self {
        match (instance.user, instance.serial % 3) {
            (Some(user), _) => {
                Self::Bound { end_user_id: user_name(user), usage_duration: group.usage_seconds(instance) }
            }
            (None, 0) => Self::Null,
            (None, 1) => Self::Empty {},
            (None, _) => Self::Absent,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
