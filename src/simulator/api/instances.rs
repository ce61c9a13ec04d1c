//! `ListAppInstances`.

use super::{
    super::{
        cloud::FleetView,
        fleet::{
            SimulatedGroup, SimulatedInstance, user_name, write_instance_id, write_network_interface,
            write_node_id,
        },
    },
    ApiError, Parameters, RequestedPage,
    json::{number, raw, text, time},
    page::PageWriter,
};

/// What the request filters by.
struct InstanceQuery<'a> {
    id: Option<&'a str>,
    ids: Vec<&'a str>,
    users: Vec<&'a str>,
    statuses: Vec<&'a str>,
}

/// The page of a group's instances that a request asks for, the newest first.
pub(super) fn list(
    cloud: &FleetView<'_>,
    parameters: &Parameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let group_id = parameters.required("AppInstanceGroupId")?;
    let include_deleted = parameters.flag("IncludeDeleted")?;
    let filter = InstanceQuery {
        id: parameters.get("AppInstanceId"),
        ids: parameters.limited_list("AppInstanceIdList")?,
        users: parameters.limited_list("UserIdList")?,
        statuses: parameters.list("Status"),
    };
    if include_deleted && filter.ids.is_empty() {
        return Err(ApiError::invalid("AppInstanceIdList")
            .saying("AppInstanceIdList must not be empty when IncludeDeleted is true."));
    }
    let mut listing = PageWriter::new(page);
    cloud
        .group(group_id, |group| {
            let instances = &group.instances;
            if filter.is_empty() {
                let newest = instances.len().wrapping_sub(1);
                listing.add_all(instances.len(), |out, position| {
                    write(out, group, &instances[newest - position]);
                });
                return;
            }
            let deleted = group.deleted.iter().filter(|_| include_deleted);
            for instance in instances.iter().rev().chain(deleted.rev()) {
                if filter.accepts(group, instance) {
                    listing.add(|out| write(out, group, instance));
                }
            }
        })
        .ok_or_else(|| ApiError::group_not_found(group_id))?;
    Ok(listing)
}

impl InstanceQuery<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.ids.is_empty() && self.users.is_empty() && self.statuses.is_empty()
    }

    fn accepts(&self, group: &SimulatedGroup, instance: &SimulatedInstance) -> bool {
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
        let mut id = Vec::with_capacity(20);
        write_instance_id(&mut id, group.settings.key, instance.serial);
        let is = |wanted: &str| wanted.as_bytes() == id;
        self.id.is_none_or(is) && (self.ids.is_empty() || self.ids.iter().any(|wanted| is(wanted)))
    }
}

fn write(out: &mut Vec<u8>, group: &SimulatedGroup, instance: &SimulatedInstance) {
    let settings = &group.settings;
    raw(out, "{\"AppInstanceId\":\"");
    write_instance_id(out, settings.key, instance.serial);
    text(out, "\",\"AppInstanceGroupId\":", &settings.id);
    text(out, ",\"Status\":", group.instance_status(instance));
    let addressed = settings.mixed_network && instance.session.as_str() == "connect";
    write_addresses(out, instance.serial, addressed);
    time(out, ",\"GmtCreate\":", instance.created, 8);
    time(out, ",\"GmtModified\":", instance.modified, 8);
    text(out, ",\"SessionStatus\":", instance.session.as_str());
    if settings.sold_by_node {
        raw(out, ",\"NodeId\":\"");
        write_node_id(out, settings.key, instance.node);
        let prepaid = settings.prepaid && !instance.elastic;
        raw(out, if prepaid { "\",\"ChargeType\":\"PrePaid\"" } else { "\",\"ChargeType\":\"PostPaid\"" });
    } else {
        raw(out, ",\"NodeId\":\"\",\"ChargeType\":\"\"");
    }
    raw(out, ",\"NetworkInterfaceId\":\"");
    if addressed {
        write_network_interface(out, settings.key, instance.serial);
    }
    out.push(b'"');
    match (instance.user, instance.serial % 3) {
        (Some(user), _) => {
            text(out, ",\"BindInfo\":{\"EndUserId\":", &user_name(user));
            number(out, ",\"UsageDuration\":", group.usage_seconds(instance));
            out.push(b'}');
        }
        // A free instance has no binding: all three ways of saying so occur.
        (None, 0) => raw(out, ",\"BindInfo\":null"),
        (None, 1) => raw(out, ",\"BindInfo\":{}"),
        (None, _) => {}
    }
    out.push(b'}');
}

fn write_addresses(out: &mut Vec<u8>, serial: u64, addressed: bool) {
    if !addressed {
        raw(out, ",\"MainEthPublicIp\":\"\",\"NetworkInterfaceIp\":\"\"");
        return;
    }
    // 198.51.100.0/24 is for documentation: nobody's real address appears.
    number(out, ",\"MainEthPublicIp\":\"198.51.100.", serial % 254 + 1);
    number(out, "\",\"NetworkInterfaceIp\":\"172.16.", serial / 254 % 256);
    number(out, ".", serial % 254 + 1);
    out.push(b'"');
}
