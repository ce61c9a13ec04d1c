//! An AccessKey, with its token when it is temporary, and how an AccessKey id may be shown.
//!
//! What is not here: where credentials come from (`credentials`), and signing with them
//! (`signature`).

use std::fmt;

use jiff::Timestamp;

use super::secret::Secret;

/// Minimum number of characters of an AccessKey id whose last characters are shown. Real ids have
/// 16 or more.
const MIN_SHOWN_LENGTH: usize = 8;
/// Characters at the end of an AccessKey id that are shown.
const SHOWN_CHARACTERS: usize = 4;

/// An AccessKey, with a token when it is a temporary one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `LTAI...` for a long-lived key, `STS....` for a temporary one. Shown only through
    /// [`mask_id`].
    pub access_key_id: String,
    /// The secret that requests are signed with.
    pub access_key_secret: Secret,
    /// Sent with every request when the credentials are temporary.
    pub security_token: Option<Secret>,
    /// When the service stops accepting the credentials; `None` where the source gives no expiry.
    pub expires: Option<Timestamp>,
}

impl Credentials {
    /// Credentials without an expiry.
    pub fn new(
        access_key_id: impl Into<String>,
        access_key_secret: Secret,
        security_token: Option<Secret>,
    ) -> Self {
        Self { access_key_id: access_key_id.into(), access_key_secret, security_token, expires: None }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &mask_id(&self.access_key_id))
            .field("security_token", &self.security_token)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// An AccessKey id as it may be shown: an ellipsis and its last four characters.
///
/// Of a text with fewer than eight characters only the ellipsis is shown. Such a text is not a real
/// id and may be a misplaced secret. A masked id is returned unchanged: a printed configuration can
/// be loaded and printed again.
pub fn mask_id(id: &str) -> String {
    let length = id.chars().count();
    if id.starts_with('…') && length == 1 + SHOWN_CHARACTERS {
        return id.to_owned();
    }
    let hidden = if length < MIN_SHOWN_LENGTH { length } else { length - SHOWN_CHARACTERS };
    std::iter::once('…').chain(id.chars().skip(hidden)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_credentials_contains_only_the_end_of_the_id() {
        let credentials =
            Credentials::new("LTAI5tExampleAbCd", Secret::new("hunter2"), Some(Secret::new("CAIS-token")));
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(shown.contains("…AbCd"), "{shown}");
        for hidden in ["LTAI", "hunter2", "CAIS"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn an_id_is_masked_to_its_last_four_characters_from_eight_characters_on() {
        for (id, shown) in [
            ("", "…"),
            ("abc", "…"),
            ("abcd", "…"),
            ("abcdefg", "…"),
            ("abcdefgh", "…efgh"),
            ("LTAI5tExampleExample", "…mple"),
            ("键盘键", "…"),
            ("键盘键盘", "…"),
            ("键盘键盘键盘键", "…"),
            ("键盘键盘键盘锁匙", "…键盘锁匙"),
            ("键盘键盘键盘键盘键盘键盘键盘键盘一二三四", "…一二三四"),
        ] {
            assert_eq!(mask_id(id), shown, "{id}");
            assert_eq!(mask_id(shown), shown, "masked twice");
        }
    }
}
