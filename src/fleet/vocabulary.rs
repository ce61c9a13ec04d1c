//! The documented values of the API's enumerations, and the label values for all other values.
//!
//! What is not here: what a status means for capacity (`capacity`) or for sessions (`transitions`).

use std::borrow::Cow;

use super::DecodeIssues;

/// Label value of an instance or a persistent session for which the API sends no status.
pub const ABSENT: &str = "UNKNOWN";
/// Label value of unknown values beyond [`MAX_UNKNOWN_VALUES`].
pub const OTHER: &str = "OTHER";
/// Maximum number of unknown values of one field that are exported by name.
pub const MAX_UNKNOWN_VALUES: usize = 16;

/// `Status` of a delivery group. The documented list is known to be incomplete.
pub static GROUP_STATUS: Vocabulary = Vocabulary {
    field: "Status",
    known: &[
        "PUBLISHED",
        "FAILED",
        "MAINTAIN_FAILED",
        "EXPIRED",
        "MAINTAINING",
        "CEASED",
        "EXPIRED_RECYCLING",
        "DEPLOYING",
    ],
};
/// `ResourceStatus` of a delivery group.
pub static RESOURCE_STATUS: Vocabulary = Vocabulary {
    field: "ResourceStatus",
    known: &["AVAILABLE", "RELEASED", "EXPIRED_IN_7_DAYS", "UNAVAILABLE", "UPGRADING", "CREATING"],
};
/// `StrategyType` of a node pool.
pub static STRATEGY_TYPE: Vocabulary = Vocabulary {
    field: "StrategyType",
    known: &["NODE_FIXED", "NODE_SCALING_BY_SCHEDULE", "NODE_SCALING_BY_USAGE"],
};
/// `Status` of an instance.
pub static INSTANCE_STATUS: Vocabulary = Vocabulary {
    field: "Status",
    known: &["INIT", "STARTING", "CLOSING", "CLOSED", "RUNNING", "IDLE", "BOUND", "UNAVAILABLE", "DELETED"],
};
/// `AppInstanceStatus` of a persistent session: the statuses of an instance under another field
/// name.
pub static PERSISTENT_INSTANCE_STATUS: Vocabulary =
    Vocabulary { field: "AppInstanceStatus", known: INSTANCE_STATUS.known };
/// `SessionStatus` of an instance.
pub static SESSION_STATUS: Vocabulary =
    Vocabulary { field: "SessionStatus", known: &["CONNECT", "DISCONNECT"] };
/// `AppInstancePersistentStatus` of a persistent session.
pub static PERSISTENT_STATUS: Vocabulary = Vocabulary {
    field: "AppInstancePersistentStatus",
    known: &[
        "STARTING",
        "RUNNING",
        "STOPPED",
        "UNAVAILABLE",
        "DELETING",
        "PENDING",
        "STOPPING",
        "DELETED",
        "REBUILDING",
    ],
};

/// The documented values of one enumeration of the API.
#[derive(Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The API's field name, for [`DecodeIssues`].
    pub field: &'static str,
    /// The documented values, upper case, in the order in which they are exported.
    pub known: &'static [&'static str],
}

/// A field's value, classified by the field's [`Vocabulary`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EnumValue {
    /// The field is absent or empty.
    Absent,
    /// A documented value, by its position in [`Vocabulary::known`].
    Known(usize),
    /// Any other value, upper case.
    Unknown(String),
}

impl Vocabulary {
    /// The position of `value`, which must be upper case, among the documented values.
    pub fn position(&self, value: &str) -> Option<usize> {
        self.known.iter().position(|known| *known == value)
    }

    /// The documented value that equals `value`, ignoring ASCII case. Allocates nothing.
    pub fn find_ignore_case(&self, value: &str) -> Option<&'static str> {
        self.position_ignore_case(value).map(|position| self.known[position])
    }

    /// `value` as it is exported: in ASCII upper case. Allocates only for an unknown value.
    pub fn upper_case(&self, value: &str) -> Cow<'static, str> {
        match self.find_ignore_case(value) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(value.to_ascii_uppercase()),
        }
    }

    /// Classifies `value`, which may have any ASCII case.
    pub(super) fn classify(&self, value: Option<&str>) -> EnumValue {
        match value {
            None | Some("") => EnumValue::Absent,
            Some(value) => match self.position_ignore_case(value) {
                Some(position) => EnumValue::Known(position),
                None => EnumValue::Unknown(value.to_ascii_uppercase()),
            },
        }
    }

    /// Like [`classify`](Self::classify), and counts an unknown value in `issues`.
    pub(super) fn classify_counting(&self, value: Option<&str>, issues: &mut DecodeIssues) -> EnumValue {
        let value = self.classify(value);
        if matches!(value, EnumValue::Unknown(_)) {
            issues.count_unknown(self.field);
        }
        value
    }

    fn position_ignore_case(&self, value: &str) -> Option<usize> {
        // Nearly all values are in upper case, and equality is cheaper to check.
        self.position(value).or_else(|| self.known.iter().position(|known| known.eq_ignore_ascii_case(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_value_costs_no_allocation() {
        assert!(matches!(INSTANCE_STATUS.upper_case("idle"), Cow::Borrowed("IDLE")));
        assert_eq!(INSTANCE_STATUS.upper_case("odd"), "ODD");
        assert_eq!(INSTANCE_STATUS.find_ignore_case("bOuNd"), Some("BOUND"));
        assert_eq!(INSTANCE_STATUS.find_ignore_case("odd"), None);
    }
}
