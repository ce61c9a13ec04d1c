//! Which format and encoding a client gets: the one place that decides, so that the headers and the body
//! can't disagree.
//!
//! A pure function of the request's headers. To add a format or an encoding: a variant, its names, and
//! its place in the list of offers. What is not here: how bodies are made.

use hyper::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName, HeaderMap};

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Text004,
}

/// A coding of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As it is.
    Identity,
}

/// What is sent, decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Representation {
    /// What the body says.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
}

/// The best of what we have for a client that sent these headers. A client that nothing suits gets
/// plain text rather than an error, as Prometheus' own libraries do.
pub fn negotiate(headers: &HeaderMap) -> Representation {
    let accept = weighted(headers, ACCEPT);
    let accept_encoding = weighted(headers, ACCEPT_ENCODING);
    Representation {
        format: best(&Format::OFFERS, |format| format.quality(&accept)).unwrap_or(Format::Text004),
        encoding: best(&Encoding::OFFERS, |encoding| encoding.quality(&accept_encoding))
            .unwrap_or(Encoding::Identity),
    }
}

impl Representation {
    /// Every combination that can be served.
    pub fn all() -> impl Iterator<Item = Representation> {
        Format::OFFERS.into_iter().flat_map(|format| {
            Encoding::OFFERS.into_iter().map(move |encoding| Representation { format, encoding })
        })
    }
}

impl Format {
    /// Ours, the preferred one first: it wins where a client likes several equally.
    const OFFERS: [Format; 1] = [Format::Text004];

    /// The value of the metric label `format`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text004 => "text-0.0.4",
        }
    }

    /// The header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text004 => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Type, subtype, and the parameters by which formats of that type are told apart. A client that
    /// asks for another value of one of them means another format.
    const fn media_type(self) -> (&'static str, &'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Format::Text004 => ("text", "plain", &[("version", "0.0.4")]),
        }
    }

    /// The weight that the most specific of the client's ranges gives to this format.
    fn quality(self, accept: &[Weighted<'_>]) -> u16 {
        let (kind, subtype, distinguishing) = self.media_type();
        let specificity = |range: &Weighted<'_>| {
            let (range_kind, range_subtype) = range.value.split_once('/')?;
            if range_kind == "*" && range_subtype == "*" {
                return Some(0);
            }
            if !range_kind.eq_ignore_ascii_case(kind) {
                return None;
            }
            if range_subtype == "*" {
                return Some(1);
            }
            if !range_subtype.eq_ignore_ascii_case(subtype) {
                return None;
            }
            // Parameters that no format is told apart by (`charset`, `escaping`) don't count.
            distinguishing.iter().try_fold(2, |specificity, (name, ours)| match range.parameter(name) {
                Some(theirs) if theirs == *ours => Some(specificity + 1),
                Some(_) => None,
                None => Some(specificity),
            })
        };
        most_specific(accept, specificity)
    }
}

impl Encoding {
    /// Ours, the preferred one first.
    const OFFERS: [Encoding; 1] = [Encoding::Identity];

    /// The value of the metric label `encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
        }
    }

    /// The header `Content-Encoding`; none for what isn't encoded.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
        }
    }

    /// The weight that the client gives to this coding. One that isn't mentioned isn't wanted; that
    /// identity is always welcome shows in it being taken where nothing is wanted.
    fn quality(self, accept: &[Weighted<'_>]) -> u16 {
        most_specific(accept, |coding| {
            if coding.value.eq_ignore_ascii_case(self.name()) {
                Some(1)
            } else if coding.value == "*" {
                Some(0)
            } else {
                None
            }
        })
    }
}

/// The offer with the highest weight above 0, the earlier one of equals.
fn best<T: Copy>(offers: &[T], quality: impl Fn(T) -> u16) -> Option<T> {
    let weighted = offers.iter().map(|&offer| (offer, quality(offer)));
    // `max_by_key` takes the last of equals.
    weighted.rev().filter(|(_, quality)| *quality > 0).max_by_key(|(_, quality)| *quality).map(|(o, _)| o)
}

/// The weight of the item that speaks most specifically of an offer, the highest of equals; 0 for none.
fn most_specific(items: &[Weighted<'_>], specificity: impl Fn(&Weighted<'_>) -> Option<u8>) -> u16 {
    let fitting = items.iter().filter_map(|item| Some((specificity(item)?, item.quality)));
    fitting.max().map_or(0, |(_, quality)| quality)
}

/// One item of a list in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Weighted<'a> {
    value: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    /// `q` in thousandths.
    quality: u16,
}

impl Weighted<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let named = |(n, _): &&(&str, &str)| n.eq_ignore_ascii_case(name);
        self.parameters.iter().find(named).map(|(_, value)| *value)
    }
}

/// All items of a header, which may be there several times. What can't be read isn't said.
fn weighted(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<Weighted<'_>> {
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

/// RFC 9110, 12.4.2: 0 to 1 with at most three digits behind the point.
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

/// Trimmed parts between separators that don't stand in quotes.
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
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn text_quality(accept: &[&str]) -> u16 {
        Format::Text004.quality(&weighted(&headers(ACCEPT, accept), ACCEPT))
    }

    fn identity_quality(accept: &[&str]) -> u16 {
        Encoding::Identity.quality(&weighted(&headers(ACCEPT_ENCODING, accept), ACCEPT_ENCODING))
    }

    #[test]
    fn the_most_specific_range_gives_the_weight() {
        for (accept, expected) in [
            (&["text/plain;version=0.0.4;q=0.3,*/*;q=0.1"][..], 300),
            (&["text/plain"], 1000),
            (&["TEXT/Plain ; Q=0.5"], 500),
            (&["text/*;q=0.7, */*;q=0.2"], 700),
            (&["*/*;q=0.2, text/*;q=0.7"], 700),
            (&["text/plain;q=0, */*"], 0),
            (&["text/plain;version=1.0.0"], 0),
            (&["text/plain;version=1.0.0, text/plain;q=0.4"], 400),
            (&["text/plain;version=\"0.0.4\";q=0.9, text/plain;q=0.1"], 900),
            (&["text/plain;escaping=allow-utf-8;charset=utf-8;q=0.6"], 600),
            (&["application/json", "text/plain;q=0.8"], 800),
            (&["application/json"], 0),
            (&["text"], 0),
            (&[""], 0),
            (&["text/plain;q=1.5, */*;q=0.5"], 500),
            (&["a/b;x=\"1, text/plain\", */*;q=0.25"], 250),
        ] {
            assert_eq!(text_quality(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_coding_that_is_refused_by_weight_is_refused() {
        for (accept, expected) in [
            (&["identity"][..], 1000),
            (&["gzip"], 0),
            (&["gzip;q=1.0, identity;q=0.5, *;q=0"], 500),
            (&["*;q=0.1"], 100),
            (&["identity;q=0"], 0),
            (&["gzip", "Identity;q=0.001"], 1),
        ] {
            assert_eq!(identity_quality(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn the_first_offer_wins_among_equals_and_nothing_at_weight_0() {
        assert_eq!(best(&['a', 'b', 'c'], |c| if c == 'a' { 1 } else { 2 }), Some('b'));
        assert_eq!(best(&['a', 'b'], |_| 0), None);
    }

    #[test]
    fn whoever_nothing_suits_gets_plain_text() {
        for accept in ["application/json", "text/plain;q=0", "", "text/html, */*;q=0"] {
            let got = negotiate(&headers(ACCEPT, &[accept]));
            assert_eq!((got.format, got.encoding), (Format::Text004, Encoding::Identity), "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()).format, Format::Text004);
    }

    #[test]
    fn weights_have_three_digits_at_most() {
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
        fn any_header_gets_an_answer(accept in "[ -~]{0,80}", encoding in "[ -~]{0,80}") {
            let mut all = headers(ACCEPT, &[&accept]);
            all.extend(headers(ACCEPT_ENCODING, &[&encoding]));
            negotiate(&all);
        }

        #[test]
        fn every_weight_is_read_as_written(thousandths in 0u16..=1000) {
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            prop_assert_eq!(quality(&text), Some(thousandths));
        }
    }
}
