//! Files, environment and flags, merged: later wins, and every value remembers who said it.
//!
//! Lists are replaced as a whole, tables are merged key by key. A path such as `accounts.0.endpoint`
//! changes one account of the list that the layers before it made.

use std::collections::BTreeMap;

use figment::value::{Dict, Tag, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::MAX_ACCOUNTS;
use super::assignment::Assignment;
use crate::document::{Document, LineNumbers, Locate, Origin, Problem, join_path};

/// The merged values, before anybody has looked at what they mean.
#[derive(Debug, Default)]
pub(super) struct Layers {
    figment: Figment,
    lines: BTreeMap<String, LineNumbers>,
}

/// One provider for all of them: what differs is only who spoke.
struct Layer {
    place: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<BTreeMap<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Layers {
    /// Puts a file on top.
    pub(super) fn file(&mut self, file: Document) {
        self.merge(file.source.clone(), file.values);
        self.lines.insert(file.source, file.lines);
    }

    /// Puts one environment variable or flag on top.
    pub(super) fn assign(&mut self, assignment: Assignment) -> Result<(), Problem> {
        let Assignment { place, path, value } = assignment;
        let mut names = path.split('.');
        let values = match (names.next(), names.next()) {
            (Some("accounts"), Some(number)) => {
                let mut accounts = self.accounts();
                let problem = |message: String| Problem::new(Origin::new(&place), path.clone(), message);
                let index: usize =
                    number.parse().map_err(|_| problem("is no account's number".to_owned()))?;
                if index > accounts.len() || index >= MAX_ACCOUNTS {
                    let next = accounts.len();
                    return Err(problem(format!(
                        "there are {next} accounts before it; the next one has number {next}"
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
        self.merge(place, values);
        Ok(())
    }

    /// All values, each with the tag of who said it.
    pub(super) fn values(&self) -> Dict {
        // Providers of ours never fail, so neither does what they were merged into.
        self.figment.data().ok().and_then(|mut data| data.remove(&Profile::Default)).unwrap_or_default()
    }

    fn merge(&mut self, place: String, values: Dict) {
        self.figment = std::mem::take(&mut self.figment).merge(Layer { place, values });
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

/// The names below `accounts.N`. A tag's key may hold dots: below a map everything is one name.
fn rest_below_account(path: &str) -> Vec<&str> {
    const TAGS: &str = "filter.tags.";
    let rest = path.splitn(3, '.').nth(2).unwrap_or_default();
    match rest.strip_prefix(TAGS) {
        Some(key) => vec!["filter", "tags", key],
        None => rest.split('.').collect(),
    }
}

/// Sets what `names` lead to, making tables on the way.
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

/// The values that stand directly in `value`, with their paths below `path`.
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
