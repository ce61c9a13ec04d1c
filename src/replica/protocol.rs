//! The HTTP of replicas: path, names of headers, and entity tags.
//!
//! What is not here: serving a state (`publication`) and asking for it (`peer`).

use std::fmt;
use std::str::FromStr;

use crate::telemetry::status::ReplicaRole;

/// The path of the state.
pub const STATE_PATH: &str = "/-/state";
/// The header that contains the role of the replica that answers.
pub const ROLE_HEADER: &str = "replica-role";
/// The header that contains the number of the replica that asks.
pub const STANDBY_HEADER: &str = "replica-id";
/// The header that contains how long a request may wait (RFC 7240).
pub const PREFER_HEADER: &str = "prefer";

/// The entity tag of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateTag {
    /// Differs for each process.
    pub process: u64,
    /// The number of the state.
    pub number: u64,
    /// What the replica does that sent the tag.
    pub role: ReplicaRole,
}

impl fmt::Display for StateTag {
    /// A strong entity tag, with its quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{:016x}-{}-{}\"", self.process, self.number, self.role.as_str())
    }
}

/// The text is not the tag of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotStateTag;

impl FromStr for StateTag {
    type Err = NotStateTag;

    fn from_str(text: &str) -> Result<Self, NotStateTag> {
        let text =
            text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(NotStateTag)?;
        let mut parts = text.split('-');
        let (Some(process), Some(number), Some(role), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotStateTag);
        };
        Ok(Self {
            process: u64::from_str_radix(process, 16).map_err(|_| NotStateTag)?,
            number: number.parse().map_err(|_| NotStateTag)?,
            role: ReplicaRole::parse(role).ok_or(NotStateTag)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_parsed_as_it_is_sent_and_nothing_else_is() {
        let tag = StateTag { process: 0xabc, number: 12, role: ReplicaRole::Active };
        assert_eq!(tag.to_string(), "\"0000000000000abc-12-active\"");
        assert_eq!(tag.to_string().parse(), Ok(tag));
        for text in ["", "\"", "*", "\"1-2\"", "\"1-2-idle\"", "\"x-2-active\"", "\"1-2-active-3\""] {
            assert_eq!(text.parse::<StateTag>(), Err(NotStateTag), "{text}");
        }
    }
}
