//! Reading one field: its form, its unit, and a note where it can't be read.

use std::borrow::Cow;

use jiff::{Timestamp, civil};

use super::super::wire::{Maybe, Objects, Presence, Scalar, Scalars, Unreadable};
use super::{note_skipped, time};
use crate::fleet::{Findings, Vocabulary};

const SECONDS_PER_MINUTE: f64 = 60.0;

/// Reads fields and notes what it can't read.
pub(super) struct Reading<'f> {
    findings: &'f mut Findings,
}

impl<'f> Reading<'f> {
    pub(super) fn new(findings: &'f mut Findings) -> Self {
        Reading { findings }
    }

    /// A text without white space around it.
    pub(super) fn code<'a>(&mut self, field: &'static str, scalar: Scalar<'a>) -> Option<Cow<'a, str>> {
        self.noted(field, scalar.code())
    }

    /// The same, to keep; empty where there is none.
    pub(super) fn owned_code(&mut self, field: &'static str, scalar: Scalar<'_>) -> Box<str> {
        self.code(field, scalar).map(boxed).unwrap_or_default()
    }

    /// A text as it is.
    pub(super) fn text<'a>(&mut self, field: &'static str, scalar: Scalar<'a>) -> Option<Cow<'a, str>> {
        self.noted(field, scalar.text())
    }

    /// The same, to keep; empty where there is none.
    pub(super) fn owned_text(&mut self, field: &'static str, scalar: Scalar<'_>) -> Box<str> {
        self.text(field, scalar).map(boxed).unwrap_or_default()
    }

    /// A state, upper-cased.
    pub(super) fn state(&mut self, vocabulary: &Vocabulary, scalar: Scalar<'_>) -> Option<Box<str>> {
        let word = self.code(vocabulary.field, scalar)?;
        if vocabulary.find_ignore_case(&word).is_none() {
            self.findings.unknown(vocabulary.field);
        }
        Some(vocabulary.upper_case(&word).into())
    }

    /// A value of a documented list, verbatim; case doesn't make it another value.
    pub(super) fn choice<'a>(
        &mut self,
        field: &'static str,
        documented: &[&str],
        scalar: Scalar<'a>,
    ) -> Option<Cow<'a, str>> {
        let word = self.code(field, scalar)?;
        if !documented.iter().any(|known| known.eq_ignore_ascii_case(&word)) {
            self.findings.unknown(field);
        }
        Some(word)
    }

    /// The same, to keep; empty where there is none.
    pub(super) fn owned_choice(
        &mut self,
        field: &'static str,
        documented: &[&str],
        scalar: Scalar<'_>,
    ) -> Box<str> {
        self.choice(field, documented, scalar).map(boxed).unwrap_or_default()
    }

    /// An amount of something: at least 0.
    pub(super) fn amount(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.noted(field, scalar.number().and_then(not_negative))
    }

    /// Percent, as a ratio.
    pub(super) fn percent(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.amount(field, scalar).map(|percent| percent / 100.0)
    }

    /// Minutes, as seconds.
    pub(super) fn minutes(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.amount(field, scalar).map(|minutes| minutes * SECONDS_PER_MINUTE)
    }

    /// Minutes, as seconds; -1 is for ever.
    pub(super) fn minutes_or_for_ever(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        let minutes = scalar.number().and_then(|minutes| match minutes {
            Some(-1.0) => Ok(Some(f64::INFINITY)),
            other => not_negative(other),
        });
        self.noted(field, minutes).map(|minutes| minutes * SECONDS_PER_MINUTE)
    }

    /// A boolean.
    pub(super) fn flag(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<bool> {
        self.noted(field, scalar.flag())
    }

    /// RFC 3339 with any offset.
    pub(super) fn time(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<Timestamp> {
        self.parsed(field, scalar, time::parse)
    }

    /// `yyyy-MM-dd`.
    pub(super) fn date(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<civil::Date> {
        self.parsed(field, scalar, |text| text.parse().ok())
    }

    /// `HH:mm`, 00:00 to 23:59.
    pub(super) fn clock(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<civil::Time> {
        self.parsed(field, scalar, clock)
    }

    /// What `scalar` says in a form of its own.
    pub(super) fn parsed<T>(
        &mut self,
        field: &'static str,
        scalar: Scalar<'_>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.code(field, scalar)?;
        self.noted(field, parse(&text).map(Some).ok_or(Unreadable))
    }

    /// The elements of a list of objects.
    pub(super) fn list<'l, T>(&mut self, field: &'static str, list: &'l Objects<T>) -> &'l [T] {
        note_skipped(list.skipped, field, self.findings);
        self.presence(field, list.presence);
        &list.items
    }

    /// The elements of a list of scalars.
    pub(super) fn scalars<'l, 'a>(&mut self, field: &'static str, list: &'l Scalars<'a>) -> &'l [Scalar<'a>] {
        self.presence(field, list.presence);
        &list.items
    }

    /// A nested object.
    pub(super) fn object<'o, T>(&mut self, field: &'static str, object: &'o Maybe<T>) -> Option<&'o T> {
        if matches!(object, Maybe::Odd) {
            self.findings.unparsable(field);
        }
        object.object()
    }

    /// Notes that something nothing goes without isn't there.
    pub(super) fn missing(&mut self, field: &'static str) {
        self.findings.unparsable(field);
    }

    /// Notes a value outside the documented ones.
    pub(super) fn unknown(&mut self, field: &'static str) {
        self.findings.unknown(field);
    }

    /// `reading` of a field that must be there: absent counts as unreadable.
    pub(super) fn required<'a, T>(
        &mut self,
        field: &'static str,
        scalar: Scalar<'a>,
        reading: impl FnOnce(&mut Self, &'static str, Scalar<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = reading(self, field, scalar);
        if value.is_none() && matches!(scalar.code(), Ok(None)) {
            self.findings.unparsable(field);
        }
        value
    }

    fn presence(&mut self, field: &'static str, presence: Presence) {
        if presence == Presence::Odd {
            self.findings.unparsable(field);
        }
    }

    fn noted<T>(&mut self, field: &'static str, value: Result<Option<T>, Unreadable>) -> Option<T> {
        value.unwrap_or_else(|Unreadable| {
            self.findings.unparsable(field);
            None
        })
    }
}

pub(super) fn boxed(text: Cow<'_, str>) -> Box<str> {
    text.into()
}

fn not_negative(number: Option<f64>) -> Result<Option<f64>, Unreadable> {
    match number {
        Some(number) if number < 0.0 => Err(Unreadable),
        other => Ok(other),
    }
}

fn clock(text: &str) -> Option<civil::Time> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let number = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| ((tens - b'0') * 10 + (ones - b'0')) as i8)
    };
    civil::Time::new(number(h1, h2)?, number(m1, m2)?, 0, 0).ok()
}
