//! Chooses the format and the encoding of a response. Headers and body use the same choice, so they
//! cannot disagree.
//!
//! A pure function of the request's headers. To add a format or an encoding, add a variant, its
//! names, and its position in the list of offers. What is not here: rendering (`metrics`).

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

/// How names that older clients cannot read are escaped. The exporter's names are valid in every
/// version of the format, so no scheme changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// Every other character becomes `_`.
    Underscores,
    /// No escaping.
    AllowUtf8,
    /// `U__` and hexadecimal digits, only in names with other characters.
    Values,
}

/// The chosen format and encoding of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Representation {
    /// The format of the body.
    pub format: Format,
    /// The content encoding.
    pub encoding: Encoding,
    /// The escaping scheme that the client requested, if it is supported.
    pub escaping: Option<Escaping>,
}

/// The best representation for a client that sent these headers. A client that accepts none of them
/// gets plain text instead of an error, as with Prometheus' own libraries.
pub fn negotiate(headers: &HeaderMap) -> Representation {
    let (format, escaping) = format(&weighted(headers, ACCEPT));
    Representation { format, escaping, encoding: encoding(&weighted(headers, ACCEPT_ENCODING)) }
}

impl Representation {
    /// Every format in every encoding.
    pub fn all() -> impl Iterator<Item = Representation> {
        Format::OFFERS.into_iter().flat_map(|format| {
            Encoding::ALL.into_iter().map(move |encoding| Representation { format, encoding, escaping: None })
        })
    }

    /// The header `Content-Type`, as Prometheus' own libraries write it.
    pub fn content_type(self) -> HeaderValue {
        let kind = match self.format {
            Format::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Format::Text100 => "text/plain; version=1.0.0; charset=utf-8",
            Format::OpenMetrics001 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Format::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        };
        let escaping = match (self.format, self.escaping) {
            // This version of the format is older than escaping.
            (Format::Text004, _) => None,
            (_, Some(requested)) => Some(requested),
            (Format::Text100 | Format::OpenMetrics100, None) => Some(Escaping::Underscores),
            (Format::OpenMetrics001 | Format::Protobuf, None) => None,
        };
        let header = match escaping {
            Some(escaping) => HeaderValue::try_from(format!("{kind}; escaping={}", escaping.name())),
            None => Ok(HeaderValue::from_static(kind)),
        };
        header.expect("content types consist of printable ASCII")
    }

    /// The header `Content-Encoding`; `None` without an encoding.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self.encoding {
            Encoding::Identity => None,
            Encoding::Gzip | Encoding::Zstd => Some(self.encoding.name()),
        }
    }
}

impl Format {
    /// The supported formats. If a range covers several of them (`*/*`, or a type without a
    /// version), the first one wins: it is the one that every client can read.
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

    /// The syntax of the body.
    pub const fn syntax(self) -> Syntax {
        match self {
            Format::Text004 | Format::Text100 => Syntax::Text,
            Format::OpenMetrics001 | Format::OpenMetrics100 => Syntax::OpenMetrics,
            Format::Protobuf => Syntax::Protobuf,
        }
    }

    /// Type, subtype, and the parameters that distinguish the formats of that type. A range with
    /// another value of one of these parameters does not match the format.
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

    /// How specifically a range matches this format, if it does: 0 for `*/*`, 1 for `type/*`, 2 for
    /// the type, and one more for each distinguishing parameter.
    fn specificity(self, range: &Weighted<'_>) -> Option<u8> {
        let (kind, subtype, distinguishing) = self.media_type();
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

    /// The requested scheme. `dots` is not supported: it would double the underscores of every
    /// name.
    fn requested(range: &Weighted<'_>) -> Option<Escaping> {
        let name = range.parameter("escaping")?;
        Escaping::ALL.into_iter().find(|escaping| escaping.name() == name)
    }
}

/// The format with the highest weight above 0. Among equals: a format that is listed before one
/// that a wildcard covers, then the client's order, then the order of offers.
fn format(accept: &[Weighted<'_>]) -> (Format, Option<Escaping>) {
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

/// The encoding with the highest weight above 0. Among equals: gzip, then zstd, then identity. Most
/// clients request gzip, so a gzip body is usually rendered already.
///
/// An encoding that the header does not list is not used. Without any, the response is not encoded,
/// unless the client rejects that: then gzip or zstd, the first one that is not rejected too.
fn encoding(accept: &[Weighted<'_>]) -> Encoding {
    const OFFERS: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Identity];
    let quality = |encoding: Encoding| {
        let found = most_specific(accept, |coding| coding_specificity(encoding, coding.value));
        found.map(|(_, quality, _)| quality)
    };
    let accepted = OFFERS.into_iter().rev().filter(|encoding| quality(*encoding) > Some(0));
    if let Some(best) = accepted.max_by_key(|encoding| quality(*encoding)) {
        return best;
    }
    let instead = || OFFERS.into_iter().find(|encoding| quality(*encoding).is_none());
    match quality(Encoding::Identity) {
        None => Encoding::Identity,
        Some(_) => instead().unwrap_or(Encoding::Identity),
    }
}

fn coding_specificity(encoding: Encoding, coding: &str) -> Option<u8> {
    // RFC 9110, 8.4.1.3: equivalent to gzip.
    let alias = encoding == Encoding::Gzip && coding.eq_ignore_ascii_case("x-gzip");
    if alias || coding.eq_ignore_ascii_case(encoding.name()) {
        Some(1)
    } else if coding == "*" {
        Some(0)
    } else {
        None
    }
}

/// The item that matches an offer most specifically; among equals the one with the highest weight,
/// then the first one. Returns its specificity, weight and position.
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
