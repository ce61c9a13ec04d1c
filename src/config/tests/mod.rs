//! Loading a configuration from files, environment variables and flags.

mod credentials;
mod environment;
mod examples;
mod layers;
mod problems;
mod properties;
mod replicas;
mod rules;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::aliyun::credentials::{KeySource, ProviderConfig};
use crate::metrics::options::{GroupLabel, TagSelection};
use crate::poller::Shard;

/// Sources with configuration files in a temporary directory.
struct TestFiles {
    directory: TempDir,
    sources: Sources,
}

impl TestFiles {
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

    /// The problems, without the directory of the files.
    fn problems(&self) -> Vec<String> {
        let problems = self.load().expect_err("rejected");
        let directory = format!("{}/", self.directory.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&directory, "")).collect()
    }
}

fn toml(text: &str) -> TestFiles {
    TestFiles::new("exporter.toml", text)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn sharded(index: &str, total: &str, host_name: Option<&str>) -> Result<Shard, String> {
    let set = vec![format!("sharding.index={index}"), format!("sharding.total={total}")];
    let sources = Sources { set, host_name: host_name.map(str::to_owned), ..Sources::default() };
    load(&sources).map(|loaded| loaded.config.shard).map_err(|problems| problems.to_string())
}

/// Asserts that a file has one problem, on `line`, and that it contains each of `parts`.
#[track_caller]
fn assert_rejected(text: &str, line: u64, parts: &[&str]) {
    let problems = toml(text).problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    assert!(problem.starts_with(&format!("exporter.toml:{line}: ")), "{problem}");
    for part in parts {
        assert!(problem.contains(part), "{part:?} is not in {problem:?}");
    }
}
