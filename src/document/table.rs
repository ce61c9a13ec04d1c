//! Reads typed values of a table. A value that does not fit is reported as a problem and reads as
//! absent, so that reading continues and all problems are reported at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::{Dict, Tag, Value};

use super::{Diagnostics, did_you_mean, format_duration, format_size, join_path, parse_duration, parse_size};

/// One table of a document. An absent table reads as an empty one, and a null value as an absent
/// one.
#[derive(Clone)]
pub(crate) struct Table<'a> {
    diagnostics: &'a Diagnostics<'a>,
    path: String,
    /// The tag of the table, or of the closest table that contains it and is present.
    tag: Tag,
    values: Option<&'a Dict>,
}

impl<'a> Table<'a> {
    /// The table `values` at the top of a document.
    pub(crate) fn root(diagnostics: &'a Diagnostics<'a>, values: &'a Dict) -> Self {
        Self { diagnostics, path: String::new(), tag: Tag::Default, values: Some(values) }
    }

    fn new(diagnostics: &'a Diagnostics<'a>, path: String, value: Option<&'a Value>) -> Self {
        let tag = value.map_or(Tag::Default, Value::tag);
        let values = match value {
            Some(Value::Dict(_, values)) => Some(values),
            Some(Value::Empty(..)) | None => None,
            Some(_) => {
                diagnostics.problem(tag, &path, "must be a table of keys");
                None
            }
        };
        Self { diagnostics, path, tag, values }
    }

    /// The table at the key `name`.
    pub(crate) fn table(&self, name: &str) -> Self {
        let table = Self::new(self.diagnostics, join_path(&self.path, name), self.value(name));
        Self { tag: if table.tag == Tag::Default { self.tag } else { table.tag }, ..table }
    }

    /// The tables in the list at the key `name`.
    pub(crate) fn tables(&self, name: &str) -> Option<Vec<Self>> {
        let path = join_path(&self.path, name);
        let Value::Array(_, values) = self.value(name)? else {
            let rule = format!("must be a list of tables: [[{name}]] in TOML, a list in YAML and JSON");
            return self.reject(name, rule);
        };
        let table = |(index, value): (usize, _)| {
            Self::new(self.diagnostics, join_path(&path, &index.to_string()), Some(value))
        };
        Some(values.iter().enumerate().map(table).collect())
    }

    /// The names of the keys that are present.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values.into_iter().flat_map(|values| values.keys().map(String::as_str))
    }

    /// Whether the table is absent or has no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_none_or(Dict::is_empty)
    }

    /// Whether the key is present.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether the key is present and its value is not blank text.
    pub(crate) fn is_filled(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    }

    /// Reports every key that is not in `known` as a problem.
    pub(crate) fn allow(&self, known: &[&str]) {
        for name in self.names().filter(|name| !known.contains(name)) {
            self.problem(name, format!("unknown key{}", did_you_mean(name, known.iter().copied())));
        }
    }

    /// Reports a problem of the key `name`; an empty name means the table itself.
    pub(crate) fn problem(&self, name: &str, message: impl Into<String>) {
        self.diagnostics.problem(self.tag_of(name), &join_path(&self.path, name), message);
    }

    /// Reports a warning about the key `name`.
    pub(crate) fn warning(&self, name: &str, message: impl Into<String>) {
        self.diagnostics.warning(self.tag_of(name), &join_path(&self.path, name), message);
    }

    /// True or false.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(_, value) => Some(*value),
            _ => self.reject(name, "must be true or false"),
        }
    }

    /// A whole number in `range`.
    pub(crate) fn integer<T>(&self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display + Copy,
    {
        let number = match self.value(name)? {
            Value::Num(_, number) => {
                number.to_i128().or_else(|| number.to_u128().and_then(|number| i128::try_from(number).ok()))
            }
            _ => None,
        };
        let number = number.and_then(|number| T::try_from(number).ok());
        let Some(number) = number.filter(|number| range.contains(number)) else {
            return self
                .reject(name, format!("must be a whole number from {} to {}", range.start(), range.end()));
        };
        Some(number)
    }

    /// A number above 0, at most `max`.
    pub(crate) fn positive(&self, name: &str, max: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "only numbers up to `max` are accepted")]
        let number = match self.value(name)? {
            Value::Num(_, number) => number
                .to_f64()
                .or_else(|| number.to_i128().map(|number| number as f64))
                .or_else(|| number.to_u128().map(|number| number as f64)),
            _ => None,
        };
        let number = number.filter(|number| *number > 0.0 && *number <= max);
        number.or_else(|| self.reject(name, format!("must be a number above 0, at most {max}")))
    }

    /// Text; blank text reads as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.exact_text(name, "must be text: put it in quotes").filter(|text| !text.trim().is_empty())
    }

    /// Text with the blanks around it; empty text reads as absent. A value that is not text is
    /// reported with the message `rule`.
    pub(crate) fn exact_text(&self, name: &str, rule: &str) -> Option<String> {
        match self.value(name)? {
            Value::Char(_, value) => Some(value.to_string()),
            Value::String(_, value) => Some(value.clone()).filter(|text| !text.is_empty()),
            _ => self.reject(name, rule),
        }
    }

    /// Text, a number or a boolean as text; empty text reads as absent. YAML needs no quotes around
    /// text, so that a user's hash or a header may look like a number.
    pub(crate) fn scalar(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(_, text) => text.clone(),
            Value::Char(_, text) => text.to_string(),
            Value::Bool(_, value) => value.to_string(),
            Value::Num(_, number) => match (number.to_u128(), number.to_i128(), number.to_f64()) {
                (Some(number), ..) => number.to_string(),
                (_, Some(number), _) => number.to_string(),
                (_, _, number) => number.map(|number| number.to_string()).unwrap_or_default(),
            },
            _ => return self.reject(name, "must be text"),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// One of `choices`, each a name and its value.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = choices.iter().find(|(known, _)| *known == text).map(|(_, value)| *value);
        found.or_else(|| {
            let known = || choices.iter().map(|(known, _)| *known);
            let all = known().collect::<Vec<_>>().join(", ");
            self.reject(name, format!("{text:?} must be one of {all}{}", did_you_mean(&text, known())))
        })
    }

    /// A duration in `range`.
    pub(crate) fn duration(&self, name: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.quantity(name, parse_duration, &range, || {
            let [min, max] = [range.start(), range.end()].map(|bound| format_duration(*bound));
            format!("must be a duration such as 30s, 5m or 1m30s, from {min} to {max}")
        })
    }

    /// A size in bytes, in `range`.
    pub(crate) fn size(&self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        self.quantity(name, parse_size, &range, || {
            let [min, max] = [range.start(), range.end()].map(|bound| format_size(*bound));
            format!("must be a size such as 16MiB or 1MB, from {min} to {max}")
        })
    }

    /// Text or a whole number as it is written, without blanks around it; empty for any other
    /// value.
    pub(crate) fn as_written(&self, name: &str) -> Option<String> {
        Some(match self.value(name)? {
            Value::String(_, text) => text.trim().to_owned(),
            Value::Num(_, number) => {
                let signed = || number.to_i128().map(|number| number.to_string());
                number.to_u128().map(|number| number.to_string()).or_else(signed).unwrap_or_default()
            }
            _ => String::new(),
        })
    }

    /// A list of texts. Entries that are not text are reported and left out.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let Value::Array(_, values) = self.value(name)? else {
            return self.reject(name, "must be a list: [\"one\", \"another\"]");
        };
        let text = |value: &Value| match value {
            Value::String(_, text) => Some(text.clone()),
            Value::Char(_, text) => Some(text.to_string()),
            _ => None,
        };
        let texts: Vec<String> = values.iter().filter_map(text).collect();
        if texts.len() < values.len() {
            self.problem(name, "every entry must be text: put it in quotes");
        }
        Some(texts)
    }

    /// A map from text to text. Values that are not text are reported and left out.
    pub(crate) fn map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let Value::Dict(_, values) = self.value(name)? else {
            return self.reject(name, "must be a table: { key = \"value\" }");
        };
        let mut map = BTreeMap::new();
        for (key, value) in values {
            match value {
                Value::String(_, text) => _ = map.insert(key.clone(), text.clone()),
                Value::Char(_, text) => _ = map.insert(key.clone(), text.to_string()),
                _ => self.problem(name, format!("the value of {key:?} must be text: put it in quotes")),
            }
        }
        Some(map)
    }

    /// Reports a problem of the key `name` and returns `None`, so that its value reads as absent.
    pub(crate) fn reject<T>(&self, name: &str, message: impl Into<String>) -> Option<T> {
        self.problem(name, message);
        None
    }

    fn quantity<T: PartialOrd>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        range: &RangeInclusive<T>,
        rule: impl Fn() -> String,
    ) -> Option<T> {
        let text = self.as_written(name)?;
        let value = parse(&text).filter(|value| range.contains(value));
        value.or_else(|| {
            let rule = rule();
            self.reject(name, if text.is_empty() { rule } else { format!("{text:?} {rule}") })
        })
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.values?.get(name).filter(|value| !matches!(value, Value::Empty(..)))
    }

    fn tag_of(&self, name: &str) -> Tag {
        self.values.and_then(|values| values.get(name)).map_or(self.tag, Value::tag)
    }
}
