//! Durations for people, in one unit.

use std::fmt;

use jiff::SignedDuration;

/// Displays a duration rounded down to one unit: `< 1 min`, `42 min`, `5 h`, `12 days`.
///
/// Seconds are left out: the text changes at most once a minute, so a page on which nothing else
/// changed stays the same. A negative duration (after a clock was set back) is `< 1 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanDuration(pub SignedDuration);

impl fmt::Display for HumanDuration {
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
    fn durations_are_shown_in_one_unit() {
        for (seconds, text) in [
            (-5, "< 1 min"),
            (59, "< 1 min"),
            (60, "1 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(HumanDuration(SignedDuration::from_secs(seconds)).to_string(), text);
        }
    }
}
