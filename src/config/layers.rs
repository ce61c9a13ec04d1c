//! Merges documents, environment variables and flags. Each source is a layer whose values replace
//! those of earlier layers, and every value keeps its origin.
//!
//! Lists are replaced as a whole, tables are merged key by key. A path such as
//! `accounts.0.endpoint` changes one account of the list that earlier layers set.

use std::collections::BTreeMap;

use figment::value::{Dict, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use crate::document::{Document, LineNumbers, Locate, Origin, Problem, join_path};

/// Accounts of one configuration: more than organisations have, so that a larger number is probably
/// a mistake.
pub(super) const MAX_ACCOUNTS: usize = 1_000;

/// The value of a key that an environment variable or a flag sets.
#[derive(Debug, Clone)]
pub(super) struct Override {
    /// The name of the variable, or the flag.
    pub(super) source: String,
    /// The key's path.
    pub(super) path: String,
    /// The parsed value.
    pub(super) value: Value,
}

/// The merged values, not checked yet.
#[derive(Debug, Default)]
pub(super) struct Layers {
    figment: Figment,
    lines: BTreeMap<String, LineNumbers>,
}

/// The values of one source.
struct Layer {
    source: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<BTreeMap<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Layers {
    /// Adds a document; its values replace earlier ones.
    pub(super) fn add_document(&mut self, document: Document) {
        self.merge(document.source.clone(), document.values);
        self.lines.insert(document.source, document.lines);
    }

    /// Adds one environment variable or flag; its value replaces earlier ones.
    ///
    /// # Errors
    /// The path contains an invalid account number.
    pub(super) fn add_override(&mut self, setting: Override) -> Result<(), Problem> {
        let Override { source, path, value } = setting;
        let mut names = path.split('.');
        let values = match (names.next(), names.next()) {
            (Some("accounts"), Some(number)) => {
                let mut accounts = self.accounts();
                let problem = |message: String| Problem::new(Origin::new(&source), path.clone(), message);
                let index: usize =
                    number.parse().map_err(|_| problem("is not the number of an account".to_owned()))?;
                if index > accounts.len() || index >= MAX_ACCOUNTS {
                    let count = accounts.len();
                    return Err(problem(format!(
                        "there are {count} accounts; the next one has the number {count}"
                    )));
                }
                if index == accounts.len() {
                    accounts.push(Value::from(Dict::new()));
                }
                let rest: Vec<&str> = rest_below_account(&path);
                insert(&mut accounts[index], &rest, value);
                Dict::from([("accounts".to_owned(), Value::from(accounts))])
            }
            _ => {
                let mut root = Value::from(Dict::new());
                insert(&mut root, &path.split('.').collect::<Vec<_>>(), value);
                root.into_dict().unwrap_or_default()
            }
        };
        self.merge(source, values);
        Ok(())
    }

    /// All values, each with the tag of its source.
    pub(super) fn values(&self) -> Dict {
        // `Layer` never fails, so merging layers never fails.
        self.figment.data().ok().and_then(|mut data| data.remove(&Profile::Default)).unwrap_or_default()
    }

    fn merge(&mut self, source: String, values: Dict) {
        self.figment = std::mem::take(&mut self.figment).merge(Layer { source, values });
    }

    fn accounts(&self) -> Vec<Value> {
        match self.values().remove("accounts") {
            Some(Value::Array(_, accounts)) => accounts,
            _ => Vec::new(),
        }
    }
}

impl Locate for Layers {
    fn origin(&self, tag: Tag, path: &str) -> Origin {
        let Some(metadata) = self.figment.get_metadata(tag) else {
            return Origin::new("configuration");
        };
        let source = metadata.name.to_string();
        let line = self.lines.get(&source).and_then(|lines| lines.line(path));
        Origin { source, line }
    }
}

/// The names after `accounts.N`. The text after `filter.tags.` is one name, because the key of a
/// tag may contain dots.
fn rest_below_account(path: &str) -> Vec<&str> {
    const TAGS: &str = "filter.tags.";
    let rest = path.splitn(3, '.').nth(2).unwrap_or_default();
    match rest.strip_prefix(TAGS) {
        Some(key) => vec!["filter", "tags", key],
        None => rest.split('.').collect(),
    }
}

/// Sets the value at the path `names` below `target`. Creates the tables of the path, also in place
/// of values that are not tables.
fn insert(target: &mut Value, names: &[&str], value: Value) {
    let Some((name, rest)) = names.split_first() else {
        *target = value;
        return;
    };
    if !matches!(target, Value::Dict(..)) {
        *target = Value::from(Dict::new());
    }
    if let Value::Dict(_, values) = target {
        insert(values.entry((*name).to_owned()).or_insert_with(|| Value::from(Dict::new())), rest, value);
    }
}

/// The elements of the table or list `value`, each with its path; `path` is the path of `value`.
/// Other values have no elements.
pub(super) fn children<'a>(
    value: &'a Value,
    path: &'a str,
) -> Box<dyn Iterator<Item = (String, &'a Value)> + 'a> {
    match value {
        Value::Dict(_, values) => {
            Box::new(values.iter().map(move |(name, value)| (join_path(path, name), value)))
        }
        Value::Array(_, values) => Box::new(
            values.iter().enumerate().map(move |(index, value)| (join_path(path, &index.to_string()), value)),
        ),
        _ => Box::new(std::iter::empty()),
    }
}
