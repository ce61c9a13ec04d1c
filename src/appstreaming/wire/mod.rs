//! The three responses as the API sends them: texts borrowed from the page's bytes, without
//! interpretation.
//!
//! A page fails to parse only if it is not a JSON object. Its members are kept as [`Scalar`],
//! [`Objects`], [`Scalars`] or [`Maybe`], which accept any JSON value, so that one invalid field
//! does not fail the other elements of its page. Unknown members are skipped. Of duplicate members
//! the last one counts.
//!
//! What is not here: units, times and meaning (`convert`), and whether pages are consistent
//! (`paging`).

mod group;
mod instance;
mod list;
mod maybe;
mod object;
mod page;
mod persistent;
mod raw;
mod reader;
mod scalar;
#[cfg(test)]
mod tests;

pub use group::{App, Group, NodePool, OtaInfo, RecurrenceSchedule, Tag, TimerPeriod};
pub use instance::{BindInfo, Instance};
pub use list::{Objects, Presence, Scalars};
pub use maybe::Maybe;
pub use object::{Element, Object};
pub use page::{Malformed, Model, PageResponse};
pub use persistent::Persistent;
pub use raw::Raw;
pub use reader::{Invalid, Read, Reader};
pub use scalar::{Scalar, Unreadable};
