//! Environment variables and flags, each of which sets one key.
//!
//! Their values are text; the key's [`Kind`] decides how the text is parsed. A secret `123456`
//! stays text. A list is written inline (`["a", "b"]`) or with commas (`a,b`); a map is written
//! inline (`{a = "b"}`) or as `a=b,c=d`.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};

use super::entry::Kind;
use super::layers::Override;
use super::schema::{self, Lookup};
use crate::document::{Origin, Problem};

/// The start of every variable that sets a key. The key's path follows in upper case, with `__`
/// between its names.
const PREFIX: &str = "APPSTREAMING_EXPORTER_";

/// A flag other than `--set` that sets a key, such as `--shard.index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag, such as `--shard.index`.
    pub flag: &'static str,
    /// The key that the flag sets, such as `sharding.index`.
    pub key: &'static str,
    /// The value, as it was written on the command line.
    pub value: String,
}

/// The keys that environment variables and flags set.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    /// The valid overrides, in the order in which they apply.
    pub(super) overrides: Vec<Override>,
    /// The problems of the invalid ones.
    pub(super) problems: Vec<Problem>,
    /// A warning for each variable that is ignored although it starts like those that set keys.
    pub(super) warnings: Vec<Problem>,
}

impl Overrides {
    /// Collects the environment variables, then the values of `--set` in the order of the command
    /// line, then the other flags.
    pub(super) fn collect(environment: &BTreeMap<String, String>, set: &[String], flags: &[Flag]) -> Self {
        let mut all = Self::default();
        for (name, value) in environment {
            if let Some(rest) = name.strip_prefix(PREFIX) {
                all.add_variable(name, rest, value);
            }
        }
        // Sorted by number, because account 2 must be set before account 10.
        all.overrides.sort_by_cached_key(|setting| {
            let names = setting.path.split('.');
            names.map(|name| (name.parse::<u64>().unwrap_or(0), name.to_owned())).collect::<Vec<_>>()
        });
        for text in set {
            match text.split_once('=') {
                Some((key, value)) => all.assign("--set".to_owned(), key.trim().to_owned(), value),
                None => all.add_problem("--set", "", "write KEY=VALUE, such as poll.interval=30s"),
            }
        }
        for Flag { flag, key, value } in flags {
            all.assign((*flag).to_owned(), (*key).to_owned(), value);
        }
        all
    }

    fn add_variable(&mut self, name: &str, rest: &str, value: &str) {
        let path = path_of(rest);
        let section = path.split('.').next().unwrap_or_default();
        let is_flag_section =
            |section| schema::FLAG_KEYS.iter().any(|key| key.split('.').next() == Some(section));
        if schema::is_section(section) {
            self.assign(name.to_owned(), path, value);
        } else if is_flag_section(section) {
            if !schema::FLAG_KEYS.contains(&path.as_str()) {
                let known =
                    schema::FLAG_KEYS.iter().map(|key| variable_of(key)).collect::<Vec<_>>().join(", ");
                self.add_problem(name, "", format!("unknown variable; the variables of flags are {known}"));
            }
        } else if !is_kubernetes(rest) {
            let closest =
                schema::closest_key(&path).or_else(|| schema::closest_key(&path.replacen('_', ".", 1)));
            let hint =
                closest.map_or_else(String::new, |key| format!("; did you mean {}?", variable_of(&key)));
            let message = format!("does not start with a section of the configuration; ignored{hint}");
            self.warnings.push(Problem::new(Origin::new(name), "", message));
        }
    }

    fn assign(&mut self, source: String, path: String, text: &str) {
        let message = match schema::lookup(&path) {
            Lookup::Key(kind) => match value_of(kind, text) {
                Ok(value) => {
                    self.overrides.push(Override { source, path, value });
                    return;
                }
                Err(message) => message.to_owned(),
            },
            Lookup::Entry => {
                self.overrides.push(Override { source, path, value: Value::from(text) });
                return;
            }
            Lookup::Section => "is a section: set one of its keys".to_owned(),
            Lookup::Unknown => schema::unknown_key(&path),
        };
        self.add_problem(&source, &path, message);
    }

    fn add_problem(&mut self, source: &str, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(Origin::new(source), path, message));
    }
}

/// `POLL__INTERVAL` -> `poll.interval`. The keys of tags keep their case.
fn path_of(rest: &str) -> String {
    let path = rest.replace("__", ".");
    let lower = path.to_ascii_lowercase();
    match schema::lookup(&lower) {
        Lookup::Entry => {
            const NAMES_BEFORE_A_TAG: usize = 4;
            let key = path.splitn(NAMES_BEFORE_A_TAG + 1, '.').last().unwrap_or_default();
            format!("{}{key}", &lower[..lower.len() - key.len()])
        }
        _ => lower,
    }
}

/// `poll.interval` -> `APPSTREAMING_EXPORTER_POLL__INTERVAL`.
pub(super) fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Whether Kubernetes sets this variable for a Service whose name begins with
/// `appstreaming-exporter`. `rest` is the variable's name after the prefix: `SERVICE_HOST`,
/// `SERVICE_PORT_METRICS`, `PORT` or `PORT_9877_TCP_ADDR`, with any text before it.
fn is_kubernetes(rest: &str) -> bool {
    let framed = format!("_{rest}_");
    let numbered_port = || {
        framed.match_indices("_PORT_").any(|(at, found)| {
            let mut words = framed[at + found.len()..].split('_');
            let is_number = words
                .next()
                .is_some_and(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()));
            is_number && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
        })
    };
    framed.ends_with("_SERVICE_HOST_")
        || framed.contains("_SERVICE_PORT_")
        || framed.ends_with("_PORT_")
        || numbered_port()
}

/// Parses `text` as a value of `kind`. A text that is not the boolean or number that the kind
/// requires stays text; reading the key then reports the problem.
fn value_of(kind: Kind, text: &str) -> Result<Value, &'static str> {
    let trimmed = text.trim();
    Ok(match kind {
        Kind::Text | Kind::Secret => Value::from(text),
        Kind::Boolean => trimmed.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Kind::Integer | Kind::Ordinal => {
            trimmed.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
        }
        Kind::Number => trimmed.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
        Kind::TextList if trimmed.starts_with('[') => inline(trimmed)?,
        Kind::TextList => Value::from(items(trimmed).map(Value::from).collect::<Vec<_>>()),
        Kind::TextMap if trimmed.starts_with('{') => inline(trimmed)?,
        Kind::TextMap => {
            let pairs = items(trimmed).map(|item| {
                let (key, value) =
                    item.split_once('=').ok_or("write KEY=VALUE,KEY=VALUE or {KEY = \"VALUE\"}")?;
                Ok((key.trim().to_owned(), Value::from(value.trim())))
            });
            Value::from(pairs.collect::<Result<Dict, &'static str>>()?)
        }
        Kind::Accounts => inline(trimmed)?,
    })
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Parses an inline value in TOML or JSON. The error does not quote it, because it may contain a
/// secret.
fn inline(text: &str) -> Result<Value, &'static str> {
    let toml = || toml::from_str::<Dict>(&format!("value = {text}")).ok()?.remove("value");
    serde_json::from_str::<Value>(text).ok().or_else(toml).ok_or("must be an inline TOML value or JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_kubernetes_services_are_recognised() {
        for rest in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_METRICS",
            "PORT",
            "PORT_9877_TCP",
            "PORT_9877_TCP_ADDR",
            "PORT_9877_TCP_PORT",
            "PORT_9877_TCP_PROTO",
            "DEMO_SERVICE_HOST",
            "DEMO_PORT_80_UDP_ADDR",
        ] {
            assert!(is_kubernetes(rest), "{rest}");
        }
        for rest in ["POLL__INTERVAL", "POLL_INTERVAL", "SERVICE", "REPORT", "PORT_NUMBER"] {
            assert!(!is_kubernetes(rest), "{rest}");
        }
    }

    #[test]
    fn a_variable_names_a_key_and_back() {
        assert_eq!(path_of("ACCOUNTS__0__FILTER__GROUP_IDS"), "accounts.0.filter.group_ids");
        assert_eq!(path_of("ACCOUNTS__0__FILTER__TAGS__CostCentre"), "accounts.0.filter.tags.CostCentre");
        assert_eq!(variable_of("poll.interval"), "APPSTREAMING_EXPORTER_POLL__INTERVAL");
    }

    #[test]
    fn a_number_in_a_secret_stays_text() {
        assert_eq!(value_of(Kind::Secret, "123456").expect("text").as_str(), Some("123456"));
        assert_eq!(value_of(Kind::Text, "007").expect("text").as_str(), Some("007"));
    }
}
