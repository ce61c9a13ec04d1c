//! From the wire to the fleet: units, times and statuses.
//!
//! Nothing here fails. A value that cannot be read becomes `None`, and is counted in the
//! [`DecodeIssues`] under the API's field name.

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
