//! Reads an error out of an answer's body: JSON in either spelling, XML, or whatever a load balancer says.

use serde_json::{Map, Value};

use super::Denied;

/// What is kept of the text of a message or of a body that is no error of the API.
const LONGEST_MESSAGE: usize = 600;
const FIRST_BYTES: usize = 120;
/// Codes and request ids become metric labels and log fields: a bound on what a broken peer can put there.
const LONGEST_WORD: usize = 100;

/// The parts of an error body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
    pub denied: Option<Denied>,
}

/// `None` where there is no `Code`: then it's no error of the API.
pub(super) fn parse(body: &[u8]) -> Option<Body> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    match body.first()? {
        b'{' => json(&serde_json::from_slice(body).ok()?),
        b'<' => xml(&String::from_utf8_lossy(body)),
        _ => None,
    }
}

/// The beginning of a body on one line, without control characters.
pub(super) fn first_bytes(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * FIRST_BYTES)]);
    clip(&text, FIRST_BYTES)
}

/// A code or an id: printable ASCII without blanks, of bounded length.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(LONGEST_WORD).collect()
}

fn json(fields: &Map<String, Value>) -> Option<Body> {
    let code = text(fields, ["Code", "code"]).map(|code| word(&code)).filter(|code| !code.is_empty())?;
    let denied = fields.get("AccessDeniedDetail").and_then(Value::as_object).and_then(|detail| {
        Some(Denied {
            action: text(detail, ["AuthAction"]).map(|action| word(&action))?,
            reason: text(detail, ["NoPermissionType"]).map(|reason| word(&reason)),
        })
    });
    Some(Body {
        code,
        message: clip(&text(fields, ["Message", "message"]).unwrap_or_default(), LONGEST_MESSAGE),
        request_id: text(fields, ["RequestId", "requestId", "RequestID"]).map(|id| word(&id)),
        denied,
    })
}

/// The first of the names that has a value; some gateways send numbers as codes.
fn text<const N: usize>(fields: &Map<String, Value>, names: [&str; N]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// V2 without a format answers `<Error><Code>...`; an HTML page has no such root.
fn xml(text: &str) -> Option<Body> {
    let inside = &text[text.find("<Error")?..];
    let code = element(inside, "Code").map(|code| word(&code)).filter(|code| !code.is_empty())?;
    Some(Body {
        code,
        message: clip(&element(inside, "Message").unwrap_or_default(), LONGEST_MESSAGE),
        request_id: element(inside, "RequestId").map(|id| word(&id)),
        denied: element(inside, "AuthAction").map(|action| Denied {
            action: word(&action),
            reason: element(inside, "NoPermissionType").map(|reason| word(&reason)),
        }),
    })
}

/// The text of the first element of that name, which has no attributes and no elements inside.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    // The ampersand last, or `&amp;lt;` would be taken for `<`.
    let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.trim().to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    Some(unescaped)
}

/// One line of bounded length.
fn clip(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(longest) {
        line.truncate(end);
        line.push('…');
    }
    line
}
