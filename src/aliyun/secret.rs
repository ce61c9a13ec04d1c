//! Text that is never shown: AccessKey secrets, security tokens, keys for hashing.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text.
///
/// It has no `Display` and no serialisation, and its `Debug` prints `<secret>`. Comparing secrets
/// of equal length takes constant time. Its memory is cleared on drop.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret of exactly `text`: a caller that reads a file must trim the line feed at its end.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for signing and for headers only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "<secret> Some(\n    <secret>,\n)");
    }

    #[test]
    fn secrets_are_compared_by_their_text() {
        assert_eq!(Secret::new("same"), Secret::new(String::from("same")));
        assert_ne!(Secret::new("same"), Secret::new("other"));
        assert_ne!(Secret::new("same"), Secret::new("same but longer"));
    }
}
