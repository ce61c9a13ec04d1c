//! A value together with how the operator wrote it.

use std::fmt;
use std::ops::Deref;

/// A value and its text in the source: `90s` stays `90s` and is not shown as `1m30s`.
#[derive(Debug, Clone)]
pub struct Sourced<T> {
    value: T,
    text: String,
}

impl<T> Sourced<T> {
    pub(super) fn new(value: T, text: impl Into<String>) -> Self {
        Self { value, text: text.into() }
    }
}

impl<T: Copy> Sourced<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.value
    }
}

impl<T> Deref for Sourced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Sourced<T> {
    /// Two ways to write the same value are equal.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
