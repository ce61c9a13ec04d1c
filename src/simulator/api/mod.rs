//! The API of the product: parameters, the three operations, and errors, as JSON.
//!
//! | part | what is in it |
//! |---|---|
//! | `parameters` | decoded parameters of a request |
//! | `groups`, `node_pools`, `instances`, `persistent` | the three operations: filters and records |
//! | `page`, `json` | paging, and the formats of values |
//! | `error` | codes, statuses and messages |
//!
//! What is not here: authentication, limits and faults (`dispatch`).

mod error;
mod groups;
mod instances;
mod json;
mod node_pools;
mod page;
mod parameters;
mod persistent;

use super::fleet::FleetView;

pub use error::ApiError;
pub use page::{Distortion, RequestedPage};
pub use parameters::RequestParameters;

/// `Version` of the three operations.
pub const VERSION: &str = "2021-09-01";

/// The operations that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiOperation {
    /// `ListAppInstanceGroup`.
    Groups,
    /// `ListAppInstances`.
    Instances,
    /// `ListPersistentAppInstances`.
    Persistent,
}

/// Runs an operation and returns the JSON of its response.
///
/// # Errors
/// The API's error for a missing or invalid parameter, or an unknown group.
pub fn run(
    operation: ApiOperation,
    fleet: &FleetView<'_>,
    parameters: &RequestParameters,
    request_id: &str,
    distortion: Distortion,
) -> Result<Vec<u8>, ApiError> {
    let page = RequestedPage::of(parameters)?;
    let listing = match operation {
        ApiOperation::Groups => groups::list(fleet, parameters, page)?,
        ApiOperation::Instances => instances::list(fleet, parameters, page)?,
        ApiOperation::Persistent => persistent::list(fleet, parameters, page)?,
    };
    Ok(listing.into_body(operation.list_field(), request_id, distortion))
}

impl ApiOperation {
    /// The operation with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Groups, Self::Instances, Self::Persistent]
            .into_iter()
            .find(|operation| operation.as_str() == name)
    }

    /// `Action`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "ListAppInstanceGroup",
            Self::Instances => "ListAppInstances",
            Self::Persistent => "ListPersistentAppInstances",
        }
    }

    fn list_field(self) -> &'static str {
        match self {
            Self::Groups => "AppInstanceGroupModels",
            Self::Instances => "AppInstanceModels",
            Self::Persistent => "PersistentAppInstanceModels",
        }
    }
}
