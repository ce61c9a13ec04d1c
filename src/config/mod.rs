//! What the operator said: files, environment and flags, merged, checked and typed.
//!
//! Built-in defaults < files (TOML, YAML, JSON; later wins) < environment variables < `--set` < other flags.
//! [`load`] takes [`Sources`] and gives a [`Config`] that nothing needs to doubt any more, or every
//! [`Problem`] at once, each with the key, where it was said and what is allowed.
//!
//! | file | does |
//! |---|---|
//! | `schema` | the table of all keys |
//! | `file`, `assignment` | one source each: what it says, and where |
//! | `layers` | merges them and remembers who said what |
//! | `reader` | typed values out of merged ones, collecting what is wrong |
//! | `validate`, `account`, `credentials` | the rules, and the defaults beside them |
//! | `model` | the result |
//! | `redacted` | the result as TOML, without secrets |
//!
//! Not here: the flags themselves (`cli`), and what becomes of a configuration (`app` maps it to each
//! part's own options; no part knows this module).

use std::collections::BTreeMap;
use std::path::PathBuf;

mod account;
mod assignment;
mod credentials;
mod layers;
mod model;
mod reader;
mod redacted;
mod schema;
mod secret;
mod sourced;
mod validate;

#[cfg(test)]
mod tests;

pub use model::{
    Account, Api, AssumedRole, Collectors, Config, Credentials, Depth, EndpointRegion, Filter, GroupLabel,
    KeyFiles, Labels, Poll, Schedule, Sharding, StateSet, Tags, Users,
};
pub use secret::{AccessKeyId, Proxy};
pub use sourced::Sourced;

use self::assignment::Assignments;
use self::layers::Layers;
use crate::document::{Diagnostics, Document, Problem, Problems};

/// More accounts than any organisation has; a guard against a number that went wrong.
const MAX_ACCOUNTS: usize = 1_000;

/// Everything a configuration may come from. Plain data: whoever fills it in decides what the process sees.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Configuration files; a later one wins.
    pub files: Vec<PathBuf>,
    /// All environment variables: those of ours are configuration, others serve secrets written `env:NAME`.
    pub environment: BTreeMap<String, String>,
    /// `KEY=VALUE`, later wins.
    pub set: Vec<String>,
    /// Flags that stand for a key.
    pub flags: Vec<Flag>,
    /// This host's name, for `sharding.index = "hostname"`.
    pub host_name: Option<String>,
}

/// A flag of its own name that stands for a key, such as `--shard.index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As it is written: `--shard.index`.
    pub flag: &'static str,
    /// What it stands for: `sharding.index`.
    pub key: &'static str,
    /// What was given.
    pub value: String,
}

impl Sources {
    /// The environment and the host name of this process; neither files nor flags.
    ///
    /// Variables that aren't Unicode are left out: none of ours is.
    pub fn of_process() -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let of_system = || std::fs::read_to_string("/etc/hostname").ok();
        let host_name = environment.get("HOSTNAME").cloned().or_else(of_system);
        let host_name = host_name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { environment, host_name, ..Self::default() }
    }
}

/// A configuration, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Things an operator should know, but that don't stop the exporter.
    pub warnings: Vec<Problem>,
}

/// Reads, merges and checks all of `sources`.
///
/// # Errors
///
/// Every problem there is. Where a file can't be read or parsed, what depends on its values isn't
/// checked: problems that come only from their absence would mislead.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut layers = Layers::default();
    let mut broken = Vec::new();
    for path in &sources.files {
        match Document::read(path) {
            Ok(file) => layers.file(file),
            Err(problem) => broken.push(problem),
        }
    }
    let assignments = Assignments::of(&sources.environment, &sources.set, &sources.flags);
    let mut problems = assignments.problems;
    if !broken.is_empty() {
        problems.extend(broken);
        return Err(Problems::new(problems));
    }
    for assignment in assignments.assignments {
        if let Err(problem) = layers.assign(assignment) {
            problems.push(problem);
        }
    }
    let values = layers.values();
    let diagnostics = Diagnostics::new(&layers);
    let config = validate::config(&diagnostics, &values, &sources.environment, sources.host_name.as_deref());
    let (refused, mut warnings) = diagnostics.finish();
    problems.extend(refused);
    match config {
        Some(config) if problems.is_empty() => {
            warnings.extend(assignments.warnings);
            Ok(Loaded { config, warnings })
        }
        _ => Err(Problems::new(problems)),
    }
}

fn unknown_key(path: &str) -> String {
    let hint = schema::nearest(path).map_or_else(String::new, |key| format!("; did you mean {key}?"));
    format!("unknown key{hint}")
}
