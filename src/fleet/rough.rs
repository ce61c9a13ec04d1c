//! How long something is, in one unit and as short as a person wants it.

use std::fmt;

use jiff::SignedDuration;

/// A duration as a person says it: `< 1 min`, `42 min`, `5 h`, `12 days`.
///
/// Seconds are left out on purpose: what is shown then changes once a minute at most, so that a page
/// on which nothing happened stays the same. A negative duration (a clock was set back) is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rough(pub SignedDuration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            ..60 => f.write_str("< 1 min"),
            seconds @ 60..7_200 => write!(f, "{} min", seconds / 60),
            seconds @ 7_200..172_800 => write!(f, "{} h", seconds / 3_600),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_one_unit() {
        for (seconds, words) in [
            (-5, "< 1 min"),
            (59, "< 1 min"),
            (60, "1 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(Rough(SignedDuration::from_secs(seconds)).to_string(), words);
        }
    }
}
