//! From the wire to the fleet: units, times, words, and what was wrong with them.
//!
//! Every reading returns a value or nothing; why there is nothing where the API sent something is
//! noted in the [`Findings`] under the API's field name. Nothing here can fail.

mod group;
mod instance;
mod persistent;
mod reading;
mod time;

pub use group::group;
pub use instance::InstanceFields;
pub use persistent::PersistentFields;

use crate::fleet::Findings;

/// Notes the elements of a list that are no objects.
pub(super) fn note_skipped(skipped: u64, field: &'static str, findings: &mut Findings) {
    if skipped > 0 {
        *findings.unparsable.entry(field).or_default() += skipped;
    }
}
