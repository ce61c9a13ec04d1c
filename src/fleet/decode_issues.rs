//! Undocumented and unreadable values that were found while decoding responses, counted by field.

use std::collections::BTreeMap;

/// Counts by the API's field name (`Status`, `ScalingUsageThreshold` ...). The metrics
/// `appstreaming_exporter_unknown_values_total` and `appstreaming_exporter_unparsable_fields_total`
/// are the sums over all listings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecodeIssues {
    /// Values outside the documented list of an enumeration. They are exported nevertheless:
    /// statuses in upper case, all other values verbatim.
    pub unknown: BTreeMap<&'static str, u64>,
    /// Values that could not be read; their metrics have no sample.
    pub unparsable: BTreeMap<&'static str, u64>,
}

impl DecodeIssues {
    /// Counts one value outside the documented list of `field`.
    pub fn count_unknown(&mut self, field: &'static str) {
        *self.unknown.entry(field).or_default() += 1;
    }

    /// Counts one unreadable value of `field`.
    pub fn count_unparsable(&mut self, field: &'static str) {
        *self.unparsable.entry(field).or_default() += 1;
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (field, count) in &other.unknown {
            *self.unknown.entry(field).or_default() += count;
        }
        for (field, count) in &other.unparsable {
            *self.unparsable.entry(field).or_default() += count;
        }
    }
}
