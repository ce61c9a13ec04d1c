//! What operators rely on, from sources to configuration.

mod credentials;
mod environment;
mod examples;
mod layers;
mod problems;
mod properties;
mod rules;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A configuration file in a directory of its own.
struct Written {
    directory: TempDir,
    sources: Sources,
}

impl Written {
    fn new(name: &str, text: &str) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), sources: Sources::default() }
            .and(name, text)
    }

    fn and(mut self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        fs::write(&path, text).expect("written");
        self.sources.files.push(path);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.sources.set.push(text.to_owned());
        self
    }

    fn load(&self) -> Result<Loaded, Problems> {
        load(&self.sources)
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}")).config
    }

    /// The problems, without the directory in front of files.
    fn problems(&self) -> Vec<String> {
        let problems = self.load().expect_err("refused");
        let directory = format!("{}/", self.directory.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&directory, "")).collect()
    }
}

fn toml(text: &str) -> Written {
    Written::new("exporter.toml", text)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn sharded(index: &str, total: &str, host_name: Option<&str>) -> Result<Sharding, String> {
    let set = vec![format!("sharding.index={index}"), format!("sharding.total={total}")];
    let sources = Sources { set, host_name: host_name.map(str::to_owned), ..Sources::default() };
    load(&sources).map(|loaded| loaded.config.sharding).map_err(|problems| problems.to_string())
}

/// The one problem of a file, checked to be on `line` and to say each of `parts`.
#[track_caller]
fn refused(text: &str, line: u64, parts: &[&str]) {
    let problems = toml(text).problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    assert!(problem.starts_with(&format!("exporter.toml:{line}: ")), "{problem}");
    for part in parts {
        assert!(problem.contains(part), "{part:?} is not in {problem:?}");
    }
}
