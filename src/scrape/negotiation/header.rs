//! Lists in HTTP headers: items with parameters and weights (RFC 9110, 5.6 and 12.4.2).

use hyper::header::{AsHeaderName, HeaderMap};

/// One item of a list in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weighted<'a> {
    /// The item without its parameters.
    pub(crate) value: &'a str,
    /// Names and unquoted values of the parameters, without `q`.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// The weight `q` in thousandths, 0 to 1000; 1000 without `q`.
    pub(crate) quality: u16,
}

impl Weighted<'_> {
    /// The value of the parameter with this name, in any case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let named = |(known, _): &&(&str, &str)| known.eq_ignore_ascii_case(name);
        self.parameters.iter().find(named).map(|(_, value)| *value)
    }
}

/// The items of all headers with this name. Invalid items are ignored.
pub(crate) fn weighted(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<Weighted<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| split(value, b',')).filter_map(parse_item).collect()
}

/// Parses one item; `None` if its value is empty or its weight is invalid.
fn parse_item(text: &str) -> Option<Weighted<'_>> {
    let mut parts = split(text, b';');
    let value = parts.next().filter(|value| !value.is_empty())?;
    let mut item = Weighted { value, parameters: Vec::new(), quality: 1000 };
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("q") {
            item.quality = parse_quality(value)?;
        } else {
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            item.parameters.push((name, unquoted.unwrap_or(value)));
        }
    }
    Some(item)
}

/// Parses a weight (RFC 9110, 12.4.2): 0 to 1 with at most three decimals. Returns thousandths.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Splits at separators outside quotes, and trims the parts. The separator is an ASCII character.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = match find_unquoted(text, separator) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(part.trim_ascii())
    })
}

fn find_unquoted(text: &str, separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        let separates = byte == separator && !quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_have_at_most_three_decimals() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.123", Some(123)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("0.1234", None),
            ("2", None),
            ("-1", None),
            ("+0.1", None),
            ("0.+1", None),
            ("", None),
            ("nan", None),
        ] {
            assert_eq!(parse_quality(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_weight_is_read_as_written(thousandths in 0u16..=1000) {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            prop_assert_eq!(parse_quality(&text), Some(thousandths));
        }
    }
}
