//! A nested object, which may be absent or invalid.
//!
//! What is not here: how it is read (`list`).

/// A nested object, or the reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Maybe<T> {
    /// Absent, null or an empty string.
    #[default]
    Absent,
    /// An object.
    Object(T),
    /// A value of another type.
    Invalid,
}

impl<T> Maybe<T> {
    /// The object, if there is one.
    pub fn object(&self) -> Option<&T> {
        match self {
            Maybe::Object(object) => Some(object),
            Maybe::Absent | Maybe::Invalid => None,
        }
    }
}
