//! Takes secrets and AccessKey ids out of what a peer says.
//!
//! A `SignatureDoesNotMatch` quotes the string that the service signed, with id and token in it; a load
//! balancer may quote the whole URL.

use super::super::access_key::{Credentials, mask_id};
use super::super::secret::Secret;
use super::super::signature::encode;

const REDACTED: &str = "<redacted>";
/// How AccessKey ids begin: long-lived, temporary, of a console session.
const ID_BEGINNINGS: [&str; 3] = ["LTAI", "STS.", "TMP."];
/// Shorter words that begin like an id are just words.
const SHORTEST_ID: usize = 12;
/// Shorter keys are made up.
const SHORTEST_KEY: usize = 6;
/// What a signed query holds that nobody should see, whoever signed it.
const HIDDEN_PARAMETERS: [&str; 5] =
    ["Signature", "SecurityToken", "AccessKeyId", "AccessKeySecret", "OIDCToken"];

/// What a request was signed with, to be taken out of whatever comes back.
pub(in super::super) struct Redaction<'a> {
    credentials: &'a Credentials,
}

impl<'a> Redaction<'a> {
    /// Knows the very credentials of the request that failed.
    pub fn new(credentials: &'a Credentials) -> Self {
        Self { credentials }
    }

    /// The id becomes its last four characters, secret and token vanish, also percent-encoded once or twice.
    pub fn apply(&self, text: &mut String) {
        let Credentials { access_key_id, access_key_secret, security_token, .. } = self.credentials;
        let secrets = std::iter::once(access_key_secret).chain(security_token).map(Secret::expose);
        for secret in secrets {
            replace(text, secret, REDACTED);
        }
        replace(text, access_key_id, &mask_id(access_key_id));
    }
}

/// A message fit to be logged.
pub(super) fn message(code: &str, message: &str) -> String {
    if code.starts_with("SignatureDoesNotMatch") || code.starts_with("IncompleteSignature") {
        return unquoted(message);
    }
    hide_parameters(&shorten_ids(message))
}

/// Cuts the string to sign that follows the first sentences.
fn unquoted(message: &str) -> String {
    match message.find([':', '[', '"', '&', '%']) {
        Some(end) => format!("{}: {REDACTED}", message[..end].trim_end()),
        None => shorten_ids(message),
    }
}

/// Whatever looks like an AccessKey id keeps its last four characters.
fn shorten_ids(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, after) = rest.split_at(start);
        let end = after.find(|character| !is_part(character)).unwrap_or(after.len());
        let (word, behind) = after.split_at(end);
        shortened.push_str(before);
        let id = word.trim_end_matches('.');
        // Anywhere in the word: percent-encoded, an id follows `3D`.
        let begin = ID_BEGINNINGS.iter().filter_map(|beginning| id.find(beginning)).min();
        match begin {
            Some(begin) if id.len() - begin >= SHORTEST_ID => {
                shortened.push_str(&word[..begin]);
                shortened.push_str(&mask_id(&id[begin..]));
                shortened.push_str(&word[id.len()..]);
            }
            _ => shortened.push_str(word),
        }
        rest = behind;
    }
    shortened.push_str(rest);
    shortened
}

/// The values of parameters in a quoted query, encoded or not.
fn hide_parameters(text: &str) -> String {
    let mut hidden = text.to_owned();
    for name in HIDDEN_PARAMETERS {
        for (equals, ends) in [("=", "& \"'<>"), ("%3D", "%& \"'<>")] {
            let start = format!("{name}{equals}");
            let mut from = 0;
            while let Some(found) = hidden[from..].find(&start) {
                let begin = from + found + start.len();
                let length = hidden[begin..].find(|character| ends.contains(character));
                let end = length.map_or(hidden.len(), |length| begin + length);
                hidden.replace_range(begin..end, REDACTED);
                from = begin + REDACTED.len();
            }
        }
    }
    hidden
}

fn replace(text: &mut String, hidden: &str, shown: &str) {
    // No real key is so short; taking out each `id` would leave little of a message.
    if hidden.len() < SHORTEST_KEY {
        return;
    }
    let once = encode(hidden);
    let twice = encode(&once);
    for form in [hidden, &once, &twice] {
        if text.contains(form) {
            *text = text.replace(form, shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Secret;
    use super::*;

    #[test]
    fn ids_keep_their_last_four_characters() {
        let cases = [
            ("The key LTAI5tExampleExampleAbCd is inactive.", "The key …AbCd is inactive."),
            ("Id STS.NUExampleExample1234, gone", "Id …1234, gone"),
            ("AccessKeyId%3DLTAI5tExampleExampleAbCd%26", "AccessKeyId%3D…AbCd%26"),
            ("LTAI5tExampleExampleAbCd.", "…AbCd."),
            ("STS. is a service", "STS. is a service"),
            ("nothing to hide: 办公", "nothing to hide: 办公"),
        ];
        for (text, shown) in cases {
            assert_eq!(shorten_ids(text), shown);
        }
    }

    #[test]
    fn a_quoted_query_loses_its_secret_values() {
        let quoted = "GET /?AccessKeyId=x1&Action=List&SecurityToken=abc%2B&Signature=sig%3D HTTP";
        assert_eq!(
            message("Other", quoted),
            "GET /?AccessKeyId=<redacted>&Action=List&SecurityToken=<redacted>&Signature=<redacted> HTTP"
        );
        assert_eq!(
            message("Other", "AccessKeyId%3Dx1%26Signature%3Dabc%26A"),
            "AccessKeyId%3D<redacted>%26Signature%3D<redacted>%26A"
        );
    }

    #[test]
    fn a_requests_own_keys_are_found_in_any_encoding() {
        let credentials =
            Credentials::new("example/Access+KeyId", Secret::new("se cret+/"), Some(Secret::new("to/ken==")));
        for wrap in [
            str::to_owned,
            |text: &str| encode(text).into_owned(),
            |text: &str| encode(&encode(text)).into_owned(),
        ] {
            let mut text = ["example/Access+KeyId", "se cret+/", "to/ken=="].map(wrap).join(" ");
            Redaction::new(&credentials).apply(&mut text);
            assert_eq!(text, "…eyId <redacted> <redacted>");
        }
    }
}
