//! A key that was read: its name, the kind of its value, and the value as it may be shown.

/// How a key's value is written. The values of environment variables and flags are text; the kind
/// of the key decides how that text is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text, one of several names, a duration or a size; never parsed as a number.
    Text,
    /// Text that is never shown, not even in a problem.
    Secret,
    /// A whole number or a text, as for `sharding.index`.
    Ordinal,
    /// A list of texts.
    TextList,
    /// A map from text to text.
    TextMap,
    /// All accounts, written inline.
    Accounts,
}

/// One key that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path of the section, such as `accounts.0.filter`.
    pub(super) section: String,
    /// The key's name in its section.
    pub(super) name: String,
    /// How the value is written.
    pub(super) kind: Kind,
    /// The value in TOML, without secrets.
    pub(super) toml: String,
}
