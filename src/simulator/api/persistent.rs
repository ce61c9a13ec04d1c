//! `ListPersistentAppInstances`.

use super::{
    super::{
        cloud::FleetView,
        fleet::{PersistentSession, SimulatedGroup, user_name, write_instance_id},
    },
    ApiError, Parameters, RequestedPage,
    json::{list as array, raw, text, time},
    page::PageWriter,
};

/// The page of a group's persistent sessions that a request asks for.
pub(super) fn list(
    cloud: &FleetView<'_>,
    parameters: &Parameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let product_type = parameters.required("ProductType")?;
    let group_id = parameters.required("AppInstanceGroupId")?;
    let ids = parameters.list("AppInstancePersistentIds");
    match product_type {
        "CloudApp" => {}
        // Every group here is a cloud application's: seen from another product it is not there.
        "CloudBrowser" | "AndroidCloud" | "WuyingServer" => return Err(ApiError::group_not_found(group_id)),
        _ => return Err(ApiError::of("ProductTypeInvalid")),
    }
    let mut listing = PageWriter::new(page);
    cloud
        .group(group_id, |group| {
            for session in &group.persistent {
                if ids.is_empty() || ids.contains(&session.id.as_str()) {
                    listing.add(|out| write(out, group, session));
                }
            }
        })
        .ok_or_else(|| ApiError::group_not_found(group_id))?;
    Ok(listing)
}

fn write(out: &mut Vec<u8>, group: &SimulatedGroup, session: &PersistentSession) {
    text(out, "{\"AppInstancePersistentId\":", &session.id);
    text(out, ",\"AppInstancePersistentName\":", &session.name);
    text(out, ",\"AppInstancePersistentStatus\":", session.status.as_str());
    text(out, ",\"AppInstanceGroupId\":", &group.settings.id);
    match session.instance.and_then(|serial| group.instance(serial)) {
        Some(instance) => {
            raw(out, ",\"AppInstanceId\":\"");
            write_instance_id(out, group.settings.key, instance.serial);
            text(out, "\",\"AppInstanceStatus\":", group.instance_status(instance));
        }
        None => raw(out, ",\"AppInstanceId\":\"\",\"AppInstanceStatus\":\"\""),
    }
    time(out, ",\"GmtCreate\":", session.created, 0);
    array(out, ",\"AuthorizedUsers\":", &session.users, |out, user| text(out, "", &user_name(*user)));
    out.push(b'}');
}
