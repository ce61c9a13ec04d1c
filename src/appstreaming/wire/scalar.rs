//! One value of any JSON type, converted only when it is read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use thiserror::Error;

/// A value's JSON text, borrowed from the page.
///
/// Keeping the text makes parsing a page cheap, because strings are unescaped and numbers converted
/// only when they are read. It also keeps a version sent as the number `1.10` from becoming `1.1`,
/// and a value that cannot be represented (`1e999`, half a surrogate pair) fails only its own
/// field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scalar<'a>(Option<&'a str>);

/// The value is present, but has a wrong type or form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a value of another type or form than documented")]
pub struct Unreadable;

impl<'a> Scalar<'a> {
    /// The text of a string, verbatim, or the digits of a number as they were sent. `None` when the
    /// value is absent, null or an empty string.
    ///
    /// # Errors
    /// When the value is a boolean, a list, an object, or a string that is not Unicode.
    pub fn text(&self) -> Result<Option<Cow<'a, str>>, Unreadable> {
        let Some(raw) = self.0 else { return Ok(None) };
        match raw.as_bytes() {
            [b'"', inner @ .., b'"'] if inner.contains(&b'\\') => {
                let text: String = serde_json::from_str(raw).map_err(|_| Unreadable)?;
                Ok((!text.is_empty()).then_some(Cow::Owned(text)))
            }
            [b'"', .., b'"'] => {
                let text = &raw[1..raw.len() - 1];
                Ok((!text.is_empty()).then_some(Cow::Borrowed(text)))
            }
            [b'-' | b'0'..=b'9', ..] => Ok(Some(Cow::Borrowed(raw))),
            b"null" => Ok(None),
            _ => Err(Unreadable),
        }
    }

    /// Like [`text`](Self::text), but without surrounding white space, for ids and codes. `None`
    /// also when the text is white space only.
    ///
    /// # Errors
    /// As for [`Scalar::text`].
    pub fn code(&self) -> Result<Option<Cow<'a, str>>, Unreadable> {
        let Some(text) = self.text()? else { return Ok(None) };
        // Fast path: nearly all texts need no trimming.
        if let [first, .., last] = text.as_bytes()
            && first.is_ascii_graphic()
            && last.is_ascii_graphic()
        {
            return Ok(Some(text));
        }
        let trimmed = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        Ok((!trimmed.is_empty()).then_some(trimmed))
    }

    /// A finite number, also as a string in decimal.
    ///
    /// # Errors
    /// When the value is anything else.
    pub fn number(&self) -> Result<Option<f64>, Unreadable> {
        let Some(text) = self.code()? else { return Ok(None) };
        match text.parse::<f64>() {
            // Adding 0 turns -0 into 0.
            Ok(number) if number.is_finite() => Ok(Some(number + 0.0)),
            _ => Err(Unreadable),
        }
    }

    /// A whole number of at least 0, also as a string, such as `TotalCount`.
    ///
    /// # Errors
    /// When the value is anything else.
    pub fn count(&self) -> Result<Option<u64>, Unreadable> {
        let Some(text) = self.code()? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Unreadable)
    }

    /// A boolean: `true` or `1`, `false` or `0`, also as strings in any ASCII case.
    ///
    /// # Errors
    /// When the value is anything else.
    pub fn flag(&self) -> Result<Option<bool>, Unreadable> {
        match self.0 {
            Some("true") => return Ok(Some(true)),
            Some("false") => return Ok(Some(false)),
            _ => {}
        }
        match self.code()? {
            None => Ok(None),
            Some(text) if text == "1" || text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text == "0" || text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Unreadable),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Scalar(Some(raw.get())))
    }
}
