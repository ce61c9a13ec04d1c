//! Durations and sizes as text.

use std::time::Duration;

use jiff::fmt::friendly::{Spacing, SpanParser, SpanPrinter};

/// Parses a duration: `30s`, `5m`, `1h`, `1m30s`, `500ms`. A number without a unit is rejected.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    SpanParser::new().parse_unsigned_duration(text.trim()).ok()
}

/// Formats a duration so that [`parse_duration`] returns the same value: `1h30m`, `500ms`. Whole
/// seconds below two minutes stay seconds: `60s`, `90s`.
pub(crate) fn format_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(120) && duration.subsec_nanos() == 0 {
        return format!("{}s", duration.as_secs());
    }
    SpanPrinter::new().spacing(Spacing::None).unsigned_duration_to_string(&duration)
}

/// Units of sizes and their bytes, the largest first, so that [`format_size`] finds the largest one
/// that fits.
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

/// Parses a size in bytes: `16MiB`, `1MB`, `512 KiB`, `1048576`, in upper or lower case. `M` is
/// rejected because it may mean 1,000,000 or 1,048,576.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
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

/// Formats a size with the largest unit that is exact, so that [`parse_size`] returns the same
/// value.
pub(crate) fn format_size(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    exact.map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_ways_to_write_a_duration_are_parsed() {
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
    fn usual_ways_to_write_a_size_are_parsed() {
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
        fn a_formatted_duration_is_parsed_to_the_same_value(milliseconds in 0..u64::from(u32::MAX)) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }

        #[test]
        fn a_formatted_size_is_parsed_to_the_same_value(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_parsed_or_rejected_without_a_panic(text in ".*") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
