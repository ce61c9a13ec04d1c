//! Reads single fields: checks their form, converts their unit, and counts unreadable values.

use std::borrow::Cow;

use jiff::{Timestamp, civil};

use super::{count_skipped, time};
use crate::appstreaming::wire::{Maybe, Objects, Presence, Scalar, Scalars, Unreadable};
use crate::fleet::{DecodeIssues, Vocabulary};

const SECONDS_PER_MINUTE: f64 = 60.0;

/// Reads fields, and counts unknown and unreadable values in [`DecodeIssues`].
///
/// A method that reads a value returns `None` for an absent or unreadable one. A method whose name
/// begins with `owned_` returns an owned text instead, which is empty for such a value.
pub(super) struct FieldReader<'f> {
    issues: &'f mut DecodeIssues,
}

impl<'f> FieldReader<'f> {
    /// A reader that counts in `issues`.
    pub(super) fn new(issues: &'f mut DecodeIssues) -> Self {
        Self { issues }
    }

    /// A text without surrounding white space.
    pub(super) fn code<'a>(&mut self, field: &'static str, scalar: Scalar<'a>) -> Option<Cow<'a, str>> {
        self.value(field, scalar.code())
    }

    /// Like [`code`](Self::code).
    pub(super) fn owned_code(&mut self, field: &'static str, scalar: Scalar<'_>) -> Box<str> {
        self.code(field, scalar).map(boxed).unwrap_or_default()
    }

    /// A text, verbatim.
    pub(super) fn text<'a>(&mut self, field: &'static str, scalar: Scalar<'a>) -> Option<Cow<'a, str>> {
        self.value(field, scalar.text())
    }

    /// Like [`text`](Self::text).
    pub(super) fn owned_text(&mut self, field: &'static str, scalar: Scalar<'_>) -> Box<str> {
        self.text(field, scalar).map(boxed).unwrap_or_default()
    }

    /// A status, in upper case. A status outside `vocabulary` is counted as unknown.
    pub(super) fn status(&mut self, vocabulary: &Vocabulary, scalar: Scalar<'_>) -> Option<Box<str>> {
        let status = self.code(vocabulary.field, scalar)?;
        if vocabulary.find_ignore_case(&status).is_none() {
            self.issues.count_unknown(vocabulary.field);
        }
        Some(vocabulary.upper_case(&status).into())
    }

    /// A value that should be one of `documented` in any ASCII case, verbatim. Any other value is
    /// counted as unknown.
    pub(super) fn choice<'a>(
        &mut self,
        field: &'static str,
        documented: &[&str],
        scalar: Scalar<'a>,
    ) -> Option<Cow<'a, str>> {
        let value = self.code(field, scalar)?;
        let is_documented = documented.contains(&&*value)
            || documented.iter().any(|known| known.eq_ignore_ascii_case(&value));
        if !is_documented {
            self.issues.count_unknown(field);
        }
        Some(value)
    }

    /// Like [`choice`](Self::choice).
    pub(super) fn owned_choice(
        &mut self,
        field: &'static str,
        documented: &[&str],
        scalar: Scalar<'_>,
    ) -> Box<str> {
        self.choice(field, documented, scalar).map(boxed).unwrap_or_default()
    }

    /// A number of at least 0.
    pub(super) fn amount(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.value(field, scalar.number().and_then(not_negative))
    }

    /// A percentage, returned as a ratio.
    pub(super) fn percent(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.amount(field, scalar).map(|percent| percent / 100.0)
    }

    /// Minutes, returned as seconds.
    pub(super) fn minutes(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        self.amount(field, scalar).map(|minutes| minutes * SECONDS_PER_MINUTE)
    }

    /// Minutes, returned as seconds; -1 means unlimited and becomes infinity.
    pub(super) fn minutes_or_unlimited(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<f64> {
        let minutes = scalar.number().and_then(|minutes| match minutes {
            Some(-1.0) => Ok(Some(f64::INFINITY)),
            other => not_negative(other),
        });
        self.value(field, minutes).map(|minutes| minutes * SECONDS_PER_MINUTE)
    }

    /// A boolean.
    pub(super) fn flag(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<bool> {
        self.value(field, scalar.flag())
    }

    /// A time in RFC 3339 with any offset.
    pub(super) fn time(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<Timestamp> {
        self.parsed(field, scalar, time::parse)
    }

    /// A date as `yyyy-MM-dd`.
    pub(super) fn date(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<civil::Date> {
        self.parsed(field, scalar, |text| text.parse().ok())
    }

    /// A time of day as `HH:mm`, 00:00 to 23:59.
    pub(super) fn clock(&mut self, field: &'static str, scalar: Scalar<'_>) -> Option<civil::Time> {
        self.parsed(field, scalar, clock)
    }

    /// A value that `parse` reads from the text without surrounding white space. `None` from
    /// `parse` counts as unreadable.
    pub(super) fn parsed<T>(
        &mut self,
        field: &'static str,
        scalar: Scalar<'_>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.code(field, scalar)?;
        self.value(field, parse(&text).map(Some).ok_or(Unreadable))
    }

    /// The elements of a list of objects.
    pub(super) fn list<'l, T>(&mut self, field: &'static str, list: &'l Objects<T>) -> &'l [T] {
        count_skipped(list.skipped, field, self.issues);
        self.count_invalid_list(field, list.presence);
        &list.items
    }

    /// The elements of a list of scalars.
    pub(super) fn scalars<'l, 'a>(&mut self, field: &'static str, list: &'l Scalars<'a>) -> &'l [Scalar<'a>] {
        self.count_invalid_list(field, list.presence);
        &list.items
    }

    /// A nested object.
    pub(super) fn object<'o, T>(&mut self, field: &'static str, object: &'o Maybe<T>) -> Option<&'o T> {
        if matches!(object, Maybe::Invalid) {
            self.issues.count_unparsable(field);
        }
        object.object()
    }

    /// Counts an unreadable value of `field`.
    pub(super) fn count_unparsable(&mut self, field: &'static str) {
        self.issues.count_unparsable(field);
    }

    /// Counts a value of `field` outside the documented list.
    pub(super) fn count_unknown(&mut self, field: &'static str) {
        self.issues.count_unknown(field);
    }

    /// The value of a required field, read by `read`: an absent value counts as unreadable.
    pub(super) fn required<'a, T>(
        &mut self,
        field: &'static str,
        scalar: Scalar<'a>,
        read: impl FnOnce(&mut Self, &'static str, Scalar<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = read(self, field, scalar);
        if value.is_none() && matches!(scalar.code(), Ok(None)) {
            self.issues.count_unparsable(field);
        }
        value
    }

    fn count_invalid_list(&mut self, field: &'static str, presence: Presence) {
        if presence == Presence::Invalid {
            self.issues.count_unparsable(field);
        }
    }

    /// The value; an error becomes `None`, and counts as an unreadable value of `field`.
    fn value<T>(&mut self, field: &'static str, result: Result<Option<T>, Unreadable>) -> Option<T> {
        result.unwrap_or_else(|Unreadable| {
            self.issues.count_unparsable(field);
            None
        })
    }
}

fn boxed(text: Cow<'_, str>) -> Box<str> {
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
