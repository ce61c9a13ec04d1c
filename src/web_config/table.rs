//! Typed reading of the file's values: whatever doesn't fit becomes a problem, and reading goes on.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::value::{Dict, Value};

use crate::document::{self, Language, LineNumbers, Origin, Problem, did_you_mean};

/// One file, and what is wrong with it.
pub(crate) struct Document {
    /// The path as the operator wrote it.
    place: String,
    directory: PathBuf,
    lines: LineNumbers,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Document {
    /// Parses a file's text; the second is what it says.
    pub(crate) fn parse(path: &Path, text: &[u8]) -> Result<(Document, Dict), Problem> {
        let place = path.display().to_string();
        let text = std::str::from_utf8(text)
            .map_err(|_| Problem::new(Origin::new(&place), "", "is no text in UTF-8"))?;
        let document::Document { values, lines, .. } =
            document::Document::parse(&place, Language::Yaml, text)?;
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let (problems, warnings) = (RefCell::default(), RefCell::default());
        Ok((Document { place, directory, lines, problems, warnings }, values))
    }

    /// The problems and the warnings.
    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// The line of a key, or of the section that it would stand in.
    fn report(&self, key: &str, message: impl Into<String>) -> Problem {
        let line = self.lines.line(key);
        Problem::new(Origin { line, ..Origin::new(&self.place) }, key, message)
    }
}

/// One section; an absent one, and one without anything in it, reads as empty.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    document: &'a Document,
    name: &'a str,
    values: Option<&'a Dict>,
}

impl<'a> Table<'a> {
    pub(crate) fn root(document: &'a Document, values: &'a Dict) -> Table<'a> {
        Table { document, name: "", values: Some(values) }
    }

    /// The section `name`, which is a whole path.
    pub(crate) fn section(&self, name: &'a str) -> Table<'a> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let values = match self.value(last) {
            Some(Value::Dict(_, values)) => Some(values),
            None => None,
            Some(_) => {
                self.problem(last, "must be a section of keys");
                None
            }
        };
        Table { document: self.document, name, values }
    }

    /// Whether the section is absent or says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_none_or(Dict::is_empty)
    }

    /// Refuses every key but these.
    pub(crate) fn allow(&self, known: &[&str]) {
        for name in self.names().filter(|name| !known.contains(name)) {
            self.problem(name, format!("unknown key{}", did_you_mean(name, known.iter().copied())));
        }
    }

    /// The keys, as they are written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values.into_iter().flat_map(|values| values.keys().map(String::as_str))
    }

    pub(crate) fn problem(&self, name: &str, message: impl Into<String>) {
        self.document.problems.borrow_mut().push(self.document.report(&self.path(name), message));
    }

    pub(crate) fn warning(&self, name: &str, message: impl Into<String>) {
        self.document.warnings.borrow_mut().push(self.document.report(&self.path(name), message));
    }

    pub(crate) fn boolean(&self, name: &str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Value::Bool(_, value)) => *value,
            Some(_) => {
                self.problem(name, "must be true or false");
                default
            }
        }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        let count = match self.value(name)? {
            Value::Num(_, number) => number.to_u128().and_then(|count| count.try_into().ok()),
            _ => None,
        };
        if count.is_none() {
            self.problem(name, "must be a whole number from 0");
        }
        count
    }

    /// A text that isn't empty. Numbers and truth values are taken as they would be written.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(_, text) => text.clone(),
            Value::Bool(_, value) => value.to_string(),
            Value::Num(_, number) => match (number.to_u128(), number.to_i128(), number.to_f64()) {
                (Some(number), ..) => number.to_string(),
                (_, Some(number), _) => number.to_string(),
                (_, _, number) => number.map(|number| number.to_string()).unwrap_or_default(),
            },
            _ => {
                self.problem(name, "must be a text");
                return None;
            }
        };
        Some(text).filter(|text| !text.is_empty())
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(values) = value.as_array() else {
            self.problem(name, "must be a list");
            return Vec::new();
        };
        let texts = values.iter().filter_map(|value| value.as_str().map(str::to_owned));
        let texts: Vec<String> = texts.collect();
        if texts.len() < values.len() {
            self.problem(name, "must be a list of texts");
        }
        texts
    }

    /// One of some words, and what it stands for.
    pub(crate) fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let word = self.text(name)?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known = words.iter().map(|(known, _)| *known);
            let hint = did_you_mean(&word, known.clone());
            let all = known.collect::<Vec<_>>().join(", ");
            self.problem(name, format!("{word:?} must be one of {all}{hint}"));
        }
        found
    }

    /// A duration such as `1s` or `100ms`; a bare 0 needs no unit.
    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        let duration = match self.value(name)? {
            Value::Num(_, number) if number.to_u128() == Some(0) => Some(Duration::ZERO),
            value => value.as_str().and_then(|text| match text {
                "0" => Some(Duration::ZERO),
                text => document::parse_duration(text),
            }),
        };
        if duration.is_none() {
            self.problem(name, "must be a duration, such as 1s or 100ms");
        }
        duration
    }

    /// A file's path; a relative one starts where this file is.
    pub(crate) fn path_to(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(|path| self.document.directory.join(path))
    }

    /// Null stands for an absent value.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.values?.get(name).filter(|value| !matches!(value, Value::Empty(..)))
    }

    fn path(&self, name: &str) -> String {
        match (self.name, name) {
            ("", name) => name.to_owned(),
            (section, "") => section.to_owned(),
            (section, name) => format!("{section}.{name}"),
        }
    }
}
