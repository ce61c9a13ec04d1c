//! Chooses the format and the encoding of a response. The response's headers and its body use the
//! same choice, so they cannot disagree.
//!
//! The choice is a pure function of the request's headers. To add a format or an encoding, add a
//! variant, its names, and its position in the list of offers. What is not here: rendering
//! (`metrics`).

mod header;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};

use crate::metrics::encode::Syntax;
use header::{Weighted, weighted};

pub use crate::metrics::compress::Encoding;

/// A format of metrics that clients can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Text004,
    /// The Prometheus text format, version 1.0.0.
    Text100,
    /// OpenMetrics text, version 0.0.1.
    OpenMetrics001,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics100,
    /// Length-delimited protobuf.
    Protobuf,
}

/// How metric and label names that older clients cannot read are escaped. The exporter's names are
/// valid in every version of the formats, so no scheme changes them; the scheme is only part of
/// `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// Every character that older clients cannot read becomes `_`.
    Underscores,
    /// No escaping.
    AllowUtf8,
    /// A name that older clients cannot read gets the prefix `U__`, and hexadecimal digits in place
    /// of these characters.
    Values,
}

/// The chosen format and encoding of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Representation {
    /// The format of the body.
    pub format: Format,
    /// The content encoding.
    pub encoding: Encoding,
    /// The escaping scheme that the client requested; `None` if it requested none or the scheme is
    /// not supported.
    pub escaping: Option<Escaping>,
}

/// The best representation for a client that sent these headers. A client that accepts no supported
/// format gets text format 0.0.4 instead of an error, as from Prometheus's own libraries.
pub fn negotiate(headers: &HeaderMap) -> Representation {
    let (format, escaping) = choose_format(&weighted(headers, ACCEPT));
    Representation { format, escaping, encoding: choose_encoding(&weighted(headers, ACCEPT_ENCODING)) }
}

impl Representation {
    /// Every format in every encoding.
    pub fn all() -> impl Iterator<Item = Representation> {
        Format::OFFERS.into_iter().flat_map(|format| {
            Encoding::ALL.into_iter().map(move |encoding| Representation { format, encoding, escaping: None })
        })
    }

    /// The header `Content-Type`, as Prometheus's own libraries write it.
    pub fn content_type(self) -> HeaderValue {
        let media_type = match self.format {
            Format::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Format::Text100 => "text/plain; version=1.0.0; charset=utf-8",
            Format::OpenMetrics001 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Format::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        };
        let escaping = match (self.format, self.escaping) {
            // This version of the format is older than escaping schemes.
            (Format::Text004, _) => None,
            (_, Some(requested)) => Some(requested),
            (Format::Text100 | Format::OpenMetrics100, None) => Some(Escaping::Underscores),
            (Format::OpenMetrics001 | Format::Protobuf, None) => None,
        };
        let header = match escaping {
            Some(escaping) => HeaderValue::try_from(format!("{media_type}; escaping={}", escaping.name())),
            None => Ok(HeaderValue::from_static(media_type)),
        };
        header.expect("content types consist of printable ASCII")
    }

    /// The header `Content-Encoding`; `None` for a body that is not compressed.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self.encoding {
            Encoding::Identity => None,
            Encoding::Gzip | Encoding::Zstd => Some(self.encoding.name()),
        }
    }
}

impl Format {
    /// The supported formats, in order of preference: if a range covers several of them (`*/*`, or
    /// a type without a version), the first one is used. Every client can read text format 0.0.4.
    const OFFERS: [Format; 5] =
        [Format::Text004, Format::OpenMetrics100, Format::OpenMetrics001, Format::Protobuf, Format::Text100];

    /// The value of the metric label `format`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text004 => "text-0.0.4",
            Format::Text100 => "text-1.0.0",
            Format::OpenMetrics001 => "openmetrics-0.0.1",
            Format::OpenMetrics100 => "openmetrics-1.0.0",
            Format::Protobuf => "protobuf",
        }
    }

    /// The encoder's format, which some versions share.
    pub const fn syntax(self) -> Syntax {
        match self {
            Format::Text004 | Format::Text100 => Syntax::Text,
            Format::OpenMetrics001 | Format::OpenMetrics100 => Syntax::OpenMetrics,
            Format::Protobuf => Syntax::Protobuf,
        }
    }

    /// The type, the subtype, and the parameters that distinguish the formats of this type. A range
    /// that has another value for one of these parameters does not match the format.
    const fn media_type(self) -> (&'static str, &'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Format::Text004 => ("text", "plain", &[("version", "0.0.4")]),
            Format::Text100 => ("text", "plain", &[("version", "1.0.0")]),
            Format::OpenMetrics001 => ("application", "openmetrics-text", &[("version", "0.0.1")]),
            Format::OpenMetrics100 => ("application", "openmetrics-text", &[("version", "1.0.0")]),
            Format::Protobuf => (
                "application",
                "vnd.google.protobuf",
                &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
            ),
        }
    }

    /// How specifically a range matches this format: 0 for `*/*`, 1 for `type/*`, 2 for the type
    /// and subtype, and 1 more for each distinguishing parameter. `None` if the range does not
    /// match.
    fn specificity(self, range: &Weighted<'_>) -> Option<u8> {
        let (main_type, subtype, distinguishing) = self.media_type();
        let (range_type, range_subtype) = range.value.split_once('/')?;
        if range_type == "*" && range_subtype == "*" {
            return Some(0);
        }
        if !range_type.eq_ignore_ascii_case(main_type) {
            return None;
        }
        if range_subtype == "*" {
            return Some(1);
        }
        if !range_subtype.eq_ignore_ascii_case(subtype) {
            return None;
        }
        // Other parameters (`charset`, `escaping`) are ignored.
        distinguishing.iter().try_fold(2, |specificity, (name, ours)| match range.parameter(name) {
            Some(theirs) if theirs == *ours => Some(specificity + 1),
            Some(_) => None,
            None => Some(specificity),
        })
    }
}

impl Escaping {
    const ALL: [Escaping; 3] = [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Values];

    const fn name(self) -> &'static str {
        match self {
            Escaping::Underscores => "underscores",
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Values => "values",
        }
    }

    /// The scheme that a range requests, if it is supported. `dots` is not supported, because it
    /// would double the underscores of every name.
    fn requested(range: &Weighted<'_>) -> Option<Escaping> {
        let name = range.parameter("escaping")?;
        Escaping::ALL.into_iter().find(|escaping| escaping.name() == name)
    }
}

/// The format with the highest weight above 0, and the requested escaping. Among equal weights, a
/// format that the client listed is preferred to one that only a wildcard covers; then the client's
/// order decides, then the order of offers.
fn choose_format(accept: &[Weighted<'_>]) -> (Format, Option<Escaping>) {
    let ranked = Format::OFFERS.into_iter().enumerate().filter_map(|(preference, format)| {
        let (specificity, quality, Reverse(position)) =
            most_specific(accept, |range| format.specificity(range))?;
        let rank = (quality, specificity >= 2, Reverse(position), Reverse(preference));
        (quality > 0).then_some((rank, format, position))
    });
    match ranked.max_by_key(|(rank, ..)| *rank) {
        Some((_, format, position)) => (format, Escaping::requested(&accept[position])),
        None => (Format::Text004, None),
    }
}

/// The encoding with the highest weight above 0. Among equal weights, gzip is preferred to zstd,
/// and zstd to identity: most clients request gzip, so a gzip body is usually rendered already.
///
/// An encoding that the header does not list is not used. If the client accepts none, the response
/// is not compressed. If the client also rejects `identity`, the response is compressed with gzip
/// or zstd, the first one that is not rejected, if there is one.
fn choose_encoding(accept: &[Weighted<'_>]) -> Encoding {
    const OFFERS: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Identity];
    let quality = |encoding: Encoding| {
        let item = most_specific(accept, |coding| coding_specificity(encoding, coding.value));
        item.map(|(_, quality, _)| quality)
    };
    let accepted = OFFERS.into_iter().rev().filter(|encoding| quality(*encoding) > Some(0));
    if let Some(best) = accepted.max_by_key(|encoding| quality(*encoding)) {
        return best;
    }
    let not_rejected = || OFFERS.into_iter().find(|encoding| quality(*encoding).is_none());
    match quality(Encoding::Identity) {
        None => Encoding::Identity,
        Some(_) => not_rejected().unwrap_or(Encoding::Identity),
    }
}

/// How specifically an item of `Accept-Encoding` matches an encoding: 0 for `*`, 1 for its name.
fn coding_specificity(encoding: Encoding, coding: &str) -> Option<u8> {
    // RFC 9110, 8.4.1.3: `x-gzip` is equivalent to `gzip`.
    let alias = encoding == Encoding::Gzip && coding.eq_ignore_ascii_case("x-gzip");
    if alias || coding.eq_ignore_ascii_case(encoding.name()) {
        Some(1)
    } else if coding == "*" {
        Some(0)
    } else {
        None
    }
}

/// The specificity, weight and position of the item that matches an offer most specifically. Among
/// equally specific items, it is the one with the highest weight, then the first one.
fn most_specific(
    items: &[Weighted<'_>],
    specificity: impl Fn(&Weighted<'_>) -> Option<u8>,
) -> Option<(u8, u16, Reverse<usize>)> {
    let matching = items
        .iter()
        .enumerate()
        .filter_map(|(position, item)| Some((specificity(item)?, item.quality, Reverse(position))));
    matching.max()
}
