//! Times in the API's format.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Parses RFC 3339 with any offset.
///
/// Every instance has a time, nearly always in the same form. That form is parsed directly, which
/// takes a tenth of the time of the general parser. All other forms go to the general parser.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    common_form(text.as_bytes()).or_else(|| text.parse().ok())
}

/// Parses `yyyy-MM-ddTHH:mm:ss.SSS`, followed by `Z`, `+HH:mm` or `-HH:mm`.
fn common_form(text: &[u8]) -> Option<Timestamp> {
    let (local, offset) = text.split_at_checked(23)?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
        b'.',
        f1,
        f2,
        f3,
    ] = local
    else {
        return None;
    };
    let year = two_digits(y1, y2)? * 100 + two_digits(y3, y4)?;
    let millisecond = i32::from(two_digits(f1, f2)?) * 10 + i32::from(two_digits(b'0', f3)?);
    let local = DateTime::new(
        year,
        narrow(two_digits(mo1, mo2)?)?,
        narrow(two_digits(d1, d2)?)?,
        narrow(two_digits(h1, h2)?)?,
        narrow(two_digits(mi1, mi2)?)?,
        narrow(two_digits(s1, s2)?)?,
        millisecond * 1_000_000,
    )
    .ok()?;
    common_offset(offset)?.to_timestamp(local).ok()
}

fn common_offset(text: &[u8]) -> Option<Offset> {
    match *text {
        [b'Z'] => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (i32::from(two_digits(h1, h2)?), i32::from(two_digits(m1, m2)?));
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = (hours * 60 + minutes) * 60;
            Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok()
        }
        _ => None,
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<i16> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

fn narrow(number: i16) -> Option<i8> {
    i8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
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
            second in 0_i64..4_102_444_800, millisecond in 0_i32..1000, minutes in -1439_i32..1440,
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
