//! The label `user` of detail metrics: absent, a pseudonym, or the user's name.

use std::borrow::Cow;
use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Number of leading bytes of the HMAC in a pseudonym, which shows them as 16 hex digits.
const PSEUDONYM_BYTES: usize = 8;

/// `collectors.users`: what the label `user` of `appstreaming_instance_info` contains.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum UserLabel {
    /// `off`: there is no `user` label, and no user name leaves the exporter.
    #[default]
    Off,
    /// `hash`: the first 16 hex digits of a keyed HMAC-SHA256 of the name. The same user always has
    /// the same pseudonym, and guessed names cannot be verified without the key.
    Hash(PseudonymKey),
    /// `plain`: the name as the API sends it.
    Plain,
}

impl UserLabel {
    /// The label's value for the user called `name`: empty for an instance without a user, `None`
    /// for [`UserLabel::Off`].
    pub(crate) fn value<'n>(&self, name: Option<&'n str>) -> Option<Cow<'n, str>> {
        match (self, name) {
            (Self::Off, _) => None,
            (_, None) => Some(Cow::Borrowed("")),
            (Self::Plain, Some(name)) => Some(Cow::Borrowed(name)),
            (Self::Hash(key), Some(name)) => Some(Cow::Owned(key.pseudonym(name))),
        }
    }

    /// The label's value where `value` replaced the user's name in a saved state.
    pub(crate) fn saved_value<'n>(&self, value: Option<&'n str>) -> Option<Cow<'n, str>> {
        (*self != Self::Off).then(|| Cow::Borrowed(value.unwrap_or_default()))
    }
}

/// The HMAC key of pseudonyms. `Debug` does not show it.
#[derive(Clone)]
pub struct PseudonymKey(Hmac<Sha256>);

impl PseudonymKey {
    /// Takes a key of any length. A longer key is harder to guess, up to 64 bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC accepts keys of every length (RFC 2104)"))
    }

    fn pseudonym(&self, name: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(name.as_bytes());
        HEXLOWER.encode(&mac.finalize().into_bytes()[..PSEUDONYM_BYTES])
    }
}

/// Two keys are equal if the HMAC of an empty name is the same: `Hmac` does not expose its key.
impl PartialEq for PseudonymKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.clone().finalize() == other.0.clone().finalize()
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_first_16_hex_digits_of_the_keyed_hash() {
        // RFC 4231, test case 1.
        let users = UserLabel::Hash(PseudonymKey::new(&[0x0b; 20]));
        assert_eq!(users.value(Some("Hi There")).unwrap(), "b0344c61d8db3853");
    }

    #[test]
    fn an_instance_without_a_user_has_an_empty_label() {
        assert_eq!(UserLabel::Hash(PseudonymKey::new(b"key")).value(None), Some(Cow::Borrowed("")));
        assert_eq!(UserLabel::Plain.value(None), Some(Cow::Borrowed("")));
        assert_eq!(UserLabel::Off.value(Some("alice")), None);
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", UserLabel::Hash(PseudonymKey::new(b"hunter2"))), "Hash(<secret>)");
    }

    #[test]
    fn keys_are_equal_if_their_bytes_are() {
        assert_eq!(PseudonymKey::new(b"one"), PseudonymKey::new(b"one"));
        assert_ne!(PseudonymKey::new(b"one"), PseudonymKey::new(b"two"));
    }
}
