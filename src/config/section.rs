//! Reads the keys of one section into the options of the parts, and records each key.
//!
//! These records are the only list of keys: `/config` shows them, and `schema` takes all known keys
//! from the records of an empty configuration. A key is therefore added by reading it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::Dict;

use super::entry::{Entry, Kind};
use super::layers::Layers;
use super::secret::{self, REDACTED};
use super::toml_text::{quoted, quoted_list, quoted_map};
use crate::aliyun::Secret;
use crate::document::{Diagnostics, Table, format_duration, format_size, join_path, trim_text};

/// The shortest duration of most keys.
pub(super) const ONE_SECOND: Duration = Duration::from_secs(1);
/// One year: longer than any useful duration, and short enough to be added to a clock.
pub(super) const MAX_DURATION: Duration = Duration::from_hours(8784);

/// The state that all sections of one configuration share.
pub(super) struct ReadContext<'a> {
    diagnostics: &'a Diagnostics<'a>,
    environment: &'a BTreeMap<String, String>,
    entries: RefCell<Vec<Entry>>,
}

impl<'a> ReadContext<'a> {
    /// Problems are reported to `diagnostics`; secrets may be read from `environment`.
    pub(super) fn new(diagnostics: &'a Diagnostics<'a>, environment: &'a BTreeMap<String, String>) -> Self {
        Self { diagnostics, environment, entries: RefCell::default() }
    }

    /// The keys that were read, in that order.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries.into_inner()
    }
}

/// The path and the kind of each key that `read` reads, found by reading an empty configuration.
pub(super) fn list_keys(read: impl Fn(&SectionReader<'_>)) -> Vec<(String, Kind)> {
    let (layers, environment, values) = (Layers::default(), BTreeMap::new(), Dict::new());
    let diagnostics = Diagnostics::new(&layers);
    let context = ReadContext::new(&diagnostics, &environment);
    read(&SectionReader::root(&context, &values));
    let path = |entry: Entry| (join_path(&entry.section, &entry.name), entry.kind);
    context.into_entries().into_iter().map(path).collect()
}

/// One section of the configuration. A method that takes a field reads a key into it. The field's
/// value before is the default, and is kept if the key is absent or its value is rejected.
pub(super) struct SectionReader<'a> {
    table: Table<'a>,
    path: String,
    context: &'a ReadContext<'a>,
}

impl<'a> SectionReader<'a> {
    /// The whole configuration.
    pub(super) fn root(context: &'a ReadContext<'a>, values: &'a Dict) -> Self {
        Self { table: Table::root(context.diagnostics, values), path: String::new(), context }
    }

    /// The section at the key `name`.
    pub(super) fn section(&self, name: &str) -> Self {
        self.child(self.table.table(name), name)
    }

    /// The sections of the list at the key `name`; `None` if the key is absent or is not a list of
    /// tables.
    pub(super) fn sections(&self, name: &str) -> Option<Vec<Self>> {
        let tables = self.table.tables(name)?.into_iter().enumerate();
        Some(tables.map(|(index, table)| self.child(table, &format!("{name}.{index}"))).collect())
    }

    /// Whether the key is present.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.table.is_set(name)
    }

    /// Whether the key is present and its value is not blank text.
    pub(super) fn is_filled(&self, name: &str) -> bool {
        self.table.is_filled(name)
    }

    /// Whether the value of the key is this text.
    pub(super) fn is_text(&self, name: &str, text: &str) -> bool {
        self.table.as_written(name).is_some_and(|value| value == text)
    }

    /// Whether the section is absent or has no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The names of the keys that are present.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.table.names()
    }

    /// Reports a problem of the key `name`.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        self.table.problem(name, message);
    }

    /// Reports a warning about the key `name`.
    pub(super) fn warning(&self, name: &str, message: impl Into<String>) {
        self.table.warning(name, message);
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&self, name: &str, field: &mut bool) {
        *field = self.table.boolean(name).unwrap_or(*field);
        self.record(name, Kind::Boolean, field.to_string());
    }

    /// Reads a whole number in `range`.
    pub(super) fn integer<T>(&self, name: &str, field: &mut T, range: RangeInclusive<T>)
    where
        T: TryFrom<i128> + PartialOrd + Display + Copy,
    {
        *field = self.table.integer(name, range).unwrap_or(*field);
        self.record(name, Kind::Integer, field.to_string());
    }

    /// Reads a number above 0, at most `max`.
    pub(super) fn positive(&self, name: &str, field: &mut f64, max: f64) {
        *field = self.table.positive(name, max).unwrap_or(*field);
        self.record(name, Kind::Number, field.to_string());
    }

    /// Reads one of `choices`, each a name and its value. Blank text is rejected.
    pub(super) fn choice<T: Copy + PartialEq>(&self, name: &str, field: &mut T, choices: &[(&str, T)]) {
        if self.is_set(name) && !self.is_filled(name) {
            let all = choices.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
            self.problem(name, format!("must be one of {all}"));
        }
        *field = self.table.choice(name, choices).unwrap_or(*field);
        let text = choices.iter().find(|(_, value)| value == field).map_or("", |(text, _)| text);
        self.record(name, Kind::Text, quoted(text));
    }

    /// Reads a duration in `range`.
    pub(super) fn duration(&self, name: &str, field: &mut Duration, range: RangeInclusive<Duration>) {
        let text = self.quantity(name, field, self.table.duration(name, range), format_duration);
        self.record(name, Kind::Text, quoted(&text));
    }

    /// Reads a duration in `range`; `None` if it is absent or blank.
    pub(super) fn optional_duration(
        &self,
        name: &str,
        field: &mut Option<Duration>,
        range: RangeInclusive<Duration>,
    ) {
        let value = self.is_filled(name).then(|| self.table.duration(name, range)).flatten();
        let format = |value: Option<Duration>| value.map_or_else(String::new, format_duration);
        let text = self.quantity(name, field, value.map(Some), format);
        self.record(name, Kind::Text, quoted(&text));
    }

    /// Reads a size in bytes, in `range`.
    pub(super) fn size(&self, name: &str, field: &mut u64, range: RangeInclusive<u64>) {
        let text = self.quantity(name, field, self.table.size(name, range), format_size);
        self.record(name, Kind::Text, quoted(&text));
    }

    /// Reads text; `None` if it is absent or blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.text_or(name, || None)
    }

    /// Reads text; the result of `fallback` if it is absent or blank.
    pub(super) fn text_or(&self, name: &str, fallback: impl FnOnce() -> Option<String>) -> Option<String> {
        let text = self.table.text(name).or_else(fallback);
        self.record(name, Kind::Text, quoted(text.as_deref().unwrap_or_default()));
        text
    }

    /// Reads a whole number or a text, and returns either as text; `None` if it is absent or empty.
    pub(super) fn ordinal(&self, name: &str) -> Option<String> {
        let text = self.table.scalar(name).map(|text| text.trim().to_owned());
        self.record(name, Kind::Ordinal, quoted(text.as_deref().unwrap_or_default()));
        text
    }

    /// Reads a list of distinct texts, none of them blank.
    pub(super) fn texts(&self, name: &str, field: &mut Vec<String>) {
        if let Some(texts) = self.table.texts(name) {
            field.clear();
            for text in texts {
                if text.trim().is_empty() {
                    self.problem(name, "an entry is empty");
                } else if field.contains(&text) {
                    self.problem(name, format!("{text:?} is in the list twice"));
                } else {
                    field.push(text);
                }
            }
        }
        self.record(name, Kind::TextList, quoted_list(field));
    }

    /// Reads a map from text to text.
    pub(super) fn map(&self, name: &str, field: &mut BTreeMap<String, String>) {
        if let Some(map) = self.table.map(name) {
            *field = map;
        }
        self.record(name, Kind::TextMap, quoted_map(field));
    }

    /// Reads a secret: the value itself, or the content of the file or environment variable that
    /// the value names. `None` if it is absent or empty, or if a problem was reported.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let rule = "must be text: put it in quotes, or use file:PATH or env:NAME";
        let text = self.table.exact_text(name, rule).filter(|text| !trim_text(text).is_empty());
        self.record(name, Kind::Secret, quoted(if text.is_some() { REDACTED } else { "" }));
        let resolved = secret::resolve(&text?, self.context.environment);
        resolved.map_err(|message| self.problem(name, message)).ok()
    }

    /// The file that contains the secret, if the value names one.
    pub(super) fn secret_file(&self, name: &str) -> Option<PathBuf> {
        secret::file_of(&self.table.as_written(name)?)
    }

    /// The value of an environment variable without blanks and byte order mark around it; `None` if
    /// it is unset or blank.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.context.environment.get(name).map(|value| trim_text(value)).filter(|value| !value.is_empty())
    }

    /// Records the key's value, in TOML and without secrets, in place of an earlier record.
    pub(super) fn record(&self, name: &str, kind: Kind, toml: String) {
        let entry = Entry { section: self.path.clone(), name: name.to_owned(), kind, toml };
        let mut entries = self.context.entries.borrow_mut();
        let same_key = |known: &&mut Entry| known.section == entry.section && known.name == entry.name;
        match entries.iter_mut().rev().find(same_key) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    /// Sets `field` to `value` if there is one, and returns the field's value as text: as the
    /// operator wrote it if the key is set and valid, otherwise as `format` returns it.
    fn quantity<T: Copy>(
        &self,
        name: &str,
        field: &mut T,
        value: Option<T>,
        format: impl Fn(T) -> String,
    ) -> String {
        *field = value.unwrap_or(*field);
        let written = value.and_then(|_| self.table.as_written(name));
        written.unwrap_or_else(|| format(*field))
    }

    fn child(&self, table: Table<'a>, name: &str) -> Self {
        Self { table, path: join_path(&self.path, name), context: self.context }
    }
}
