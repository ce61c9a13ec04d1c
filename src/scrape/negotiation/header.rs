//! Lists in headers: items with parameters and weights (RFC 9110, 5.6 and 12.4.2).

use hyper::header::{AsHeaderName, HeaderMap};

/// One item of a list in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weighted<'a> {
    /// The item without its parameters.
    pub(crate) value: &'a str,
    /// Names and unquoted values, without `q`.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// `q` in thousandths.
    pub(crate) quality: u16,
}

impl Weighted<'_> {
    /// The value of a parameter; names are compared without case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let named = |(n, _): &&(&str, &str)| n.eq_ignore_ascii_case(name);
        self.parameters.iter().find(named).map(|(_, value)| *value)
    }
}

/// All items of a header, which may occur several times. Invalid items are ignored.
pub(crate) fn weighted(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<Weighted<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| split(value, ',')).filter_map(item).collect()
}

fn item(text: &str) -> Option<Weighted<'_>> {
    let mut parts = split(text, ';');
    let value = parts.next().filter(|value| !value.is_empty())?;
    let mut item = Weighted { value, parameters: Vec::new(), quality: 1000 };
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("q") {
            item.quality = quality(value)?;
        } else {
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            item.parameters.push((name, unquoted.unwrap_or(value)));
        }
    }
    Some(item)
}

/// A weight in thousandths (RFC 9110, 12.4.2): 0 to 1 with at most three decimals.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// The trimmed parts between separators outside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let separates = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
    .map(str::trim)
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
            assert_eq!(quality(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_weight_is_read_as_written(thousandths in 0u16..=1000) {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            prop_assert_eq!(quality(&text), Some(thousandths));
        }
    }
}
