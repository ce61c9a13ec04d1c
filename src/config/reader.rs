//! Typed reading of merged values: whatever doesn't fit becomes a problem, and reading goes on with the default.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::{Dict, Tag, Value};

use super::layers::{Layers, children};
use super::problem::Problem;
use super::schema::{self, Place};
use super::written::{Written, format_duration, format_size, parse_duration, parse_size};
use super::{joined, secret};
use crate::aliyun::Secret;

/// Collects what is wrong while a configuration is read.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    environment: &'a BTreeMap<String, String>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, environment: &'a BTreeMap<String, String>) -> Self {
        Self { layers, environment, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// The problems and the warnings.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// Refuses every key that the schema doesn't know.
    pub(super) fn refuse_unknown(&self, root: &Value) {
        self.refuse_unknown_below(root, "");
    }

    fn refuse_unknown_below(&self, value: &Value, path: &str) {
        for (path, value) in children(value, path) {
            let message = match schema::place(&path) {
                Place::Key(schema::Kind::Accounts) | Place::Section => {
                    self.refuse_unknown_below(value, &path);
                    continue;
                }
                Place::Key(_) | Place::Entry => continue,
                Place::Unknown => super::unknown_key(&path),
            };
            self.problem(value.tag(), &path, message);
        }
    }

    fn problem(&self, tag: Tag, path: &str, message: impl Into<String>) {
        let origin = self.layers.origin(tag, path);
        self.problems.borrow_mut().push(Problem::new(origin, path, message));
    }
}

/// One table of the configuration; absent ones read as empty.
pub(super) struct Table<'a> {
    reader: &'a Reader<'a>,
    path: String,
    tag: Tag,
    values: Option<&'a Dict>,
}

impl<'a> Table<'a> {
    /// The table that `value` is. Null stands for an absent one.
    pub(super) fn new(reader: &'a Reader<'a>, path: impl Into<String>, value: Option<&'a Value>) -> Self {
        let path = path.into();
        let tag = value.map_or(Tag::Default, Value::tag);
        let values = match value {
            Some(Value::Dict(_, values)) => Some(values),
            Some(Value::Empty(..)) | None => None,
            Some(_) => {
                reader.problem(tag, &path, "must be a table of keys");
                None
            }
        };
        Self { reader, path, tag, values }
    }

    pub(super) fn table(&self, name: &str) -> Table<'a> {
        let table = Table::new(self.reader, joined(&self.path, name), self.value(name));
        Table { tag: if table.tag == Tag::Default { self.tag } else { table.tag }, ..table }
    }

    /// The tables of a list; `None` where nobody wrote any.
    pub(super) fn tables(&self, name: &str) -> Option<Vec<Table<'a>>> {
        let path = joined(&self.path, name);
        match self.value(name)? {
            Value::Array(_, values) => {
                let table =
                    |(index, value)| Table::new(self.reader, joined(&path, &format!("{index}")), Some(value));
                Some(values.iter().enumerate().map(table).collect())
            }
            _ => {
                self.problem(name, "must be a list of tables: [[accounts]] in TOML, a list in YAML and JSON");
                None
            }
        }
    }

    /// Whether anybody said something for this key.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether anybody said something for this key, and it isn't an empty text.
    pub(super) fn is_written(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    /// Reports that something is wrong with the key `name`; an empty name means the table itself.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        self.reader.problem(self.tag_of(name), &joined(&self.path, name), message);
    }

    /// Reports that something about the key `name` is odd.
    pub(super) fn warning(&self, name: &str, message: impl Into<String>) {
        let path = joined(&self.path, name);
        let origin = self.reader.layers.origin(self.tag_of(name), &path);
        self.reader.warnings.borrow_mut().push(Problem::new(origin, path, message));
    }

    pub(super) fn boolean(&self, name: &str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Value::Bool(_, value)) => *value,
            Some(_) => self.refuse(name, "must be true or false", default),
        }
    }

    pub(super) fn integer<T>(&self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i128> + PartialOrd + Display + Copy,
    {
        let Some(value) = self.value(name) else { return default };
        let rule = format!("must be a whole number from {} to {}", range.start(), range.end());
        let number = match value {
            Value::Num(_, number) => {
                number.to_i128().or_else(|| number.to_u128().and_then(|n| i128::try_from(n).ok()))
            }
            _ => None,
        };
        match number.and_then(|number| T::try_from(number).ok()).filter(|number| range.contains(number)) {
            Some(number) => number,
            None => self.refuse(name, rule, default),
        }
    }

    /// A number above zero and at most `most`.
    pub(super) fn positive(&self, name: &str, default: f64, most: f64) -> f64 {
        let Some(value) = self.value(name) else { return default };
        #[expect(clippy::cast_precision_loss, reason = "only small numbers pass the range")]
        let number = match value {
            Value::Num(_, number) => number
                .to_f64()
                .or_else(|| number.to_i128().map(|number| number as f64))
                .or_else(|| number.to_u128().map(|number| number as f64)),
            _ => None,
        };
        match number.filter(|number| *number > 0.0 && *number <= most) {
            Some(number) => number,
            None => self.refuse(name, format!("must be a number above 0, at most {most}"), default),
        }
    }

    /// Text, or `None` where it is absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::Char(_, value) => Some(value.to_string()),
            Value::String(_, value) if value.trim().is_empty() => None,
            Value::String(_, value) => Some(value.clone()),
            _ => self.refuse(name, "must be text: put it in quotes", None),
        }
    }

    /// One word of a fixed list.
    pub(super) fn choice<T: Copy>(&self, name: &str, default: T, words: &[(&str, T)]) -> T {
        if !self.is_set(name) {
            return default;
        }
        let Some(word) = self.text(name) else {
            // Whatever isn't text has been refused already.
            let blank = !self.is_written(name);
            return if blank {
                self.refuse(name, format!("must be one of {}", listed(words)), default)
            } else {
                default
            };
        };
        match words.iter().find(|(known, _)| *known == word) {
            Some((_, value)) => *value,
            None => {
                let hint = did_you_mean(&word, words.iter().map(|(known, _)| *known));
                self.refuse(name, format!("{word:?} must be one of {}{hint}", listed(words)), default)
            }
        }
    }

    /// A duration in a range; `default` is written the way an operator would.
    pub(super) fn duration(
        &self,
        name: &str,
        default: &str,
        range: RangeInclusive<Duration>,
    ) -> Written<Duration> {
        let rule = || {
            let [least, most] = [range.start(), range.end()].map(|bound| format_duration(*bound));
            format!("must be a duration such as 30s, 5m or 1m30s, from {least} to {most}")
        };
        self.written(name, default, parse_duration, |value| range.contains(value), rule)
    }

    /// A size in a range.
    pub(super) fn size(&self, name: &str, default: &str, range: RangeInclusive<u64>) -> Written<u64> {
        let rule = || {
            let [least, most] = [range.start(), range.end()].map(|bound| format_size(*bound));
            format!("must be a size such as 16MiB or 1MB, from {least} to {most}")
        };
        self.written(name, default, parse_size, |value| range.contains(value), rule)
    }

    /// A list of texts, none of them empty or there twice.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let values = match self.value(name) {
            None => return Vec::new(),
            Some(Value::Array(_, values)) => values,
            Some(_) => return self.refuse(name, "must be a list: [\"one\", \"another\"]", Vec::new()),
        };
        let mut texts: Vec<String> = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Value::String(_, text) if text.trim().is_empty() => self.problem(name, "an entry is empty"),
                Value::String(_, text) if texts.contains(text) => {
                    self.problem(name, format!("{text:?} is there twice"));
                }
                Value::String(_, text) => texts.push(text.clone()),
                Value::Char(_, text) => texts.push(text.to_string()),
                _ => self.problem(name, "every entry must be text: put it in quotes"),
            }
        }
        texts
    }

    /// A map from text to text.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let values = match self.value(name) {
            None => return BTreeMap::new(),
            Some(Value::Dict(_, values)) => values,
            Some(_) => return self.refuse(name, "must be a table: { key = \"value\" }", BTreeMap::new()),
        };
        let mut map = BTreeMap::new();
        for (key, value) in values {
            match value {
                Value::String(_, text) => map.insert(key.clone(), text.clone()),
                Value::Char(_, text) => map.insert(key.clone(), text.to_string()),
                _ => self.refuse(name, format!("the value of {key:?} must be text: put it in quotes"), None),
            };
        }
        map
    }

    /// A whole number, or the text that stands in its place.
    pub(super) fn ordinal(&self, name: &str) -> Option<Result<u32, String>> {
        match self.value(name)? {
            Value::Num(_, number) => {
                let number = number.to_i128().and_then(|number| u32::try_from(number).ok());
                Some(number.ok_or_else(|| "a number out of range".to_owned()))
            }
            Value::String(_, text) => Some(text.trim().parse::<u32>().map_err(|_| text.trim().to_owned())),
            _ => Some(Err(String::new())),
        }
    }

    /// A secret, fetched from where the operator says it is; `None` where it is absent or empty.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let text = match self.value(name)? {
            Value::Char(_, text) => text.to_string(),
            Value::String(_, text) if text.is_empty() => return None,
            Value::String(_, text) => text.clone(),
            _ => {
                return self.refuse(
                    name,
                    "must be text: put it in quotes, or use file:PATH or env:NAME",
                    None,
                );
            }
        };
        match secret::resolve(&text, self.reader.environment) {
            Ok(secret) => Some(secret),
            Err(message) => self.refuse(name, message, None),
        }
    }

    /// The file that a secret was written to be in, if it was.
    pub(super) fn secret_file(&self, name: &str) -> Option<PathBuf> {
        secret::file_of(self.value(name)?.as_str()?)
    }

    /// What a variable of the environment says, without the blanks around it; `None` when that is nothing.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.reader.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn written<T: Copy>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
        allowed: impl Fn(&T) -> bool,
        rule: impl Fn() -> String,
    ) -> Written<T> {
        let said = match self.value(name) {
            None => None,
            Some(Value::String(_, text)) => Some(text.clone()),
            // A size may be a plain number of bytes; a duration without a unit fails to parse.
            Some(Value::Num(_, number)) => {
                number.to_i128().map(|number| number.to_string()).or(Some(String::new()))
            }
            Some(_) => Some(String::new()),
        };
        if let Some(text) = said {
            match parse(&text).filter(&allowed) {
                Some(value) => return Written::new(value, text.trim()),
                None if text.is_empty() => self.problem(name, rule()),
                None => self.problem(name, format!("{text:?} {}", rule())),
            }
        }
        let value = parse(default).expect("defaults are written by us, and every test reads them");
        Written::new(value, default)
    }

    /// Null, as YAML and JSON have it, means that nothing was said.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.values?.get(name).filter(|value| !matches!(value, Value::Empty(..)))
    }

    fn tag_of(&self, name: &str) -> Tag {
        self.values.and_then(|values| values.get(name)).map_or(self.tag, Value::tag)
    }

    fn refuse<T>(&self, name: &str, message: impl Into<String>, instead: T) -> T {
        self.problem(name, message);
        instead
    }
}

/// `; did you mean "x"?`, or nothing where no word is near.
pub(crate) fn did_you_mean<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    schema::nearest_word(word, words).map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}

fn listed<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}
