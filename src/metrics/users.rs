//! How users show up in detail metrics: not at all, under a pseudonym, or by name.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What `collectors.users` says.
#[derive(Debug, Clone, Default)]
pub enum Users {
    /// No user leaves the exporter, and there is no `user` label.
    #[default]
    Off,
    /// The first 16 hex digits of a keyed HMAC-SHA256 of the name: the same user is the same
    /// pseudonym, and without the key nobody can try names.
    Hash(UserKey),
    /// The name as the API sends it.
    Plain,
}

impl Users {
    /// The value of the `user` label, empty for an instance without a user; `None` when off.
    pub(crate) fn label<'n>(&self, name: Option<&'n str>) -> Option<Cow<'n, str>> {
        match (self, name) {
            (Self::Off, _) => None,
            (_, None) => Some(Cow::Borrowed("")),
            (Self::Plain, Some(name)) => Some(Cow::Borrowed(name)),
            (Self::Hash(key), Some(name)) => Some(Cow::Owned(key.pseudonym(name))),
        }
    }
}

/// The key of the pseudonyms. Cannot be printed.
#[derive(Clone)]
pub struct UserKey(Hmac<Sha256>);

impl UserKey {
    /// A key of any length; the longer (up to 64 bytes) the harder to guess.
    pub fn new(key: &[u8]) -> Self {
        // HMAC is defined for keys of every length (RFC 2104), so this never fails.
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of every length"))
    }

    fn pseudonym(&self, name: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut mac = self.0.clone();
        mac.update(name.as_bytes());
        let digest = mac.finalize().into_bytes();
        let digits = digest.iter().take(8).flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_first_16_hex_digits_of_the_keyed_hash() {
        // RFC 4231, test case 2: key "Jefe".
        let users = Users::Hash(UserKey::new(b"Jefe"));
        assert_eq!(users.label(Some("what do ya want for nothing?")).unwrap(), "5bdcc146bf60754e");
    }

    #[test]
    fn an_instance_without_a_user_has_an_empty_label_and_no_pseudonym() {
        assert_eq!(Users::Hash(UserKey::new(b"key")).label(None), Some(Cow::Borrowed("")));
        assert_eq!(Users::Plain.label(None), Some(Cow::Borrowed("")));
        assert_eq!(Users::Off.label(Some("alice")), None);
    }

    #[test]
    fn the_key_is_never_printed() {
        assert_eq!(format!("{:?}", Users::Hash(UserKey::new(b"hunter2"))), "Hash(<secret>)");
    }
}
