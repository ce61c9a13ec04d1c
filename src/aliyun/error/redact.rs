//! Removes secrets and AccessKey ids from a peer's text.
//!
//! A `SignatureDoesNotMatch` error quotes the string that the service signed, which contains the
//! AccessKey id and the token. A load balancer may quote the whole URL.

use crate::aliyun::access_key::{Credentials, mask_id};
use crate::aliyun::secret::Secret;
use crate::aliyun::signature::percent_encode;

const REDACTED: &str = "<redacted>";
/// Prefixes of AccessKey ids: of a long-lived key, of a temporary one, of a console session.
const ID_PREFIXES: [&str; 3] = ["LTAI", "STS.", "TMP."];
/// Minimum length of an AccessKey id in bytes. A shorter word with one of the prefixes is not an
/// id.
const MIN_ID_LENGTH: usize = 12;
/// Minimum length in bytes of a secret or an id that is replaced. Real ones are longer, and a
/// configured secret such as `id` would make messages unreadable if all its occurrences were
/// replaced.
const MIN_SECRET_LENGTH: usize = 6;
/// Parameters of a signed query whose values are secret.
const SECRET_PARAMETERS: [&str; 5] =
    ["Signature", "SecurityToken", "AccessKeyId", "AccessKeySecret", "OIDCToken"];

/// Removes the credentials of one request from its response.
pub(crate) struct Redaction<'a> {
    credentials: &'a Credentials,
}

impl<'a> Redaction<'a> {
    /// For a request that was signed with `credentials`.
    pub fn new(credentials: &'a Credentials) -> Self {
        Self { credentials }
    }

    /// Masks the AccessKey id and replaces secret and token, also where they are percent-encoded
    /// once or twice.
    pub fn apply(&self, text: &mut String) {
        let Credentials { access_key_id, access_key_secret, security_token, .. } = self.credentials;
        let secrets = std::iter::once(access_key_secret).chain(security_token).map(Secret::expose);
        for secret in secrets {
            replace(text, secret, REDACTED);
        }
        replace(text, access_key_id, &mask_id(access_key_id));
    }
}

/// A message without secrets and whole AccessKey ids.
pub(super) fn clean_message(code: &str, message: &str) -> String {
    if code.starts_with("SignatureDoesNotMatch") || code.starts_with("IncompleteSignature") {
        return cut_quotation(message);
    }
    replace_parameters(&mask_ids(message))
}

/// Removes the string to sign, which the message quotes after its first sentences.
fn cut_quotation(message: &str) -> String {
    match message.find([':', '[', '"', '&', '%']) {
        Some(end) => format!("{}: {REDACTED}", message[..end].trim_end()),
        None => mask_ids(message),
    }
}

/// Masks every word that looks like an AccessKey id.
fn mask_ids(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, after) = rest.split_at(start);
        let end = after.find(|character| !is_part(character)).unwrap_or(after.len());
        let (word, remaining) = after.split_at(end);
        masked.push_str(before);
        let id = word.trim_end_matches('.');
        // An id may begin inside a word: in percent-encoded text it follows `3D`, from `=`.
        let begin = ID_PREFIXES.iter().filter_map(|prefix| id.find(prefix)).min();
        match begin {
            Some(begin) if id.len() - begin >= MIN_ID_LENGTH => {
                masked.push_str(&word[..begin]);
                masked.push_str(&mask_id(&id[begin..]));
                masked.push_str(&word[id.len()..]);
            }
            _ => masked.push_str(word),
        }
        rest = remaining;
    }
    masked.push_str(rest);
    masked
}

/// Replaces the values of secret parameters in a quoted query, percent-encoded or not.
fn replace_parameters(text: &str) -> String {
    let mut replaced = text.to_owned();
    for name in SECRET_PARAMETERS {
        for (equals, ends) in [("=", "& \"'<>"), ("%3D", "%& \"'<>")] {
            let start = format!("{name}{equals}");
            let mut from = 0;
            while let Some(found) = replaced[from..].find(&start) {
                let begin = from + found + start.len();
                let length = replaced[begin..].find(|character| ends.contains(character));
                let end = length.map_or(replaced.len(), |length| begin + length);
                replaced.replace_range(begin..end, REDACTED);
                from = begin + REDACTED.len();
            }
        }
    }
    replaced
}

fn replace(text: &mut String, secret: &str, replacement: &str) {
    if secret.len() < MIN_SECRET_LENGTH {
        return;
    }
    let once = percent_encode(secret);
    let twice = percent_encode(&once);
    for form in [secret, &once, &twice] {
        if text.contains(form) {
            *text = text.replace(form, replacement);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_masked_to_their_last_four_characters() {
        let cases = [
            ("The key LTAI5tExampleExampleAbCd is inactive.", "The key …AbCd is inactive."),
            ("Id STS.NUExampleExample1234, gone", "Id …1234, gone"),
            ("AccessKeyId%3DLTAI5tExampleExampleAbCd%26", "AccessKeyId%3D…AbCd%26"),
            ("LTAI5tExampleExampleAbCd.", "…AbCd."),
            ("STS. is a service", "STS. is a service"),
            ("nothing to hide: 办公", "nothing to hide: 办公"),
        ];
        for (text, shown) in cases {
            assert_eq!(mask_ids(text), shown);
        }
    }

    #[test]
    fn secret_values_of_a_quoted_query_are_replaced() {
        let quoted = "GET /?AccessKeyId=x1&Action=List&SecurityToken=abc%2B&Signature=sig%3D HTTP";
        assert_eq!(
            clean_message("Other", quoted),
            "GET /?AccessKeyId=<redacted>&Action=List&SecurityToken=<redacted>&Signature=<redacted> HTTP"
        );
        assert_eq!(
            clean_message("Other", "AccessKeyId%3Dx1%26Signature%3Dabc%26A"),
            "AccessKeyId%3D<redacted>%26Signature%3D<redacted>%26A"
        );
    }

    #[test]
    fn credentials_are_removed_in_every_encoding() {
        let credentials =
            Credentials::new("example/Access+KeyId", Secret::new("se cret+/"), Some(Secret::new("to/ken==")));
        for wrap in [
            str::to_owned,
            |text: &str| percent_encode(text).into_owned(),
            |text: &str| percent_encode(&percent_encode(text)).into_owned(),
        ] {
            let mut text = ["example/Access+KeyId", "se cret+/", "to/ken=="].map(wrap).join(" ");
            Redaction::new(&credentials).apply(&mut text);
            assert_eq!(text, "…eyId <redacted> <redacted>");
        }
    }
}
