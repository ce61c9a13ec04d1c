//! Writes a configuration as TOML: for `GET /config`, and so that it can be loaded again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::entry::Entry;

/// The entries as a TOML document, with a header for each section.
pub(super) fn document(entries: &[Entry]) -> String {
    let mut text = String::new();
    let mut section: Option<&str> = None;
    for entry in entries {
        if section != Some(entry.section.as_str()) {
            let separator = if text.is_empty() { "" } else { "\n" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{separator}{}", header(&entry.section));
            section = Some(&entry.section);
        }
        let _ = writeln!(text, "{} = {}", entry.name, entry.toml);
    }
    text
}

/// `poll` -> `[poll]`, `accounts.0` -> `[[accounts]]`, `accounts.0.filter` -> `[accounts.filter]`.
fn header(section: &str) -> String {
    match section.strip_prefix("accounts.").map(|rest| rest.split_once('.')) {
        None => format!("[{section}]"),
        Some(None) => "[[accounts]]".to_owned(),
        Some(Some((_, rest))) => format!("[accounts.{rest}]"),
    }
}

/// A basic string. A JSON string is a TOML string if U+007F is escaped, which JSON does not
/// require.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A list of strings.
pub(super) fn quoted_list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// An inline table of strings.
pub(super) fn quoted_map(map: &BTreeMap<String, String>) -> String {
    let pairs = map.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value)));
    let pairs = pairs.collect::<Vec<_>>().join(", ");
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {pairs} }}") }
}
