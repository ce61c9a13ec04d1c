//! JSON straight into bytes: no tree, no formatting machinery, nothing allocated on the way.

use jiff::{Timestamp, tz::Offset};

use super::super::fleet::Second;

/// Appends as it is.
pub(super) fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends `before`, then a string with its quotes.
pub(super) fn text(out: &mut Vec<u8>, before: &str, value: &str) {
    raw(out, before);
    out.push(b'"');
    let mut rest = value;
    while let Some(position) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(position);
        raw(out, plain);
        // What was found is one byte long: ASCII.
        escape(out, special.as_bytes()[0]);
        rest = &special[1..];
    }
    raw(out, rest);
    out.push(b'"');
}

/// Appends `before`, then a whole number.
pub(super) fn number(out: &mut Vec<u8>, before: &str, value: impl itoa::Integer) {
    raw(out, before);
    raw(out, itoa::Buffer::new().format(value));
}

/// Appends `before`, then `true` or `false`.
pub(super) fn flag(out: &mut Vec<u8>, before: &str, value: bool) {
    raw(out, before);
    raw(out, if value { "true" } else { "false" });
}

/// Appends `before`, then a time as the API writes it, `hours` east of Greenwich, in quotes.
pub(super) fn time(out: &mut Vec<u8>, before: &str, at: Second, hours: i8) {
    raw(out, before);
    let local = Offset::constant(hours).to_datetime(Timestamp::from_second(at).unwrap_or_default());
    let year = local.year().unsigned_abs();
    let mut text = *b"\"0000-00-00T00:00:00.000+00:00\"";
    let mut pair = |position: usize, value: u8| {
        text[position] = b'0' + value / 10;
        text[position + 1] = b'0' + value % 10;
    };
    pair(1, (year / 100) as u8);
    pair(3, (year % 100) as u8);
    pair(6, local.month().unsigned_abs());
    pair(9, local.day().unsigned_abs());
    pair(12, local.hour().unsigned_abs());
    pair(15, local.minute().unsigned_abs());
    pair(18, local.second().unsigned_abs());
    pair(25, hours.unsigned_abs());
    if hours < 0 {
        text[24] = b'-';
    }
    out.extend_from_slice(&text);
}

/// Appends `before`, then a list of whatever `one` writes, in brackets.
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    before: &str,
    elements: impl IntoIterator<Item = T>,
    mut one: impl FnMut(&mut Vec<u8>, T),
) {
    raw(out, before);
    out.push(b'[');
    for (position, element) in elements.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        one(out, element);
    }
    out.push(b']');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => raw(out, "\\n"),
        b'\r' => raw(out, "\\r"),
        b'\t' => raw(out, "\\t"),
        _ => {
            raw(out, "\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_carry_milliseconds_and_their_offset() {
        let at = "2026-11-22T08:15:07Z".parse::<Timestamp>().unwrap().as_second();
        let mut out = Vec::new();
        time(&mut out, "", at, 8);
        assert_eq!(out, b"\"2026-11-22T16:15:07.000+08:00\"");
        out.clear();
        time(&mut out, "", at, 0);
        assert_eq!(out, b"\"2026-11-22T08:15:07.000+00:00\"");
    }

    proptest! {
        #[test]
        fn any_text_survives(value in any::<String>()) {
            let mut out = Vec::new();
            text(&mut out, "", &value);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), value);
        }
    }
}
