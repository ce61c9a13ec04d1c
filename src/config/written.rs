//! Durations and sizes as people write them, remembered the way they were written.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use jiff::fmt::friendly::{Spacing, SpanParser, SpanPrinter};

/// A value together with how the operator wrote it: `90s` stays `90s` and isn't shown as `1m30s`.
#[derive(Debug, Clone)]
pub struct Written<T> {
    value: T,
    text: String,
}

impl<T> Written<T> {
    pub(super) fn new(value: T, text: impl Into<String>) -> Self {
        Self { value, text: text.into() }
    }
}

impl<T: Copy> Written<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.value
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Written<T> {
    /// Two ways to write the same value are equal.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> fmt::Display for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a duration: `30s`, `5m`, `1h`, `1m30s`, `500ms`. A bare number has no unit and is refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    SpanParser::new().parse_unsigned_duration(text.trim()).ok()
}

/// Writes a duration so that [`parse_duration`] reads the same again: `1h30m`, `500ms`.
pub fn format_duration(duration: Duration) -> String {
    SpanPrinter::new().spacing(Spacing::None).unsigned_duration_to_string(&duration)
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a size in bytes: `16MiB`, `1MB`, `512 KiB`, `1048576`. Case doesn't matter; `M` alone is
/// refused because it leaves open whether it is a million.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = match unit {
        "" => 1,
        _ => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes a size with the largest unit that keeps it exact, so that [`parse_size`] reads the same again.
pub fn format_size(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    exact.map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("0s", 0),
            ("1.5s", 1500),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "s", "-5s", "five minutes", "5 parsecs"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("16MiB", 16 << 20), ("1MB", 1_000_000), ("1 kib", 1024), ("77", 77), ("0B", 0)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "16M", "-1B", "1.5MiB", "99999999999TiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written_and_read(milliseconds in 0..u64::from(u32::MAX)) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }

        #[test]
        fn a_size_survives_being_written_and_read(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }

        #[test]
        fn no_text_upsets_the_readers(text in ".*") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
