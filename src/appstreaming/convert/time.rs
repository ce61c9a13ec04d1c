//! Times in the API's format.

use jiff::Timestamp;
use jiff::civil::Date;

/// Parses RFC 3339 with any offset.
///
/// Every instance has a time, nearly always in the same form. That form is parsed directly, which
/// takes a tenth of the time of the general parser. All other forms go to the general parser.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    common_form(text.as_bytes()).or_else(|| text.parse().ok())
}

/// Parses `yyyy-MM-ddTHH:mm:ss.SSS`, followed by `Z`, `+HH:mm` or `-HH:mm`.
fn common_form(text: &[u8]) -> Option<Timestamp> {
    let digits = digits(text.first_chunk()?)?;
    let number = |at: usize| digits[at] * 10 + digits[at + 1];
    let year = i16::from(number(0)) * 100 + i16::from(number(2));
    let date = Date::new(year, number(5) as i8, number(8) as i8).ok()?;
    let [hour, minute, second] = [number(11), number(14), number(17)].map(i64::from);
    // The general parser accepts a leap second.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_since_1970(date) * 86_400 + hour * 3_600 + minute * 60 + second;
    let millisecond = i64::from(number(20)) * 10 + i64::from(digits[22]);
    let offset = common_offset(&text[LOCAL.len()..])?;
    Timestamp::from_millisecond((seconds - offset) * 1_000 + millisecond).ok()
}

/// The form of a local time; a zero is any digit.
const LOCAL: &[u8; 23] = b"0000-00-00T00:00:00.000";

/// The numbers of the digits of a local time, each at the place of its digit. All bytes are
/// examined together, because that takes few instructions.
fn digits(text: &[u8; LOCAL.len()]) -> Option<[u8; LOCAL.len()]> {
    let mut digits = *text;
    let mut excess = 0;
    for (digit, form) in digits.iter_mut().zip(LOCAL) {
        // Of a digit its number remains, and of any other byte of the form 0.
        *digit ^= form;
        excess |= digit.saturating_sub(if *form == b'0' { 9 } else { 0 });
    }
    (excess == 0).then_some(digits)
}

/// The days between a date and 1970-01-01, in the Gregorian calendar.
fn days_since_1970(date: Date) -> i64 {
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    // Years that begin in March, so that a leap day is the last day of its year.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    // March and the following months have 31, 30, 31, 30, 31 days, twice: 153 days in 5 months.
    let day_of_year = (153 * month + 2) / 5 + i64::from(date.day()) - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between the first of March of the year 0 and 1970.
    365 * year + leap_days + day_of_year - 719_468
}

/// The seconds that a local time is ahead of UTC.
fn common_offset(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
                return None;
            }
            let number = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let (hours, minutes) = (number(h1, h2), number(m1, m2));
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            Some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_are_applied_and_milliseconds_kept() {
        for (text, time) in [
            ("2023-03-07T20:29:19.000+08:00", "2023-03-07T12:29:19Z"),
            ("2022-04-26T15:06:16.123+00:00", "2022-04-26T15:06:16.123Z"),
            ("2022-04-26T15:06:16.007-09:30", "2022-04-27T00:36:16.007Z"),
            ("2022-04-26T15:06:16.120Z", "2022-04-26T15:06:16.12Z"),
            ("2022-04-26T15:06:16Z", "2022-04-26T15:06:16Z"),
            ("2022-04-26t15:06:16.1234567z", "2022-04-26T15:06:16.1234567Z"),
        ] {
            assert_eq!(parse(text), Some(time.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn text_in_another_form_has_the_result_of_the_general_parser() {
        for text in [
            "",
            "yesterday",
            "2027-13-40T99:00:00.000+00:00",
            "2023-02-29T00:00:00.000Z",
            "2023-03-07T20:29:19.000",
            "2023-03-07T20:29:19.000+08",
            "2023-03-07T20:29:19.000+8:00",
            "2023-03-07T20:29:1x.000+08:00",
            "1678192159000",
            "办公应用办公应用办公应用",
        ] {
            let general = text.parse::<Timestamp>().ok();
            assert_eq!(parse(text), general, "{text}");
        }
        assert_eq!(parse("2023-03-07T20:29:19.000"), None);
    }

    proptest! {
        #[test]
        fn the_direct_parser_and_the_general_parser_agree(
            second in -62_167_000_000_i64..253_402_000_000, millisecond in 0_i32..1000, minutes in -1439_i32..1440,
        ) {
            let time = Timestamp::new(second, millisecond * 1_000_000).unwrap();
            let local = Offset::from_seconds(minutes * 60).unwrap().to_datetime(time);
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
            let text = format!("{}{sign}{hours:02}:{minutes:02}", local.strftime("%Y-%m-%dT%H:%M:%S.%3f"));
            prop_assert_eq!(common_form(text.as_bytes()), Some(time));
            prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(time));
        }

        #[test]
        fn the_direct_parser_accepts_only_what_the_general_parser_accepts(
            text in "[0-9]{4}-[0-9]{2}-[0-3][0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}(Z|[+-][0-9]{2}:[0-9]{2})",
        ) {
            if let Some(time) = common_form(text.as_bytes()) {
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(time));
            }
        }
    }
}
