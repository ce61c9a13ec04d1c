//! Which format and encoding a client gets: the one place that decides, so that the headers and the body
//! can't disagree.
//!
//! A pure function of the request's headers. To add a format or an encoding: a variant, its names, and
//! its place in the list of offers. What is not here: how bodies are made (`metrics`).

mod header;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};

use crate::metrics::encode::Syntax;
use header::{Weighted, weighted};

pub use crate::metrics::compress::Encoding;

/// A format of metrics, as clients ask for it.
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

/// What becomes of names that older clients can't read. Ours are as old as the format, and come out of
/// each of these unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// What is odd becomes `_`.
    Underscores,
    /// Nothing.
    AllowUtf8,
    /// `U__` and hexadecimal digits, for odd names alone.
    Values,
}

/// What is sent, decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Representation {
    /// What the body says.
    pub format: Format,
    /// How it is packed.
    pub encoding: Encoding,
    /// What the client asked for, if we do that.
    pub escaping: Option<Escaping>,
}

/// The best of what we have for a client that sent these headers. A client that nothing suits gets
/// plain text rather than an error, as Prometheus' own libraries do.
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
            // Older than escaping.
            (Format::Text004, _) => None,
            (_, Some(asked)) => Some(asked),
            (Format::Text100 | Format::OpenMetrics100, None) => Some(Escaping::Underscores),
            (Format::OpenMetrics001 | Format::Protobuf, None) => None,
        };
        let header = match escaping {
            Some(escaping) => HeaderValue::try_from(format!("{kind}; escaping={}", escaping.name())),
            None => Ok(HeaderValue::from_static(kind)),
        };
        header.expect("all of it is ASCII without control characters")
    }

    /// The header `Content-Encoding`; none for what isn't encoded.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self.encoding {
            Encoding::Identity => None,
            Encoding::Gzip | Encoding::Zstd => Some(self.encoding.name()),
        }
    }
}

impl Format {
    /// Ours. Of those that a client doesn't tell apart (`*/*`, or a type without its version) the earlier
    /// one wins: whoever doesn't say what they read gets what everybody reads.
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

    /// How it is written.
    pub const fn syntax(self) -> Syntax {
        match self {
            Format::Text004 | Format::Text100 => Syntax::Text,
            Format::OpenMetrics001 | Format::OpenMetrics100 => Syntax::OpenMetrics,
            Format::Protobuf => Syntax::Protobuf,
        }
    }

    /// Type, subtype, and the parameters by which formats of that type are told apart. A client that
    /// asks for another value of one of them means another format.
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

    /// How closely a client's range speaks of this format, if it does: 0 for `*/*`, 1 for `type/*`, 2 for
    /// the type, and more for each parameter that tells formats apart.
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
        // Parameters that no format is told apart by (`charset`, `escaping`) don't count.
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

    /// The one asked for. `dots` isn't ours: it would double the underscores of every name.
    fn asked(range: &Weighted<'_>) -> Option<Escaping> {
        let name = range.parameter("escaping")?;
        Escaping::ALL.into_iter().find(|escaping| escaping.name() == name)
    }
}

/// The format with the highest weight above 0. Of equals: one that is named rather than covered by a
/// wildcard, then the one that the client names first, then the one that we name first.
fn format(accept: &[Weighted<'_>]) -> (Format, Option<Escaping>) {
    let judged = Format::OFFERS.into_iter().enumerate().filter_map(|(preference, format)| {
        let (specificity, quality, Reverse(position)) =
            most_specific(accept, |range| format.specificity(range))?;
        let rank = (quality, specificity >= 2, Reverse(position), Reverse(preference));
        (quality > 0).then_some((rank, format, position))
    });
    match judged.max_by_key(|(rank, ..)| *rank) {
        Some((_, format, position)) => (format, Escaping::asked(&accept[position])),
        None => (Format::Text004, None),
    }
}

/// The coding with the highest weight above 0, gzip before zstd before none where there are several: most
/// clients want gzip, so that it is there already.
///
/// One that isn't mentioned isn't wanted, and none at all is what everybody can read, unless it is refused:
/// then gzip or zstd, if that one isn't refused too.
fn encoding(accept: &[Weighted<'_>]) -> Encoding {
    const OFFERS: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Identity];
    let quality = |encoding: Encoding| {
        let found = most_specific(accept, |coding| coding_specificity(encoding, coding.value));
        found.map(|(_, quality, _)| quality)
    };
    let wanted = OFFERS.into_iter().rev().filter(|encoding| quality(*encoding) > Some(0));
    if let Some(best) = wanted.max_by_key(|encoding| quality(*encoding)) {
        return best;
    }
    let instead = || OFFERS.into_iter().find(|encoding| quality(*encoding).is_none());
    match quality(Encoding::Identity) {
        None => Encoding::Identity,
        Some(_) => instead().unwrap_or(Encoding::Identity),
    }
}

fn coding_specificity(encoding: Encoding, coding: &str) -> Option<u8> {
    // RFC 9110, 8.4.1.3: the same thing.
    let alias = encoding == Encoding::Gzip && coding.eq_ignore_ascii_case("x-gzip");
    if alias || coding.eq_ignore_ascii_case(encoding.name()) {
        Some(1)
    } else if coding == "*" {
        Some(0)
    } else {
        None
    }
}

/// Of the items that speak of an offer the one that does so most closely, the highest weight of equals,
/// the first of these: how closely, its weight, and where it stands.
fn most_specific(
    items: &[Weighted<'_>],
    specificity: impl Fn(&Weighted<'_>) -> Option<u8>,
) -> Option<(u8, u16, Reverse<usize>)> {
    let fitting = items
        .iter()
        .enumerate()
        .filter_map(|(position, item)| Some((specificity(item)?, item.quality, Reverse(position))));
    fitting.max()
}
