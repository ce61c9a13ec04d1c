//! One configuration file: TOML, YAML or JSON by its ending, and the line of each key.
//!
//! Parser messages are passed on without the text they complain about: the broken line may be the one with the secret.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use figment::providers::{Format as _, Json, Toml};
use figment::value::{Dict, Value};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::problem::{Origin, Problem};

/// What a file says, and where.
#[derive(Debug)]
pub(super) struct File {
    /// The path as the operator wrote it.
    pub(super) place: String,
    pub(super) values: Dict,
    /// Path of a key to its line, from 1.
    pub(super) lines: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Toml,
    Yaml,
    Json,
}

/// The values of a YAML text, and the line of each key by its path. `place` is named in the problem.
pub(crate) fn yaml(place: &str, text: &str) -> Result<(Dict, BTreeMap<String, u64>), Problem> {
    File::parse(place, Language::Yaml, text).map(|file| (file.values, file.lines))
}

impl File {
    /// Reads and parses the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let place = path.display().to_string();
        let problem = |message: String| Problem::new(Origin::new(&place), "", message);
        let language = Language::of(path)
            .ok_or_else(|| problem("a configuration file ends in .toml, .yaml, .yml or .json".to_owned()))?;
        let text =
            std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
        Self::parse(&place, language, &text)
    }

    fn parse(place: &str, language: Language, text: &str) -> Result<Self, Problem> {
        // Editors on Windows put a byte order mark in front; no parser needs it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let problem =
            |line, message: String| Problem::new(Origin { place: place.to_owned(), line }, "", message);
        let value = language.value(text).map_err(|(line, message)| problem(line, message))?;
        let values = match value {
            Value::Dict(_, values) => values,
            Value::Empty(..) => Dict::new(),
            _ => {
                return Err(problem(None, "must be a table of sections".to_owned()));
            }
        };
        Ok(Self { place: place.to_owned(), values, lines: language.lines(text) })
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

    /// The file's value, or the line and kind of its first syntax error.
    fn value(self, text: &str) -> Result<Value, (Option<u64>, String)> {
        match self {
            Self::Toml => Toml::from_str(text).map_err(|error| {
                let line = error.span().map(|span| line_at(text, span.start));
                let reason = error.message().lines().collect::<Vec<_>>().join(", ");
                (line, format!("not valid TOML: {reason}"))
            }),
            Self::Json => Json::from_str(text).map_err(|error| {
                // Errors of syntax say what was expected; others might say what was found.
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

    /// The lines of all keys. Where a file outwits the second look, its remaining keys go without a line.
    fn lines(self, text: &str) -> BTreeMap<String, u64> {
        let mut lines = BTreeMap::new();
        match self {
            Self::Toml => {
                let seed = Keys::<toml::Spanned<String>>::new(text, &mut lines);
                let _ = seed.deserialize(toml::Deserializer::new(text));
            }
            // JSON is YAML too, and only the YAML parser tells where it is.
            Self::Yaml | Self::Json => {
                let _ = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
                    Keys::<serde_saphyr::Spanned<String>>::new(text, &mut lines).deserialize(deserializer)
                });
            }
        }
        lines
    }
}

/// What the parser didn't expect, where its words are fixed ones or the name of a key.
fn yaml_reason(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::ExternalMessage { msg, .. } => format!(": {msg}"),
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => format!(": duplicate key `{key}`"),
        _ => String::new(),
    }
}

fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count() as u64
}

/// A key that knows where it stands.
trait Spanned: DeserializeOwned {
    fn name(&self) -> &str;
    fn line(&self, text: &str) -> u64;
}

impl Spanned for toml::Spanned<String> {
    fn name(&self) -> &str {
        self.get_ref()
    }

    fn line(&self, text: &str) -> u64 {
        line_at(text, self.span().start)
    }
}

impl Spanned for serde_saphyr::Spanned<String> {
    fn name(&self) -> &str {
        &self.value
    }

    fn line(&self, _: &str) -> u64 {
        self.referenced.line()
    }
}

/// Walks a whole file and notes the line of each key, whatever the values are.
struct Keys<'a, K> {
    text: &'a str,
    lines: &'a mut BTreeMap<String, u64>,
    path: String,
    key: PhantomData<K>,
}

impl<'a, K> Keys<'a, K> {
    fn new(text: &'a str, lines: &'a mut BTreeMap<String, u64>) -> Self {
        Self { text, lines, path: String::new(), key: PhantomData }
    }

    fn below(&mut self, name: &str) -> Keys<'_, K> {
        let path = super::joined(&self.path, name);
        Keys { text: self.text, lines: self.lines, path, key: PhantomData }
    }
}

impl<'de, K: Spanned> DeserializeSeed<'de> for Keys<'_, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Spanned> Visitor<'de> for Keys<'_, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<K>()? {
            let below = self.below(key.name());
            below.lines.entry(below.path.clone()).or_insert_with(|| key.line(below.text));
            map.next_value_seed(below)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while sequence.next_element_seed(self.below(&index.to_string()))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        serde::Deserialize::deserialize(deserializer).map(|IgnoredAny| ())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{\n \"poll\": {\n  \"interval\": \"30s\"\n },\n \"accounts\": [\n  {\"name\": \"a\"},\n  {\"name\": \"b\"}\n ]\n}\n";

    #[test]
    fn every_language_says_the_same_and_knows_its_lines() {
        let toml = "[poll]\n\ninterval = \"30s\"\n[[accounts]]\nname = \"a\"\n[[accounts]]\n\nname = \"b\"\n";
        let yaml = "poll:\n\n  interval: 30s\naccounts:\n  - name: a\n  -\n    name: b\n";
        for (language, text, line, second) in
            [(Language::Toml, toml, 3, 8), (Language::Yaml, yaml, 3, 7), (Language::Json, JSON, 3, 7)]
        {
            for text in [text.to_owned(), format!("\u{feff}{text}")] {
                let file = File::parse("x", language, &text).expect("valid");
                let poll = file.values["poll"].as_dict().expect("a table");
                assert_eq!(poll["interval"].as_str(), Some("30s"), "{language:?}");
                assert_eq!(file.lines["poll.interval"], line, "{language:?}");
                assert_eq!(file.lines["accounts.1.name"], second, "{language:?}");
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
            let problem = File::parse("exporter", language, text).expect_err("broken");
            let shown = format!("{problem} {problem:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(problem.origin.line.is_some(), "{shown}");
        }
    }

    #[test]
    fn an_empty_yaml_file_says_nothing() {
        assert!(File::parse("x", Language::Yaml, "# nothing yet\n").expect("valid").values.is_empty());
    }
}
