//! Loads the configuration: merges files, environment variables and flags, and checks every value.
//!
//! Precedence: built-in defaults < files (TOML, YAML, JSON; later wins) < environment variables <
//! `--set` < other flags. [`load`] takes [`Sources`] and returns a checked [`Config`], or every
//! [`Problem`] at once, each with its key, its origin and the allowed values.
//!
//! | module | contents |
//! |---|---|
//! | `sections`, `replicas`, `account`, `credentials` | reading each key into the options of the parts: names, ranges, rules |
//! | `section` | reading the keys of one section, and recording each of them |
//! | `entry` | the record of a key that was read |
//! | `schema` | all known keys, listed from the records of an empty configuration |
//! | `overrides` | environment variables and flags that set a key |
//! | `layers` | merging all sources, and the origin of each value |
//! | `secret` | secrets in files and variables |
//! | `placeholder` | rejecting `${NAME}` |
//! | `model` | the result |
//! | `toml_text` | the result as TOML, without secrets |
//!
//! A new key requires four edits: a field with its default in the options of a part (such as
//! `poller::options`), one line in `sections`, a line in `config/full.toml`, and the code that uses
//! the field.
//!
//! What is not here: the flags (`cli`), parsing documents and reporting problems (`document`), and
//! building the parts from the options (`app`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use figment::value::Value;

mod account;
mod credentials;
mod entry;
mod layers;
mod model;
mod overrides;
mod placeholder;
mod replicas;
mod schema;
mod secret;
mod section;
mod sections;
mod toml_text;

#[cfg(test)]
mod tests;

pub use model::{Account, Config};
pub use overrides::Flag;

use self::layers::Layers;
use self::overrides::Overrides;
use self::placeholder::reject_placeholders;
use self::schema::reject_unknown_keys;
use self::section::{ReadContext, SectionReader};
use crate::aliyun::check_variables;
use crate::aliyun::credentials::Environment;
use crate::document::{Diagnostics, Document, Origin, Problem, Problems};

/// The name of this system: as the kernel has it, or as it is set at the system's start.
const SYSTEM_NAME_FILES: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

/// Everything that a configuration is loaded from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Configuration files; the values of a later file replace those of earlier ones.
    pub files: Vec<PathBuf>,
    /// All environment variables. Those that start with `APPSTREAMING_EXPORTER_` set keys; a secret
    /// that is written as `env:NAME` is the value of the variable `NAME`.
    pub environment: BTreeMap<String, String>,
    /// The values of `--set`, each `KEY=VALUE`; a later one replaces an earlier one.
    pub set: Vec<String>,
    /// Other flags that set a key.
    pub flags: Vec<Flag>,
    /// The host's name, for `sharding.index = "hostname"`.
    pub host_name: Option<String>,
}

impl Sources {
    /// The environment and the host name of this process, without files and flags.
    ///
    /// Variables whose name or value is not Unicode are left out, because keys and values are
    /// Unicode.
    pub fn of_process() -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let filled = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let of_file = |path| std::fs::read_to_string(path).ok().and_then(filled);
        let host_name = environment.get("HOSTNAME").cloned().and_then(filled);
        let host_name = host_name.or_else(|| SYSTEM_NAME_FILES.into_iter().find_map(of_file));
        Self { environment, host_name, ..Self::default() }
    }
}

/// A valid configuration, and warnings about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Probable mistakes that do not prevent the exporter from running.
    pub warnings: Vec<Problem>,
}

/// Reads, merges and checks all of `sources`.
///
/// # Errors
/// Every problem. When a file cannot be read or parsed, values are not checked, because the missing
/// values would cause misleading problems.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let mut layers = Layers::default();
    let mut unreadable = Vec::new();
    for path in &sources.files {
        match Document::read(path) {
            Ok(document) => layers.add_document(document),
            Err(problem) => unreadable.push(problem),
        }
    }
    let Overrides { overrides, mut problems, warnings: ignored_variables } =
        Overrides::collect(&sources.environment, &sources.set, &sources.flags);
    if !unreadable.is_empty() {
        problems.extend(unreadable);
        return Err(Problems::new(problems));
    }
    for value in overrides {
        if let Err(problem) = layers.add_override(value) {
            problems.push(problem);
        }
    }
    let values = layers.values();
    let placeholders = Diagnostics::new(&layers);
    reject_placeholders(&placeholders, &Value::from(values.clone()), "");
    let (placeholders, _) = placeholders.finish();
    let diagnostics = Diagnostics::new(&layers);
    reject_unknown_keys(&diagnostics, &Value::from(values.clone()), "");
    let context = ReadContext::new(&diagnostics, &sources.environment);
    let config = sections::read(&SectionReader::root(&context, &values), sources.host_name.as_deref());
    let entries = context.into_entries();
    let (mut rejected, mut warnings) = diagnostics.finish();
    // A placeholder is the cause of the other problems of its key.
    rejected.retain(|problem| placeholders.iter().all(|placeholder| placeholder.key != problem.key));
    problems.extend(rejected);
    problems.extend(placeholders);
    problems.extend(config.iter().flat_map(|config| variable_problems(config, &sources.environment)));
    match config {
        Some(config) if problems.is_empty() => {
            warnings.extend(ignored_variables);
            Ok(Loaded { config: Config { entries, ..config }, warnings })
        }
        _ => Err(Problems::new(problems)),
    }
}

/// The problems of variables that are not keys, but that the accounts' clients depend on: proxies
/// and trusted certificates.
fn variable_problems(config: &Config, environment: &BTreeMap<String, String>) -> Vec<Problem> {
    let environment = Environment::new(environment.clone());
    let check = |account: &Account| check_variables(&account.client, &environment).err();
    let failed = config.accounts.iter().filter_map(check);
    failed.map(|error| Problem::new(Origin::new(error.variable), "", error.message)).collect()
}
