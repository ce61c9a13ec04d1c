//! One value of any JSON type, converted only when it is read.

use std::borrow::Cow;

use thiserror::Error;

/// A value, borrowed from the page.
///
/// Keeping the text makes parsing a page cheap, because strings are unescaped and numbers converted
/// only when they are read. It also keeps a version sent as the number `1.10` from becoming `1.1`,
/// and a value that cannot be represented (`1e999`, half a surrogate pair) fails only its own
/// field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scalar<'a> {
    /// The member is absent, null or an empty string, which mean the same in this API.
    #[default]
    Absent,
    /// The text of a string without escapes; not empty.
    Text(&'a str),
    /// A string with escapes, in quotes, as it was sent.
    Escaped(&'a str),
    /// A number as it was sent.
    Number(&'a str),
    /// A boolean.
    Flag(bool),
    /// A list or an object.
    Other,
}

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
        match *self {
            Scalar::Absent => Ok(None),
            Scalar::Text(text) | Scalar::Number(text) => Ok(Some(Cow::Borrowed(text))),
            Scalar::Escaped(quoted) => {
                let text: String = serde_json::from_str(quoted).map_err(|_| Unreadable)?;
                Ok(Some(Cow::Owned(text)))
            }
            Scalar::Flag(_) | Scalar::Other => Err(Unreadable),
        }
    }

    /// Like [`text`](Self::text), but without surrounding white space, for ids and codes. `None`
    /// also when the text is white space only.
    ///
    /// # Errors
    /// As for [`Scalar::text`].
    pub fn code(&self) -> Result<Option<Cow<'a, str>>, Unreadable> {
        // Nearly all texts need no trimming.
        if let Scalar::Text(text) = *self
            && let [first, .., last] = text.as_bytes()
            && first.is_ascii_graphic()
            && last.is_ascii_graphic()
        {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let Some(text) = self.text()? else { return Ok(None) };
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
        // Nearly all numbers are whole, and a float represents up to 15 digits exactly.
        if text.len() <= 15
            && let Ok(whole) = text.parse::<u64>()
        {
            return Ok(Some(whole as f64));
        }
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
        if let Scalar::Flag(flag) = *self {
            return Ok(Some(flag));
        }
        match self.code()? {
            None => Ok(None),
            Some(text) if text == "1" || text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text == "0" || text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Unreadable),
        }
    }
}
