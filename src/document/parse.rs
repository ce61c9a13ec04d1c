//! Parses one document into values and the line of each key.
//!
//! Error messages do not quote values of the document, because the line with the error may contain
//! a secret.

use std::path::Path;

use figment::providers::{Format as _, Json, Toml};
use figment::value::{Dict, Tag, Value};

use super::line_numbers::{LineNumbers, line_at};
use super::{Locate, Origin, Problem};

/// The values of a document, and where they are.
#[derive(Debug)]
pub(crate) struct Document {
    /// The path as the operator wrote it.
    pub(crate) source: String,
    /// The table at the top; empty for an empty document.
    pub(crate) values: Dict,
    /// The line of each key.
    pub(crate) lines: LineNumbers,
}

/// The language that a document is written in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    /// TOML 1.0.
    Toml,
    /// YAML 1.2.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Document {
    /// Reads and parses the file at `path`. Its extension determines the language.
    ///
    /// # Errors
    /// The extension is unknown, the file cannot be read, or as for [`parse`](Self::parse).
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let source = path.display().to_string();
        let problem = |message: String| Problem::new(Origin::new(&source), "", message);
        let language = Language::of(path).ok_or_else(|| {
            problem("a configuration file must end in .toml, .yaml, .yml or .json".to_owned())
        })?;
        let text =
            std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
        Self::parse(&source, language, &text)
    }

    /// Parses a text. `source` is the path that is shown in problems.
    ///
    /// # Errors
    /// The text has a syntax error, of which the first is returned, or the document is not a table.
    pub(crate) fn parse(source: &str, language: Language, text: &str) -> Result<Self, Problem> {
        // Editors on Windows write a byte order mark, which the parsers do not accept.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let problem =
            |line, message: String| Problem::new(Origin { source: source.to_owned(), line }, "", message);
        let value = language.parse(text).map_err(|(line, message)| problem(line, message))?;
        let values = match value {
            Value::Dict(_, values) => values,
            Value::Empty(..) => Dict::new(),
            _ => return Err(problem(None, "must be a table of sections".to_owned())),
        };
        Ok(Self { source: source.to_owned(), values, lines: language.line_numbers(text) })
    }
}

impl Locate for Document {
    fn origin(&self, _: Tag, path: &str) -> Origin {
        Origin { source: self.source.clone(), line: self.lines.line(path) }
    }
}

impl Language {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The document's value, or the line and the kind of its first syntax error.
    fn parse(self, text: &str) -> Result<Value, (Option<u64>, String)> {
        match self {
            Self::Toml => Toml::from_str(text).map_err(|error| {
                let line = error.span().map(|span| line_at(text, span.start));
                let reason = error.message().lines().collect::<Vec<_>>().join(", ");
                (line, format!("not valid TOML: {reason}"))
            }),
            Self::Json => Json::from_str(text).map_err(|error| {
                // Syntax errors name what was expected; other errors may quote the document.
                let reason =
                    if error.is_syntax() || error.is_eof() { format!(": {error}") } else { String::new() };
                (u64::try_from(error.line()).ok(), format!("not valid JSON{reason}"))
            }),
            Self::Yaml => serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| {
                let line = error.location().map(|location| location.line());
                let reason = yaml_reason(error.without_snippet());
                (line, format!("not valid YAML{reason}"))
            }),
        }
    }

    fn line_numbers(self, text: &str) -> LineNumbers {
        match self {
            Self::Toml => LineNumbers::of_toml(text),
            Self::Yaml | Self::Json => LineNumbers::of_yaml(text),
        }
    }
}

/// The reason of a YAML error, to append to a message; empty if the reason may quote a value.
fn yaml_reason(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::ExternalMessage { msg, .. } => format!(": {msg}"),
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => format!(": duplicate key `{key}`"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n \"poll\": {\n  \"interval\": \"30s\"\n },\n \"accounts\": [\n  {\"name\": \"a\"},\n  {\"name\": \"b\"}\n ]\n}\n";

    #[test]
    fn all_languages_have_the_same_values_and_their_own_lines() {
        let toml = "[poll]\n\ninterval = \"30s\"\n[[accounts]]\nname = \"a\"\n[[accounts]]\n\nname = \"b\"\n";
        let yaml = "poll:\n\n  interval: 30s\naccounts:\n  - name: a\n  -\n    name: b\n";
        for (language, text, line, second) in
            [(Language::Toml, toml, 3, 8), (Language::Yaml, yaml, 3, 7), (Language::Json, JSON, 3, 7)]
        {
            for text in [text.to_owned(), format!("\u{feff}{text}")] {
                let document = Document::parse("x", language, &text).expect("valid");
                let poll = document.values["poll"].as_dict().expect("a table");
                assert_eq!(poll["interval"].as_str(), Some("30s"), "{language:?}");
                assert_eq!(document.lines.line("poll.interval"), Some(line), "{language:?}");
                assert_eq!(document.lines.line("accounts.1.name"), Some(second), "{language:?}");
            }
        }
    }

    #[test]
    fn a_syntax_error_names_its_line_and_shows_no_text() {
        for (language, text) in [
            (Language::Toml, "[poll]\nsecret = hunter2\"\n"),
            (Language::Toml, "secret = \"hunter2\n"),
            (Language::Toml, "secret = \"\\qhunter2\"\n"),
            (Language::Toml, "secret = 'hunter2' hunter2\n"),
            (Language::Toml, "secret = 0xhunter2\n"),
            (Language::Toml, "secret = 1979-hunter2\n"),
            (Language::Json, "{\"secret\": \"hunter2\n\"}"),
            (Language::Json, "{\"secret\": \"\\qhunter2\"}"),
            (Language::Yaml, "secret: !!int hunter2\n"),
            (Language::Yaml, "secret: 'hunter2' hunter2\n"),
            (Language::Yaml, "secret: *hunter2\n"),
            (Language::Yaml, "secret: hunter2: hunter2\n"),
            (Language::Json, "{\n\"secret\": hunter2 }"),
            (Language::Yaml, "poll: 1\nsecret: \"hunter2\n"),
        ] {
            let problem = Document::parse("exporter", language, text).expect_err("broken");
            let shown = format!("{problem} {problem:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(problem.origin.line.is_some(), "{shown}");
        }
    }

    #[test]
    fn an_empty_yaml_document_sets_nothing() {
        let document = Document::parse("x", Language::Yaml, "# a comment\n").expect("valid");
        assert!(document.values.is_empty());
    }
}
