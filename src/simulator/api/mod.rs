//! The product's side of the API: parameters, the three operations, errors, as bytes.

mod error;
mod groups;
mod instances;
mod json;
mod page;
mod parameters;
mod persistent;

use super::{cloud::FleetView, faults::WrongTotal};

pub(super) use error::ApiError;
pub(super) use page::RequestedPage;
pub(super) use parameters::Parameters;

/// `Version` of the three operations.
pub(super) const VERSION: &str = "2021-09-01";

/// The operations that exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiOperation {
    /// `ListAppInstanceGroup`.
    Groups,
    /// `ListAppInstances`.
    Instances,
    /// `ListPersistentAppInstances`.
    Persistent,
}

/// In what an answer differs from the truth.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Distortion {
    /// `TotalCount` is another one.
    pub(super) total_count: Option<WrongTotal>,
    /// The list is null.
    pub(super) null_list: bool,
}

/// The body of an operation's answer.
pub(super) fn answer(
    operation: ApiOperation,
    cloud: &FleetView<'_>,
    parameters: &Parameters,
    request_id: &str,
    distortion: Distortion,
) -> Result<Vec<u8>, ApiError> {
    let page = RequestedPage::of(parameters)?;
    let listing = match operation {
        ApiOperation::Groups => groups::list(cloud, parameters, page)?,
        ApiOperation::Instances => instances::list(cloud, parameters, page)?,
        ApiOperation::Persistent => persistent::list(cloud, parameters, page)?,
    };
    Ok(listing.into_body(operation.list_field(), request_id, page, distortion))
}

impl ApiOperation {
    /// The operation of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Groups, Self::Instances, Self::Persistent]
            .into_iter()
            .find(|operation| operation.as_str() == name)
    }

    /// `Action`.
    pub(super) fn as_str(self) -> &'static str {
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
