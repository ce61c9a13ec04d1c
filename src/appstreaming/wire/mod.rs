//! The three answers as they are on the wire: borrowed from the page's bytes, nothing interpreted yet.
//!
//! Only what isn't JSON, or isn't an object at the top, fails a page. Everything below that is kept as
//! [`Scalar`], [`Objects`], [`Scalars`] or [`Maybe`], which take any JSON value, so that one odd field
//! never costs the other items of its page. Unknown fields are skipped, of duplicate keys the last wins.
//!
//! What is not here: units, times and meaning (`convert`), and what a page says about the listing
//! (`paging`).

mod group;
mod instance;
mod list;
mod object;
mod page;
mod persistent;
mod raw;
mod scalar;
#[cfg(test)]
mod tests;

pub use group::{App, Group, NodePool, OtaInfo, RecurrenceSchedule, Tag, TimerPeriod};
pub use instance::{BindInfo, Instance};
pub use list::{Maybe, Objects, Presence, Scalars};
pub use object::{Element, Object};
pub use page::{Malformed, Model, Page};
pub use persistent::Persistent;
pub use raw::Raw;
pub use scalar::{Scalar, Unreadable};
