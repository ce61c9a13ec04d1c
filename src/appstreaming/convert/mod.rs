//! Converts the API's elements ([`wire`](super::wire)) to the types of `fleet`: units, times and
//! statuses.
//!
//! No conversion fails. An unreadable value becomes `None`, and is counted in [`DecodeIssues`]
//! under the API's field name. A group, instance or persistent session without a readable id is
//! dropped.

mod field_reader;
mod group;
mod instance;
mod persistent;
mod time;

pub use group::group;
pub use instance::instance_record;
pub use persistent::persistent_record;

use crate::fleet::DecodeIssues;

/// Counts the elements of a list that are not objects.
pub(super) fn count_skipped(skipped: u64, field: &'static str, issues: &mut DecodeIssues) {
    if skipped > 0 {
        *issues.unparsable.entry(field).or_default() += skipped;
    }
}
