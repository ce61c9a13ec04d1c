//! What reading an answer brought up besides data: values nobody has heard of, and unreadable ones.

use std::collections::BTreeMap;

/// Counts per API field name (`Status`, `ScalingUsageThreshold` ...), to be added to the counters
/// `unknown_values_total` and `unparsable_fields_total`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Values outside the documented list of an enumeration; they are exported verbatim.
    pub unknown: BTreeMap<&'static str, u64>,
    /// Values that could not be read; their metrics have no sample.
    pub unparsable: BTreeMap<&'static str, u64>,
}

impl Findings {
    /// Notes one value outside the documented list of `field`.
    pub fn unknown(&mut self, field: &'static str) {
        *self.unknown.entry(field).or_default() += 1;
    }

    /// Notes one unreadable value of `field`.
    pub fn unparsable(&mut self, field: &'static str) {
        *self.unparsable.entry(field).or_default() += 1;
    }

    /// Adds what another reading brought up.
    pub fn merge(&mut self, other: &Findings) {
        for (field, count) in &other.unknown {
            *self.unknown.entry(field).or_default() += count;
        }
        for (field, count) in &other.unparsable {
            *self.unparsable.entry(field).or_default() += count;
        }
    }
}
