//! Rejects `${NAME}` in values. Other programs replace such a placeholder by a variable; here it
//! would be sent to the cloud, or be reported as something else.

use figment::value::Value;

use super::entry::Kind;
use super::layers::children;
use super::overrides::variable_of;
use super::schema::{self, Lookup};
use crate::document::Diagnostics;

/// Reports every value that contains a placeholder.
pub(super) fn reject_placeholders(diagnostics: &Diagnostics<'_>, value: &Value, path: &str) {
    for (path, value) in children(value, path) {
        reject_placeholders(diagnostics, value, &path);
        let Some(text) = value.as_str() else { continue };
        if let Some(name) = placeholder(text) {
            diagnostics.problem(value.tag(), &path, message(text, name, &path));
        }
    }
}

/// The name in the first `${NAME}` or `${NAME:-default}` of a text.
fn placeholder(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(at, opening)| {
        let rest = &text[at + opening.len()..];
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let name = &rest[..rest.find(|character| !is_name(character)).unwrap_or(rest.len())];
        let after = &rest[name.len()..];
        let is_placeholder = after.starts_with('}') || (after.starts_with(":-") && after.contains('}'));
        let starts_with_digit = name.starts_with(|first: char| first.is_ascii_digit());
        (is_placeholder && !name.is_empty() && !starts_with_digit).then_some(name)
    })
}

/// What to write instead. The text of a secret is not repeated if it may be more than a
/// placeholder.
fn message(text: &str, name: &str, path: &str) -> String {
    match schema::lookup(path) {
        Lookup::Key(Kind::Secret) if text.trim() == format!("${{{name}}}") => {
            format!("${{{name}}} is not replaced by the variable: write env:{name}")
        }
        Lookup::Key(Kind::Secret) => {
            "a placeholder such as ${NAME} is not replaced by the variable: write env:NAME, \
                                      and put the whole value into that variable"
                .to_owned()
        }
        Lookup::Key(_) => format!(
            "${{{name}}} is not replaced by the variable: set this key by the variable {}; env:{name} is for secrets",
            variable_of(path)
        ),
        _ => format!("${{{name}}} is not replaced by the variable; env:{name} is for secrets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_recognised_by_its_braces_and_its_name() {
        for (text, name) in [
            ("${NAME}", "NAME"),
            ("http://${user}:x@proxy", "user"),
            ("${A_1:-default}", "A_1"),
            ("${not a name} ${NAME}", "NAME"),
        ] {
            assert_eq!(placeholder(text), Some(name), "{text}");
        }
        for text in ["$NAME", "{NAME}", "${}", "${NAME", "${1}", "${acs:UserName}", "$${", "${NAME:-", "生${"]
        {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
