//! Reads the sections of a configuration: the values of [`Table`], with defaults, secrets and the environment.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Deref, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use figment::value::{Dict, Value};

use super::layers::children;
use super::schema::{self, Lookup};
use super::secret;
use super::sourced::Sourced;
use crate::aliyun::Secret;
use crate::document::{Diagnostics, Table, parse_duration, parse_size};

/// One section of the configuration.
pub(super) struct SectionReader<'a> {
    table: Table<'a>,
    environment: &'a BTreeMap<String, String>,
}

/// Rejects every key that the schema does not have.
pub(super) fn reject_unknown_keys(diagnostics: &Diagnostics<'_>, value: &Value, path: &str) {
    for (path, value) in children(value, path) {
        match schema::lookup(&path) {
            Lookup::Key(schema::Kind::Accounts) | Lookup::Section => {
                reject_unknown_keys(diagnostics, value, &path);
            }
            Lookup::Key(_) | Lookup::Entry => {}
            Lookup::Unknown => diagnostics.problem(value.tag(), &path, super::unknown_key(&path)),
        }
    }
}

impl<'a> Deref for SectionReader<'a> {
    type Target = Table<'a>;

    fn deref(&self) -> &Table<'a> {
        &self.table
    }
}

impl<'a> SectionReader<'a> {
    /// The whole configuration.
    pub(super) fn root(
        diagnostics: &'a Diagnostics<'a>,
        values: &'a Dict,
        environment: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { table: Table::root(diagnostics, values), environment }
    }

    /// The section at the key `name`.
    pub(super) fn section(&self, name: &str) -> Self {
        Self { table: self.table.table(name), environment: self.environment }
    }

    /// The sections of a list.
    pub(super) fn sections(&self, name: &str) -> Option<Vec<Self>> {
        let section = |table| Self { table, environment: self.environment };
        Some(self.table.tables(name)?.into_iter().map(section).collect())
    }

    pub(super) fn boolean(&self, name: &str, default: bool) -> bool {
        self.table.boolean(name).unwrap_or(default)
    }

    pub(super) fn integer<T>(&self, name: &str, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i128> + PartialOrd + Display + Copy,
    {
        self.table.integer(name, range).unwrap_or(default)
    }

    /// A number above 0, at most `max`.
    pub(super) fn positive(&self, name: &str, default: f64, max: f64) -> f64 {
        self.table.positive(name, max).unwrap_or(default)
    }

    /// One of `choices`. Blank text is rejected.
    pub(super) fn choice<T: Copy>(&self, name: &str, default: T, choices: &[(&str, T)]) -> T {
        if self.is_set(name) && !self.is_filled(name) {
            let all = choices.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
            self.problem(name, format!("must be one of {all}"));
            return default;
        }
        self.table.choice(name, choices).unwrap_or(default)
    }

    /// A duration in a range; `default` is text as an operator would write it.
    pub(super) fn duration(
        &self,
        name: &str,
        default: &str,
        range: RangeInclusive<Duration>,
    ) -> Sourced<Duration> {
        let value = self.table.duration(name, range);
        self.sourced(name, value, default, parse_duration)
    }

    /// A size in a range.
    pub(super) fn size(&self, name: &str, default: &str, range: RangeInclusive<u64>) -> Sourced<u64> {
        let value = self.table.size(name, range);
        self.sourced(name, value, default, parse_size)
    }

    /// A list of distinct texts, none of them blank.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for text in self.table.texts(name).unwrap_or_default() {
            if text.trim().is_empty() {
                self.problem(name, "an entry is empty");
            } else if texts.contains(&text) {
                self.problem(name, format!("{text:?} is there twice"));
            } else {
                texts.push(text);
            }
        }
        texts
    }

    /// A map from text to text.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        self.table.map(name).unwrap_or_default()
    }

    /// A secret, read from the file or the environment variable that the value names; `None` where it is absent
    /// or empty.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let text = self.secret_text(name)?;
        secret::resolve(&text, self.environment).map_err(|message| self.problem(name, message)).ok()
    }

    /// The file that holds the secret, if the value names one.
    pub(super) fn secret_file(&self, name: &str) -> Option<PathBuf> {
        secret::file_of(&self.as_written(name)?)
    }

    /// The value of an environment variable without blanks around it; `None` where it is unset or blank.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn secret_text(&self, name: &str) -> Option<String> {
        self.table.exact_text(name, "must be text: put it in quotes, or use file:PATH or env:NAME")
    }

    fn sourced<T>(
        &self,
        name: &str,
        value: Option<T>,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Sourced<T> {
        match value {
            Some(value) => Sourced::new(value, self.as_written(name).unwrap_or_default()),
            None => Sourced::new(
                parse(default).expect("defaults are constants, and every test reads them"),
                default,
            ),
        }
    }
}
