//! `ListPersistentAppInstances`.

use std::borrow::Cow;

use serde::Serialize;

use super::error::ApiError;
use super::json::ApiTime;
use super::page::{PageWriter, RequestedPage};
use super::parameters::RequestParameters;
use crate::simulator::fleet::{FleetView, PersistentSession, SimulatedGroup, instance_id, user_name};

/// The requested page of a group's persistent sessions.
///
/// # Errors
/// The API's error for a missing or invalid parameter, or an unknown group.
pub fn list(
    fleet: &FleetView<'_>,
    parameters: &RequestParameters,
    page: RequestedPage,
) -> Result<PageWriter, ApiError> {
    let product_type = parameters.required("ProductType")?;
    let group_id = parameters.required("AppInstanceGroupId")?;
    let ids = parameters.list("AppInstancePersistentIds");
    match product_type {
        "CloudApp" => {}
        // All simulated groups are cloud applications: for another product type they do not exist.
        "CloudBrowser" | "AndroidCloud" | "WuyingServer" => return Err(ApiError::group_not_found(group_id)),
        _ => return Err(ApiError::of("ProductTypeInvalid")),
    }
    let mut listing = PageWriter::new(page);
    fleet
        .with_group(group_id, |group| {
            for session in &group.persistent {
                if ids.is_empty() || ids.contains(&session.id.as_str()) {
                    listing.add(|| ListedPersistentSession::of(group, session));
                }
            }
        })
        .ok_or_else(|| ApiError::group_not_found(group_id))?;
    Ok(listing)
}

/// One element of `PersistentAppInstanceModels`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedPersistentSession<'a> {
    app_instance_persistent_id: &'a str,
    app_instance_persistent_name: &'a str,
    app_instance_persistent_status: &'static str,
    app_instance_group_id: &'a str,
    app_instance_id: String,
    app_instance_status: &'a str,
    gmt_create: ApiTime,
    authorized_users: Vec<Cow<'static, str>>,
}

impl<'a> ListedPersistentSession<'a> {
    fn of(group: &'a SimulatedGroup, session: &'a PersistentSession) -> Self {
        let instance = session.instance.and_then(|serial| group.instance(serial));
        let key = group.settings.key;
        Self {
            app_instance_persistent_id: &session.id,
            app_instance_persistent_name: &session.name,
            app_instance_persistent_status: session.status.as_str(),
            app_instance_group_id: &group.settings.id,
            app_instance_id: instance.map(|instance| instance_id(key, instance.serial)).unwrap_or_default(),
            app_instance_status: instance.map_or("", |instance| group.instance_status(instance)),
            gmt_create: ApiTime::utc(session.created),
            authorized_users: session.users.iter().map(|user| user_name(*user)).collect(),
        }
    }
}
