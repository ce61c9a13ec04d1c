//! All keys of a configuration, by path, and the lookup of a path.
//!
//! The keys are those that `sections` reads. What is not here: their ranges (`sections`, `account`,
//! `credentials`) and their defaults (the parts' options).

use std::ops::Range;
use std::sync::LazyLock;

use figment::value::Value;

use super::entry::Kind;
use super::layers::children;
use super::section::list_keys;
use super::{credentials, sections};
use crate::document::{Diagnostics, closest_within, max_typos};

/// The result of looking up a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// A key.
    Key(Kind),
    /// An entry of a map, such as a tag.
    Entry,
    /// A section.
    Section,
    /// Neither a key, nor an entry, nor a section.
    Unknown,
}

/// Every key; `*` stands for the number of an account. The section `base` of credentials is not
/// listed, because its keys are those of `credentials`.
pub(super) static KEYS: LazyLock<Vec<(String, Kind)>> = LazyLock::new(|| {
    let mut keys = vec![("accounts".to_owned(), Kind::Accounts)];
    let read_all = list_keys(|root| {
        let _ = sections::read(root, None);
        credentials::read_all_sources(&root.section("accounts.0").section("credentials"));
    });
    for (path, kind) in read_all {
        let pattern = pattern(&path);
        if !keys.iter().any(|(known, _)| *known == pattern) {
            keys.push((pattern, kind));
        }
    }
    keys
});

/// Settings of the command line only. They are not keys of a configuration, but the environment
/// variables of their flags have the same prefix as those that set keys.
pub(super) const FLAG_KEYS: &[&str] = &[
    "config.file",
    "web.listen_address",
    "web.telemetry_path",
    "web.config.file",
    "web.enable_lifecycle",
    "web.systemd_socket",
    "log.level",
    "log.format",
];

/// Rejects every key that the schema does not have.
pub(super) fn reject_unknown_keys(diagnostics: &Diagnostics<'_>, value: &Value, path: &str) {
    for (path, value) in children(value, path) {
        match lookup(&path) {
            Lookup::Key(Kind::Accounts) | Lookup::Section => {
                reject_unknown_keys(diagnostics, value, &path);
            }
            Lookup::Key(_) | Lookup::Entry => {}
            Lookup::Unknown => diagnostics.problem(value.tag(), &path, unknown_key(&path)),
        }
    }
}

/// The problem of an unknown key, with the known key that was probably meant.
pub(super) fn unknown_key(path: &str) -> String {
    let hint = closest_key(path).map_or_else(String::new, |key| format!("; did you mean {key}?"));
    format!("unknown key{hint}")
}

/// Looks up a path. The number of an account may have any value.
pub(super) fn lookup(path: &str) -> Lookup {
    let pattern = pattern(path);
    if let Some((_, kind)) = KEYS.iter().find(|(key, _)| *key == pattern) {
        return Lookup::Key(*kind);
    }
    let below = |key: &str| is_below(&pattern, key);
    if KEYS.iter().any(|(key, kind)| *kind == Kind::TextMap && below(key)) {
        return Lookup::Entry;
    }
    if KEYS.iter().any(|(key, _)| is_below(key, &pattern)) { Lookup::Section } else { Lookup::Unknown }
}

/// Whether `name` is a section at the top: `poll`, `api`, `accounts` ...
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|(key, _)| key.split('.').next() == Some(name))
}

/// The known path that `path` was probably meant to be, with its account number kept.
///
/// A misspelt name in the right section is preferred to a correct name in the wrong section.
pub(super) fn closest_key(path: &str) -> Option<String> {
    let pattern = pattern(path);
    let candidates = || {
        KEYS.iter()
            .map(|(key, _)| key.as_str())
            .flat_map(|key| key.match_indices('.').map(|(at, _)| &key[..at]).chain([key]))
            .filter(|key| !key.ends_with('*'))
    };
    let name = pattern.rsplit('.').next().unwrap_or(&pattern);
    let same_name = || candidates().find(|key| key.rsplit('.').next() == Some(name));
    let key = closest_within(&pattern, candidates(), max_typos(name)).or_else(same_name)?;
    let number = account_number(path).unwrap_or("0");
    let key = key.replacen('*', number, 1);
    let bases = bases(path);
    Some(match key.split_once(".credentials.") {
        Some((account, name)) => format!("{account}.credentials{}.{name}", &path[bases]),
        None => key,
    })
}

/// `accounts.3.name` -> `accounts.*.name`, `accounts.3.credentials.base.uri` ->
/// `accounts.*.credentials.uri`.
fn pattern(path: &str) -> String {
    let mut pattern = path.to_owned();
    pattern.replace_range(bases(path), "");
    match account_number(path) {
        Some(number) => pattern.replacen(&format!("accounts.{number}"), "accounts.*", 1),
        None => pattern,
    }
}

/// The range of the path that consists of all `.base` after `accounts.N.credentials`; empty if
/// there is none.
fn bases(path: &str) -> Range<usize> {
    const CREDENTIALS: &str = ".credentials";
    const BASE: &str = ".base";
    let account_end = account_number(path).map(|number| "accounts.".len() + number.len());
    let Some(start) = account_end.filter(|at| path[*at..].starts_with(CREDENTIALS)) else { return 0..0 };
    let start = start + CREDENTIALS.len();
    let mut end = start;
    while path[end..].strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        end += BASE.len();
    }
    start..end
}

fn account_number(path: &str) -> Option<&str> {
    let number = path.strip_prefix("accounts.")?.split('.').next()?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

fn is_below(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_a_key_a_section_an_entry_or_nothing() {
        assert_eq!(lookup("poll.interval"), Lookup::Key(Kind::Text));
        assert_eq!(lookup("poll"), Lookup::Section);
        assert_eq!(lookup("accounts"), Lookup::Key(Kind::Accounts));
        assert_eq!(lookup("accounts.12"), Lookup::Section);
        assert_eq!(lookup("accounts.0.filter.tags"), Lookup::Key(Kind::TextMap));
        assert_eq!(lookup("accounts.0.filter.tags.a.b"), Lookup::Entry);
        assert_eq!(lookup("accounts.0.credentials.base"), Lookup::Section);
        assert_eq!(lookup("accounts.0.credentials.base.base.role_arn"), Lookup::Key(Kind::Text));
        assert_eq!(lookup("accounts.0.credentials.basement"), Lookup::Unknown);
        assert_eq!(lookup("accounts.first.name"), Lookup::Unknown);
        assert_eq!(lookup("poll.intervall"), Lookup::Unknown);
    }

    #[test]
    fn a_misspelt_key_suggests_the_closest_known_one() {
        assert_eq!(closest_key("poll.intervall").as_deref(), Some("poll.interval"));
        assert_eq!(closest_key("pol.interval").as_deref(), Some("poll.interval"));
        assert_eq!(
            closest_key("accounts.3.credential.source").as_deref(),
            Some("accounts.3.credentials.source")
        );
        assert_eq!(
            closest_key("accounts.3.credentials.base.role_anr").as_deref(),
            Some("accounts.3.credentials.base.role_arn")
        );
        assert_eq!(closest_key("page_size").as_deref(), Some("poll.page_size"));
        assert_eq!(closest_key("colectors").as_deref(), Some("collectors"));
        assert_eq!(closest_key("entirely.something_else_altogether"), None);
        assert_eq!(closest_key("accounts.0.sub"), None);
    }
}
