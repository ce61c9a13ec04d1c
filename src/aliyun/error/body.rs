//! Parses the body of an error response: JSON with names in either case, or XML; else an excerpt.

use serde_json::{Map, Value};

/// Maximum number of characters of a message that are kept.
const MAX_MESSAGE_CHARACTERS: usize = 600;
/// Maximum number of characters of a body that are kept when it is not an error of the API.
const MAX_EXCERPT_CHARACTERS: usize = 120;
/// Maximum number of characters of a code or an id that are kept: a peer can send any length, and
/// the texts become metric labels and log fields.
const MAX_IDENTIFIER_CHARACTERS: usize = 100;

/// The parts of an error body, of bounded length. They may contain secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParsedError {
    /// `Code`, not empty.
    pub code: String,
    /// `Message`, on one line; empty without one.
    pub message: String,
    /// `RequestId`.
    pub request_id: Option<String>,
    /// `AccessDeniedDetail`.
    pub denied: Option<Denial>,
}

/// The permission that is missing, from `AccessDeniedDetail`. The user's identity is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    /// `AuthAction`, e.g. `appstreaming:ListAppInstances`.
    pub action: String,
    /// `NoPermissionType`: `ImplicitDeny` (no policy allows the action) or `ExplicitDeny` (a policy
    /// forbids it).
    pub reason: Option<String>,
}

/// Parses the body of an error; `None` without a `Code`, which every error of the API has.
pub(super) fn parse(body: &[u8]) -> Option<ParsedError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    match body.first()? {
        b'{' => parse_json(&serde_json::from_slice(body).ok()?),
        b'<' => parse_xml(&String::from_utf8_lossy(body)),
        _ => None,
    }
}

/// The beginning of a body on one line, without control characters.
pub(super) fn excerpt(body: &[u8]) -> String {
    // A character has at most four bytes.
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT_CHARACTERS)]);
    clip_to_line(&text, MAX_EXCERPT_CHARACTERS)
}

/// A code or an id, reduced to printable ASCII without spaces, of bounded length.
pub(super) fn clean_identifier(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(MAX_IDENTIFIER_CHARACTERS).collect()
}

fn parse_json(fields: &Map<String, Value>) -> Option<ParsedError> {
    let code = find_text(fields, ["Code", "code"])
        .map(|code| clean_identifier(&code))
        .filter(|code| !code.is_empty())?;
    let denied = fields.get("AccessDeniedDetail").and_then(Value::as_object).and_then(|detail| {
        Some(Denial {
            action: find_text(detail, ["AuthAction"]).map(|action| clean_identifier(&action))?,
            reason: find_text(detail, ["NoPermissionType"]).map(|reason| clean_identifier(&reason)),
        })
    });
    Some(ParsedError {
        code,
        message: clip_to_line(
            &find_text(fields, ["Message", "message"]).unwrap_or_default(),
            MAX_MESSAGE_CHARACTERS,
        ),
        request_id: find_text(fields, ["RequestId", "requestId", "RequestID"])
            .map(|id| clean_identifier(&id)),
        denied,
    })
}

/// The value of the first of `names` that has one. Some gateways send numbers as codes.
fn find_text<const N: usize>(fields: &Map<String, Value>, names: [&str; N]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Parses `<Error><Code>...`, the response to a V2 request without a format. HTML has no `Error`
/// element.
fn parse_xml(text: &str) -> Option<ParsedError> {
    let inside = &text[text.find("<Error")?..];
    let code =
        find_element(inside, "Code").map(|code| clean_identifier(&code)).filter(|code| !code.is_empty())?;
    Some(ParsedError {
        code,
        message: clip_to_line(&find_element(inside, "Message").unwrap_or_default(), MAX_MESSAGE_CHARACTERS),
        request_id: find_element(inside, "RequestId").map(|id| clean_identifier(&id)),
        denied: find_element(inside, "AuthAction").map(|action| Denial {
            action: clean_identifier(&action),
            reason: find_element(inside, "NoPermissionType").map(|reason| clean_identifier(&reason)),
        }),
    })
}

/// The text of the first element of this name. Elements with attributes are not found.
fn find_element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    // The ampersand is last: otherwise `&amp;lt;` would become `<`.
    let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.trim().to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    Some(unescaped)
}

/// Joins the words of a text in one line of bounded length.
fn clip_to_line(text: &str, max_characters: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_characters));
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(max_characters) {
        line.truncate(end);
        line.push('…');
    }
    line
}
